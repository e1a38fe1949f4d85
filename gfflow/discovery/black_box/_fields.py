"""Random fields of a flow at a point, and their brackets, by differentiation."""

from collections.abc import Callable
from typing import final

import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Float

from ..subject import Datum, Subject
from ._mixed_field import MIXED
from ._orbit import FLOWS
from ._programs import programs_of

ROWS = 32
_GRADIENTS = 256
_ULPS, _STEADY = 4, 1e-12
_LEAST, _RELIABLE = 1e4, 0.1


@final
class Fields:
    """Samples of the fields of a subject, and of their brackets, at any state z.

    Brackets are those of mixed fields, each of six data (`MixedField`).
    """

    def __init__(self, subject: Subject):
        self.subject = subject
        self._programs, self._given = programs_of(subject)

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
        return np.asarray(self._programs.rows(self._given, jnp.asarray(z), data))

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
        return self._steady(self._programs.brackets, random, z, level + 1)

    def orbit(
        self, random: np.random.Generator, z: np.ndarray
    ) -> Float[np.ndarray, "n S"]:
        """At most 32 tangent vectors of the orbit of z, of unit length (`_orbit`)."""
        return self._steady(self._programs.orbit, random, z, FLOWS + 1)

    def _steady(
        self, vectors: Callable, random: np.random.Generator, z: np.ndarray, fields: int
    ) -> np.ndarray:
        """The vectors that stay the same when z moves by a few units in the last place:
        the others are round-off, of saturated units for example."""
        choices = self.choices(random, fields)
        moved = _moved(random, z)
        found, again = (
            np.asarray(vectors(self._given, jnp.asarray(at), *choices))
            for at in (z, moved)
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
