"""Checks of arguments."""

import jax.tree_util as jtu
from jax.core import Tracer

from ._errors import SolveError
from ._typing import IntScalarLike, ScalarLike


def is_traced(*trees) -> bool:
    """Whether any leaf is being traced by `jit`, `vmap` or `grad`."""
    return any(isinstance(x, Tracer) for x in jtu.tree_leaves(trees))


def positive(name: str, value: ScalarLike | IntScalarLike) -> None:
    """Refuse a concrete value that is not positive and finite.

    **Raises:** `SolveError`.
    """
    if is_traced(value):
        return
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise SolveError(
            f"{name} must be a number; got {value!r}", argument=name
        ) from None
    if not 0 < number < float("inf"):
        raise SolveError(
            f"{name} must be positive and finite; got {number:g}", argument=name
        )
