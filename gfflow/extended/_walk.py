"""From one time to a later one, with control of the error."""

from typing import NamedTuple, cast, final

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from .._typing import Scalar
from ..double_double import Pair, pairs
from ._extrapolation import ORDER, Field, extrapolated

RUNNING, MAX_STEPS, STEP_TOO_SMALL, NON_FINITE = range(4)
_SAFETY, _LEAST, _MOST = 0.9, 0.2, 4.0
_ROUND_OFF = 1e-29


@final
class Tolerance(NamedTuple):
    """`rtol`, `atol`: a step is accepted where the root mean square of
    error/(atol + rtol·|y|) is at most 1. `max_steps`: accepted and rejected."""

    rtol: Scalar
    atol: Scalar
    max_steps: Int[Array, ""]


@final
class Walk(NamedTuple):
    """Where the integration is.

    **Fields:** `t`: `()`, `y`: `(D,)`, `step`: the size to try next, `accepted` and
    `rejected`: numbers of steps, `outcome`: running, or why not.
    """

    t: Pair
    y: Pair
    step: Scalar
    accepted: Int[Array, ""]
    rejected: Int[Array, ""]
    outcome: Int[Array, ""]


def walked(field: Field, walk: Walk, target: Pair, tolerance: Tolerance) -> Walk:
    """On to the target, or as far as it goes."""

    def is_under_way(walk: Walk):
        return (walk.outcome == RUNNING) & pairs.less(walk.t, target)

    def goes_on(walk: Walk):
        some_left = walk.accepted + walk.rejected < tolerance.max_steps
        return is_under_way(walk) & some_left

    def once(walk: Walk) -> Walk:
        left = pairs.subtract(target, walk.t)
        last = walk.step >= left.hi
        half = walk.step > 0.5 * left.hi
        size = jnp.where(half, 0.5 * left.hi, walk.step)
        h = pairs.select(last, left, pairs.exactly(size))
        y, error = extrapolated(field, walk.t, walk.y, h)
        distance = _distance(error, walk.y.hi, y.hi, tolerance)
        finite = jnp.isfinite(distance)
        accepted = finite & (distance <= 1)
        factor = _factor(jnp.where(finite, distance, jnp.inf))
        step = h.hi * factor
        step = jnp.where(accepted & half, jnp.maximum(step, walk.step), step)
        t = pairs.select(last, target, pairs.add(walk.t, h))
        later = Walk(
            pairs.select(accepted, t, walk.t),
            pairs.select(accepted, y, walk.y),
            step,
            jnp.where(accepted, walk.accepted + 1, walk.accepted),
            jnp.where(accepted, walk.rejected, walk.rejected + 1),
            walk.outcome,
        )
        farthest = jnp.maximum(jnp.abs(walk.t.hi), jnp.abs(target.hi))
        stuck = ~accepted & (step < _ROUND_OFF * farthest)
        reason = jnp.where(finite, STEP_TOO_SMALL, NON_FINITE)
        return later._replace(outcome=jnp.where(stuck, reason, RUNNING))

    last = cast(Walk, lax.while_loop(goes_on, once, walk))
    return last._replace(outcome=jnp.where(is_under_way(last), MAX_STEPS, last.outcome))


def _distance(
    error: Float[Array, " D"],
    before: Float[Array, " D"],
    after: Float[Array, " D"],
    tolerance: Tolerance,
) -> Scalar:
    size = jnp.maximum(jnp.abs(before), jnp.abs(after))
    allowed = jnp.maximum(tolerance.atol + tolerance.rtol * size, 1e-290)
    ratio = error / allowed
    return jnp.sqrt(jnp.mean(ratio * ratio))


def _factor(distance: Scalar) -> Scalar:
    """By what the step is multiplied, from the error of order 2·12 − 2."""
    ideal = _SAFETY * jnp.maximum(distance, 1e-30) ** (-1 / (ORDER - 1))
    return jnp.clip(ideal, _LEAST, _MOST)
