"""A user's own functions, named in a config as `module:name` or `file.py:name`."""

import importlib
import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from ..._errors import GFFlowError, TargetError
from ..._registry import lookup, suggest
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
    try:
        return getattr(module, name)
    except AttributeError:
        known = [n for n in vars(module) if not n.startswith("_")]
        raise TargetError(f"{where} has no {name!r}{suggest(name, known)}") from None


def rate_of(given: float | str) -> float | Callable[..., Any]:
    """The number, or the function of time that a target names.

    **Raises:** `TargetError` if it is no function.
    """
    if not isinstance(given, str):
        return float(given)
    function = load_target(given)
    if not callable(function):
        raise TargetError(
            f"{given} must be a function of time; it is {type(function).__name__}"
        )
    return function


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
    parameters = parameters_of(function) or {}
    keywords = {**arguments, **_taken(parameters, arguments, offered)}
    try:
        inspect.signature(function).bind(**keywords)
    except TypeError as error:
        raise TargetError(
            f"{target} takes ({', '.join(parameters)}); {error}. Set its arguments in "
            "the table `arguments`"
        ) from None
    except ValueError:
        pass
    return _called(target, function, keywords)


def call_registered(
    kind: str, name: str, arguments: Mapping[str, Any], **offered: Any
) -> Any:
    """Call a part of the registry, as `call_target` does a target.

    **Raises:** `GFFlowError` if it raises: with its own error and the line of it.
    """
    function = lookup(kind, name)
    taken = _taken(parameters_of(function) or {}, arguments, offered)
    return _called(name, function, {**arguments, **taken})


def parameters_of(function: Any) -> dict[str, inspect.Parameter] | None:
    """The parameters that can be given by name; `None` if any name is taken."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return None
    kinds = {parameter.kind for parameter in parameters.values()}
    if inspect.Parameter.VAR_KEYWORD in kinds:
        return None
    unnamed = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL)
    return {name: p for name, p in parameters.items() if p.kind not in unnamed}


def _taken(parameters, arguments, offered) -> dict[str, Any]:
    return {k: v for k, v in offered.items() if k in parameters and k not in arguments}


def _called(what: str, function: Callable, keywords: Mapping[str, Any]) -> Any:
    try:
        return function(**keywords)
    except GFFlowError:
        raise
    except Exception as error:
        raise TargetError(f"{what} raised {_told(error)}") from error


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
