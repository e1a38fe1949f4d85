"""The first guess of the stage slopes from those of the step before."""

import jax.numpy as jnp
from jaxtyping import Array, Float

_EQUAL = 0.02


def extrapolation(
    nodes: Float[Array, " n"], targets: Float[Array, " s"], ratio: Float[Array, ""]
) -> Float[Array, "s n"]:
    """Weights that take slopes at `nodes` of the last step to those of the next one.

    Time runs from 0 to 1 over the last step and on to 1 + ratio over the next, `ratio`
    the quotient of the two steps; the nodes of the next are at 1 + ratio·targets. The
    steps of a gradient flow grow like t, so the slopes are interpolated by a polynomial
    not in t but in x = log(1 + t (ratio − 1)) / log ratio, in which the two steps are
    equally long, [0, 1] and [1, 2]: the amplification of an error in the last slopes is
    then that of equal steps, however fast the steps grow. For ratio → 1, x → t.
    """
    stretched = jnp.abs(ratio - 1) > _EQUAL
    safe = jnp.where(stretched, ratio, 2.0)
    map_time = lambda t: jnp.where(
        stretched, jnp.log1p(t * (safe - 1)) / jnp.log(safe), t
    )
    return _lagrange_values(map_time(nodes), map_time(1 + ratio * targets))


def _lagrange_values(nodes: Array, points: Array) -> Array:
    """l_j(points_i), shape `(points, nodes)`."""
    same = jnp.eye(len(nodes), dtype=bool)
    gaps = jnp.where(same, 1, nodes[:, None] - nodes[None])
    factors = (points[:, None, None] - nodes[None, None]) / gaps[None]
    return jnp.prod(jnp.where(same[None], 1, factors), axis=2)
