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
_FEW, _FEW_OF = 8, 16
_ULPS, _STEADY = 4, 1e-12
_LEAST, _RELIABLE = 1e4, 0.1
_NEARER = 1.0, 0.5, 0.2


@final
class Fields:
    """Samples of the fields of a subject, and of their brackets, at any state z.

    Brackets are those of mixed fields, each of six data (`MixedField`).
    """

    def __init__(self, subject: Subject):
        self.subject = subject
        self._noisy = np.zeros(subject.size, bool)
        self._programs, self._given = programs_of(subject)

    def rows(
        self, random: np.random.Generator, z: np.ndarray, count: int
    ) -> Float[np.ndarray, "n S"]:
        """At least `count` fields at z, of unit length, and the drift if there is one;
        those that are 0 or not finite are left out.

        An entry that is next to nothing in all of them is 0 if it is round-off: if
        here, somewhat nearer to 0, or where fields were asked for before, it was next
        to nothing and did not stay the same when z and the data moved by a few units in
        the last place. Here alone does not tell: what a saturated softmax leaves of
        terms that cancel is round-off, and stays.
        """
        made = self._rows(random, z, count)[0]
        if self.subject.moves:
            made = np.concatenate([made, self._drift(z)[None]])
        return _unit(made)[0]

    def finite(self, random: np.random.Generator, z: np.ndarray) -> bool:
        """Whether any field at z is finite."""
        made = self.at(z, self.subject.draw(random, _GRADIENTS, 1))
        return bool(np.any(np.all(np.isfinite(made), axis=1)))

    def with_noise(
        self, random: np.random.Generator, z: np.ndarray, **decades
    ) -> tuple[Float[np.ndarray, "n S"], Float[np.ndarray, "n S"]]:
        """Some of them, and by how much each entry changes then.

        **Arguments:** `decades`: those of the inputs, as to `Draw`.
        """
        made, data = self._rows(random, z, 1, **decades)
        again = self.at(_moved(random, z), _moved_data(random, data[0]))
        change = np.where(made == 0, 0, np.abs(made - again))
        made, usable, sizes = _unit(made)
        return made, change[usable] / sizes

    def _rows(
        self, random: np.random.Generator, z: np.ndarray, count: int, **decades
    ) -> tuple[Float[np.ndarray, "n S"], list[Datum]]:
        many = -(-count // _GRADIENTS)
        draw = self.subject.draw
        data = [draw(random, _GRADIENTS, 1, **decades) for _ in range(many)]
        each = [self.at(z, one) for one in data]
        made = np.concatenate(each)
        small = self._small(made)
        for factor in _NEARER:
            if np.any(small & ~self._noisy):
                self._noisy |= self._noise(random, self._scaled(z, factor), data[0])
        made[:, small & self._noisy & (self._drift(z) == 0)] = 0
        return made, data

    def _noise(self, random: np.random.Generator, z: np.ndarray, data: Datum):
        """Which entries are next to nothing at z, and round-off."""
        rows = self.at(z, data)
        again = self.at(_moved(random, z), _moved_data(random, data))
        return self._small(rows) & ~_same(rows, again)

    def _scaled(self, z: np.ndarray, factor: float) -> np.ndarray:
        """z at the same time, nearer to 0."""
        nearer = factor * z
        if self.subject.clock:
            nearer[0] = z[0]
        return nearer if factor == 1 else self.inside(nearer)

    def _drift(self, z: np.ndarray) -> np.ndarray:
        """What moves without a gradient, 0 if nothing does."""
        if not self.subject.moves:
            return np.zeros(len(z))
        return np.asarray(self._programs.drift(self._given, jnp.asarray(z)))

    def with_drift(
        self, random: np.random.Generator, z: Float[np.ndarray, "places S"]
    ) -> list[Float[np.ndarray, "n S"]]:
        """At each place at most eight fields, and the drift, of unit length: as `rows`,
        at many places at once."""
        count, places = _FEW_OF, len(z)
        data = self.subject.draw(random, places * count, 1)
        data = jtu.tree_map(lambda a: a.reshape(places, count, *a.shape[1:]), data)
        at = lambda z: self._programs.moving(self._given, jnp.asarray(z), data)
        made, drift = map(np.array, at(z))
        noise = self._small(made)
        if noise.any():
            noise &= ~_same(made, np.asarray(at(_moved(random, z))[0]))
        made[np.broadcast_to(noise[:, None], made.shape)] = 0
        drift = np.where(noise, 0, drift)
        return [
            np.concatenate([_unit(rows)[0][:_FEW], _unit(own[None])[0]])
            for rows, own in zip(made, drift)
        ]

    def at(self, z: np.ndarray, data: Datum) -> Float[np.ndarray, "n S"]:
        """The field of each datum at z."""
        return np.asarray(self._programs.rows(self._given, jnp.asarray(z), data))

    def inside(self, z: np.ndarray) -> np.ndarray:
        """Any z, put into the domain of the flow."""
        return np.asarray(self._programs.inside(self._given, jnp.asarray(z)))

    def _small(self, rows: np.ndarray) -> np.ndarray:
        """Entries that are next to nothing in all rows."""
        size = _root_mean_square(rows)
        return (size > 0) & (size <= _LEAST * self.subject.precision)

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
        """The vectors that stay the same when z and the data move by a few units in the
        last place: the others are round-off, of saturated units for example."""
        choices = self.choices(random, fields)
        moved = _moved(random, z), (choices[0], _moved_data(random, choices[1]))
        found, again = (
            np.asarray(vectors(self._given, jnp.asarray(at), *chosen))
            for at, chosen in ((z, choices), moved)
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


def _same(
    rows: Float[np.ndarray, "*places n S"], again: Float[np.ndarray, "*places n S"]
) -> np.ndarray:
    """Which entries are not round-off."""
    change = _root_mean_square(rows - again, rows)
    return change <= _RELIABLE * _root_mean_square(rows)


def _root_mean_square(
    rows: Float[np.ndarray, "*places n S"],
    of: Float[np.ndarray, "*places n S"] | None = None,
) -> Float[np.ndarray, "*places S"]:
    """Of each column, a row in units of its largest entry (in `of`)."""
    sizes = np.max(np.abs(rows if of is None else of), axis=-1, initial=0.0)
    usable = np.isfinite(sizes) & (sizes > 0)
    scaled = rows / np.where(usable, sizes, 1)[..., None]
    total = np.sum(np.where(usable[..., None], scaled, 0) ** 2, axis=-2)
    return np.sqrt(total / np.maximum(np.sum(usable, axis=-1), 1)[..., None])


def _moved(random: np.random.Generator, z: np.ndarray) -> np.ndarray:
    return z * (1 + _ULPS * np.finfo(float).eps * random.uniform(-1, 1, z.shape))


def _moved_data(random: np.random.Generator, data: Datum) -> Datum:
    def moved(leaf):
        if not jnp.issubdtype(leaf.dtype, jnp.inexact):
            return leaf
        step = _ULPS * float(jnp.finfo(leaf.dtype).eps)
        # A model may read whole parts.
        step = np.where(leaf == np.round(leaf), 0, step)
        change = 1 + step * random.uniform(-1, 1, leaf.shape)
        return leaf * jnp.asarray(change, leaf.dtype)

    return jtu.tree_map(moved, data)


def _unit(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Those of them that are finite and not 0 over their lengths, which they are, and
    the lengths."""
    usable = np.all(np.isfinite(rows), axis=1) & np.any(rows != 0, axis=1)
    rows = rows[usable]
    sizes = np.max(np.abs(rows), axis=1, keepdims=True, initial=0.0)
    rows = rows / sizes
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / lengths, usable, sizes * lengths
