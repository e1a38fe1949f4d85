"""From a numerical null space to few, simple, exact vectors."""

from collections.abc import Sequence
from fractions import Fraction
from math import gcd, lcm

import numpy as np

_PRESENT = 0.02
_ROUND = 1e-7
_DENOMINATOR = 720
_NEAR = 1e-10


def rational_basis(null: np.ndarray) -> list[list[Fraction]]:
    """Integer vectors spanning what of the row space of `null` is spanned by vectors
    with small rational entries, as sparse as sums and differences make them.

    The reduced echelon form is the same for every basis of a space, given the pivot
    columns, so its entries are rational if the space has a rational basis. Pivots are
    columns in which little of the space is seen: those of one vector only come first.

    **Arguments:**

    - `null`: orthonormal rows, `(q, unknowns)`.
    """
    reduced = _echelon(null)
    whole = [v for row in reduced if (v := _integers(row)) is not None]
    return [[Fraction(int(x)) for x in row] for row in _sparser(whole)]


def real_basis(null: np.ndarray) -> list[list[Fraction]]:
    """The rows of the echelon form of that space as they are, but for round-off: what
    is almost 0 is, what is almost equal is equal, and quotients that are almost those
    of small whole numbers are."""
    return [_smoothed(row) for row in _echelon(null)]


def _smoothed(row: np.ndarray) -> list[Fraction]:
    top = np.max(np.abs(row))
    places = np.flatnonzero(np.abs(row) > _NEAR * top)
    places = places[np.argsort(np.abs(row[places]))]
    sizes = np.abs(row[places])
    steps = np.cumsum([False, *(np.diff(sizes) > _NEAR * sizes[1:])])
    means = np.bincount(steps, sizes) / np.bincount(steps)
    values = near_rational(means.tolist(), _NEAR)
    made = [Fraction(0)] * len(row)
    for place, step in zip(places.tolist(), steps.tolist()):
        made[place] = values[step] if row[place] > 0 else -values[step]
    return made


def near_rational(values: Sequence[float], tolerance: float) -> list[Fraction]:
    """Multiples of numbers other than 0: whole ones, if their quotients are those of
    small whole numbers to the tolerance; else over the smallest of them, as they are.
    """
    least = min(values, key=abs)
    quotients = [value / least for value in values]
    near = [Fraction(q).limit_denominator(_DENOMINATOR) for q in quotients]
    if any(abs(float(f) - q) > tolerance * abs(q) for f, q in zip(near, quotients)):
        return [Fraction(q) for q in quotients]
    common = lcm(*(f.denominator for f in near))
    return [f * common for f in near]


def _echelon(null: np.ndarray) -> np.ndarray:
    rows = np.array(null, float)
    seen = np.sum(rows**2, axis=0)
    done = 0
    for column in np.argsort(np.round(seen, 9), kind="stable"):
        if done == len(rows):
            break
        if seen[column] < 1e-12:
            continue
        best = done + int(np.argmax(np.abs(rows[done:, column])))
        if abs(rows[best, column]) < _PRESENT * np.max(np.abs(rows[best])):
            continue
        rows[[done, best]] = rows[[best, done]]
        rows[done] /= rows[done, column]
        others = np.arange(len(rows)) != done
        rows[others] -= np.outer(rows[others, column], rows[done])
        done += 1
    return rows[:done]


def _integers(row: np.ndarray) -> np.ndarray | None:
    distinct, place = np.unique(np.round(row, 9), return_inverse=True)
    near = [Fraction(float(x)).limit_denominator(_DENOMINATOR) for x in distinct]
    values = np.array([float(f) for f in near])[place]
    if np.max(np.abs(values - row)) > _ROUND * max(1.0, np.max(np.abs(row))):
        return None
    common = lcm(*(f.denominator for f in near))
    whole = np.array([int(f * common) for f in near], object)
    return _primitive(whole[place])


def _primitive(vector: np.ndarray) -> np.ndarray:
    divisor = gcd(*set(vector.tolist())) or 1
    return vector // divisor


def _sparser(rows: list[np.ndarray]) -> list[np.ndarray]:
    """Replace a vector by its sum with or difference from another while that has fewer
    entries."""
    if not rows:
        return []
    table = np.array([[int(x) for x in row] for row in rows], dtype=object)
    small = np.array(table, dtype=float)
    improved = True
    while improved:
        improved = False
        weight = np.count_nonzero(small, axis=1)
        for i in np.argsort(-weight, kind="stable"):
            for sign in (-1.0, 1.0):
                counts = np.count_nonzero(small[i] + sign * small, axis=1)
                counts[i] = weight[i]
                j = int(np.argmin(counts))
                if 0 < counts[j] < weight[i]:
                    table[i] = _primitive(table[i] + int(sign) * table[j])
                    small[i] = table[i].astype(float)
                    weight[i] = np.count_nonzero(small[i])
                    improved = True
    return list(table)
