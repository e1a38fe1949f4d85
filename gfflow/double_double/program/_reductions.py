"""Rules of primitives that reduce axes, and of products of arrays."""

import jax.numpy as jnp
from jax import lax
from jax.extend.core import JaxprEqn

from .. import pairs
from ..pairs import Pair
from ._rules import rule
from ._values import Values, pair_of

_OVER_AXES = {
    "reduce_sum": pairs.sum_over,
    "reduce_prod": pairs.product_over,
    "reduce_max": pairs.maximum_over,
    "reduce_min": pairs.minimum_over,
}


@rule(*_OVER_AXES)
def _over_axes(equation: JaxprEqn, values: Values) -> Values:
    reduce = _OVER_AXES[equation.primitive.name]
    return [reduce(pair_of(values[0]), tuple(map(int, equation.params["axes"])))]


@rule("argmax", "argmin")
def _index_of(equation: JaxprEqn, values: Values) -> Values:
    x = pair_of(values[0])
    (axis,) = equation.params["axes"]
    largest = equation.primitive.name == "argmax"
    extreme = (pairs.maximum_over if largest else pairs.minimum_over)(x, (int(axis),))
    dtype = equation.params["index_dtype"]
    return [pairs.first_index(x, extreme, int(axis), dtype)]


@rule("reduce_window_max", "reduce_window_min")
def _over_windows(equation: JaxprEqn, values: Values) -> Values:
    (x,), params = map(pair_of, values), equation.params
    largest = equation.primitive.name == "reduce_window_max"
    choose = pairs.maximum if largest else pairs.minimum
    start = jnp.asarray(-jnp.inf if largest else jnp.inf, x.hi.dtype)
    found = lax.reduce_window(
        tuple(x),
        (start, jnp.zeros_like(start)),
        lambda one, other: tuple(choose(Pair(*one), Pair(*other))),
        params["window_dimensions"],
        params["window_strides"],
        params["padding"],
        params["base_dilation"],
        params["window_dilation"],
    )
    return [Pair(*found)]


@rule("dot_general")
def _dot_general(equation: JaxprEqn, values: Values) -> Values:
    """Every product, then one sum over the contracted axes."""
    (of_left, of_right), (batch_left, batch_right) = equation.params[
        "dimension_numbers"
    ]
    left, right = (pair_of(value) for value in values)
    left = _arranged(left, batch_left, of_left)
    right = _arranged(right, batch_right, of_right)
    batch, summed = len(batch_left), len(of_left)
    rows, columns = (len(x.shape) - batch - summed for x in (left, right))
    shape = (
        *left.shape[: batch + rows],
        *right.shape[batch : batch + columns],
        *left.shape[batch + rows :],
    )
    left = _with_axes(left, batch + rows, columns, shape)
    right = _with_axes(right, batch, rows, shape)
    axes = range(batch + rows + columns, len(shape))
    return [pairs.sum_of_products(left, right, axes)]


def _arranged(x: Pair, batch, summed) -> Pair:
    """Batch axes first, contracted ones last."""
    first, last = [int(a) for a in batch], [int(a) for a in summed]
    free = [a for a in range(len(x.shape)) if a not in first + last]
    return Pair(*(jnp.transpose(part, first + free + last) for part in x))


def _with_axes(x: Pair, at: int, count: int, shape: tuple[int, ...]) -> Pair:
    axes = range(at, at + count)
    return Pair(*(jnp.broadcast_to(jnp.expand_dims(part, axes), shape) for part in x))
