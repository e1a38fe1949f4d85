"""Rules of primitives that round to whole numbers."""

import jax.numpy as jnp
from jax import lax
from jax.extend.core import JaxprEqn

from .. import pairs
from ._rules import rule
from ._values import Values, pair_of, spread_pairs


@rule("floor")
def _floor(equation: JaxprEqn, values: Values) -> Values:
    return [pairs.rounded_down(pair_of(values[0]))]


@rule("ceil")
def _ceil(equation: JaxprEqn, values: Values) -> Values:
    below = pairs.rounded_down(pairs.negative(pair_of(values[0])))
    return [pairs.negative(below)]


@rule("round")
def _round(equation: JaxprEqn, values: Values) -> Values:
    """Halves go away from zero or to the even number, as the equation has it."""
    x = pair_of(values[0])
    size, half = pairs.absolute(x), jnp.full_like(x.hi, 0.5)
    found = pairs.rounded_down(pairs.add_double(size, half))
    if equation.params["rounding_method"] == lax.RoundingMethod.TO_NEAREST_EVEN:
        tie = pairs.equal(pairs.add_double(found, -half), size)
        pair_below = pairs.rounded_down(pairs.scaled(found, 0.5))
        odd = ~pairs.equal(pairs.scaled(pair_below, 2.0), found)
        less = pairs.add_double(found, -jnp.ones_like(x.hi))
        found = pairs.select(tie & odd, less, found)
    return [pairs.select(x.hi < 0, pairs.negative(found), found)]


@rule("rem")
def _remainder(equation: JaxprEqn, values: Values) -> Values:
    """a − b·(a/b towards zero), with the sign of a: to a/b·1e-31 of b."""
    a, b = spread_pairs(equation, values)
    size, unit = pairs.absolute(a), pairs.absolute(b)
    times = pairs.rounded_down(pairs.divide(size, unit))
    rest = pairs.subtract(size, pairs.multiply(times, unit))
    rest = pairs.select(rest.hi < 0, pairs.add(rest, unit), rest)
    rest = pairs.select(pairs.less(rest, unit), rest, pairs.subtract(rest, unit))
    rest = pairs.select(jnp.isinf(b.hi) & jnp.isfinite(a.hi), size, rest)
    return [pairs.select(a.hi < 0, pairs.negative(rest), rest)]
