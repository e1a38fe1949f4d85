"""Gates: which side of a kink is taken, and the mixture of both at the kink."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax.extend.core import JaxprEqn
from jaxtyping import Array

from ._unreadable import Unreadable

_KEPT = frozenset(
    "broadcast_in_dim reshape squeeze transpose slice rev copy expand_dims".split()
)


class Mixed(NamedTuple):
    """A truth value that is a number in [0, 1]: 1 is true.

    What the program would make of `True` is taken with this weight, what it would make
    of `False` with the rest.
    """

    weight: Array


def mixed(gate: Array, one: Array, zero: Array) -> Array:
    """`one` where the gate is open, `zero` where it is closed, and between them
    gate·one + (1 − gate)·zero.

    A gate of truth values takes one of them to the last bit, and so do those of numbers
    that are 0 or 1, also where the other side is infinite.
    """
    if gate.dtype == bool:
        return jnp.where(gate, one, zero)
    weight = gate.astype(jnp.result_type(one, zero))
    between = weight * one + (1 - weight) * zero
    return jnp.where(gate == 1, one, jnp.where(gate == 0, zero, between))


def opposite(gate: Array) -> Array:
    """The other side."""
    return ~gate if gate.dtype == bool else 1 - gate


def truth(gate: Array) -> Any:
    """What a comparison gives: a gate of truth values as it is."""
    return gate if gate.dtype == bool else Mixed(gate)


def of_mixed(equation: JaxprEqn, values: Sequence[Any]) -> Any:
    """What an operation makes of truth values that are numbers.

    **Raises:** `Unreadable` for an operation that has no such meaning.
    """
    name = equation.primitive.name
    weights = [x.weight if isinstance(x, Mixed) else x for x in values]
    if name == "select_n" and len(values) == 3 and not _any_mixed(values[1:]):
        return mixed(weights[0], values[2], values[1])
    if name == "convert_element_type":
        return weights[0].astype(equation.params["new_dtype"])
    if name == "not":
        return Mixed(1 - weights[0])
    if name in ("and", "or"):
        a, b = (jnp.asarray(x, float) for x in weights)
        return Mixed(a * b if name == "and" else a + b - a * b)
    if name in _KEPT:
        return Mixed(equation.primitive.bind(*weights, **equation.params))
    raise Unreadable(f"the result of a comparison goes into {name!r}")


def _any_mixed(values: Sequence[Any]) -> bool:
    return any(isinstance(x, Mixed) for x in values)
