"""Units of which each array has others: sums of squares along single indices."""

import math
from collections.abc import Sequence

import numpy as np

from ._independent import SMALL, adds_to
from ._matched import MatchedUnits
from ._null_space import null_space, sparse_beyond
from ._probes import Probes
from ._units import Units


def entry_by_entry(found: Probes, kept: Sequence[MatchedUnits]) -> list[MatchedUnits]:
    """Sums of squares along single indices of whole axes that the families do not say,
    of one unit each. None where there are too many indices, or parameters.

    The sums over all indices of two axes of one array are the same: that is no law.
    """
    size = sum(math.prod(shape) for shape in found.shapes.values())
    if not found.in_any_order or size > SMALL:
        return []
    squares = [u for u in found.currents if u.whole and u.kind == "squares"]
    places = [(units, i) for units in squares for i in range(units.length)]
    if not places:
        return []
    matrix = np.stack([found.currents[u].value[:, i] for u, i in places], axis=1)
    sizes = [np.linalg.norm(found.currents[u].size[:, i]) for u, i in places]
    live = np.concatenate([found.live(units) for units in squares])
    sizes = np.where(live, sizes, 0)
    if not _more(found, kept, places, null_space(matrix, sizes)):
        return []
    index = {(u.array, u.axis, i): n for n, (u, i) in enumerate(places)}
    units = [(family, i) for family in kept for i in range(family.length)]
    known = [_as_entries(*unit, index) for unit in units]
    known = [row for row in known if row is not None] + _identities(squares, index)
    known = np.reshape(known, (-1, len(places))) * live
    families = []
    for row in sparse_beyond(matrix, sizes, known):
        where = np.flatnonzero(row)
        chosen = (places[n][0]._replace(chosen=(places[n][1],)) for n in where)
        families.append(MatchedUnits(tuple(chosen), tuple(row[where].tolist()), None))
    return families


def _more(found: Probes, kept, places: list[tuple[Units, int]], basis) -> bool:
    """Whether a law of the basis, a row of coefficients each, does not follow from the
    families."""
    x = found.points[0].x
    ones = (MatchedUnits((u._replace(chosen=(i,)),), (1.0,), None) for u, i in places)
    entries = np.concatenate([one.gradients(x) for one in ones])
    return adds_to(found, kept, basis @ entries)


def _as_entries(family: MatchedUnits, i: int, index: dict) -> np.ndarray | None:
    """The diagonal of unit i in squares along single indices; `None` if it is none."""
    row = np.zeros(len(index))
    for units, weight in zip(family.units, family.coefficients, strict=True):
        one = np.zeros(units.length)
        one[i] = 1
        inside = units.spread(one)
        axis = units.axis or 0
        along = np.moveaxis(inside, axis, 0).reshape(units.shape[axis], -1)
        places = [(units.array, axis, int(k)) for k in np.flatnonzero(along[:, 0])]
        apart = np.any(along != along[:, :1]) or not all(p in index for p in places)
        if units.kind != "squares" or apart:
            return None
        for place in places:
            row[index[place]] += weight * along[place[2], 0]
    return row


def _identities(squares: Sequence[Units], index: dict) -> list[np.ndarray]:
    first: dict[str, Units] = {}
    rows = []
    for units in squares:
        one = first.setdefault(units.array, units)
        if one is not units:
            row = np.zeros(len(index))
            for u, sign in ((one, 1.0), (units, -1.0)):
                for i in range(u.length):
                    row[index[u.array, u.axis, i]] = sign
            rows.append(row)
    return rows
