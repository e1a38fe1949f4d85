"""Which kinks meet at one state."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ._rows import zero_of
from ._slots import Slots


def meeting(
    margins: Float[Array, " E"], bits: Bool[Array, " E"], slots: Slots, entry: Array
) -> Slots:
    """The slots that slide, then the kink `entry` (−1 for none), then those whose
    margins are 0 beside it, as far as there is room, with the gates of their bits."""
    size, count = bits.shape[0], slots.entry.shape[0]
    held = jnp.where(slots.sliding, slots.entry, size)
    found = jnp.where(entry >= 0, entry, size)
    key = jnp.where(jnp.abs(margins) <= 4 * zero_of(margins), jnp.abs(margins), jnp.inf)
    key = key.at[held].set(jnp.inf, mode="drop").at[found].set(-1.0, mode="drop")
    least, which = jax.lax.top_k(-key, min(count, size))
    which = jnp.where(jnp.isfinite(least), which, -1).astype(slots.entry.dtype)
    which = jnp.pad(which, (0, count - which.shape[0]), constant_values=-1)
    kept = slots.held
    place = jnp.arange(count) - jnp.sum(slots.sliding)
    new = jnp.where(place >= 0, which[jnp.maximum(place, 0)], -1)
    gate = bits[jnp.maximum(new, 0)].astype(kept.gate.dtype)
    return Slots(
        jnp.where(kept.sliding, kept.entry, new),
        kept.sliding,
        jnp.where(kept.sliding, kept.gate, gate),
    )


def slack_of(
    slack: Float[Array, " E"],
    margins: Float[Array, " E"],
    bits: Bool[Array, " E"],
    met: Slots,
) -> Float[Array, " E"]:
    """How far each kink may be on the wrong side from here on: twice as far as it is,
    of those that have met and were left there; what it was, of others still there."""
    wrong = jnp.maximum(jnp.where(bits, -margins, margins), 0)
    wrong = jnp.where(jnp.isfinite(wrong), wrong, 0)
    place = jnp.where(met.taken, met.entry, bits.shape[0])
    here = jnp.zeros(bits.shape, bool).at[place].set(True, mode="drop")
    return jnp.where(here, 2 * wrong, jnp.where(wrong > 0, slack, 0))
