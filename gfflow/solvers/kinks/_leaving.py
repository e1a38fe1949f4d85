"""Where a flow leaves a kink that it slides along."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ._slots import Slots

# A gate has left [0, 1] when it is so far outside.
_OUTSIDE = 1e-9
_HALVINGS = 20


def leaving(
    gates: Callable[[Array], Slots], slots: Slots, most: Float[Array, ""]
) -> tuple[Float[Array, ""], Array]:
    """The part of the step, of 0 to `most`, at which a gate of what slides leaves
    [0, 1], and how many gradients it took; 2 if none does.

    There the field is continuous: a time that is late by ε changes the state by O(ε²),
    so that a part of 2⁻²⁰ of a step is enough.

    **Arguments:**

    - `gates`: the slots at a part of the step, for one gradient.
    """

    def outside(c):
        slack = jnp.abs(gates(c).gate - 0.5) - 0.5
        return jnp.any(slots.sliding & (slack > _OUTSIDE))

    def halve(_, ends):
        middle = (ends[0] + ends[1]) / 2
        out = outside(middle)
        return jnp.where(out, ends[0], middle), jnp.where(out, middle, ends[1])

    def search():
        whole = jnp.zeros_like(most), most
        return jax.lax.fori_loop(0, _HALVINGS, halve, whole)[1], _HALVINGS + 1

    def look():
        none = lambda: (jnp.full_like(most, 2), 1)
        return jax.lax.cond(outside(most), search, none)

    return jax.lax.cond(
        jnp.any(slots.sliding), look, lambda: (jnp.full_like(most, 2), 0)
    )
