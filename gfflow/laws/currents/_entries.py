"""Units that stand in a different order in each array, or some of them only."""

from collections.abc import Sequence

import numpy as np

from ._axes import Axis
from ._matched import MatchedAxes
from ._null_space import sparse_beyond
from ._probes import Probes

Row = tuple[tuple[Axis, int, float], ...]


def entry_rows(found: Probes, kept: Sequence[MatchedAxes]) -> list[Row]:
    """Sums of squares along single indices of whole axes, each (axis, index, α), that
    the families do not say. None where there are too many indices.

    The sums over all indices of two axes of one array are the same: that is no law.
    """
    if not found.in_any_order:
        return []
    places = [
        (axis, i) for axis in found.currents if axis.whole for i in range(axis.length)
    ]
    index = {place: n for n, place in enumerate(places)}
    matrix = np.stack([found.currents[a].value[:, i] for a, i in places], axis=1)
    sizes = [np.linalg.norm(found.currents[a].size[:, i]) for a, i in places]
    live = np.asarray([_is_live(found, axis, i) for axis, i in places])
    units = [(family, i) for family in kept for i in range(family.length)]
    known = [_as_entries(*unit, index) for unit in units] + _identities(index)
    known = np.asarray([row for row in known if row is not None])
    known = known.reshape(-1, len(places)) * live
    rows = sparse_beyond(matrix, np.where(live, sizes, 0), known)
    return [
        tuple((*places[n], float(row[n])) for n in np.flatnonzero(row)) for row in rows
    ]


def _is_live(found: Probes, axis: Axis, i: int) -> bool:
    return not np.all(axis.rows(found.dead[axis.array])[i])


def _as_entries(family: MatchedAxes, i: int, index: dict) -> np.ndarray | None:
    row = np.zeros(len(index))
    for axis, weight in zip(family.axes, family.coefficients, strict=True):
        if axis.array != axis.other:
            return None
        left, length, right = axis.factors
        size = axis.shape[axis.axis]
        whole = axis._replace(factors=(1, size, 1))
        of_axis = np.arange(size).reshape(left, length, right)
        chosen = of_axis if length == 1 else of_axis[:, i]
        for k in np.ravel(chosen):
            row[index[whole, int(k)]] += weight
    return row


def _identities(index: dict) -> list[np.ndarray]:
    axes = dict.fromkeys(axis for axis, _ in index)
    first: dict[str, Axis] = {}
    rows = []
    for axis in axes:
        one = first.setdefault(axis.array, axis)
        if one is not axis:
            row = np.zeros(len(index))
            for a, sign in ((one, 1.0), (axis, -1.0)):
                for i in range(a.length):
                    row[index[a, i]] = sign
            rows.append(row)
    return rows
