"""Where the flow meets kinks: does it cross them, or go on along them?

On a kink z = 0 the field has two values, f₁ where the gate is open and f₀ where it is
closed. A solution in Filippov's sense (Filippov 1988, §4) has a slope of the form
f₀ + γ(f₁ − f₀), γ ∈ [0, 1]: γ = 1 if z' ≥ 0 for f₁, γ = 0 if z' ≤ 0 for f₀, and if both
fields point to the kink that γ for which z' = 0. Of several kinks each has its own γ.
Where both fields point away from the kink there are two such solutions, and one on the
kink; the flow keeps to what it came with: its side, or the kink until γ leaves [0, 1].
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from ._held import Held
from ._slots import Slots

# A rate z' under this part of |∇z||θ'| is none.
_NO_RATE = 1e-12
# A gate may be so far outside of [0, 1].
_OUTSIDE = 1e-10


def settle(
    held: Held, t, y, bits: Bool[Array, " E"], slots: Slots, pull
) -> tuple[Array, Array, Slots]:
    """The slope where the kinks of the slots are met, the sides that are taken from
    here on, and the slots that slide.

    A gate that contradicts the z' + pull·z of its kink is turned; one that does so on
    both sides slides; one that slides out of [0, 1] goes to the side where it left, or,
    if the kink has come to push the flow away, to the other. For one gradient, and some
    of single samples.
    """
    count = slots.entry.shape[0]
    base = held.base(y, bits, slots)

    def look(slots):
        return held.settled_on(t, y, bits, slots, pull, base)

    def step(carry):
        number, slots, turned, _, _ = carry
        field, slots, seen = look(slots)
        rates, small = seen.rate + pull * seen.z, _NO_RATE * seen.size
        wrong = jnp.where(slots.gate > 0.5, rates < -small, rates > small)
        wrong = wrong & slots.taken & ~slots.sliding
        out = slots.sliding & (jnp.abs(slots.gate - 0.5) > 0.5 + _OUTSIDE)
        which = jnp.argmax(wrong | out)
        here = jnp.arange(count) == which
        leaves, turns = here & out, here & wrong & ~turned
        slides = here & wrong & turned
        side = jnp.where(slots.gate > 0.5, 1.0, 0.0).astype(slots.gate.dtype)
        gate = jnp.where(leaves, side, jnp.where(turns, 1 - side, slots.gate))
        gate = jnp.where(slides, 0.5, gate)
        new = Slots(slots.entry, (slots.sliding & ~leaves) | slides, gate)
        done = ~jnp.any(wrong | out)
        kept = jax.tree.map(lambda a, b: jnp.where(done, a, b), slots, new)
        return number + 1, kept, (turned | turns) & ~leaves, done, field

    first = jnp.asarray(0), slots, jnp.zeros(count, bool), jnp.asarray(False)
    most = 3 * count
    _, slots, _, _, field = jax.lax.while_loop(
        lambda carry: ~carry[3] & (carry[0] < most), step, (*first, jnp.zeros_like(y))
    )
    place = jnp.where(slots.taken, slots.entry, bits.shape[0])
    bits = bits.at[place].set(slots.gate > 0.5, mode="drop")
    return field, bits, slots.held
