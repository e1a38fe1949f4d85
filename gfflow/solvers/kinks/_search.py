"""The first kink on the dense output of a step."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ._held import Held, Slots

# A margin is 0 that is so small beside the largest one.
_ZERO = 1e-13
# At so many points of a step all margins are looked at.
POINTS = 4
_HALVINGS = 48
_CANDIDATES = 12


class Found(NamedTuple):
    """- `any`: whether there is a kink.
    - `at`: where, as a part of the step; 1 without.
    - `entry`: which.
    - `margins`: of all kinks there, shape `(E,)`.
    - `passes`: forward passes of all samples that it took.
    """

    any: Bool[Array, ""]
    at: Float[Array, ""]
    entry: Array
    margins: Float[Array, " E"]
    passes: Array


def zero_of(margins: Float[Array, " E"]) -> Float[Array, ""]:
    """A margin of this size is 0."""
    return _ZERO * jnp.max(jnp.where(jnp.isfinite(margins), jnp.abs(margins), 0))


def first_kink(
    held: Held,
    path: Callable[[Array], Array],
    bits: Bool[Array, " E"],
    slots: Slots,
    before: Float[Array, " E"],
) -> Found:
    """The first kink on a path, 0 ≤ c ≤ 1, that starts on the sides `bits`.

    All margins are looked at at some points; where one has changed its sign, or seems
    to have touched 0 between two of them, the change is located by halving, on one
    sample. There all margins are looked at again: another one may have changed before.

    **Arguments:**

    - `before`: the margins at c = 0.
    """
    size = bits.shape[0]
    grid = jnp.arange(1, POINTS + 1, dtype=before.dtype) / POINTS
    margins = jax.lax.map(lambda c: held.margins(path(c), bits, slots), grid)
    zero = zero_of(before)
    side = jnp.where(bits, 1.0, -1.0).astype(before.dtype)
    place = jnp.where(slots.sliding, slots.entry, size)
    free = jnp.ones(size, bool).at[place].set(False, mode="drop")

    def inside(z):
        """How far inside its side each kink is; infinite for those that slide."""
        return jnp.where(free & jnp.isfinite(z), side * z, jnp.inf)

    rows = jax.vmap(inside)(jnp.concatenate([before[None], margins]))
    wrong = rows[1:] < -zero
    dip, entry_of_dip, size_of_dip = _dip(rows, grid)
    located = lambda c, entry: _margin_inside(held, path, bits, slots, side, c, entry)
    dips = (size_of_dip < 0) & (located(dip, entry_of_dip) < -zero)
    index = jnp.argmax(jnp.any(wrong, axis=1))
    crossed = jnp.any(wrong)
    end = jnp.where(crossed, grid[index], 1.0)
    dips = dips & (~crossed | (dip < end))
    start = jnp.where(dips, dip - 1 / POINTS, end - 1 / POINTS)
    low, high = rows[index], rows[index + 1]
    guess = jnp.where(wrong[index], low / (low - high), jnp.inf)
    entry = jnp.where(dips, entry_of_dip, jnp.argmin(guess))
    end = jnp.where(dips, dip, end)
    start = jnp.maximum(start, 0)

    def look(carry):
        number, entry, high, _, _, passes = carry

        def halve(_, ends):
            middle = (ends[0] + ends[1]) / 2
            outside = located(middle, entry) < -zero
            return jnp.where(outside, ends[0], middle), jnp.where(
                outside, middle, ends[1]
            )

        _, at = jax.lax.fori_loop(0, _HALVINGS, halve, (start, high))
        here = held.margins(path(at), bits, slots)
        out = (inside(here) < -zero).at[entry].set(False)
        next_entry = jnp.argmin(jnp.where(out, inside(here), jnp.inf))
        done = ~jnp.any(out)
        entry = jnp.where(done, entry, next_entry)
        return number + 1, entry, at, here, done, passes + 1

    any_kink = crossed | dips
    first = (
        jnp.asarray(0),
        entry,
        end,
        margins[-1],
        ~any_kink,
        jnp.asarray(float(POINTS)),
    )
    more = lambda carry: ~carry[4] & (carry[0] < _CANDIDATES)
    _, entry, at, here, _, passes = jax.lax.while_loop(more, look, first)
    return Found(any_kink, at, entry, here, passes)


def _margin_inside(held, path, bits, slots, side, c, entry):
    return side[entry] * held.margin(path(c), bits, slots, entry)


def _dip(rows, grid):
    """The deepest minimum below 0 of the parabolas through three neighbours, between
    points that are all inside: where, of which kink, and how deep."""
    a, b, c = rows[:-2], rows[1:-1], rows[2:]
    curved = a - 2 * b + c
    usable = (curved > 0) & (a >= 0) & (b >= 0) & (c >= 0) & jnp.isfinite(curved)
    shift = (a - c) / (2 * jnp.where(usable, curved, 1))
    depth = b - (a - c) ** 2 / (8 * jnp.where(usable, curved, 1))
    usable = usable & (jnp.abs(shift) < 1)
    depth = jnp.where(usable, depth, jnp.inf)
    row, entry = jnp.unravel_index(jnp.argmin(depth), depth.shape)
    where = grid[row] + shift[row, entry] / POINTS
    return where, entry, depth[row, entry]
