"""What is kept on record of kinks."""

from typing import NamedTuple, Self

import jax.numpy as jnp
from jaxtyping import Array, Bool

from ..._typing import Scalar
from ._slots import Slots

# So many are kept, the first ones; all are counted. 21 bytes each.
_RECORDS = 4096
CLOSED, OPENED, HELD, LEFT = range(4)


class Log(NamedTuple):
    """- `total`: of all records, also those that did not fit.
    - `crossed`, `held`: how many kinks were crossed, and how many held the flow.
    - `times`, `entries`, `kinds`: which kink, when, and what: closed, opened, held the
        flow, let it go.
    """

    total: Array
    crossed: Array
    held: Array
    times: Array
    entries: Array
    kinds: Array

    @classmethod
    def empty(cls, dtype) -> Self:
        """Nothing yet."""
        none = jnp.asarray(0)
        kinds = jnp.zeros(_RECORDS, jnp.int8)
        return cls(
            none,
            none,
            none,
            jnp.zeros(_RECORDS, dtype),
            jnp.zeros(_RECORDS, int),
            kinds,
        )

    def with_changes(self, times: Array, entries: Array, bits: Bool[Array, " E"]):
        """With kinks that were crossed at these times, `bits` the sides afterwards; an
        entry of −1 is none."""
        crossed = entries >= 0
        kind = jnp.where(bits[jnp.maximum(entries, 0)], OPENED, CLOSED)
        place = jnp.where(crossed, self.total + jnp.cumsum(crossed) - 1, _RECORDS)
        put = lambda x, y: x.at[place].set(y.astype(x.dtype), mode="drop")
        return self._replace(
            total=self.total + jnp.sum(crossed),
            crossed=self.crossed + jnp.sum(crossed),
            times=put(self.times, times),
            entries=put(self.entries, entries),
            kinds=put(self.kinds, kind),
        )

    def with_contact(
        self,
        t: Scalar,
        met: Slots,
        after: Slots,
        bits: Bool[Array, " E"],
        new: Bool[Array, " E"],
    ) -> Self:
        """With what has become of the kinks that met at t, `met` the slots before and
        `after` those that slide from there on; `bits` and `new` the sides."""
        size = bits.shape[0]
        entry = jnp.minimum(jnp.maximum(met.entry, 0), size - 1)
        on = jnp.any(met.entry[:, None] == after.entry[None, :], axis=1) & met.taken
        held, left = on & ~met.sliding, met.sliding & ~on
        crossed = met.taken & ~met.sliding & ~on & (bits[entry] != new[entry])
        kind = jnp.where(new[entry], OPENED, CLOSED)
        kind = jnp.where(held, HELD, jnp.where(left, LEFT, kind))
        changed = held | left | crossed
        place = self.total + jnp.cumsum(changed) - 1
        place = jnp.where(changed, place, _RECORDS)
        put = lambda x, y: x.at[place].set(y.astype(x.dtype), mode="drop")
        return self._replace(
            total=self.total + jnp.sum(changed),
            crossed=self.crossed + jnp.sum(crossed),
            held=self.held + jnp.sum(held),
            times=put(self.times, jnp.full(place.shape, t)),
            entries=put(self.entries, entry),
            kinds=put(self.kinds, kind),
        )
