"""Gates: which side of a kink is taken, and the mixture of both at the kink."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax.extend.core import JaxprEqn
from jaxtyping import Array

from ._unreadable import Unreadable

# They move truth values about.
_MOVES = frozenset(
    "broadcast_in_dim reshape squeeze transpose slice rev copy expand_dims gather "
    "dynamic_slice dynamic_update_slice concatenate pad stop_gradient".split()
)


class Mixed(NamedTuple):
    """A truth value that is a number in [0, 1]: 1 is true.

    What the program would make of `True` is taken with this weight, what it would make
    of `False` with the rest.
    """

    weight: Array


def mixed(gate: Array, one: Array, zero: Array) -> Array:
    """`one` where the gate is open, `zero` where it is closed, and between them
    gate·one + (1 − gate)·zero; all of one shape.

    A gate of truth values takes one of them to the last bit, and so do those of numbers
    that are 0 or 1, also where the other side is infinite. The derivative by a gate
    that is a number is one − zero, also at 0 and 1.

    **Raises:** `Unreadable` for whole numbers, which cannot be mixed.
    """
    if gate.dtype == bool:
        return jnp.where(gate, one, zero)
    dtype = jnp.result_type(one, zero)
    if not jnp.issubdtype(dtype, jnp.inexact):
        raise Unreadable("a comparison chooses between whole numbers")
    weight = gate.astype(jnp.finfo(dtype).dtype)
    # 0·∞ is no number.
    one = jnp.where(jnp.isfinite(one) | (weight != 0), one, jnp.zeros_like(one))
    zero = jnp.where(jnp.isfinite(zero) | (weight != 1), zero, jnp.zeros_like(zero))
    return weight.astype(dtype) * one + (1 - weight).astype(dtype) * zero


def truth(gate: Array) -> Any:
    """What a comparison gives: a gate of truth values as it is."""
    return gate if gate.dtype == bool else Mixed(gate)


def of_mixed(equation: JaxprEqn, values: Sequence[Any]) -> Any:
    """What an operation makes of truth values that are numbers.

    On truth values that are 0 or 1 it is what the program makes; between them it is
    linear in each.

    **Raises:** `Unreadable` for an operation that has no such meaning.
    """
    name, p = equation.primitive.name, equation.params
    made = _linear(name, p, values)
    if made is None:
        raise Unreadable(f"the result of a comparison goes into {name!r}")
    if name == "select_n" and not _any_mixed(values[1:]):
        return made
    if name == "convert_element_type" and jnp.issubdtype(p["new_dtype"], jnp.inexact):
        return made.astype(p["new_dtype"])
    if name in _MOVES:
        made = equation.primitive.bind(*made, **p)
    return Mixed(made)


def _linear(name: str, p: dict[str, Any], values: Sequence[Any]) -> Any:
    dtype = next(x.weight.dtype for x in values if isinstance(x, Mixed))

    def number(x):
        return x.weight if isinstance(x, Mixed) else jnp.asarray(x).astype(dtype)

    def both(x, y):
        return number(x) * number(y)

    def either(x, y):
        return number(x) + number(y) - both(x, y)

    def one(x, y):
        return number(x) + number(y) - 2 * both(x, y)

    truths = all(isinstance(x, Mixed) or x.dtype == bool for x in values)
    match name, values:
        case "select_n", (choice, zero, first):
            if not _any_mixed(values[1:]):
                return mixed(choice.weight, jnp.asarray(first), jnp.asarray(zero))
            return mixed(_gate(choice), number(first), number(zero))
        case "convert_element_type", (x,):
            return x.weight
        case "not", (x,):
            return 1 - x.weight
        case (("and" | "mul"), (x, y)) if truths:
            return both(x, y)
        case "or", (x, y) if truths:
            return either(x, y)
        case (("xor" | "ne"), (x, y)) if truths:
            return one(x, y)
        case "eq", (x, y) if truths:
            return 1 - one(x, y)
        case "reduce_and", (x,):
            return jnp.prod(x.weight, axis=tuple(p["axes"]))
        case "reduce_or", (x,):
            return 1 - jnp.prod(1 - x.weight, axis=tuple(p["axes"]))
    if name in _MOVES:
        if name in ("concatenate", "pad"):
            return [number(x) for x in values]
        moved = 2 if name == "dynamic_update_slice" else 1
        if not _any_mixed(values[moved:]):
            return [*map(number, values[:moved]), *values[moved:]]
    return None


def _gate(choice: Any) -> Array:
    return choice.weight if isinstance(choice, Mixed) else jnp.asarray(choice)


def _any_mixed(values: Sequence[Any]) -> bool:
    return any(isinstance(x, Mixed) for x in values)
