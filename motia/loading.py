"""From what the command line calls ``APP`` to the app, and logging for our own processes."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from motia.app import Motia
from motia.config import PREFIX, MotiaSettings
from motia.errors import ConfigError, MissingDependency, MotiaError, did_you_mean
from motia.folders import Folder, ImportProblem, where
from motia.logs import Formatter

CONFIG = "motia_config.py"
"""What configures an app that is a folder; in the project."""
DATABASE = "motia.db"
"""Where an app that is a folder keeps its messages and state, in the project, unless ``MOTIA_URL`` says otherwise."""


def load_app(spec: str, **overrides: Any) -> Motia:
    """The app that ``spec`` names: ``pkg.module:attribute``, a factory ``pkg.module:create()``, or a folder of steps.

    Args:
        overrides: settings that win over the app's own.

    Raises:
        ConfigError: it cannot be imported, or is no ``Motia``; says what was found.
    """
    found = load(spec, **overrides)
    if not isinstance(found, Motia):
        raise ConfigError(f"expected a Motia at {spec!r}, got {type(found).__name__}{_where_it_is(spec, found)}")
    return found


def load(spec: str, **overrides: Any) -> Any:
    """As ``load_app``, or whatever else stands at ``pkg.module:attribute``, such as the app of a framework."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    if is_folder(spec):
        return _of_folder(Folder(spec), overrides)
    found = _found(spec)
    return found.with_settings(**overrides) if overrides and isinstance(found, Motia) else found


def is_folder(spec: str) -> bool:
    """Whether ``spec`` names a folder of step files."""
    return ":" not in spec and Path(spec).is_dir()


def absolute(spec: str) -> str:
    """``spec`` as it means the same from everywhere."""
    return str(Path(spec).resolve()) if is_folder(spec) else spec


def project_of(spec: str) -> Path:
    """The folder in which an app lives: where ``.env`` is, and from where its files open others."""
    return Folder(spec).project if is_folder(spec) else Path.cwd()


def load_env(project: Path) -> None:
    """Set what the project's ``.env`` says and the environment does not.

    Raises:
        MissingDependency: there is one, and nothing to read it with.
    """
    file = project / ".env"
    if not file.is_file():
        return
    if importlib.util.find_spec("dotenv") is None:
        raise MissingDependency(f"{file} needs python-dotenv to be read: pip install 'motia[serve]'")
    importlib.import_module("dotenv").load_dotenv(file, override=False)


def _of_folder(folder: Folder, overrides: dict[str, Any]) -> Motia:
    load_env(folder.project)
    try:
        empty = not folder.files()
    except ImportProblem as error:
        raise ConfigError(str(error)) from error
    if empty:
        raise ConfigError(f"no step files in {folder.root}: expected files named *_step.py or *.step.py, at any depth")
    authenticate, given = _configured(folder)
    settings = MotiaSettings.from_env(**{**given, **overrides})
    url = settings.url if "MOTIA_URL" in os.environ or "url" in given else f"sqlite:///{DATABASE}"
    if url.startswith("sqlite:///") and not url.startswith("sqlite:////"):
        url = f"sqlite:///{folder.project / url.removeprefix('sqlite:///')}"  # one file, wherever one stands
    return Motia(url, steps=[str(folder.root)], authenticate=authenticate, settings=settings)


def _configured(folder: Folder) -> tuple[Callable[[Any], Any] | None, dict[str, Any]]:
    """What the project's ``motia_config.py`` says: ``authenticate``, and settings that the environment leaves open."""
    file = folder.project / CONFIG
    if not file.is_file():
        return None, {}
    try:
        with folder.on_path():
            found = vars(folder.load(file))
    except ImportProblem as error:
        raise ConfigError(str(error)) from error
    if not {"authenticate", "settings"} & found.keys():
        raise ConfigError(f"{file} expected a function `authenticate`, a mapping `settings`, or both; it has neither")
    settings, authenticate = found.get("settings", {}), found.get("authenticate")
    if not isinstance(settings, Mapping) or not (authenticate is None or callable(authenticate)):
        raise ConfigError(f"{file} expected `settings` to be a mapping and `authenticate` a function")
    names = {key.lower().removeprefix(PREFIX.lower()): value for key, value in settings.items()}
    return authenticate, {key: value for key, value in names.items() if PREFIX + key.upper() not in os.environ}


def _where_it_is(spec: str, found: Any) -> str:
    """What to say in place of the app of a framework, or of whatever else ``spec`` names."""
    if hasattr(found, "wsgi_app"):
        return f"; the command line of a Flask app is `flask --app {spec} motia`"
    module = spec.partition(":")[0]
    if names := _apps_in(sys.modules[module]):
        return f"; did you mean '{module}:{names[0]}'?"
    return "; give the Motia that it mounts a name of its own in the module"


def _apps_in(module: ModuleType) -> list[str]:
    return [key for key, value in vars(module).items() if isinstance(value, Motia)]


def _split(spec: str) -> tuple[str, str]:
    """The module and the attribute that ``spec`` names.

    Raises:
        ConfigError: it is spelt in another way; says how, where a file tells.
    """
    place, _, attribute = spec.partition(":")
    if attribute and place and os.sep not in place and not place.startswith(".") and not place.endswith(".py"):
        return place, attribute
    module = ".".join(Path(place.removesuffix(".py")).parts)
    hint = ""
    if Path(f"{module.replace('.', os.sep)}.py").is_file():
        hint = f"; did you mean '{module}:{attribute or 'motia'}'?"
    elif os.sep in spec and not attribute:
        hint = "; there is no such folder"
    raise ConfigError(f"expected APP as pkg.module:attribute or a folder of steps, got {spec!r}{hint}")


def _imported(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except MotiaError:
        raise
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise ConfigError(f"cannot import {name!r}: {where(error)}") from error
        where_not = f"{Path.cwd()} has no module {error.name!r}, and none is installed"
        raise ConfigError(f"cannot import {name!r}: {where_not}") from error
    except Exception as error:
        raise ConfigError(f"cannot import {name!r}: {where(error)}") from error


def _found(spec: str) -> Any:
    module_name, attribute = _split(spec)
    module = _imported(module_name)
    name = attribute.removesuffix("()")
    if not hasattr(module, name):
        known = _apps_in(module)
        raise ConfigError(f"{module_name!r} has no {name!r}; {did_you_mean(name, known or list(vars(module)))}")
    found = getattr(module, name)
    if not attribute.endswith("()"):
        return found
    try:
        return found()
    except MotiaError:
        raise
    except Exception as error:
        raise ConfigError(f"cannot call {name!r} of {module_name!r}: {where(error)}") from error


def configure_logging(*others: str) -> None:
    """Show our log lines on standard error, unless the app has seen to logging itself.

    Args:
        others: further loggers to show.
    """
    handler = logging.StreamHandler()
    colour = "FORCE_COLOR" in os.environ or (sys.stderr.isatty() and "NO_COLOR" not in os.environ)
    handler.setFormatter(Formatter(colour=colour))
    for name in ("motia", *others):
        shown = logging.getLogger(name)
        if not shown.hasHandlers():
            shown.addHandler(handler)
            shown.setLevel(logging.INFO)
