"""Rates of laws, drawn several times so that their round-off is seen."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from .._typing import Loss
from ..flows import AbstractFlow
from ..laws import Law
from ..problem import Problem
from ._components import component_scales, components
from ._points import Points, at_each
from ._rate import Rate

# Draws of a state, and sets of them where a rate is doubtful; a nudge, in last places.
_DRAWS, _SETS, _NUDGE = 8, 3, 16.0
# The golden angle: phases that repeat nowhere.
_GOLDEN = 2.399963


def rates_at(
    flow: AbstractFlow,
    problem: Problem,
    laws: dict[str, Law],
    places: Points,
    decays: Float[np.ndarray, " C"],
    precision: float,
    width: int | None = None,
) -> Rate:
    """The rates of all components of all laws at each of P places, by a few
    Jacobian-vector products a draw; where one is doubtful they are drawn three times as
    often.

    **Arguments:**

    - `decays`: the decay rate that each component states.
    - `precision`: the coarsest machine precision inside of the field and the laws.
    - `width`: of `at_each`.

    **Returns:** a `Rate` with arrays of shape `(P, C)`.
    """
    numbers = jnp.asarray(decays), jnp.asarray(precision, float)
    program = lambda part: _rates(flow, problem, laws, part, *numbers)
    return at_each(program, places, width)._replace(precision=precision)


@eqx.filter_jit
def _rates(flow, problem, laws, places, decays, precision):
    def one(place: Points):
        here = problem if place.data is None else problem.with_data(*place.data)
        return _rates_here(flow, here, laws, place, decays, precision)

    return jax.lax.map(one, places)


def _rates_here(flow, problem, laws, place: Points, decays, precision) -> Rate:
    t, state = place.ts, place.states
    values = components(flow, problem, laws)
    point, unravel = ravel_pytree(state)
    value = values(t, state)
    scales = component_scales(flow, problem, laws, t, state)
    keys = jax.random.split(jax.random.key(0, impl="rbg"), _SETS * _DRAWS)

    def draw(index):
        copy, signs, noise = _nudged(point, keys[index], precision, index == 0)
        field = flow.vector_field(t, unravel(copy), _rounded(problem, noise))
        field = ravel_pytree(field)[0]

        def along(pair):
            function = lambda t, x: values(t, unravel(x))
            at, *way = pair
            return jax.jvp(function, (t, at), tuple(way))

        norm = jnp.sqrt(jnp.sum(field**2))
        ways = [field, signs * field, signs * norm, field, jnp.zeros_like(field)]
        points = jnp.stack([copy, copy, copy, point, copy])
        times = jnp.asarray([1, 0, 0, 0, 1], t.dtype)
        drawn, parts = jax.lax.map(along, (points, times, jnp.stack(ways)))
        parts = parts.at[0].add(decays * drawn[0])
        parts = jnp.concatenate([parts, drawn[:1]])
        return parts, jnp.all(jnp.isfinite(field)), jnp.any(field != 0)

    def rates(sets, drawn, moves) -> Rate:
        used = (jnp.arange(_SETS * _DRAWS) < sets * _DRAWS)[:, None]
        rate, probes, bounds, frozen, explicit, copies = jnp.moveaxis(drawn, 1, 0)
        lost = _deviation(copies, used)[0] / (_NUDGE * precision)
        scale = jnp.fmax(scales, lost)
        by_time = jnp.abs(explicit[0]) + jnp.abs(decays) * scale
        return Rate(
            rate=_mean(rate, used)[0],
            strength=_root_mean_square(probes, used)[0] + by_time,
            spread=_deviation(rate, used)[0],
            value=value,
            scale=scale,
            bound=_root_mean_square(bounds, used)[0],
            frozen=_deviation(frozen, used)[0],
            moves=moves[None],
            precision=precision,
        )

    def one_more_set(carry):
        sets, drawn, whole, moves, _ = carry
        first = sets * _DRAWS
        parts, wholes, move = jax.lax.map(draw, first + jnp.arange(_DRAWS))
        drawn = jax.lax.dynamic_update_slice_in_dim(drawn, parts, first, 0)
        whole, moves = whole & jnp.all(wholes), moves & ((sets > 0) | move[0])
        doubtful = rates(sets + 1, drawn, whole & moves).doubtful
        return sets + 1, drawn, whole, moves, jnp.any(doubtful)

    yes = jnp.ones((), bool)
    room = jnp.zeros((_SETS * _DRAWS, 6, value.size), value.dtype)
    going = lambda carry: carry[-1] & (carry[0] < _SETS)
    start = jnp.zeros((), int), room, yes, yes, yes
    sets, drawn, whole, moves, _ = jax.lax.while_loop(going, one_more_set, start)
    return rates(sets, drawn, whole & moves)


def _nudged(point, key, precision, as_it_is):
    """The point with its last places changed, random signs, and what draws the loss."""
    bits = jax.random.bits(key, (point.size + 1,), jnp.uint32)
    uniform = (bits >> 1).astype(point.dtype) * 2.0**-31
    size = jnp.where(as_it_is, 0.0, precision).astype(point.dtype)
    noise = 12**0.5 * (uniform[1:] - 0.5)
    copy = point * (1 + _NUDGE * size * noise)
    signs = 1 - 2 * (bits[1:] & 1).astype(point.dtype)
    return copy, signs, jnp.stack([2 * jnp.pi * uniform[0], size])


def _mean(x: Array, used: Array) -> Array:
    """Over the draws; they stay as an axis of 1."""
    total = jnp.sum(jnp.where(used, x, 0), axis=0, keepdims=True)
    return total / jnp.sum(used, dtype=x.dtype)


def _root_mean_square(x: Array, used: Array) -> Array:
    """In the same way, of numbers whose squares underflow."""
    most = jnp.max(jnp.where(used, jnp.abs(x), 0), axis=0, keepdims=True)
    unit = jnp.where(most > 0, most, 1.0)
    return unit * jnp.sqrt(_mean((x / unit) ** 2, used))


def _deviation(x: Array, used: Array) -> Array:
    """The standard deviation, in the same way."""
    count = jnp.sum(used, dtype=x.dtype)
    return _root_mean_square(x - _mean(x, used), used) * (count / (count - 1)) ** 0.5


class _Rounded(eqx.Module):
    """ℓ(z, y) + ε⟨ξ ∂ℓ/∂z at z = 0, z⟩ with ξ of the size of 1.

    ∂ℓ/∂z is itself a difference (p − y for softmax): near a fit it is far smaller than
    its parts, and has their round-off, the same in every draw of the parameters. So it
    is drawn here. For a complex z, ∂ℓ/∂z stands for ∂ℓ/∂Re z − i ∂ℓ/∂Im z.
    """

    loss: Loss
    noise: Float[Array, " 2"]

    def __call__(self, prediction: Any, target: Any) -> Array:
        phase, precision = self.noise
        z = eqx.filter(prediction, eqx.is_inexact_array)
        slope = eqx.filter_grad(lambda z: self.loss(z, target))(
            jtu.tree_map(jnp.zeros_like, prediction)
        )

        def part(a, b):
            phases = phase + _GOLDEN * jnp.arange(b.size, dtype=phase.dtype)
            drawn = jnp.cos(phases).reshape(b.shape).astype(a.dtype) * a
            usable = jax.lax.stop_gradient(jnp.where(jnp.isfinite(drawn), drawn, 0))
            return jnp.real(jnp.sum(usable * b))

        parts = jtu.tree_leaves(jtu.tree_map(part, slope, z))
        value = self.loss(prediction, target)
        total = sum(part.astype(value.dtype) for part in parts)
        return value + precision.astype(value.dtype) * total


def _rounded(problem: Problem, noise: Float[Array, " 2"]) -> Problem:
    return eqx.tree_at(lambda p: p.loss, problem, _Rounded(problem.loss, noise))
