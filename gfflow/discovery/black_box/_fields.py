"""Random fields of a flow at a point, and their brackets, by differentiation."""

from functools import lru_cache

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, Float

from ..subject import Datum, Subject
from ._orbit import FLOWS, Field, carried_back

ROWS, MIXED, AT_ONCE = 32, 6, 16
_GRADIENTS = 256
_NOISE, _FAINT = 1e-10, 1e-3
_ULPS, _STEADY = 4, 1e-12
_LEAST, _RELIABLE = 1e4, 0.1


class Fields:
    """Samples of the fields of a subject, and of their brackets, at any state z.

    A mixed field is α·drift(z) + Σ c_i field(z, datum_i) of six data, the c_i random
    over the length of each at the point; what is a thousand times shorter than another
    stays faint, since the little that a saturated unit lets through is round-off.
    """

    def __init__(self, subject: Subject):
        self.subject = subject
        self._row = jax.jit(jax.vmap(subject.field, in_axes=(None, 0)))
        self._bracket = lru_cache(maxsize=None)(self._compiled_bracket)
        self._orbit = jax.jit(self._rows_of_the_orbit)

    def rows(
        self, random: np.random.Generator, z: np.ndarray, count: int
    ) -> Float[np.ndarray, "n S"]:
        """At least `count` fields at z, of unit length, and the drift if there is one;
        those that are 0 or not finite are left out.

        An entry that is round-off in all of them, since it does not stay the same when
        z moves by a few units in the last place, is 0.
        """
        many = -(-count // _GRADIENTS)
        data = [self.subject.draw(random, _GRADIENTS, 1) for _ in range(many)]
        made = [self.at(z, each) for each in data]
        noise = self._noise(random, z, data[0], made)
        if self.subject.drift is not None:
            made.append(np.asarray(self.subject.drift(jnp.asarray(z)))[None])
            noise &= made[-1][0] == 0
        made = np.concatenate(made)
        made[:, noise] = 0
        return _unit(made)

    def at(self, z: np.ndarray, data: Datum) -> Float[np.ndarray, "n S"]:
        """The field of each datum at z."""
        return np.asarray(self._row(jnp.asarray(z), data))

    def _noise(self, random, z, first: Datum, made: list[np.ndarray]) -> np.ndarray:
        """Entries that are next to nothing in all rows, and not the same again in those
        of the first data."""
        size = _root_mean_square(np.concatenate(made))
        small = (size > 0) & (size <= _LEAST * self.subject.precision)
        if not small.any():
            return small
        again = self.at(_moved(random, z), first)
        change = _root_mean_square(made[0] - again, made[0])
        return small & ~(change <= _RELIABLE * _root_mean_square(made[0]))

    def brackets(
        self, random: np.random.Generator, z: np.ndarray, level: int
    ) -> Float[np.ndarray, "n S"]:
        """At most 32 brackets [X_level, [X_{level−1}, … [X_1, X_0]]] at z, each over
        the sum of the lengths of the two terms that it is the difference of."""
        return self._steady(self._bracket(level), random, z, level + 1)

    def orbit(
        self, random: np.random.Generator, z: np.ndarray
    ) -> Float[np.ndarray, "n S"]:
        """At most 32 tangent vectors of the orbit of z, of unit length (`_orbit`)."""
        return self._steady(self._orbit, random, z, FLOWS + 1)

    def _steady(self, compiled, random, z, fields: int) -> np.ndarray:
        """The vectors that stay the same when z moves by a few units in the last place:
        the others are round-off, of saturated units for example."""
        choices = self.choices(random, fields)
        moved = _moved(random, z)
        found, again = (
            np.asarray(compiled(jnp.asarray(at), *choices)) for at in (z, moved)
        )
        steady = np.linalg.norm(found - again, axis=1) <= _STEADY
        return found[steady]

    def choices(self, random: np.random.Generator, fields: int):
        """What makes `ROWS` times so many mixed fields: weights, and data."""
        shape = (ROWS, fields, MIXED)
        data = self.subject.draw(random, ROWS * fields * MIXED, MIXED)
        data = jtu.tree_map(lambda a: a.reshape(*shape, *a.shape[1:]), data)
        weights = random.standard_normal((ROWS, fields, MIXED + 1))
        return jnp.asarray(weights), data

    def mixed(self, z0: Array, weights: Array, data: Datum) -> list[Field]:
        """The mixed fields of one row of `choices`, their weights settled at z0."""
        length = lambda d: jnp.linalg.norm(self.subject.field(z0, d))
        lengths = jax.vmap(jax.vmap(length))(data)
        usable = jnp.isfinite(lengths) & (lengths > 0)
        lengths = jnp.where(usable, lengths, 0)
        lengths = jnp.maximum(lengths, _FAINT * jnp.max(lengths, axis=1, keepdims=True))
        own = weights[:, :MIXED]
        own = jnp.where(usable, own / jnp.where(usable, lengths, 1), 0)
        pick = lambda k: (own[k], weights[k, MIXED], jtu.tree_map(lambda a: a[k], data))
        return [self._mixed(*pick(k)) for k in range(len(weights))]

    def _mixed(self, weights: Array, push: Array, data: Datum) -> Field:
        def field(z):
            made = jax.vmap(lambda d: self.subject.field(z, d))(data)
            drift = self.subject.drift
            total = weights @ made
            return total if drift is None else total + push * drift(z)

        return field

    def _compiled_bracket(self, level: int):
        def one(z, weights, data):
            made, size = _nested(self.mixed(z, weights, data))(z)
            return made / jnp.where(size > 0, size, 1)

        def every(z, weights, data):
            each = lambda chosen: one(z, *chosen)
            return jax.lax.map(each, (weights, data), batch_size=AT_ONCE)

        return jax.jit(every)

    def _rows_of_the_orbit(self, z, weights, data):
        one = lambda chosen: carried_back(self.mixed(z, *chosen), z)
        return jax.lax.map(one, (weights, data), batch_size=AT_ONCE)


def _nested(fields: list[Field]):
    """z → ([X_k, [… [X_1, X_0]]], the length against which its round-off is read).

    [X, Z] = ∂Z·X − ∂X·Z. That is the sum of the lengths of the two terms, times what
    the inner bracket lost to cancellation; one that lost nearly all of it is 0.
    """
    last = fields[-1]
    if len(fields) == 1:
        return lambda z: (last(z), jnp.asarray(0.0))
    before = _nested(fields[:-1])

    def bracket(z):
        x = last(z)
        (inner, size), (gained, _) = jax.jvp(before, (z,), (x,))
        lost = jax.jvp(last, (z,), (inner,))[1]
        left = jax.lax.stop_gradient(jnp.linalg.norm(inner))
        noise = left <= _NOISE * size
        cancelled = jnp.maximum(size / jnp.where(noise, 1, left), 1)
        scale = cancelled * (jnp.linalg.norm(gained) + jnp.linalg.norm(lost))
        return jnp.where(noise, 0, gained - lost), jax.lax.stop_gradient(scale)

    return bracket


def _root_mean_square(rows: np.ndarray, of: np.ndarray | None = None) -> np.ndarray:
    """Of each column, a row in units of its largest entry (in `of`)."""
    sizes = np.max(np.abs(rows if of is None else of), axis=1, initial=0.0)
    usable = np.isfinite(sizes) & (sizes > 0)
    if not usable.any():
        return np.zeros(rows.shape[1])
    return np.sqrt(np.mean((rows[usable] / sizes[usable, None]) ** 2, axis=0))


def _moved(random: np.random.Generator, z: np.ndarray) -> np.ndarray:
    return z * (1 + _ULPS * np.finfo(float).eps * random.uniform(-1, 1, len(z)))


def _unit(rows: np.ndarray) -> np.ndarray:
    rows = rows[np.all(np.isfinite(rows), axis=1)]
    sizes = np.max(np.abs(rows), axis=1, initial=0.0)
    rows = rows[sizes > 0] / sizes[sizes > 0, None]
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
