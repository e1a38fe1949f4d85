"""Solvers by name."""

import inspect
from typing import Any

import diffrax

from ..._errors import GFFlowError, SolveError
from ..._registry import lookup, names


def solver_by_name(name: str, **options: Any) -> diffrax.AbstractSolver:
    """The solver of this name, as `gfflow list solvers` prints it, with these options.

    **Raises:** `SolveError` if there is none, or one without such an option.
    """
    kind = _kind(name)
    missing = [option for option in options if option not in _options(kind)]
    if missing:
        others = [n for n in names("solvers") if set(options) <= _options(_kind(n))]
        instead = f", or use {' or '.join(others)}" if others else ""
        raise SolveError(
            f"solver {name!r} has no {' and no '.join(missing)}; leave it out{instead}",
            argument=missing[0],
        )
    return kind(**options)


def _kind(name: str) -> Any:
    try:
        return lookup("solvers", name)
    except GFFlowError as error:
        raise SolveError(str(error)) from None


def _options(kind: Any) -> set[str]:
    return set(inspect.signature(kind).parameters)
