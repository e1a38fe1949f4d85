"""All margins at some points of a step, and which of them seem to change their side."""

from typing import NamedTuple, Self

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

# At so many points of a step all margins are looked at.
POINTS = 4
# A margin is 0 that is so small beside the largest one.
_ZERO = 1e-13


class Rows(NamedTuple):
    """Margins of n kinks at the start of a step, at equal parts of it, and at one point
    more.

    **Attributes:**

    - `margins`: the last row is that of the extra point.
    - `extra`: the extra point, a part of the step; −1 where there is none. With one the
        other rows are out of date, and only changes before it are looked for.
    - `zero`: how far each kink may be on the wrong side: what is 0, and its `slack`.
    """

    margins: Float[Array, "P n"]
    extra: Float[Array, ""]
    zero: Float[Array, " n"]

    @classmethod
    def of(
        cls,
        before: Float[Array, " n"],
        after: Float[Array, "p n"],
        slack: Float[Array, " n"],
    ) -> Self:
        """From those at the start, and at equal parts of the step."""
        nothing = jnp.zeros_like(before)
        rows = jnp.concatenate([before[None], after, nothing[None]])
        return cls(rows, jnp.full((), -1, before.dtype), zero_of(before) + slack)

    def at_end(self, part: Array, margins: Float[Array, " n"]) -> "Rows":
        """With another extra point."""
        return self._replace(margins=self.margins.at[-1].set(margins), extra=part)

    def of_kinks(self, which: Int[Array, " K"]) -> "Rows":
        """Of some of the kinks."""
        return self._replace(margins=self.margins[:, which], zero=self.zero[which])

    def guess(
        self, side: Float[Array, " n"], since: Float[Array, " n"]
    ) -> tuple[Float[Array, " n"], Float[Array, " n"], Float[Array, " n"]]:
        """When each kink seems to leave its side, infinite where it does not, and a
        bracket of that: by straight lines between points of which the later one is on
        the other side, and by the vertex of a parabola below 0 through three points.

        **Arguments:**

        - `side`: 1 or −1, where the margin is meant to be; 0 for what is not looked at.
        - `since`: from when on.
        """
        dtype, columns = self.margins.dtype, jnp.arange(side.shape[0])
        grid = jnp.arange(POINTS + 1, dtype=dtype) / POINTS
        inside = jnp.where(jnp.isfinite(self.margins), side[None] * self.margins, 1)
        lows = jnp.append(grid[:-1], 0.0).astype(dtype)
        highs = jnp.append(grid[1:], self.extra)
        again = self.extra >= 0
        now = jnp.append(jnp.full(POINTS, ~again), again)
        wrong = (inside[1:] < -self.zero[None]) & (highs[:, None] > since[None])
        wrong = wrong & now[:, None]
        index = jnp.argmax(wrong, axis=0)
        low, high = jnp.maximum(lows[index], since), highs[index]
        row = jnp.where(again, 0, index)
        a = jnp.where(lows[index] < since, 0, jnp.maximum(inside[row, columns], 0))
        b = inside[index + 1, columns]
        guess = low + (high - low) * a / jnp.where(a - b > 0, a - b, 1)
        guess = jnp.where(jnp.any(wrong, axis=0), guess, jnp.inf)
        vertex, start = _dips(inside[:-1], grid)
        dips = (vertex < guess) & (vertex > since) & ~again
        return (
            jnp.where(dips, vertex, guess),
            jnp.where(dips, jnp.maximum(start, since), low),
            jnp.where(dips, vertex, high),
        )


def zero_of(margins: Float[Array, " n"]) -> Float[Array, ""]:
    """A margin of this size is 0."""
    return _ZERO * jnp.max(jnp.where(jnp.isfinite(margins), jnp.abs(margins), 0))


def _dips(inside: Float[Array, "p n"], grid: Float[Array, " p"]):
    """The first vertex below 0 of a parabola through three neighbours that are all
    above, infinite where there is none, and where the three begin."""
    a, b, c = inside[:-2], inside[1:-1], inside[2:]
    curved = a - 2 * b + c
    safe = jnp.where(curved > 0, curved, 1)
    shift, depth = (a - c) / (2 * safe), b - (a - c) ** 2 / (8 * safe)
    low = (curved > 0) & (a > 0) & (b > 0) & (c > 0) & (depth < 0)
    low: Bool[Array, "r n"] = low & (jnp.abs(shift) < 1)
    vertex = jnp.where(low, grid[1:-1, None] + shift / (len(grid) - 1), jnp.inf)
    row = jnp.argmin(vertex, axis=0)
    return jnp.min(vertex, axis=0), grid[row]


def earliest(guess: Float[Array, " n"], room: int) -> tuple[Int[Array, " K"], Array]:
    """The `room` kinks that seem to change first, and the time up to which these are
    all."""
    least, which = jax.lax.top_k(-guess, room)
    all_of_them = jnp.sum(jnp.isfinite(guess)) <= room
    return which.astype(int), jnp.where(all_of_them, jnp.inf, -least[-1])
