"""The scale of a law: what round-off in its value and drift are read against."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jaxtyping import Array, Float

from .._typing import ScalarLike, State
from ._law import Law


def law_scale(
    law: Law, view: Callable[[State], object], t: ScalarLike, state: State
) -> Float[Array, "..."]:
    """The size of the terms that each entry of h is the sum of.

    If h = Σ_m a_m m(θ) over monomials m, it is Σ_m |a_m| m(|θ|), where the law carries
    that (`Law.absolute`). Otherwise the rows of the Jacobian are formed, a few at a
    time, and the scale is max(Σ_i |θ_i ∂_i h|, |h|).

    **Arguments:**

    - `view`: state -> what the law sees.

    **Returns:** an array of the shape of h.
    """
    magnitude = jtu.tree_map(jnp.abs, state)
    if law.absolute is not None:
        return law.absolute_value(t, view(magnitude))

    value, pull = jax.vjp(lambda s: law(t, view(s)), state)

    def row(index):
        unit = jnp.zeros(value.size, value.dtype).at[index].set(1.0)
        slope = jtu.tree_map(jnp.abs, pull(unit.reshape(value.shape))[0])
        return sum(
            jnp.sum(a * b).astype(value.dtype)
            for a, b in zip(jtu.tree_leaves(slope), jtu.tree_leaves(magnitude))
        )

    scale = jax.lax.map(row, jnp.arange(value.size), batch_size=16)
    return jnp.maximum(scale.reshape(value.shape), jnp.abs(value))
