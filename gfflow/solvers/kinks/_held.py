"""A flow whose kinks are held: the field of one smooth piece, or along a kink."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, Float

from ..._linalg import solve
from ..._typing import Parameters
from ...flows import AbstractFlow
from ...kinks import Gates, Pieces
from ._slots import MarginRates, Slots

# Newton's method for the gates of a sliding flow: most iterations, and the change
# after which it ends.
_ITERATIONS, _CHANGE = 8, 1e-13


class Held(NamedTuple):
    """A flow of a problem with its kinks held by gates, on flat states y.

    The vector of all kinks has those of the samples first, sample by sample, and then
    those that all share: `bits`, shape `(E,)`, is the side of each.
    """

    flow: AbstractFlow
    pieces: Pieces
    unravel: Callable[[Array], Any]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(N, m, k): samples, kinks of each, shared kinks."""
        reading = self.pieces.reading
        return self.pieces.problem.samples, reading.own, reading.shared

    def bits(self, y: Float[Array, " D"]) -> Bool[Array, " E"]:
        """The sides that the program itself takes."""
        return _flat(self.pieces.bits(self._parameters(y)))

    def margins(self, y: Float[Array, " D"], bits, slots: Slots) -> Float[Array, " E"]:
        """Of all kinks."""
        return _flat(self.pieces.margins(self._parameters(y), self._gates(bits, slots)))

    def field_of_bits(self, t, y, bits) -> Float[Array, " D"]:
        """The field where none slides."""
        gradient = self.pieces.gradient(self._parameters(y), self._of_bits(bits))
        return self.field(t, y, gradient)

    def sample_of(self, entry) -> Array:
        """The sample that a kink is of; the last one for a kink that all share."""
        n, m, _ = self.shape
        return jnp.minimum(entry // max(m, 1), n - 1)

    def mixed(self, row, slots: Slots, sample) -> Float[Array, " m"]:
        """The sides of one sample as gates, by its slots where it has some."""
        _, m, _ = self.shape
        row = row.astype(slots.gate.dtype)
        its = self._own(slots) & (slots.entry // max(m, 1) == sample)
        place = jnp.where(its, slots.entry % max(m, 1), m)
        return row if m == 0 else row.at[place].set(slots.gate, mode="drop")

    def row(self, bits, sample) -> Bool[Array, " m"]:
        """The sides of the kinks of one sample."""
        n, m, _ = self.shape
        return bits[: n * m].reshape(n, m)[sample]

    def margin_by_row(self, y, bits, row, entry) -> Float[Array, ""]:
        """Of one kink of a sample with these sides."""
        shared = self._of_bits(bits).shared
        return self._by_row(self._parameters(y), shared, row, entry)

    def rate_by_row(self, y, bits, row, entry, field) -> Float[Array, ""]:
        """z' of such a kink where y' is `field`."""
        parameters, rate = jax.jvp(self._parameters, (y,), (field,))
        shared = self._of_bits(bits).shared
        margin = lambda p: self._by_row(p, shared, row, entry)
        return jax.jvp(margin, (parameters,), (rate,))[1]

    def jump(self, t, y, bits, row, entry) -> Float[Array, " D"]:
        """How a field that is affine in the gradient changes where one kink of a
        sample with these sides changes its own."""
        parameters, sample = self._parameters(y), self.sample_of(entry)
        shared = self._of_bits(bits).shared
        if row.shape[0] == 0:
            return jnp.zeros_like(y)
        place = entry % row.shape[0]
        turned = row.at[place].set(~row[place])
        of = lambda row: self.pieces.gradient_of(sample, parameters, Gates(row, shared))
        change = jtu.tree_map(jnp.subtract, of(turned), of(row))
        nothing = jtu.tree_map(jnp.zeros_like, change)
        return self.field(t, y, change) - self.field(t, y, nothing)

    def _by_row(self, parameters, shared, row, entry) -> Float[Array, ""]:
        n, m, _ = self.shape
        sample = self.sample_of(entry)
        made = self.pieces.margins_of(sample, parameters, Gates(row, shared))
        both = jnp.concatenate([made.own, made.shared])
        return both[jnp.where(entry < n * m, entry % max(m, 1), entry - n * m + m)]

    def _of_bits(self, bits) -> Gates:
        n, m, _ = self.shape
        return Gates(bits[: n * m].reshape(n, m), bits[n * m :])

    def field(self, t, y, gradient: Parameters) -> Float[Array, " D"]:
        """The field where the gradient of the loss is this."""
        made = self.flow.response(t, self.unravel(y), gradient, self.pieces.problem)
        return ravel_pytree(made)[0]

    def base(self, y, bits, slots: Slots) -> Parameters:
        """The part of the gradient that is the same whatever the gates of slots are."""
        return self.pieces.gradient(self._parameters(y), self._gates(bits, slots))

    def slope(self, t, y, bits, slots: Slots, pull) -> tuple[Array, Slots]:
        """The field with the gates of what slides such that its margins z obey
        z' = −pull·z (Baumgarte 1972), and these gates.

        Whatever the gates are, it is the field of a model with such gates: it keeps the
        laws that all of them have.
        """
        base = self.base(y, bits, slots)
        free = lambda: (self.field(t, y, base), slots)
        held = lambda: self._sliding(t, y, bits, slots, pull, base)
        return jax.lax.cond(jnp.any(slots.sliding), held, free)

    def settled_on(self, t, y, bits, slots: Slots, pull, base: Parameters):
        """The field where kinks meet, the gates of the slots there, and the rates of
        their margins, of a `base` that was computed before.

        Slots that do not slide have the gates that they come with.
        """
        field, slots = self._sliding(t, y, bits, slots, pull, base)
        return field, slots, self._rates(y, bits, slots, field)

    def _sliding(self, t, y, bits, slots: Slots, pull, base) -> tuple[Array, Slots]:
        """By Newton's method; the equations are linear where no two kinks of one
        sample follow each other."""

        def field(these):
            return self.field(t, y, self._gradient_at(y, bits, these, base))

        def step(carry):
            count, gates, _ = carry
            these = slots._replace(gate=gates)
            seen = self._rates(y, bits, these, field(these))
            wanted = jnp.where(slots.sliding, seen.rate + pull * seen.z, 0)
            matrix = seen.slopes @ self._changes(t, y, bits, these, base).T
            both = slots.sliding[:, None] & slots.sliding[None, :]
            matrix = jnp.where(both, matrix, 0)
            size = jnp.max(jnp.abs(matrix), axis=1)
            fixed = jnp.where(size > 0, 0.0, 1.0).astype(matrix.dtype)
            scale = jnp.where(size > 0, size, 1)
            matrix = matrix / scale[:, None] + jnp.diag(fixed)
            change = solve(matrix, jnp.where(size > 0, wanted / scale, 0))
            change = jnp.where(jnp.isfinite(change), change, 0)
            return count + 1, gates - change, jnp.max(jnp.abs(change))

        more = lambda carry: (carry[0] < _ITERATIONS) & (carry[2] > _CHANGE)
        unknown = jnp.where(jnp.any(slots.sliding), jnp.inf, 0).astype(y.dtype)
        first = jnp.asarray(0), slots.gate, unknown
        _, gates, _ = jax.lax.while_loop(more, step, first)
        these = slots._replace(gate=gates)
        return field(these), these

    def _rates(self, y, bits, slots: Slots, field) -> MarginRates:
        parameters, rate = jax.jvp(self._parameters, (y,), (field,))
        moving, _ = ravel_pytree(rate)

        def look(i, found):
            margin = lambda p: self._margin(p, bits, slots, slots.entry[i])
            z, slope = jax.value_and_grad(margin)(parameters)
            flat, _ = ravel_pytree(slope)
            size = jnp.sqrt((flat @ flat) * (moving @ moving))
            put = lambda a, b: a.at[i].set(b)
            return jtu.tree_map(put, found, MarginRates(z, flat @ moving, size, flat))

        zeros = jnp.zeros_like(slots.gate)
        none = MarginRates(
            zeros, zeros, zeros, jnp.zeros((len(zeros), moving.size), y.dtype)
        )
        return jax.lax.fori_loop(0, slots.last, look, none)

    def _changes(self, t, y, bits, slots: Slots, base) -> Float[Array, "C P"]:
        """How θ' changes with the gate of each slot."""
        parameters = self._parameters(y)
        whole = self._gradient_at(y, bits, slots, base)
        velocity = lambda g: jax.jvp(self._parameters, (y,), (self.field(t, y, g),))[1]

        def along(i):
            one = jnp.zeros_like(slots.gate).at[i].set(1)
            if self.shape[2] == 0:
                n = slots.entry[i] // self.shape[1]

                def of(gate):
                    these = slots._replace(gate=gate)
                    row = self.mixed(self.row(bits, n), these, n)
                    shared = self._gates(bits, these).shared
                    return self.pieces.gradient_of(n, parameters, Gates(row, shared))
            else:

                def of(gate):
                    these = slots._replace(gate=gate)
                    return self._gradient_at(y, bits, these, base)

            return jax.jvp(of, (slots.gate,), (one,))[1]

        def look(i, found):
            change = jax.jvp(velocity, (whole,), (along(i),))[1]
            return found.at[i].set(ravel_pytree(change)[0])

        size = ravel_pytree(parameters)[0].size
        none = jnp.zeros((len(slots.gate), size), y.dtype)
        return jax.lax.fori_loop(0, slots.last, look, none)

    def _gradient_at(self, y, bits, slots: Slots, base: Parameters) -> Parameters:
        """With the gates of the slots, from what is the same whatever these are."""
        whole = base if self.shape[2] == 0 else self.base(y, bits, slots)
        return self._added(whole, y, bits, slots)

    def _added(self, gradient: Parameters, y, bits, slots: Slots) -> Parameters:
        """The gradient with each sample that has slots taken by their gates."""
        _, m, _ = self.shape
        if m == 0:
            return gradient
        parameters = self._parameters(y)
        own = self._own(slots)
        sample = jnp.where(own, slots.entry // m, -1)
        same = (sample[:, None] == sample[None, :]) & own[None, :]
        first = own & (jnp.argmax(same, axis=1) == jnp.arange(len(sample)))

        def change(i, total):
            n = jnp.maximum(slots.entry[i], 0) // m
            shared = self._gates(bits, slots).shared
            before = Gates(self.row(bits, n), shared)
            after = Gates(self.mixed(self.row(bits, n), slots, n), shared)
            of = lambda gates: self.pieces.gradient_of(n, parameters, gates)

            def moved():
                difference = jtu.tree_map(jnp.subtract, of(after), of(before))
                return jtu.tree_map(jnp.add, total, difference)

            differs = jnp.any(before.own.astype(after.own.dtype) != after.own)
            return jax.lax.cond(first[i] & differs, moved, lambda: total)

        return jax.lax.fori_loop(0, slots.last, change, gradient)

    def _margin(self, parameters, bits, slots: Slots, entry) -> Float[Array, ""]:
        sample = self.sample_of(entry)
        row = self.mixed(self.row(bits, sample), slots, sample)
        return self._by_row(parameters, self._gates(bits, slots).shared, row, entry)

    def _gates(self, bits, slots: Slots) -> Gates:
        """Of all samples; those that are shared are numbers, by their slots."""
        n, m, k = self.shape
        shared = bits[n * m :].astype(slots.gate.dtype)
        if k == 0:
            return Gates(bits.reshape(n, m), shared)
        place = jnp.where(slots.taken & ~self._own(slots), slots.entry - n * m, k)
        shared = shared.at[place].set(slots.gate, mode="drop")
        return Gates(bits[: n * m].reshape(n, m), shared)

    def _own(self, slots: Slots) -> Bool[Array, " C"]:
        n, m, _ = self.shape
        return slots.taken & (slots.entry < n * m)

    def _parameters(self, y) -> Parameters:
        return self.flow.parameters(self.unravel(y))


def _flat(gates: Gates) -> Array:
    return jnp.concatenate([gates.own.ravel(), gates.shared])
