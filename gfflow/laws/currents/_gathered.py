"""What currents add up to, for many units of the same arrays."""

from collections.abc import Sequence
from typing import NamedTuple, final

import numpy as np

from ._points import Point
from ._units import Units


class Current(NamedTuple):
    """Of some units at P points: what is added up over each, `(P, r)`, and the sum of
    the absolute values of its terms."""

    value: np.ndarray
    size: np.ndarray


@final
class Gathered:
    """The currents of units of the same arrays, point by point.

    What is added up over all axes but one is so once; over factors of that axis, at the
    end.
    """

    def __init__(self, units: Sequence[Units]):
        self._axis = {one: one.in_one_axis for one in units}
        self._first = units[0]
        self._along: list[tuple[list[np.ndarray], ...]] = []
        self._apart: dict[Units, list[tuple[np.ndarray, ...]]] = {
            one: [] for one in units if self._axis[one] is None
        }

    def add(self, point: Point) -> None:
        """One more point."""
        made = self._first.terms(*point)
        if len(self._apart) < len(self._axis):
            self._along.append(tuple(map(_margins, made)))
        for one, kept in self._apart.items():
            kept.append(tuple(one.rows(part).sum(axis=1) for part in made))

    def currents(self) -> dict[Units, Current]:
        """Of all units."""
        stacked = [
            [np.stack(margin) for margin in zip(*part)] for part in zip(*self._along)
        ]
        found = {}
        for one, axis in self._axis.items():
            if axis is None:
                found[one] = Current(*map(np.stack, zip(*self._apart[one])))
            else:
                factors = one.split[axis]
                parts = (part[axis] for part in stacked)
                cut = (part.reshape(len(part), *factors) for part in parts)
                found[one] = Current(*(part.sum(axis=(1, 3)) for part in cut))
        return found


def _margins(array: np.ndarray) -> list[np.ndarray]:
    """The sums over all axes but one, for each axis: the half of the axes that are not
    wanted at once, and so on."""
    if array.ndim == 1:
        return [array]
    half = array.ndim // 2
    first, last = array.shape[:half], array.shape[half:]
    matrix = array.reshape(int(np.prod(first)), -1)
    over_last = matrix @ np.ones(matrix.shape[1])
    over_first = np.ones(matrix.shape[0]) @ matrix
    return [*_margins(over_last.reshape(first)), *_margins(over_first.reshape(last))]
