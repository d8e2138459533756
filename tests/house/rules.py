"""The house rules, each as a function from sources to what breaks it."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "motia"
MAX_FILE, MAX_BODY, MAX_PARAMETERS = 500, 50, 8
VAGUE_NAMES = {"utils", "util", "common", "helpers", "helper", "manager", "misc"}
RUN_STATEMENTS = {"execute", "executemany", "executescript", "rows", "run_many", "raw", "extra", "text"}
MADE_OF = {("motia/databases/sqlite_files.py", "self._synchronous"), ("motia/integrations/django/schema.py", "table")}
"""What is none of a user's: a word of ours, and tables of our own models."""
BANNED_CALLS = {"eval", "exec", "pickle.load", "pickle.loads", "marshal.loads", "yaml.load", "import_string"}
FUNCTION_IMPORTS_ALLOWED = ("motia/cli/", "motia/schemas.py", "motia/integrations/django/apps.py")
FACADE_ALLOWED = ("motia/cli/", "motia/testing/", "motia/integrations/", "motia/web/")

Sources = dict[str, str]


def sources(root: Path = PACKAGE) -> Sources:
    """Every Python file below ``root``, by its path from the root's parent."""
    return {str(path.relative_to(root.parent)): path.read_text() for path in sorted(root.rglob("*.py"))}


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def long_files(files: Sources) -> list[str]:
    return [
        f"{name}: {len(text.splitlines())} lines" for name, text in files.items() if len(text.splitlines()) > MAX_FILE
    ]


def long_bodies(files: Sources) -> list[str]:
    found = []
    for name, text in files.items():
        for function in _functions(ast.parse(text)):
            body = function.body[1:] if ast.get_docstring(function) else function.body
            lines = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
            if lines > MAX_BODY:
                found.append(f"{name}:{function.lineno} {function.name}: {lines} lines")
    return found


def wide_constructors(files: Sources) -> list[str]:
    found = []
    for name, text in files.items():
        for node in ast.walk(ast.parse(text)):
            for function in node.body if isinstance(node, ast.ClassDef) else ():
                if isinstance(function, ast.FunctionDef) and function.name == "__init__":
                    count = len(function.args.posonlyargs + function.args.args + function.args.kwonlyargs) - 1
                    if count > MAX_PARAMETERS:
                        found.append(f"{name}:{function.lineno} {node.name}: {count} parameters")
    return found


def imports_in_functions(files: Sources) -> list[str]:
    found = []
    for name, text in files.items():
        if name.startswith(FUNCTION_IMPORTS_ALLOWED):
            continue
        for function in _functions(ast.parse(text)):
            inner = [node for node in ast.walk(function) if isinstance(node, (ast.Import, ast.ImportFrom))]
            found += [f"{name}:{node.lineno} in {function.name}" for node in inner]
    return found


def facade_imports(files: Sources) -> list[str]:
    """Imports of ``motia`` itself from below it."""
    found = []
    for name, text in files.items():
        if name == "motia/__init__.py" or name.startswith(FACADE_ALLOWED):
            continue
        for node in ast.walk(ast.parse(text)):
            whole = isinstance(node, ast.Import) and any(alias.name == "motia" for alias in node.names)
            names = isinstance(node, ast.ImportFrom) and node.module == "motia" and not node.level
            public = names and any(
                not (PACKAGE / f"{alias.name}.py").exists() and not (PACKAGE / alias.name).is_dir()
                for alias in getattr(node, "names", ())
            )
            if whole or public:
                found.append(f"{name}:{node.lineno}")
    return found


def unexplained_ignores(files: Sources) -> list[str]:
    """``type: ignore`` without its code or without a reason; ``noqa`` without its code."""
    found = []
    for name, text in files.items():
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type != tokenize.COMMENT:
                continue
            ignore = "type: ignore" in token.string
            if ignore and not re.search(r"type: ignore\[[a-z, -]+\]\s+#\s*\w+", token.string):
                found.append(f"{name}:{token.start[0]} {token.string}")
            if re.search(r"#\s*noqa", token.string) and not re.search(r"noqa: [A-Z]+[0-9]+", token.string):
                found.append(f"{name}:{token.start[0]} {token.string}")
    return found


def banned_calls(files: Sources) -> list[str]:
    found = []
    for name, text in files.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in BANNED_CALLS:
                found.append(f"{name}:{node.lineno} {ast.unparse(node.func)}")
    return found


def made_statements(files: Sources) -> list[str]:
    """Statements that are put together where they are run: there a value could become a part of one."""
    found = []
    for name, text in files.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in RUN_STATEMENTS:
                parts = [part for first in node.args[:1] for part in _put_in(first)]
                if any(not part.isupper() and (name, part) not in MADE_OF for part in parts):
                    found.append(f"{name}:{node.lineno} {ast.unparse(node)[:80]}")
    return found


def _put_in(text: ast.expr) -> list[str]:
    """What a text is made of besides constants."""
    if isinstance(text, ast.JoinedStr):
        return [ast.unparse(part.value) for part in text.values if isinstance(part, ast.FormattedValue)]
    if isinstance(text, ast.BinOp):
        return [ast.unparse(side) for side in (text.left, text.right) if not isinstance(side, ast.Constant)]
    is_format = isinstance(text, ast.Call) and ast.unparse(text.func).endswith(".format")
    return ["format"] if is_format else []


def swallowed_exceptions(files: Sources) -> list[str]:
    """Bare ``except:``, and ``except Exception`` whose body does nothing."""
    found = []
    for name, text in files.items():
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.ExceptHandler):
                continue
            broad = node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"}
            silent = all(isinstance(part, (ast.Pass, ast.Continue)) for part in node.body)
            if node.type is None or (broad and silent):
                found.append(f"{name}:{node.lineno}")
    return found


def vague_names(files: Sources) -> list[str]:
    return [name for name in files if VAGUE_NAMES & {part.removesuffix(".py") for part in Path(name).parts}]


def errors_not_in_the_tree(text: str) -> list[str]:
    """Error classes that the docstring of their module does not draw."""
    tree = ast.parse(text)
    drawn = ast.get_docstring(tree) or ""
    classes = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    return [name for name in classes if not re.search(rf"\b{name}\b", drawn)]
