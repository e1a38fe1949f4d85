"""The first guess of the stage slopes from those of the step before."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

_EQUAL = 0.02


def extrapolated(
    slopes: Float[Array, "n D"],
    nodes: Float[Array, " n"],
    targets: Float[Array, " s"],
    ratio: Float[Array, ""],
    norm: Callable[[Array], Array],
) -> Float[Array, "s D"]:
    """The slopes at `nodes` of the last step taken on to those of the next one.

    Time runs from 0 to 1 over the last step and on to 1 + ratio over the next, `ratio`
    the quotient of the two steps; the nodes of the next are at 1 + ratio·targets. The
    steps of a gradient flow grow like t, so the slopes are interpolated by a polynomial
    not in t but in x = log(1 + t (ratio − 1)) / log ratio, in which the two steps are
    equally long, [0, 1] and [1, 2]: the amplification of an error in the last slopes is
    then that of equal steps, however fast the steps grow. For ratio → 1, x → t, and it
    is t for every shorter step: what is near must not be taken for far.

    The polynomial is Newton's, from the last node backwards. At each target it is cut
    off before its least term: beyond that one it diverges, as it does where a loose
    tolerance lets the slopes change by much within a step. The term after the last is
    taken to go on like the last two.
    """
    stretched = ratio > 1 + _EQUAL
    safe = jnp.where(stretched, ratio, 2.0)
    map_time = lambda t: jnp.where(
        stretched, jnp.log1p(t * (safe - 1)) / jnp.log(safe), t
    )
    places = map_time(nodes)[::-1]
    differences = _divided_differences(places, slopes[::-1])
    values = _newton(places, map_time(1 + ratio * targets))
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
