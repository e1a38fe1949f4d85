"""Rates of laws, drawn several times so that their round-off is seen."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Float

from ..flows import AbstractFlow
from ..laws import Law
from ..problem import Problem
from ._components import component_scales, components
from ._doubts import without_doubts
from ._one_draw import PARTS, Drawn, deviation, field_of_draw, parts_of_draw, rate_of
from ._points import Points, at_each
from ._rate import Rate

# Draws of a state in a set; sets where a rate is doubtful; the nudge, in last places.
_DRAWS, _SETS, _NUDGE = 8, 3, 16.0


def rates_at(
    flow: AbstractFlow,
    problem: Problem,
    laws: dict[str, Law],
    places: Points,
    decays: Float[np.ndarray, " C"],
    precision: float,
) -> Rate:
    """The rates of all components of all laws at each of P places, by a few
    Jacobian-vector products a draw; where one is doubtful they are drawn three times as
    often, and then in double-double arithmetic.

    **Arguments:**

    - `decays`: the decay rate that each component states.
    - `precision`: the coarsest machine precision inside of the field and the laws.

    **Returns:** a `Rate` with arrays of shape `(P, C)`.
    """

    def rates(part: Points) -> tuple:
        def one_set(number: int):
            numbers = np.arange(number * _DRAWS, (number + 1) * _DRAWS)
            found = _drawn(flow, problem, laws, part, numbers, np.asarray(precision))
            return jtu.tree_map(np.asarray, found)

        (value, scale), drawn = one_set(0)
        nudge = _NUDGE * precision
        rate = rate_of(drawn, value, scale, decays, nudge, precision)
        every = [drawn.rates(decays)]
        for number in range(1, _SETS):
            doubtful = np.any(rate.doubtful, axis=1, keepdims=True)
            if not np.any(doubtful):
                break
            every.append(one_set(number)[1].rates(decays))
            all_ = np.concatenate(every, axis=1)
            mean = np.where(doubtful, np.mean(all_, axis=1), rate.rate)
            spread = np.where(doubtful, deviation(all_), rate.spread)
            rate = rate._replace(rate=mean, spread=spread)
        return rate[:-1]

    numbers = _DRAWS * PARTS * decays.size
    rate = Rate._make([*at_each(rates, places, numbers), precision])
    return without_doubts(flow, problem, laws, places, decays, rate)


@eqx.filter_jit
def _drawn(flow, problem, laws, places, numbers, precision):
    def one(place: Points):
        here = problem if place.data is None else problem.with_data(*place.data)
        return _drawn_here(flow, here, laws, place, numbers, precision)

    return jax.lax.map(one, places)


def _drawn_here(flow, problem, laws, place: Points, numbers, precision):
    """Values and scales, and what the draws find."""
    t, state = place.ts, place.states
    values = components(flow, problem, laws)
    point, unravel = ravel_pytree(state)
    scales = component_scales(flow, problem, laws, t, state)
    field = field_of_draw(flow, problem, unravel)
    parts = parts_of_draw(flow, problem, laws, unravel)

    def each(number):
        copy, signs, noise = _nudged(point, number, precision)
        found = field(t, copy, noise)
        return Drawn.of(parts(t, point, copy, signs, found), found)

    return (values(t, state), scales), jax.lax.map(each, numbers)


def _nudged(point, number, precision):
    """The point with its entries changed by some last places, random signs, and
    what draws the loss; the first draw is of the point as it is."""
    words = jnp.pad(number.astype(jnp.uint32)[None], (0, 3))
    key = jax.random.wrap_key_data(words, impl="rbg")
    bits = jax.random.bits(key, (point.size + 1,), jnp.uint32)
    uniform = (bits >> 1).astype(point.dtype) * 2.0**-31
    used = lambda size: jnp.where(number == 0, 0.0, size).astype(point.dtype)
    noise = 12**0.5 * (uniform[1:] - 0.5)
    copy = point * (1 + used(_NUDGE * precision) * noise)
    signs = 1 - 2 * (bits[1:] & 1).astype(point.dtype)
    return copy, signs, jnp.stack([2 * jnp.pi * uniform[0], used(precision)])
