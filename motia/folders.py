"""Folders of step files: which files there are, and importing them so that no other module of the process is disturbed.

A file is imported under a name below ``motia_steps.<folder>``, whose parents are the folders it lies in, with or
without ``__init__.py``; so relative imports work, and two folders never clash. Absolute imports find what lies in the
project: the folder itself, or its parent where it is called ``steps`` or ``src``. Importing a file runs it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
import re
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from motia.errors import ConfigError

PACKAGE = "motia_steps"
ROOTS = frozenset({"steps", "src"})
"""Names of folders that lie in a project, and are none themselves."""
_STEP_FILE = re.compile(r".+([_.]step|[_.]stream)\.py\Z")
_NOT_OURS = frozenset({"__pycache__", "node_modules", "python_modules", "site-packages"})
_log = logging.getLogger("motia")


def is_step_file(file: Path) -> bool:
    """Whether a file is named as one with a step in it, and not as one with a stream."""
    return file.stem.endswith(("_step", ".step"))


class ImportProblem(Exception):  # becomes a line of a RegistrationError
    """One sentence about a module that cannot be imported."""


class Folder:
    """A folder of step files, or one file.

    Attributes:
        root: the folder; no link out of it is followed.
        project: where absolute imports start.

    Raises:
        ConfigError: there is nothing at this path.
    """

    def __init__(self, given: str | Path) -> None:
        path = Path(given)
        if not path.exists():
            raise ConfigError(f"steps expected the folder {str(path)!r} to exist")
        self.root = path.resolve()
        here = self.root if self.root.is_dir() else self.root.parent
        self.project = here.parent if here.name in ROOTS else here
        digest = hashlib.sha256(str(self.project).encode()).hexdigest()[:8]
        self._package = f"{PACKAGE}.{re.sub(r'[^A-Za-z0-9_]', '_', self.project.name)}_{digest}"

    def files(self) -> list[Path]:
        """Its step and stream files at any depth, sorted.

        Raises:
            ImportProblem: a folder cannot be read.
        """
        if self.root.is_file():
            return [self.root]
        _check_access(self.root)
        return sorted(self._walk())

    def _walk(self) -> Iterator[Path]:
        for place, folders, names in os.walk(self.root, onerror=_unreadable):
            folder = Path(place)
            folders[:] = [name for name in folders if self._is_ours(folder, name)]
            for name in names:
                file = folder / name
                if _STEP_FILE.fullmatch(name) and (not file.is_symlink() or file.resolve().is_relative_to(self.root)):
                    yield file

    def _is_ours(self, parent: Path, name: str) -> bool:
        """Not a place of tools, not a virtual environment, not the project's tests."""
        if name.startswith(".") or name in _NOT_OURS or (name == "tests" and parent == self.project):
            return False
        return not os.path.exists(parent / name / "pyvenv.cfg")  # pathlib raises where it may not look

    @contextmanager
    def on_path(self) -> Iterator[None]:
        """Let absolute imports find the project first; what another folder has imported under its names steps aside.

        Afterwards the project is looked into last, so that it hides nothing from the rest of the process.
        """
        _make_way(self.project)
        project = str(self.project)
        sys.path.insert(0, project)
        importlib.invalidate_caches()
        try:
            yield
        finally:
            sys.path.remove(project)
            if project not in sys.path:
                others = [index for index, path in enumerate(sys.path) if _projects.get(path)]
                sys.path.insert(min(others, default=len(sys.path)), project)
                _projects[project] = True

    def load(self, file: Path) -> ModuleType:
        """Import a file of this folder.

        Raises:
            ImportProblem: with the file and line at fault.
        """
        parts = file.relative_to(self.project).parts
        natural = ".".join((*parts[:-1], file.stem))
        known = sys.modules.get(natural)
        try:
            name = f"{self._enter(parts[:-1])}.{file.stem.replace('.', '_')}"
            if known is not None and getattr(known, "__file__", None) == str(file):
                return sys.modules.setdefault(name, known)  # another step file has imported it already
            return _run(name, file, alias=natural)
        except (Exception, SystemExit) as error:
            reason = where(error)
            raise ImportProblem(
                f"cannot import {reason}" if reason.startswith(f"{file}:") else f"cannot import {file}: {reason}"
            ) from error

    def _enter(self, folders: tuple[str, ...]) -> str:
        """The package of a folder below the project; made with its parents when first needed."""
        sys.modules.setdefault(PACKAGE, _package(PACKAGE, None))
        name, place = self._package, self.project
        for folder in ("", *folders):
            if folder:
                place, name = place / folder, f"{name}.{folder.replace('.', '_')}"
            if name not in sys.modules:
                init = place / "__init__.py"
                if init.is_file() and place != self.project:
                    _run(name, init, [str(place)])
                else:
                    sys.modules[name] = _package(name, place)
        return name


def _package(name: str, place: Path | None) -> ModuleType:
    """A package without an ``__init__.py``."""
    module = ModuleType(name)
    module.__path__ = [] if place is None else [str(place)]
    module.__spec__ = importlib.util.spec_from_loader(name, None, is_package=True)
    return module


def _run(name: str, file: Path, inside: list[str] | None = None, alias: str | None = None) -> ModuleType:
    """Import a file as ``name``; as ``alias`` too, so that an absolute import does not run it again."""
    if (known := sys.modules.get(name)) is not None:
        return known
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=inside)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    names = [name] if alias is None or alias in sys.modules else [name, alias]
    sys.modules.update(dict.fromkeys(names, module))
    try:
        spec.loader.exec_module(module)
    except BaseException:
        for taken in names:
            sys.modules.pop(taken, None)
        raise
    return module


def _make_way(project: Path) -> None:
    """Forget modules of other step folders whose top-level names this project has as well; their users keep them."""
    others = [Path(path) for path in _projects if path != str(project)]
    _projects.setdefault(str(project), False)
    if not others:
        return
    ours = {path.stem for path in project.iterdir()} - {PACKAGE}
    for name in [name for name, module in sys.modules.items() if name.partition(".")[0] in ours
                 and _is_of(module, others)]:  # fmt: skip
        del sys.modules[name]


def _is_of(module: ModuleType, projects: list[Path]) -> bool:
    places = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
    return any(place and Path(place).is_relative_to(project) for place in places for project in projects)


_projects: dict[str, bool] = {}
"""The projects of this process, and whether it is us who put them on the path."""


def _check_access(folder: Path) -> None:
    mode = folder.stat().st_mode
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        _log.warning("everybody may write to %s, and its step files are run; take that right away", folder)


def _unreadable(error: OSError) -> None:
    raise ImportProblem(f"cannot read the folder {error.filename}: {error.strerror}") from error


def where(error: BaseException) -> str:
    """The error and the innermost line it comes from."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}: {error.msg}"
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    file = trace.tb_frame.f_code.co_filename if trace is not None else "<"
    place = "" if trace is None or file.startswith("<") else f"{file}:{trace.tb_lineno}: "
    hint = "; install the package that has it, or mend the import" if isinstance(error, ModuleNotFoundError) else ""
    return f"{place}{type(error).__name__}: {error}{hint}"
