"""The dimension at a point of the Lie algebra that the fields of W generate."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ...laws import Rank, normal_space
from ._fields import ROWS, Fields

_LEAST_ROWS = 1024
_SPARE = 24
DEEPEST = 2
_WITH_KINKS = 4
_NO_LESS = 1e-6
FAINT = 1e-9
_TRIES = 4


class Tangent(NamedTuple):
    """What is known at a point z of W + [W, W] + … up to a level.

    **Attributes:**

    - `point`: z, `(S,)`.
    - `normal`: orthonormal rows, `(S − rank, S)`, the directions not reached, in the
        coordinates z/`scale`.
    - `scale`: lengths in which the fields have entries of like size, `(S,)`.
    - `still`: the entries that are 0 in all fields, `(S,)`.
    - `ranks`: the dimension at each level; none where no field is finite.
    - `gap`: (smallest kept, largest dropped) singular value, the worst level.
    - `clear`: whether every rank was clear.
    - `closed`: whether the last level added nothing, or there was nothing to add.
    - `orbit`: whether the last level is the orbit's.
    """

    point: np.ndarray
    normal: np.ndarray
    scale: np.ndarray
    still: np.ndarray
    ranks: tuple[int, ...]
    gap: tuple[float, float]
    clear: bool
    closed: bool
    orbit: bool = False

    @property
    def missing(self) -> int:
        """S minus the rank: an upper bound on the number of laws."""
        return len(self.normal)

    def normals(self) -> np.ndarray:
        """Orthonormal rows spanning the normal space in z itself."""
        rows = self.normal / self.scale
        return np.linalg.qr(rows.T)[0].T if len(rows) else rows


def sampled(fields: Fields, random: np.random.Generator, z: np.ndarray) -> Tangent:
    """W at z: the row space of gradients on many random data."""
    size = len(z)
    rows = fields.rows(random, z, max(_LEAST_ROWS, 3 * size))
    if not len(rows):
        still = np.ones(size, bool)
        one, finite = np.ones(size), fields.finite(random, z)
        ranks = (0,) if finite else ()
        return Tangent(z, np.eye(size), one, still, ranks, (1.0, 0.0), finite, True)
    lengths = np.sqrt(np.mean(rows**2, axis=0))
    scale = np.where(lengths > 0, lengths, 1.0)
    rows = rows / scale
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    if len(rows) > size + _SPARE:
        mix = random.standard_normal((size + _SPARE, len(rows)))
        rows = mix @ rows / len(rows) ** 0.5
    found = normal_space(rows, fields.subject.precision, None)
    return Tangent(
        z,
        found.normal,
        scale,
        lengths == 0,
        (found.rank,),
        (found.kept, found.dropped),
        found.clear,
        found.rank == size,
    )


def _deepened(
    fields: Fields,
    random: np.random.Generator,
    tangent: Tangent,
    laws: np.ndarray,
    vectors: Callable[[np.random.Generator, np.ndarray], np.ndarray],
) -> Tangent:
    """With the span of more vectors, drawn until they add no direction; not clear where
    hardly one of them is more than round-off, or a direction is only faintly in them.

    What is 0 in all fields at a random point is 0 nearby, and in their brackets; and no
    bracket has a part along the gradient of a law, so that these are not looked at.
    """
    known, other = _split(laws * tangent.scale @ tangent.normal.T)
    normal = other @ tangent.normal
    rows = np.zeros((0, len(normal)))
    enough, tries = len(normal) + 8, 0
    while len(rows) < min(enough, ROWS) or (len(rows) < enough and _independent(rows)):
        tries += 1
        if tries > _TRIES * (1 + enough // ROWS):
            return tangent._replace(clear=False, closed=True)
        found = np.where(tangent.still, 0, vectors(random, tangent.point))
        scaled = found / tangent.scale
        lengths = np.linalg.norm(found, axis=1)
        back = np.linalg.norm(scaled, axis=1)
        ratio = np.where(back > 0, lengths / np.where(back > 0, back, 1), 0)
        rows = np.concatenate([rows, (scaled * ratio[:, None]) @ normal.T])
    found = normal_space(rows, fields.subject.precision, len(rows) ** 0.5)
    return _joined(tangent, found, known @ tangent.normal, normal)


def _independent(rows: np.ndarray) -> bool:
    """Whether more rows could make the rank larger."""
    if len(rows) > rows.shape[1]:
        return False
    least = np.linalg.eigvalsh(rows @ rows.T)[0]
    return bool(least > _NO_LESS**2 * len(rows))


def _split(inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Orthonormal rows that span these, and what is orthogonal to them."""
    if not len(inside):
        return inside, np.eye(inside.shape[1])
    lengths = np.linalg.norm(inside, axis=1, keepdims=True)
    inside = inside / np.where(lengths > 0, lengths, 1)
    _, values, right = np.linalg.svd(inside)
    rank = int(np.sum(values > _NO_LESS))
    return right[:rank], right[rank:]


def _joined(
    tangent: Tangent, found: Rank, known: np.ndarray, normal: np.ndarray
) -> Tangent:
    left = found.normal @ normal
    return tangent._replace(
        normal=np.concatenate([known, left]),
        ranks=(*tangent.ranks, tangent.ranks[-1] + found.rank),
        gap=(min(tangent.gap[0], found.kept), max(tangent.gap[1], found.dropped)),
        clear=tangent.clear and found.clear and found.kept > FAINT,
        closed=found.rank == 0 or not len(left),
    )


def closed(
    fields: Fields, random: np.random.Generator, tangent: Tangent, laws: np.ndarray
) -> Tangent:
    """With brackets until a level adds nothing or the known laws are all that is left;
    beyond the second level, and the fourth for a model with kinks, with the tangent
    vectors of the orbit, as far as there are any.

    Let L_k be the span of the brackets of up to k + 1 fields. Near a generic point its
    dimension is constant, so where L_{k+1} = L_k the fields of L_k have their brackets
    with W in L_k again, and no later level adds anything (the left-normed brackets span
    the Lie algebra): the first level that adds nothing is the last.

    **Arguments:**

    - `laws`: the gradients at the point of independent laws that are known,
        `(laws, S)`: the rank cannot exceed S minus their number.
    """
    while not (tangent.closed or tangent.missing <= len(laws)):
        level = len(tangent.ranks)
        if level > (_WITH_KINKS if fields.subject.kinks else DEEPEST):
            if not len(fields.orbit(random, tangent.point)):
                return tangent
            tangent = _deepened(fields, random, tangent, laws, fields.orbit)
            return tangent._replace(closed=True, orbit=True)
        brackets = lambda r, z, level=level: fields.brackets(r, z, level)
        tangent = _deepened(fields, random, tangent, laws, brackets)
    return tangent._replace(closed=True)
