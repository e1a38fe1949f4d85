"""Gradients at random parameters on random data, and the currents that they make."""

from typing import Any, NamedTuple, final

import numpy as np
from jaxtyping import Array, PyTree

from ...problem import Problem, named_parameters
from ._candidates import candidates, lengths
from ._gathered import Current, Gathered
from ._points import Point, PointsNear
from ._units import Units

_SAMPLES, _FEW_SAMPLES = 4, 2
# An entry whose gradient is at most this part of the largest one has none.
_DEAD = 1e-12
# Points that are kept whole, and numbers of all of them together.
_WHOLE, _MOST = 64, 2**23
# Points for each unit to choose from; for unit by unit, at most.
_SPARE = 1.25
_ALONE = 96
# Points that are kept whole of the largest models; and parameters of a model of which
# few gradients are taken.
_FEW, _LARGE = 8, 10**5
# Points whose parameters are kept in their tree.
_FIRST = 3


@final
class Probes(NamedTuple):
    """P random points near the parameters of a problem.

    - `shapes`: of the parameters by path, but for arrays of no entries; a scalar is
        a vector of one.
    - `candidates`: units along axes, by their number.
    - `currents`: of all of them.
    - `points`: the first few.
    - `dead`: by path, where the gradient is 0, or round-off, at all points.
    - `parameters`: those of the first points, in their tree.
    - `in_any_order`: whether there are more points than indices of all axes.
    - `draw`: further points.
    """

    shapes: dict[str, tuple[int, ...]]
    candidates: dict[int, list[Units]]
    currents: dict[Units, Current]
    points: list[Point]
    dead: dict[str, np.ndarray]
    parameters: list[PyTree[Array]]
    in_any_order: bool
    draw: PointsNear

    def live(self, units: Units) -> np.ndarray:
        """Of which units some entry is not dead, bool[r]."""
        dead = self.dead[units.array] & self.dead[units.other]
        return ~np.all(units.rows(dead), axis=1)

    def at_points(self, units: Units) -> Current:
        """The current of any units, at the points that were kept."""
        made = [
            [units.rows(t).sum(axis=1) for t in units.terms(*p)] for p in self.points
        ]
        return Current(*map(np.stack, zip(*made)))

    def at_least(self, count: int) -> list[Point]:
        """So many points, of a model of few parameters."""
        more = (self.draw() for _ in range(count - len(self.points)))
        return [*self.points, *(made[1] for made in more if made)]


def probes(problem: Problem, most_entries: int, seed: int = 0) -> Probes | None:
    """PointsNear them, by one compiled gradient.

    There are more points than units to choose from; and than indices of all axes, if
    these are `most_entries` or fewer. `None` where no gradient is finite.
    """
    named = named_parameters(problem.parameters)
    shapes = {name: x.shape or (1,) for name, x in named.items() if x.size}
    of_length = candidates(shapes)
    every = [units for some in of_length.values() for units in some]
    groups: dict[Any, list[Units]] = {}
    for units in every:
        groups.setdefault(units.beside, []).append(units)
    entries = sum(u.length for u in every if u.whole and u.kind == "squares")
    sizes = lengths(shapes)
    alone = [len(some) for r, some in of_length.items() if r in sizes]
    needed = [_SPARE * len(some) / r for r, some in of_length.items() if r in sizes]
    ordered = entries > most_entries
    large = problem.size > _LARGE
    samples = _FEW_SAMPLES if large else _SAMPLES
    needed += [16 if large else 48, min(max(alone), 24 if large else _ALONE)]
    needed += [0 if ordered else entries]
    count = 16 + int(max(needed))
    gathered = [Gathered(units) for units in groups.values()]
    firsts, points = [], []
    largest = {name: np.zeros(shape) for name, shape in shapes.items()}
    whole = min(_WHOLE, max(_FEW, _MOST // max(2 * problem.size, 1)))
    draw = PointsNear(problem, samples, seed)
    for _ in range(count):
        made = draw()
        if made is None:
            continue
        parameters, point = made
        for name, part in point.g.items():
            np.maximum(largest[name], np.abs(part), out=largest[name])
        for some in gathered:
            some.add(point)
        if len(points) < whole:
            points.append(point)
            firsts += [parameters] if len(firsts) < _FIRST else []
    if not points:
        return None
    of_units = {u: c for some in gathered for u, c in some.currents().items()}
    currents = {units: of_units[units] for units in every}
    dead = {name: size <= _DEAD for name, size in largest.items()}
    return Probes(shapes, of_length, currents, points, dead, firsts, not ordered, draw)
