"""Which axes of the arrays of a model have currents that add up to nothing."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool

from ._axes import Axis, lengths
from ._matched import MatchedAxes
from ._null_space import independent, null_space, rounded
from ._probes import Probes

# Off the diagonal: the longest axis, and round-off of the terms.
_LONGEST, _ZERO = 1024, 1e-9


def families(found: Probes) -> list[MatchedAxes]:
    """Those of the longest axes first. What sums of longer ones say is left out."""
    kept: list[MatchedAxes] = []
    for length in lengths(found.shapes):
        candidates = [axis for axis in found.currents if axis.length == length]
        columns = [_live(found, axis) for axis in candidates]
        matrix, sizes = (np.stack(x, axis=1) for x in zip(*columns))
        basis = null_space(matrix, np.linalg.norm(sizes, axis=0))
        for row in independent(basis, _images(kept, candidates)):
            row = rounded(row)
            where = np.flatnonzero(row)
            chosen = tuple(candidates[i] for i in where)
            weights = tuple(row[where].tolist())
            kept.append(MatchedAxes(chosen, weights, _pairs(found, chosen, weights)))
    return kept


def _live(found: Probes, axis: Axis) -> tuple[np.ndarray, np.ndarray]:
    """The current of an axis and the size of its terms, all points in one column; 0
    where every entry is dead."""
    dead = found.dead[axis.array] & found.dead[axis.other]
    live = ~np.all(axis.rows(dead), axis=1)
    value, size = found.currents[axis]
    return np.ravel(value * live), np.ravel(size * live)


def _pairs(
    found: Probes, chosen: tuple[Axis, ...], weights: tuple[float, ...]
) -> Bool[np.ndarray, "r r"]:
    """Where the weighted sum of the symmetric currents is round-off of its terms."""
    length = chosen[0].length
    diagonal = np.eye(length, dtype=bool)
    if length > _LONGEST:
        return diagonal
    zero = np.ones((length, length), bool)
    for x, g in found.points:
        total, size = np.zeros((length, length)), np.zeros((length, length))
        for axis, weight in zip(chosen, weights, strict=True):
            for one, other in {(axis.array, axis.other), (axis.other, axis.array)}:
                left, right = axis.rows(g[one]), axis.rows(x[other])
                current, terms = left @ right.T, np.abs(left) @ np.abs(right).T
                total += weight * (current + current.T)
                size += abs(weight) * (terms + terms.T)
        zero &= np.abs(total) <= _ZERO * size
    return zero | diagonal


def _images(kept: Sequence[MatchedAxes], candidates: list[Axis]) -> np.ndarray:
    """What families of longer axes say of the candidates when indices are summed: an
    index of (l, a·r·b, m) is one of (l·a, r, b·m)."""
    place = {axis: i for i, axis in enumerate(candidates)}
    length = candidates[0].length
    rows = []
    for family in kept:
        for a, b in _splits(family.length, length):
            row = np.zeros(len(candidates))
            for axis, weight in zip(family.axes, family.coefficients, strict=True):
                left, _, right = axis.factors
                coarser = axis._replace(factors=(left * a, length, b * right))
                if length == 1:
                    coarser = axis._replace(axis=0, factors=(1, 1, axis.shape[0]))
                row[place[coarser]] += weight
            rows.append(row)
    return np.asarray(rows).reshape(-1, len(candidates))


def _splits(longer: int, length: int) -> list[tuple[int, int]]:
    if length == 1:
        return [(1, longer)]
    if longer % length:
        return []
    rest = longer // length
    return [(a, rest // a) for a in range(1, rest + 1) if rest % a == 0]
