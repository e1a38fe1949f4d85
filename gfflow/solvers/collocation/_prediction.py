"""The first guess of the stage slopes from those of the step before."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._constants import (
    EARLIEST_LOGARITHMIC_TIME,
    EQUAL_STEPS,
)


def logarithmic_time(
    ratio: Float[Array, ""], earliest: Float[Array, ""] | float = 0.0
) -> Callable[[Array], Array]:
    """x = log(1 + t (ratio − 1)) / log ratio of the time t in units of the last step.

    The last step is [0, 1] and the next [1, 1 + ratio], `ratio` the quotient of the
    two. The steps of a gradient flow grow like t; in x the two are equally long, [0, 1]
    and [1, 2]. For ratio → 1, x → t, and it is t for every shorter step: what is near
    must not be taken for far. It is t, too, where x does not reach back to `earliest`.
    """
    reached = 1 + earliest * (ratio - 1) > EARLIEST_LOGARITHMIC_TIME
    stretched = (ratio > 1 + EQUAL_STEPS) & reached
    growth = jnp.where(stretched, ratio, 2.0) - 1

    def clock(t):
        logarithm = jnp.log1p(jnp.maximum(t * growth, EARLIEST_LOGARITHMIC_TIME - 1))
        return jnp.where(stretched, logarithm / jnp.log1p(growth), t)

    return clock


def extrapolated(
    slopes: Float[Array, "n D"],
    nodes: Float[Array, " n"],
    targets: Float[Array, " s"],
    ratio: Float[Array, ""],
    norm: Callable[[Array], Array],
) -> Float[Array, "s D"]:
    """The slopes at `nodes` of the last step taken on to those of the next one.

    In units of the last step the nodes of the next are at 1 + ratio·targets, `ratio`
    the quotient of the two steps. The slopes are interpolated by a polynomial in
    `logarithmic_time`: the amplification of an error in the last slopes is then that of
    equal steps, however fast the steps grow.

    The polynomial is Newton's, in the order of the nodes. At each target it is cut off
    before its least term: beyond that one it diverges, as it does where a loose
    tolerance lets the slopes change by much within a step. The term after the last is
    taken to go on like the last two.
    """
    clock = logarithmic_time(ratio)
    places = clock(nodes)
    differences = _divided_differences(places, slopes)
    values = _newton(places, clock(1 + ratio * targets))
    sizes = jax.vmap(norm)(jax.lax.stop_gradient(differences))
    terms = jnp.abs(values) * sizes[None]
    if len(nodes) > 1:
        before = terms[:, -2:-1]
        following = terms[:, -1:] ** 2 / jnp.where(before > 0, before, 1)
        omitted = jnp.concatenate([terms[:, 1:], following], axis=1)
        last = jnp.argmin(omitted, axis=1)
        values = jnp.where(jnp.arange(len(nodes))[None] <= last[:, None], values, 0)
    return values @ differences


def _divided_differences(nodes: Array, values: Array) -> Float[Array, "nodes D"]:
    """Coefficients of Newton's polynomials.

    By their recursion: a triangular solve here, beside that of `_deflation`, can lock
    up the two threads of a small machine in JAX 0.10 (each waits for the other's).
    """
    for k in range(1, len(nodes)):
        gaps = (nodes[k:] - nodes[:-k])[:, None]
        lower = (values[k:] - values[k - 1 : -1]) / gaps
        values = jnp.concatenate([values[:k], lower])
    return values


def _newton(nodes: Array, points: Array) -> Float[Array, "points nodes"]:
    """Π_{j<d} (x − x_j) for d = 0, 1, …"""
    factors = points[:, None] - nodes[None, :-1]
    first = jnp.ones((len(points), 1), factors.dtype)
    return jnp.concatenate([first, jnp.cumprod(factors, axis=1)], axis=1)
