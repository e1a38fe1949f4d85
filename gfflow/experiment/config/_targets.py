"""A user's own functions, named in a config as `module:name` or `file.py:name`."""

import importlib
import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from ..._errors import GFFlowError, TargetError
from ..._registry import suggest
from ._section_types import split_target


def load_target(target: str) -> Any:
    """The object that a target names; modules are also looked for in this folder.

    **Raises:** `TargetError` if it cannot be imported or has no such name.
    """
    try:
        where, name, is_file = split_target(target)
    except ValueError as error:
        raise TargetError(f"{target!r} {error}") from None
    module = _from_file(Path(where)) if is_file else _from_path(where)
    if not hasattr(module, name):
        known = [n for n in vars(module) if not n.startswith("_")]
        raise TargetError(f"{where} has no {name!r}{suggest(name, known)}")
    return getattr(module, name)


def call_target(target: str, arguments: Mapping[str, Any], **offered: Any) -> Any:
    """Call a target with the config's arguments, and with those offered that it takes.

    **Arguments:**

    - `arguments`: keyword arguments; one that the function lacks is an error.
    - `offered`: given only where the function has a parameter of that name.

    **Raises:** `TargetError` if it is not callable, does not take the arguments, or
    raises: with its own error and the line of it.
    """
    function = load_target(target)
    if not callable(function):
        raise TargetError(f"{target} is not callable: {type(function).__name__}")
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        parameters = {}
    keywords = {
        **arguments,
        **{k: v for k, v in offered.items() if k in parameters and k not in arguments},
    }
    try:
        inspect.signature(function).bind(**keywords)
    except TypeError as error:
        raise TargetError(
            f"{target} takes ({', '.join(parameters)}); {error}. Set its arguments in "
            "the table `arguments`"
        ) from None
    except ValueError:
        pass
    try:
        return function(**keywords)
    except GFFlowError:
        raise
    except Exception as error:
        raise TargetError(f"{target} raised {_told(error)}") from error


def _from_file(path: Path) -> ModuleType:
    path = Path(os.path.abspath(path))
    name = f"gfflow_target_{path.stem}_{abs(hash(str(path))):x}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise TargetError(f"there is no Python file {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, KeyboardInterrupt):
            raise
        raise TargetError(f"{path} cannot be imported: {_told(error)}") from error
    return module


def _from_path(name: str) -> ModuleType:
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise TargetError(f"{name} cannot be imported: {_told(error)}") from error


def _told(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    own = [
        f for f in frames if os.path.abspath(f.filename) != os.path.abspath(__file__)
    ]
    own = [f for f in own if "importlib" not in f.filename]
    place = f" ({os.path.basename(own[-1].filename)}:{own[-1].lineno})" if own else ""
    return f"{type(error).__name__}: {error}{place}"
