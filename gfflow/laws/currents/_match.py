"""Which units of the arrays of a model have currents that add up to nothing."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Bool

from ._candidates import all_in_one, along, lengths
from ._matched import MatchedUnits
from ._null_space import independent, null_space, rounded
from ._probes import Probes
from ._units import Units, joined

# Off the diagonal: the most units, multiplications, and round-off of the terms.
_MOST_UNITS, _MULTIPLICATIONS, _ZERO = 1024, 2e10, 1e-9


def families(found: Probes) -> list[MatchedUnits]:
    """Those of most units first: of indices of several axes, then of one. What sums of
    the ones before say is left out."""
    kept: list[MatchedUnits] = []
    sizes, together = lengths(found.shapes), _together(found)
    for length, candidates in found.candidates.items():
        groups = [candidates]
        if length not in sizes:
            entries = [u for u in candidates if len(u.kept) > 1]
            along = [u for u in candidates if len(u.kept) == 1]
            groups = [[u for u in along if u.array in some] for some in together]
            groups = [entries, *groups]
        for some in groups:
            kept += _new_families(found, some, kept)
    several = list(_of_several_axes(found, kept))
    several += _of_several_axes(found, several, kept)
    return sorted([*several, *kept], key=lambda family: -family.length)


def _new_families(
    found: Probes, candidates: list[Units], kept: Sequence[MatchedUnits]
) -> Iterable[MatchedUnits]:
    if not candidates:
        return
    columns = _columns(found, candidates)
    if len(candidates) > len(columns[0]):
        return
    for row in independent(null_space(*columns), _images(kept, candidates)):
        row = rounded(row)
        where = np.flatnonzero(row)
        units = tuple(candidates[i] for i in where)
        yield matched(found, units, row[where].tolist())


def _together(found: Probes) -> list[frozenset[str]]:
    """The arrays of which all squares together make a law, for each such law."""
    candidates = [u for u in found.candidates[1] if u.kind == "squares"]
    basis = null_space(*_columns(found, candidates))
    sets = (np.flatnonzero(row) for row in basis)
    every = [frozenset(candidates[i].array for i in where) for where in sets]
    return list(dict.fromkeys(every))


def matched(
    found: Probes, units: Sequence[Units], coefficients: Sequence[float]
) -> MatchedUnits:
    """With the pairs off the diagonal that match too. The coefficients of the side with
    more units in rows are negative, and −1 where they are equal."""
    weights = np.asarray(coefficients, float)
    in_rows = np.asarray([u.axis == 0 for u in units])
    if len(weights) > 1:
        ahead = np.sum(in_rows * np.sign(weights))
        weights = -weights if ahead > 0 or ahead == 0 and weights[0] > 0 else weights
        negative = weights[weights < 0]
        if len(negative) and np.all(negative == negative[0]):
            weights = weights / -negative[0]
    family = MatchedUnits(tuple(units), tuple(weights.tolist()), None)
    return family._replace(pairs=_pairs(found, family))


def _columns(found: Probes, candidates: list[Units]) -> tuple[np.ndarray, np.ndarray]:
    """The currents of all points, a column for each candidate, and the lengths of the
    sizes of its terms; 0 where every entry of a unit is dead."""
    live = [found.live(units) for units in candidates]
    currents = [found.currents[units] for units in candidates]
    value = [np.ravel(c.value * l) for c, l in zip(currents, live)]
    size = [np.linalg.norm(c.size * l) for c, l in zip(currents, live)]
    return np.stack(value, axis=1), np.asarray(size)


def _of_several_axes(
    found: Probes,
    ones: Sequence[MatchedUnits],
    others: Sequence[MatchedUnits] | None = None,
) -> Iterable[MatchedUnits]:
    """Two families of the same arrays, with the same coefficients, whose units together
    match one by one: heads and their entries, layers and their units."""
    for n, one in enumerate(ones):
        for two in ones[:n] if others is None else others:
            if _same_arrays(one, two) and one.quadratic:
                pairs = zip(one.units, two.units, strict=True)
                units = [joined(*pair) for pair in pairs]
                if None in units:
                    continue
                family = MatchedUnits(tuple(u for u in units if u), one[1], None)
                if _vanishes(found, family):
                    yield matched(found, family.units, family.coefficients)


def _same_arrays(one: MatchedUnits, two: MatchedUnits) -> bool:
    beside = [[units.beside for units in family.units] for family in (one, two)]
    if beside[0] != beside[1] or min(one.length, two.length) == 1:
        return False
    ratio = np.asarray(one.coefficients) / np.asarray(two.coefficients)
    return bool(np.allclose(ratio, ratio[0], rtol=1e-9))


def _vanishes(found: Probes, family: MatchedUnits) -> bool:
    currents = [found.at_points(units) for units in family.units]
    value = sum(a * c.value for a, c in zip(family.coefficients, currents))
    size = sum(abs(a) * c.size for a, c in zip(family.coefficients, currents))
    return bool(np.all(np.abs(value) <= _ZERO * size))


def _pairs(found: Probes, family: MatchedUnits) -> Bool[np.ndarray, "r r"] | None:
    """Where the weighted sum of the symmetric currents is round-off of its terms."""
    length = family.length
    if not 1 < length <= _MOST_UNITS or not family.quadratic:
        return None
    zero, seen = np.ones((length, length), bool), np.zeros((length, length), bool)
    cost = length * sum(math.prod(units.shape) for units in family.units)
    points = found.points[: max(2, int(_MULTIPLICATIONS / cost))]
    for x, g in points:
        total, size = np.zeros((length, length)), np.zeros((length, length))
        for units, weight in zip(family.units, family.coefficients, strict=True):
            beside = [(g[units.array], units.partner(x))]
            if units.kind == "products":
                beside.append((g[units.other], x[units.array]))
            for pair in beside:
                left, right = map(units.rows, pair)
                current, terms = left @ right.T, np.abs(left) @ np.abs(right).T
                total += weight * (current + current.T)
                size += abs(weight) * (terms + terms.T)
        zero &= np.abs(total) <= _ZERO * size
        seen |= size > 0
    zero &= seen
    diagonal = np.eye(length, dtype=bool)
    return zero | diagonal if np.any(zero & ~diagonal) else None


def _images(kept: Sequence[MatchedUnits], candidates: list[Units]) -> np.ndarray:
    """What families along one axis say of the candidates when indices are summed: an
    index of (l, a·r·b, m) is one of (l·a, r, b·m)."""
    place: dict[Units | None, int] = {units: i for i, units in enumerate(candidates)}
    length = candidates[0].length
    rows = []
    for family in kept:
        for a, b in _splits(family.length, length):
            row = np.zeros(len(candidates))
            of = zip(family.units, family.coefficients, strict=True)
            images = [(place.get(_image(u, length, a, b)), weight) for u, weight in of]
            if any(image is None for image, _ in images):
                continue
            for image, weight in images:
                row[image] += weight
            rows.append(row)
    return np.asarray(rows).reshape(-1, len(candidates))


def _image(units: Units, length: int, a: int, b: int) -> Units | None:
    if length == 1:
        return all_in_one(units)
    axis = units.axis
    if axis is None or len(units.kept) != 1:
        return None
    left, _, right = units.split[axis]
    return along(units, axis, (left * a, length, b * right))


def _splits(longer: int, length: int) -> list[tuple[int, int]]:
    if length == 1:
        return [(1, longer)]
    if longer % length:
        return []
    rest = longer // length
    return [(a, rest // a) for a in range(1, rest + 1) if rest % a == 0]
