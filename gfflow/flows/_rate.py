"""Rates: numbers or functions of flow time."""

from collections.abc import Callable

import jax.numpy as jnp

from .._errors import SolveError
from .._typing import Rate, Scalar, ScalarLike


def as_rate(what: str, rate: Rate) -> Scalar | Callable[[ScalarLike], Scalar]:
    """A number as an array, a function as it is.

    **Raises:** `SolveError` for a negative number, or what is neither.
    """
    if callable(rate):
        return rate
    try:
        negative = isinstance(rate, int | float) and not rate >= 0
        value = jnp.asarray(rate, float)
    except (TypeError, ValueError):
        raise SolveError(
            f"a {what} is a number or a function of time; got {rate!r}"
        ) from None
    if negative or value.ndim:
        raise SolveError(f"a {what} is one number of at least 0; got {rate!r}")
    return value


def rate_at(rate: Rate, t: ScalarLike) -> Scalar:
    """Its value at a time."""
    return jnp.asarray(rate(t) if callable(rate) else rate, float)
