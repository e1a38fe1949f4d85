"""Some of the units only, and units that stand in another order in each array."""

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

import numpy as np

from ._gathered import Current
from ._matched import MatchedUnits
from ._null_space import null_space, rounded
from ._probes import Probes
from ._units import Units

_SAME = 1e-9
# What is more than round-off of its terms, and what tells of a direction of at least so
# many entries: a unit that is hardly ever active is like any other one.
_LIVE, _SEEN, _SEEN_AT = 1e-6, 1e-3, 5
# Values of currents of all units together, and units that are compared with each other.
_VALUES, _UNITS = 2**26, 2**17


def unit_by_unit(found: Probes) -> list[MatchedUnits]:
    """Coefficients with which some of the units of whole axes match, of one index after
    the other and not of all of them."""
    kept = []
    for candidates in found.candidates.values():
        candidates = [units for units in candidates if units.whole]
        n = len(candidates)
        if n < 2 or candidates[0].length == 1:
            continue
        currents = [found.currents[units] for units in candidates]
        points, length = currents[0].value.shape
        if points < n or points * n * length > _VALUES:
            continue
        value = np.stack([c.value for c in currents])
        live = np.stack([found.live(units) for units in candidates])
        live &= _telling(np.moveaxis(value, 1, 2))
        value = value * live[:, None]
        size = np.linalg.norm([c.size for c in currents], axis=1) * live
        every = null_space(value.reshape(n, -1).T, np.linalg.norm(size, axis=1))
        of: dict[tuple[float, ...], list[int]] = {}
        for i in range(length):
            basis = null_space(value[:, :, i].T, size[:, i])
            if len(basis) > len(every):
                for row in map(rounded, basis):
                    of.setdefault(tuple(np.round(row, 9).tolist()), []).append(i)
        for row, which in of.items():
            where = np.flatnonzero(row)
            if len(which) < length:
                chosen = (candidates[k]._replace(chosen=tuple(which)) for k in where)
                weights = tuple(row[k] for k in where)
                kept.append(MatchedUnits(tuple(chosen), weights, None))
    return kept


class _Signed(NamedTuple):
    """Units of arrays that go together, and the sum of their currents at all points,
    `(r, P)`, each over its length with the first entry positive."""

    units: tuple[Units, ...]
    lengths: np.ndarray
    directions: np.ndarray


def in_another_order(found: Probes) -> list[MatchedUnits]:
    """Units with currents in a fixed proportion, wherever they stand: behind a
    permutation, in parts of one array, or in the next layer of stacked ones.

    Of each array of two axes or more, along one axis or two, with the vectors of the
    same length or without them.
    """
    currents: dict[Units, Current] = {}
    for units in {u for some in _beside(found) for u in some}:
        currents[units] = found.at_points(units)
    made = (_directions(found, units, currents) for units in _beside(found))
    signed = [one for one in made if one]
    total = sum(len(one.lengths) for one in signed)
    if not signed or total > _UNITS:
        return []
    rows = np.concatenate([one.directions for one in signed])
    owner = np.repeat(np.arange(len(signed)), [len(s.lengths) for s in signed])
    number = np.concatenate([np.arange(len(s.lengths)) for s in signed])
    alike: dict[tuple, list[tuple[int, int]]] = {}
    for a, b in _equal(rows):
        one, two = sorted([(owner[a], number[a]), (owner[b], number[b])])
        ratio = _ratio(signed[one[0]], int(one[1]), signed[two[0]], int(two[1]))
        key = int(one[0]), int(two[0]), round(ratio, 6)
        alike.setdefault(key, []).append((int(one[1]), int(two[1])))
    kept = []
    for (one, two, ratio), pairs in alike.items():
        first, second = zip(*sorted(pairs))
        sides = (signed[one], first, 1.0), (signed[two], second, -ratio)
        units = [
            u._replace(chosen=tuple(at)) for side, at, _ in sides for u in side.units
        ]
        weights = np.asarray([w for side, _, w in sides for _ in side.units])
        kept.append(MatchedUnits(tuple(units), tuple(rounded(weights).tolist()), None))
    return kept


def _beside(found: Probes) -> Iterator[tuple[Units, ...]]:
    vectors: dict[tuple[int, ...], list[Units]] = {}
    arrays = []
    for name, shape in found.shapes.items():
        every = Units.of_axes(name, shape, range(len(shape)))
        vectors.setdefault(shape, []).append(every)
        if len(shape) > 1:
            arrays.append(every)
    for units in arrays:
        axes = [k for k, n in enumerate(units.shape) if n > 1]
        for count in range(1, min(3, len(axes))):
            for kept in combinations(axes, count):
                along = units._replace(kept=kept)
                yield (along,)
                of_shape = tuple(units.shape[k] for k in kept)
                for vector in vectors.get(of_shape, []):
                    if vector.array != units.array:
                        yield along, vector
    for shape, some in vectors.items():
        if len(shape) == 1 and shape[0] > 1:
            for vector in some:
                yield (vector,)


def _directions(
    found: Probes, units: tuple[Units, ...], currents: dict[Units, Current]
) -> _Signed | None:
    of = [currents[u] for u in units]
    value = np.sum([c.value for c in of], axis=0).T
    size = np.sum([np.linalg.norm(c.size, axis=0) for c in of], axis=0)
    lengths = np.linalg.norm(value, axis=1)
    directions = value / np.where(lengths > 0, lengths, 1)[:, None]
    live = (lengths > _LIVE * size) & np.all([found.live(u) for u in units], axis=0)
    live &= np.all([_telling(c.value.T) for c in of], axis=0)
    live &= _telling(value)
    signs = np.where(directions[:, :1] < 0, -1.0, 1.0)
    directions = np.where(live[:, None], directions * signs, np.nan)
    return _Signed(units, lengths * signs[:, 0], directions) if np.any(live) else None


def _telling(value: np.ndarray) -> np.ndarray:
    """Of currents at all points, in the last axis, which are more than noise at several
    of them."""
    seen = np.abs(value) > _SEEN * np.max(np.abs(value), axis=-1, keepdims=True)
    return np.sum(seen, axis=-1) >= min(_SEEN_AT, value.shape[-1])


def _ratio(one: _Signed, i: int, two: _Signed, j: int) -> float:
    return float(one.lengths[i] / two.lengths[j])


def _equal(rows: np.ndarray) -> Iterator[tuple[int, int]]:
    """Pairs of equal rows, each row with the next one that is.

    Only rows are compared whose product with a random vector is the same: many units
    that are off at a point have the same entry there.
    """
    along = np.random.default_rng(0).standard_normal(rows.shape[1])
    key = rows @ along
    order = np.argsort(key, kind="stable")
    order = order[np.isfinite(key[order])]
    apart = _SAME * float(np.sum(np.abs(along)))
    for n, a in enumerate(order):
        for b in order[n + 1 :]:
            if key[b] - key[a] > apart:
                break
            if np.max(np.abs(rows[b] - rows[a])) <= _SAME:
                yield int(a), int(b)
                break
