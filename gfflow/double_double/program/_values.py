"""What the variables of a program hold while it runs on pairs."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import JaxprEqn, Literal, Var
from jaxtyping import Array

from ..._errors import SolveError
from ..._jaxpr import dtype_of
from ..pairs import Pair, exactly

Value = Pair | Array
Values = Sequence[Value]


def is_real(variable: Var | Literal) -> bool:
    """Whether a variable holds pairs: it is one of float64.

    **Raises:** `SolveError` for one of another inexact dtype.
    """
    dtype = dtype_of(variable)
    if dtype is None or not jnp.issubdtype(dtype, jnp.inexact):
        return False
    if dtype != np.float64:
        raise SolveError(
            "extended precision takes programs in float64; this one computes in "
            f"{dtype}. Leave casts out of the model, the loss and the laws"
        )
    return True


def as_value(variable: Var | Literal, value: Any) -> Value:
    """A number of the program, taken exactly."""
    if isinstance(value, Pair):
        return value
    if is_real(variable):
        return exactly(jnp.asarray(value, jnp.float64))
    if isinstance(value, jax.Array):
        return value
    return jnp.asarray(value, dtype_of(variable))


def pair_of(value: Value) -> Pair:
    """A value that is known to be a pair."""
    assert isinstance(value, Pair)
    return value


def array_of(value: Value) -> Array:
    """A value that is known to be no pair."""
    assert not isinstance(value, Pair)
    return value


def spread_pairs(equation: JaxprEqn, values: Values) -> list[Pair]:
    """The pairs that go into an elementwise equation, in the shape that comes out."""
    shape = equation.outvars[0].aval.shape  # pyright: ignore[reportAttributeAccessIssue]
    return [
        Pair(*(jnp.broadcast_to(part, shape) for part in pair_of(value)))
        for value in values
    ]
