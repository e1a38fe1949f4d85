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

# Draws of a state in a set, and sets where a rate is doubtful; the nudge in the first
# set, in last places, and in the others: what is rounded inside of a saturated softmax
# is the same in states that differ by less. The rate of a false law stays what it is.
_DRAWS, _SETS, _NUDGE, _PUSH = 8, 3, 16.0, 2.0**16
# What a draw finds of a component.
_PARTS = 6
# The golden angle: phases that repeat nowhere.
_GOLDEN = 2.399963


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
    often, of states further apart.

    **Arguments:**

    - `decays`: the decay rate that each component states.
    - `precision`: the coarsest machine precision inside of the field and the laws.

    **Returns:** a `Rate` with arrays of shape `(P, C)`.
    """

    def rates(part: Points) -> tuple:
        def one_set(number: int):
            numbers = np.arange(number * _DRAWS, (number + 1) * _DRAWS)
            sizes = precision * np.array([1.0, _PUSH if number else _NUDGE])
            found = _drawn(flow, problem, laws, part, numbers, sizes)
            return jtu.tree_map(np.asarray, found)

        known, drawn = one_set(0)
        every = [_rates_of(drawn, decays)]
        rate = _rate_of(known, drawn, every[0], decays, precision)
        for number in range(1, _SETS):
            doubtful = np.any(rate.doubtful, axis=1, keepdims=True)
            if not np.any(doubtful):
                break
            every.append(_rates_of(one_set(number)[1], decays))
            all_ = np.concatenate(every, axis=1)
            mean = np.where(doubtful, np.mean(all_, axis=1), rate.rate)
            spread = np.where(doubtful, _deviation(all_), rate.spread)
            rate = rate._replace(rate=mean, spread=spread)
        return rate[:-1]

    numbers = _DRAWS * _PARTS * decays.size
    return Rate._make([*at_each(rates, places, numbers), precision])


@eqx.filter_jit
def _drawn(flow, problem, laws, places, numbers, sizes):
    def one(place: Points):
        here = problem if place.data is None else problem.with_data(*place.data)
        return _drawn_here(flow, here, laws, place, numbers, sizes)

    return jax.lax.map(one, places)


def _drawn_here(flow, problem, laws, place: Points, numbers, sizes):
    """Values and scales; and of each draw what it finds of each component, whether the
    whole field is a number, and whether it moves."""
    t, state = place.ts, place.states
    values = components(flow, problem, laws)
    point, unravel = ravel_pytree(state)
    scales = component_scales(flow, problem, laws, t, state)

    def draw(number):
        copy, signs, noise = _nudged(point, number, *sizes)
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
        parts = jnp.concatenate([parts, drawn[:1]])
        return parts, jnp.all(jnp.isfinite(field)), jnp.any(field != 0)

    return (values(t, state), scales), jax.lax.map(draw, numbers)


def _nudged(point, number, precision, nudge):
    """The point with its entries changed by parts of the size of a nudge, random signs,
    and what draws the loss; the first draw is of the point as it is."""
    words = jnp.pad(number.astype(jnp.uint32)[None], (0, 3))
    key = jax.random.wrap_key_data(words, impl="rbg")
    bits = jax.random.bits(key, (point.size + 1,), jnp.uint32)
    uniform = (bits >> 1).astype(point.dtype) * 2.0**-31
    used = lambda size: jnp.where(number == 0, 0.0, size).astype(point.dtype)
    noise = 12**0.5 * (uniform[1:] - 0.5)
    copy = point * (1 + used(nudge) * noise)
    signs = 1 - 2 * (bits[1:] & 1).astype(point.dtype)
    return copy, signs, jnp.stack([2 * jnp.pi * uniform[0], used(precision)])


def _rates_of(drawn, decays) -> np.ndarray:
    """ḣ of each draw, with the decay that is stated: `(P, draws, C)`."""
    parts, *_ = drawn
    with np.errstate(all="ignore"):
        return parts[:, :, 0] + decays * parts[:, :, -1]


def _rate_of(known, drawn, rate, decays, precision) -> Rate:
    """From draws of P places: `(P, draws, _PARTS, C)`, `(P, draws)`, `(P, draws)`; and
    ḣ of each."""
    (value, scale), (parts, whole, moves) = known, drawn
    _, probes, bounds, frozen, explicit, copies = np.moveaxis(parts, 2, 0)
    with np.errstate(all="ignore"):
        lost = _deviation(copies) / (_NUDGE * precision)
        scale = np.fmax(scale, lost)
        by_time = np.abs(explicit[:, 0]) + np.abs(decays) * scale
        return Rate(
            rate=np.mean(rate, axis=1),
            strength=_root_mean_square(probes) + by_time,
            spread=_deviation(rate),
            value=value,
            scale=scale,
            bound=_root_mean_square(bounds),
            frozen=_deviation(frozen),
            moves=np.all(whole, axis=1, keepdims=True) & moves[:, :1],
            precision=precision,
        )


def _root_mean_square(x: np.ndarray) -> np.ndarray:
    """Over the draws, of numbers whose squares underflow."""
    most = np.max(np.abs(x), axis=1, keepdims=True)
    unit = np.where(most > 0, most, 1.0)
    return unit[:, 0] * np.sqrt(np.mean((x / unit) ** 2, axis=1))


def _deviation(x: np.ndarray) -> np.ndarray:
    """The standard deviation, in the same way."""
    count = x.shape[1]
    centred = x - np.mean(x, axis=1, keepdims=True)
    return _root_mean_square(centred) * (count / (count - 1)) ** 0.5


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
