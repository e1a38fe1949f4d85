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
from jaxtyping import Array, Bool, Float

from ._changes import Changes
from ._held import Held
from ._root import last_outside
from ._rows import POINTS, Rows, earliest
from ._slots import Slots

# Changes that a step has room for, and the bytes that they may take.
_MOST, _BYTES = 512, 2**26
_HALVINGS, _ROUNDS = 20, 8
# The neglected term may be so large in units of the tolerance.
_NEGLECTED = 0.1


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


class _Found(NamedTuple):
    """What is known of a step so far; `side` and `since` of all kinks, `limit` the
    farthest end that it can have."""

    changes: Changes
    since: Float[Array, " E"]
    side: Float[Array, " E"]
    limit: Float[Array, ""]
    contact: Array
    done: Array
    singles: Array


class Step(NamedTuple):
    """A step with all sides held.

    **Attributes:**

    - `path`, `velocity`: Y and Y' at a part of the step.
    - `t0`, `h`: its start, and its size.
    - `bits`, `slots`: the sides, and what slides.
    - `before`: the margins at its start.
    - `slack`: how far each kink may be on the wrong side.
    - `stiffness`: |J|.
    - `scale`: the tolerance of each entry of the state.
    """

    path: Callable[[Array], Array]
    velocity: Callable[[Array], Array]
    t0: Array
    h: Array
    bits: Bool[Array, " E"]
    slots: Slots
    before: Float[Array, " E"]
    slack: Float[Array, " E"]
    stiffness: Float[Array, ""]
    scale: Float[Array, " D"]


class Lateness(NamedTuple):
    """The kinks of one step.

    **Attributes:**

    - `lets_pass`: whether kinks can change their sides within the step. If not it ends
        at the first one.
    """

    held: Held
    step: Step
    lets_pass: Bool[Array, ""]

    def end(self) -> Late:
        """The end of the step."""
        step, samples = self.step, self.held.shape[0]
        entries, size, dtype = step.bits.shape[0], step.scale.shape[0], step.scale.dtype
        room = max(1, min(_MOST, entries, _BYTES // (8 * size)))
        grid = jnp.arange(1, POINTS + 1, dtype=dtype) / POINTS
        look = lambda c: self.held.margins(step.path(c), step.bits, step.slots)
        side = jnp.where(step.bits, 1.0, -1.0).astype(dtype)
        sliding = jnp.where(step.slots.sliding, step.slots.entry, entries)
        found = _Found(
            Changes.none(room, size, dtype),
            jnp.zeros(entries, dtype),
            side.at[sliding].set(0, mode="drop"),
            jnp.ones((), dtype),
            jnp.asarray(-1),
            jnp.asarray(False),
            jnp.asarray(0),
        )
        rows = Rows.of(step.before, jax.lax.map(look, grid), step.slack)
        first = jnp.asarray(0), found, rows, jnp.asarray(True)
        rounds, found, rows, _ = jax.lax.while_loop(
            lambda carry: carry[3] & (carry[0] < _ROUNDS), self._round, first
        )
        # A kink found in a later round may have changed before others of its sample.
        changes = jax.lax.cond(
            rounds > 1, self._anew, lambda changes: changes, found.changes
        )
        y, spent = self._corrected(changes, found.limit)
        met = found.since[jnp.maximum(found.contact, 0)] >= found.limit
        singles = (found.singles + 4 * found.changes.number).astype(float)
        return Late(
            found.changes,
            found.limit,
            jnp.where(met, found.contact, -1),
            y,
            self._bits(found),
            rows.margins[-1],
            spent + singles / samples,
            POINTS + rounds,
        )

    def _round(self, carry):
        """All changes on the path as far as it is known, and a look at its end.

        Where the last round comes, the step ends at its first change.
        """
        number, found, rows, _ = carry
        last = number == _ROUNDS - 1
        first = jnp.minimum(found.limit, jnp.min(found.changes.at))
        found = found._replace(limit=jnp.where(last, first, found.limit))
        found = self._searched(found._replace(done=jnp.asarray(False)), rows)
        found = self._within_limit(found)
        end, bits = found.limit, self._bits(found)
        margins = self.held.margins(
            self._moved(found.changes, end), bits, self.step.slots
        )
        wrong = (found.side * margins < -rows.zero) & jnp.isfinite(margins)
        wrong = wrong & (jnp.arange(wrong.shape[0]) != found.contact)
        return number + 1, found, rows.at_end(end, margins), jnp.any(wrong)

    def _within_limit(self, found: _Found) -> _Found:
        """Without the changes after the limit, which one before them may have moved."""
        changes, entries = found.changes, found.side.shape[0]
        late = (changes.at > found.limit) & (changes.entry >= 0)
        place = jnp.where(late, changes.entry, entries)
        return found._replace(
            changes=changes.until(found.limit),
            side=found.side.at[place].multiply(-1, mode="drop"),
            since=found.since.at[place].set(found.limit, mode="drop"),
        )

    def _searched(self, found: _Found, rows: Rows) -> _Found:
        room = found.changes.at.shape[0]
        guess, _, _ = rows.guess(found.side, found.since)
        which, known = earliest(guess, room)
        found = found._replace(limit=jnp.minimum(found.limit, known))
        few = rows.of_kinks(which)

        def following(found: _Found) -> _Found:
            guess, low, high = few.guess(found.side[which], found.since[which])
            first = jnp.argmin(guess)
            entry, low, high = which[first], low[first], high[first]
            inside = lambda c: self._inside(found, entry, c) + rows.zero[entry]

            def located():
                at = last_outside(inside, low, high)
                stop = (found.changes.number >= room) | (at >= found.limit)
                limit = jnp.minimum(found.limit, at)
                stopped = found._replace(limit=limit, done=jnp.asarray(True))
                crossed = lambda: self._crossed(found, entry, at)
                return jax.lax.cond(stop, lambda: stopped, crossed)

            def look():
                skipped = found._replace(since=found.since.at[entry].set(high))
                return jax.lax.cond(inside(high) < 0, located, lambda: skipped)

            ended = found._replace(done=jnp.asarray(True))
            some = jnp.isfinite(guess[first]) & (low < found.limit)
            return jax.lax.cond(some, look, lambda: ended)

        return jax.lax.while_loop(lambda found: ~found.done, following, found)

    def _crossed(self, found: _Found, entry, at) -> _Found:
        """With the change of a kink; or ended there, if it may hold the flow."""
        step, changes = self.step, found.changes
        y, row = self._moved(changes, at), self._row(changes, entry, at)
        jump = self.held.jump(step.t0 + step.h * at, y, step.bits, row, entry)
        passed = jnp.where(changes.at < at, 1.0, 0.0).astype(y.dtype)
        before = step.velocity(at) + passed @ changes.jump
        side = found.side[entry]
        rate = lambda f: side * self.held.rate_by_row(y, step.bits, row, entry, f)
        goes = (rate(before) < 0) & (rate(before + jump) < 0) & self.lets_pass
        new = changes.plus(at, entry, jump)
        kept = jax.tree.map(lambda a, b: jnp.where(goes, a, b), new, changes)
        far = jnp.minimum(found.limit, self._farthest(new, at))
        return _Found(
            kept,
            found.since.at[entry].set(at),
            found.side.at[entry].multiply(jnp.where(goes, -1, 1)),
            jnp.where(goes, far, at),
            jnp.where(goes, found.contact, entry),
            found.done | ~goes,
            found.singles + 2,
        )

    def _farthest(self, changes: Changes, start):
        """The end of the step that the neglected term allows."""
        step = self.step

        def fine(c):
            term = (step.stiffness * step.h) ** 2 * step.h / 6 * changes.cubic(c)
            return jnp.sqrt(jnp.mean((term / step.scale) ** 2)) < _NEGLECTED

        def halve(_, ends):
            middle = (ends[0] + ends[1]) / 2
            good = fine(middle)
            return jnp.where(good, middle, ends[0]), jnp.where(good, ends[1], middle)

        one = jnp.ones_like(start)
        low, _ = jax.lax.fori_loop(0, _HALVINGS, halve, (start, one))
        return jnp.where(fine(one), one, low)

    def _anew(self, changes: Changes) -> Changes:
        """With each jump computed again, now that all changes are known."""

        def one(j, known: Changes) -> Changes:
            at, entry = changes.at[j], changes.entry[j]
            c = jnp.where(entry >= 0, at, 0)
            row, y = self._row(changes, entry, c), self._moved(changes, c)
            t = self.step.t0 + self.step.h * c
            jump = self.held.jump(t, y, self.step.bits, row, entry)
            jump = jnp.where(entry >= 0, jump, 0)
            return known._replace(jump=known.jump.at[j].set(jump))

        end = jnp.asarray(jnp.inf, changes.at.dtype)
        return jax.lax.fori_loop(0, changes.number, one, changes).until(end)

    def _corrected(self, changes: Changes, part) -> tuple[Array, Array]:
        """The state at the end, with both terms of w; and the gradients it took."""
        step = self.step
        h, end = step.h, step.path(part)
        length = jnp.where(jnp.isfinite(changes.at), part - changes.at, 0)

        def add(i, total):
            j, half = i // 2, i % 2 == 0
            at, entry = changes.at[j], changes.entry[j]
            c = jnp.where(half, (at + part) / 2, part)
            row, y = self._row(changes, entry, at), self._moved(changes, c)
            jump = self.held.jump(step.t0 + h * c, y, step.bits, row, entry)
            return total + h * length[j] / 6 * jnp.where(half, 4, 1) * jump

        begin = h / 6 * length @ changes.jump
        first = jax.lax.fori_loop(0, 2 * changes.number, add, begin)

        def second():
            unit = h * jnp.max(length)
            half = h**2 / 2 * (length**2 @ changes.jump)
            ahead = end + half / jnp.where(unit > 0, unit, 1)
            field = self.held.field_of_bits(step.t0 + h * part, ahead, step.bits)
            return unit * (field - step.velocity(part))

        some = changes.number > 0
        more = jax.lax.cond(some, second, lambda: jnp.zeros_like(end))
        return end + first + more, jnp.where(some, 1.0, 0.0)

    def _moved(self, changes: Changes, c) -> Float[Array, " D"]:
        """Y + w to first order."""
        return self.step.path(c) + self.step.h * changes.ramp(c)

    def _inside(self, found: _Found, entry, c) -> Float[Array, ""]:
        """How far a kink is on its side."""
        row, y = self._row(found.changes, entry, c), self._moved(found.changes, c)
        gates = self.held.mixed(row, self.step.slots, self.held.sample_of(entry))
        return found.side[entry] * self.held.margin_by_row(
            y, self.step.bits, gates, entry
        )

    def _row(self, changes: Changes, entry, c) -> Bool[Array, " m"]:
        """The sides of a kink's sample at a part of the step."""
        own, sample = self.held.shape[1], self.held.sample_of(entry)
        row = self.held.row(self.step.bits, sample)
        if own == 0:
            return row
        its = (changes.entry // own == sample) & (changes.at < c)
        place = jnp.where(its, changes.entry % own, own)
        turned = jnp.zeros(own, int).at[place].add(1, mode="drop")
        return row ^ (turned % 2 == 1)

    def _bits(self, found: _Found) -> Bool[Array, " E"]:
        return jnp.where(found.side == 0, self.step.bits, found.side > 0)
