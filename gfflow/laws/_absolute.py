"""Sums of absolute terms: the scale against which round-off and drift are read."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jaxtyping import Array, Float

from .._typing import ScalarLike, State
from ._law import Law


def absolute_terms(
    law: Law,
    view: Callable[[State], object],
    t: ScalarLike,
    state: State,
    size: State,
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """Σ_i |∂_i h| size_i for each entry of h, and the scale of h.

    If h = Σ_m a_m m(θ) over monomials m, and H = Σ_m |a_m| m, then
    |∂_i h(θ)| ≤ ∂_i H(|θ|): so ∇H(|θ|)·size bounds the sum from above and one
    Jacobian-vector product gives it for all entries at once. That is done where the law
    carries its H (`Law.absolute`), and H(|θ|) is then the scale. Otherwise the rows of
    the Jacobian are formed, a few at a time, and the scale is
    max(Σ_i |θ_i ∂_i h|, |h|).

    **Arguments:**

    - `view`: state -> what the law sees.
    - `size`: nonnegative, a pytree like the state.

    **Returns:** two arrays of the shape of h.
    """
    magnitude = jtu.tree_map(jnp.abs, state)
    if law.absolute is not None:
        scale, total = jax.jvp(
            lambda s: law.absolute_value(t, view(s)), (magnitude,), (size,)
        )
        return total, scale

    value, pull = jax.vjp(lambda s: law(t, view(s)), state)

    def row(index):
        unit = jnp.zeros(value.size, value.dtype).at[index].set(1.0)
        slope = jtu.tree_map(jnp.abs, pull(unit.reshape(value.shape))[0])
        dot = lambda other: sum(
            jnp.sum(a * b).astype(value.dtype)
            for a, b in zip(jtu.tree_leaves(slope), jtu.tree_leaves(other))
        )
        return dot(size), dot(magnitude)

    total, scale = jax.lax.map(row, jnp.arange(value.size), batch_size=16)
    scale = jnp.maximum(scale.reshape(value.shape), jnp.abs(value))
    return total.reshape(value.shape), scale
