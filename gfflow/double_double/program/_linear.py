"""Rules of linear and bilinear primitives, by exact sums of slices.

An array is cut into slices of few bits each on one grid, so that the primitive, applied
to slices in float64, commits no error whatever the order of its sums (Ozaki, Ogita,
Oishi & Rump 2012).
"""

from math import ceil, log2, prod

import jax.numpy as jnp
from jax.extend.core import JaxprEqn
from jaxtyping import Array

from .. import pairs
from ..pairs import Pair
from ._evaluate import bound
from ._rules import rule
from ._values import Values, array_of, pair_of

_BITS = 160


@rule("cumsum", "reduce_window_sum")
def _summed(equation: JaxprEqn, values: Values) -> Values:
    x = pair_of(values[0])
    slices = _slices(x, 52 - _doublings(prod(x.shape)), _BITS)
    return [_total([pairs.exactly(bound(equation, [s])[0]) for s in slices])]


@rule("scatter-add")
def _scatter_add(equation: JaxprEqn, values: Values) -> Values:
    operand, indices, updates = values
    x, start = pair_of(updates), pair_of(operand)
    nothing = jnp.zeros_like(start.hi)
    parts = [
        pairs.exactly(bound(equation, [nothing, array_of(indices), part])[0])
        for part in _slices(x, 52 - _doublings(prod(x.shape)), _BITS)
    ]
    return [_total([*parts, start])]


@rule("select_and_scatter_add")
def _select_and_scatter_add(equation: JaxprEqn, values: Values) -> Values:
    """Back through the largest of each window, which the leading parts tell."""
    source, operand = (pair_of(value) for value in values)
    slices = _slices(source, 52 - _doublings(prod(source.shape)), _BITS)
    parts = [bound(equation, [part, operand.hi])[0] for part in slices]
    return [_total([pairs.exactly(part) for part in parts])]


@rule("conv_general_dilated")
def _convolution(equation: JaxprEqn, values: Values) -> Values:
    """A product of slices i and j is left out where it is below all that is kept."""
    signal, kernel = (pair_of(value) for value in values)
    bits = (52 - _doublings(prod(kernel.shape))) // 2
    count = ceil(130 / bits)
    left, right = _slices(signal, bits, 130), _slices(kernel, bits, 130)
    parts = [
        pairs.exactly(bound(equation, [left[i], right[j]])[0])
        for i in range(count)
        for j in range(count - i)
    ]
    return [_total(parts)]


def _doublings(terms: int) -> int:
    return ceil(log2(max(terms, 1)))


def _slices(x: Pair, bits: int, total: int) -> list[Array]:
    """float64 arrays whose sum is x to 2^-total of its largest entry; each is a whole
    multiple, below 2^bits, of one power of two."""
    largest = jnp.max(jnp.abs(x.hi), initial=2.0**-800)
    found, rest = [], x
    top = pairs.power_of_two(pairs.exponent(largest) + 1 - bits)
    for index in range(ceil(total / bits)):
        unit = top * 2.0 ** (-bits * index)
        part = jnp.round(rest.hi / unit) * unit
        found.append(part)
        rest = pairs.add_double(rest, -part)
    return found


def _total(parts: list[Pair]) -> Pair:
    """From the smallest to the largest."""
    total = parts[-1]
    for part in reversed(parts[:-1]):
        total = pairs.add(total, part)
    return total
