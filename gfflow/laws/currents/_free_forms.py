"""Laws with a matrix of its own for each array, of models of few parameters."""

from collections.abc import Mapping, Sequence
from typing import final

import numpy as np

from ._forms import Forms
from ._independent import span_of, span_with
from ._matched import MatchedUnits
from ._null_space import null_of, reduced, rounded, sizes_of
from ._points import Point
from ._probes import Probes
from ._units import Units

# Unknown weights, at most, and points for each.
_MOST, _POINTS, _SPARE = 600, 1.1, 40
# A gradient that is round-off of its terms.
_FLAT = 1e-9


def free_forms(found: Probes, families: Sequence[MatchedUnits]) -> list[Forms]:
    """Laws that do not follow from the families: with any symmetric S_A along each axis
    and any w_A for which Σ_A ⟨S_A, sym(g_A Aᵀ)⟩ + ⟨w_A, g_A⟩ = 0 at all points.

    Around a frozen matrix W₀ = PΣQᵀ in U W₀ V these are the ‖U p_i‖² − ‖q_iᵀV‖²; of a
    stream that is read without its mean one has S = 11ᵀ for all arrays along it; slices
    of one array p have p₀∘p₁. None where there are more than 600 unknown weights.
    """
    groups = _groups(found.shapes)
    if not groups:
        return []
    unknown = _Unknown(found, groups)
    span, made = span_of(found, families), []
    while (few := unknown.of_few_arrays(span)) is not None:
        rows, span = few
        made.append(unknown.forms(rows))
    return made


@final
class _Unknown:
    """The weights of groups of units, a column for each, with which the currents of all
    points add up to nothing."""

    def __init__(self, found: Probes, groups: Sequence[Units]):
        self._x, self._groups = found.points[0].x, groups
        ends = np.cumsum([0, *map(_unknowns, groups)])
        self._at = [slice(int(a), int(b)) for a, b in zip(ends, ends[1:])]
        points = found.at_least(int(_POINTS * ends[-1]) + _SPARE)
        value, size = np.empty((2, len(points), ends[-1]))
        for n, (x, g) in enumerate(points):
            alive = {path: np.where(found.dead[path], 0, g[path]) for path in g}
            for units, at in zip(groups, self._at, strict=True):
                value[n, at], size[n, at] = _current(units, Point(x, alive))
        self._size = sizes_of(size)
        self._laws = null_of(value, self._size)

    def of_few_arrays(self, span: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """Of these laws some whose gradients are not in a span, of groups none of which
        can be left out; and the span with them. `None` where there are none."""
        laws = self._laws
        if not self._new(laws, span):
            return None
        for at in self._at:
            without = null_of(laws[:, at].T, np.ones(len(laws))) @ laws
            if self._new(without, span):
                laws = without
        rows = reduced(laws / self._size)
        new, span = span_with(self._gradients(rows), span)
        return np.stack([rounded(row) for row in rows[new]]), span

    def forms(self, rows: np.ndarray) -> Forms:
        """Laws of weights, a row each."""
        units, weights = [], []
        for one, at in zip(self._groups, self._at, strict=True):
            if np.any(rows[:, at]):
                units.append(one)
                weights.append(_as_matrices(one, rows[:, at]))
        return Forms(tuple(units), tuple(weights))

    def _new(self, laws: np.ndarray, span: np.ndarray) -> bool:
        return bool(np.any(span_with(self._gradients(laws / self._size), span)[0]))

    def _gradients(self, rows: np.ndarray) -> np.ndarray:
        """Of each law, 0 where it is round-off of its terms: the squares of an array
        along one axis add up to those along another."""
        if not np.any(rows):
            return np.zeros((len(rows), sum(part.size for part in self._x.values())))
        made = self.forms(rows).gradients(self._x)
        sizes = {path: np.abs(part) for path, part in self._x.items()}
        terms = self.forms(np.abs(rows)).gradients(sizes)
        length, most = (np.linalg.norm(part, axis=1) for part in (made, terms))
        return made * (length > _FLAT * most)[:, None]


def _groups(shapes: Mapping[str, tuple[int, ...]]) -> list[Units]:
    """Those that are left out first if they can be: as far as there is room, of the
    smallest arrays all products of entries and products of two along an axis; squares
    along each axis; single entries.
    """
    squares, entries = [], []
    for name, shape in shapes.items():
        squares += [Units.of_axes(name, shape, (axis,)) for axis in range(len(shape))]
        entries.append(Units.of_axes(name, shape, range(len(shape)), "sums"))
    groups = [*squares, *entries]
    left = _MOST - sum(map(_unknowns, groups))
    if left < 0:
        return []
    more = [one._replace(kind="squares") for one in entries if len(one.shape) > 1]
    for one in squares:
        after = list(shapes)[list(shapes).index(one.array) + 1 :]
        others = (name for name in after if shapes[name] == one.shape)
        more += [one._replace(other=name, kind="products") for name in others]
    for one in sorted(more, key=_unknowns):
        left -= _unknowns(one)
        groups = [one, *groups] if left >= 0 else groups
    return groups


def _unknowns(units: Units) -> int:
    r = units.length
    return {"squares": r * (r + 1) // 2, "products": r * r}.get(units.kind, r)


def _current(units: Units, point: Point) -> tuple[np.ndarray, np.ndarray]:
    """For each unknown weight what it stands beside, and the size of the terms."""
    left = units.rows(point.g[units.array])
    if not units.quadratic:
        return left[:, 0], np.abs(left[:, 0])
    right = units.rows(point.x[units.other])
    made = [left @ right.T, np.abs(left) @ np.abs(right).T]
    if units.kind == "products":
        one, two = units.rows(point.x[units.array]), units.rows(point.g[units.other])
        made = [made[0] + one @ two.T, made[1] + np.abs(one) @ np.abs(two).T]
        return made[0].ravel(), made[1].ravel()
    i, j = np.triu_indices(units.length)
    of = np.where(i == j, 2, 1)
    value, size = ((current + current.T)[i, j] / of for current in made)
    return value, size


def _as_matrices(units: Units, weights: np.ndarray) -> np.ndarray:
    if units.kind == "sums":
        return weights
    if units.kind == "products":
        return weights.reshape(-1, units.length, units.length)
    i, j = np.triu_indices(units.length)
    full = np.zeros((len(weights), units.length, units.length))
    full[:, i, j] = full[:, j, i] = weights
    return full
