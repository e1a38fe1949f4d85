"""Several kinks in one step: the sides change late, and what that misses is added.

Let Y be the flow with all sides held as at the start of a step, y the true one, and
w = y − Y. A kink of one sample that changes its side at τ changes the field by δ, 1/N
of a gradient of one sample, so that

    w' = F(Y + w) − F(Y) + Σ_j δ_j(y) 1[t > τ_j],   F with the sides held,

and, to second order in the time since the kinks,

    w(t) = Σ_j ∫_{τ_j}^t δ_j + ½ J Σ_j δ_j (t − τ_j)² + O(|J|² Σ_j |δ_j| (t − τ_j)³).

The first term takes gradients of single samples, by Simpson's rule; the second one the
difference of two gradients. The step ends before the third one, with |J| measured along
the step, is as large as the tolerance: at tight tolerances just after its first kink,
at loose ones after many.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ._held import Held
from ._search import POINTS, zero_of

# Changes that a step has room for: less where the state is large.
_MOST, _BYTES = 64, 2**26
_HALVINGS, _ROUNDS = 40, 4
# The neglected term may be so large in units of the tolerance.
_NEGLECTED = 0.1


class Changes(NamedTuple):
    """Kinks that change their side in a step, in the order in which they were found.

    - `count`: how many.
    - `at`: when, as a part of the step; infinite where there is none.
    - `entry`: which kink.
    - `jump`: how the field changes, at that time.
    """

    count: Array
    at: Float[Array, " K"]
    entry: Int[Array, " K"]
    jump: Float[Array, "K D"]


class Late(NamedTuple):
    """- `changes`: of the step.
    - `part`: the part of the step after which it ends.
    - `contact`: the kink at which it ends, since it may hold the flow; −1 for none.
    - `y`: the state there.
    - `bits`, `margins`: of all kinks there.
    - `gradients`, `passes`: what it took.
    """

    changes: Changes
    part: Float[Array, ""]
    contact: Array
    y: Float[Array, " D"]
    bits: Bool[Array, " E"]
    margins: Float[Array, " E"]
    gradients: Array
    passes: Array


class _Search(NamedTuple):
    changes: Changes
    since: Float[Array, " E"]
    side: Float[Array, " E"]
    limit: Float[Array, ""]
    contact: Array
    done: Array
    singles: Array


def late_end(
    held: Held,
    path: Callable[[Array], Array],
    velocity: Callable[[Array], Array],
    t0,
    h,
    bits: Bool[Array, " E"],
    before: Float[Array, " E"],
    stiffness: Float[Array, ""],
    scale: Float[Array, " D"],
) -> Late:
    """The end of a step on which kinks change their sides; nothing slides.

    **Arguments:**

    - `path`, `velocity`: Y and Y' at a part of the step.
    - `before`: the margins at its start.
    - `stiffness`: |J|.
    - `scale`: the tolerance of each entry of the state.
    """
    entries, size = bits.shape[0], scale.shape[0]
    samples, own, _ = held.shape
    room = max(1, min(_MOST, entries, _BYTES // (8 * size)))
    dtype, zero = before.dtype, zero_of(before)
    grid = jnp.arange(1, POINTS + 1, dtype=dtype) / POINTS
    looked = jax.lax.map(lambda c: held.margins_of_bits(path(c), bits), grid)
    norm = lambda v: jnp.sqrt(jnp.mean((v / scale) ** 2))
    cubic = stiffness**2 / 6

    def since(changes: Changes, c):
        """The time since each change, 0 before it."""
        return h * jnp.maximum(c - changes.at, 0)

    def moved(changes: Changes, c):
        """Y + w to first order."""
        return path(c) + since(changes, c) @ changes.jump

    def neglected(changes: Changes, c):
        return cubic * norm(since(changes, c) ** 3 @ changes.jump)

    def farthest(changes: Changes, start):
        """The end of the step that the neglected term allows."""

        def halve(_, ends):
            middle = (ends[0] + ends[1]) / 2
            fine = neglected(changes, middle) < _NEGLECTED
            return jnp.where(fine, middle, ends[0]), jnp.where(fine, ends[1], middle)

        one = jnp.ones((), dtype)
        low, _ = jax.lax.fori_loop(0, 20, halve, (start, one))
        return jnp.where(neglected(changes, one) < _NEGLECTED, one, low)

    def row_at(changes: Changes, sample, c):
        """The sides of a sample at a part of the step."""
        its = (changes.entry // own == sample) & (changes.at < c)
        place = jnp.where(its, changes.entry % own, own)
        row = held.row(bits, sample)
        turned = jnp.zeros(own, int).at[place].add(1, mode="drop")
        return jnp.where(turned % 2 == 1, ~row, row)

    def next_kink(found: _Search, rows, points):
        """The kink that seems to change first, and a bracket of that."""
        after = points[1:, None] > found.since[None, :]
        wrong = (found.side * rows[1:] < -zero) & after & jnp.isfinite(rows[1:])
        index = jnp.argmax(wrong, axis=0)
        high = points[1:][index]
        every = jnp.arange(entries)
        low = jnp.maximum(points[index], found.since)
        a = jnp.maximum(found.side * rows[index, every], 0)
        a = jnp.where(points[index] < found.since, 0, a)
        b = found.side * rows[index + 1, every]
        guess = low + (high - low) * a / jnp.where(a - b > 0, a - b, 1)
        guess = jnp.where(jnp.any(wrong, axis=0), guess, jnp.inf)
        entry = jnp.argmin(guess)
        return entry, low[entry], high[entry], jnp.isfinite(guess[entry])

    def located(found: _Search, entry, low, high):
        sample = jnp.minimum(entry // own, samples - 1)

        def outside(c):
            row = row_at(found.changes, sample, c)
            z = held.margin_by_row(moved(found.changes, c), bits, row, entry)
            return found.side[entry] * z < -zero

        def halve(_, ends):
            middle = (ends[0] + ends[1]) / 2
            out = outside(middle)
            return jnp.where(out, ends[0], middle), jnp.where(out, middle, ends[1])

        at = jax.lax.fori_loop(0, _HALVINGS, halve, (low, high))[1]
        return at, outside(high)

    def crossed(found: _Search, entry, at) -> _Search:
        """With the change of a kink; or ended there, if it may hold the flow."""
        changes = found.changes
        y, t = moved(changes, at), t0 + h * at
        sample = jnp.minimum(entry // own, samples - 1)
        row = row_at(changes, sample, at)
        jump = held.jump(t, y, bits, row, entry)
        flows = velocity(at) + jnp.where(changes.at < at, 1.0, 0.0) @ changes.jump
        rate = lambda f: found.side[entry] * held.rate_by_row(y, bits, row, entry, f)
        goes = (rate(flows) < 0) & (rate(flows + jump) < 0) & (entry < samples * own)
        place = changes.count
        new = Changes(
            place + 1,
            changes.at.at[place].set(at),
            changes.entry.at[place].set(entry),
            changes.jump.at[place].set(jump),
        )
        kept = jax.tree.map(lambda a, b: jnp.where(goes, a, b), new, changes)
        limit = jnp.where(goes, jnp.minimum(found.limit, farthest(kept, at)), at)
        return _Search(
            kept,
            found.since.at[entry].set(at),
            found.side.at[entry].multiply(jnp.where(goes, -1, 1)),
            limit,
            jnp.where(goes, found.contact, entry),
            found.done | ~goes,
            found.singles + 2,
        )

    def search(found: _Search, rows, points) -> _Search:
        def step(found: _Search) -> _Search:
            entry, low, high, some = next_kink(found, rows, points)
            full = found.changes.count >= room

            def look():
                at, real = located(found, entry, low, high)
                stop = real & (full | (at >= found.limit))
                limit = jnp.minimum(found.limit, jnp.where(stop, at, jnp.inf))
                stopped = found._replace(limit=limit, done=jnp.asarray(True))
                skipped = found._replace(since=found.since.at[entry].set(high))
                return jax.lax.cond(
                    stop,
                    lambda: stopped,
                    lambda: jax.lax.cond(
                        real, lambda: crossed(found, entry, at), lambda: skipped
                    ),
                )

            done = found._replace(done=jnp.asarray(True))
            return jax.lax.cond(some & (low < found.limit), look, lambda: done)

        return jax.lax.while_loop(lambda f: ~f.done, step, found)

    def bits_after(found: _Search):
        return found.side > 0

    def round_of(carry):
        """All changes on the path as far as it is known, and a look at its end."""
        number, found, rows, points, _ = carry
        found = search(found._replace(done=found.contact >= 0), rows, points)
        end = found.limit
        margins = held.margins_of_bits(moved(found.changes, end), bits_after(found))
        rows, points = rows.at[-1].set(margins), points.at[-1].set(end)
        skip = jnp.maximum(found.contact, 0)
        wrong = found.side * margins < -zero
        wrong = wrong.at[skip].set(wrong[skip] & (found.contact < 0))
        changed = (number == 0) & (found.changes.count == 0) & (found.contact < 0)
        again = jnp.any(wrong & jnp.isfinite(margins)) & ~changed
        return number + 1, found, rows, points, again

    none = Changes(
        jnp.asarray(0),
        jnp.full(room, jnp.inf, dtype),
        jnp.full(room, -1),
        jnp.zeros((room, size), dtype),
    )
    first = _Search(
        none,
        jnp.zeros(entries, dtype),
        jnp.where(bits, 1.0, -1.0).astype(dtype),
        jnp.ones((), dtype),
        jnp.asarray(-1),
        jnp.asarray(False),
        jnp.asarray(0),
    )
    nothing = jnp.zeros((1, entries), dtype)
    rows = jnp.concatenate([before[None], looked, nothing])
    points = jnp.concatenate([jnp.zeros(1, dtype), grid, jnp.full(1, -1.0, dtype)])
    carry = jnp.asarray(0), first, rows, points, jnp.asarray(True)
    rounds, found, rows, _, _ = jax.lax.while_loop(
        lambda carry: carry[4] & (carry[0] < _ROUNDS), round_of, carry
    )
    changes, part = found.changes, found.limit
    y, spent = _corrected(
        held, path, velocity, t0, h, bits, changes, part, row_at, moved
    )
    return Late(
        changes,
        part,
        found.contact,
        y,
        bits_after(found),
        rows[-1],
        spent + (found.singles + 4.0 * changes.count) / samples,
        POINTS + rounds,
    )


def _corrected(held, path, velocity, t0, h, bits, changes, part, row_at, moved):
    """The state at the end, with both terms of w; and the gradients that it took."""
    _, own, _ = held.shape
    length = jnp.where(jnp.isfinite(changes.at), part - changes.at, 0)

    def add(i, total):
        at, entry = changes.at[i], changes.entry[i]
        row = row_at(changes, entry // own, at)
        jump = lambda c: held.jump(t0 + h * c, moved(changes, c), bits, row, entry)
        simpson = changes.jump[i] + 4 * jump((at + part) / 2) + jump(part)
        return total + h * length[i] / 6 * simpson

    end = path(part)
    first = jax.lax.fori_loop(0, changes.count, add, jnp.zeros_like(end))

    def second():
        unit = h * jnp.max(length)
        half = (h * length) ** 2 @ changes.jump / 2
        ahead = end + half / jnp.where(unit > 0, unit, 1)
        field = held.field_of_bits(t0 + h * part, ahead, bits)
        return unit * (field - velocity(part))

    some = changes.count > 0
    more = jax.lax.cond(some, second, lambda: jnp.zeros_like(end))
    return end + first + more, jnp.where(some, 1, 0)
