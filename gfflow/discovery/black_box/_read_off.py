"""The laws that are read off gradients, one polynomial a component."""

from collections.abc import Iterator
from typing import Any, cast

import numpy as np

from ...flows import AbstractFlow
from ...laws import Law, holding
from ...laws.currents import Units, read_laws
from ...problem import Problem
from ..polynomials import Layout, Monomial, Polynomial, near_rational

_ROUND_OFF = 1e-13
_Terms = Iterator[tuple[Monomial, float]]


def laws_read_off(
    problem: Problem, flow: AbstractFlow, layout: Layout
) -> list[Polynomial]:
    """The components of `known_laws` that are polynomials in the arrays of a layout,
    not tried yet; none for a flow of which no metric is known.

    Coefficients are rational where those of a law are in ratios of small whole numbers,
    and the floating-point numbers themselves where not, as with rates of ratio π.
    """
    found = read_laws(problem, flow)
    if found is None:
        return []
    return [one for law in found.laws for one in _components(law, layout)]


def confirmed(problem: Problem, flow: AbstractFlow, layout: Layout) -> int:
    """How many components of these laws hold at further random parameters and data."""
    found = read_laws(problem, flow)
    if found is None:
        return 0
    laws = [law for law in found.laws if any(_components(law, layout))]
    return sum(int(np.sum(held)) for held in holding(laws, problem, flow).values())


def _components(law: Law, layout: Layout) -> Iterator[Polynomial]:
    """Each h_ij of `MatchedSquares`."""
    squares = cast(Any, law.fn)
    paths = {path for units in squares.units for path in (units.array, units.other)}
    if not paths <= set(layout.names) or not _is_polynomial(squares):
        return
    every = np.arange(squares.units[0].length)
    for i, j in zip(*(squares.pairs or (every, every))):
        gathered: dict[Monomial, float] = {}
        for units, weight in zip(squares.units, squares.coefficients, strict=True):
            for monomial, c in _terms(squares, units, weight, int(i), int(j), layout):
                key = tuple(sorted(monomial))
                gathered[key] = gathered.get(key, 0.0) + c
        kept = {monomial: c for monomial, c in gathered.items() if c}
        if kept:
            exact = near_rational(list(kept.values()), _ROUND_OFF)
            yield Polynomial(dict(zip(kept, exact)))


def _is_polynomial(squares: Any) -> bool:
    """Whether all powers 2 − a of entries are 1 or more."""
    return all((squares.rates.power[units.array] or 0) < 2 for units in squares.units)


def _terms(
    squares: Any, units: Units, weight: float, i: int, j: int, layout: Layout
) -> _Terms:
    """Those of one array in h_ij."""
    inverse = np.asarray(squares.rates.inverse[units.array], float)
    inverse = units.rows(np.broadcast_to(inverse, units.shape))
    own = units.rows(_entries(layout, units.array, units.shape))
    if units.kind == "squares" and squares.pairs is None:
        power = 2 - (squares.rates.power[units.array] or 0)
        for entry, rate in zip(own[i], inverse[i]):
            yield (int(entry),) * power, 2 / power * weight * float(rate)
        return
    if units.kind != "squares" and any(other.quadratic for other in squares.units):
        weight = 2 * weight
    other = units.rows(_entries(layout, units.other, units.shape))
    beside = units.rows(units.partner({units.other: np.ones(units.shape)}))
    for first, second in ((i, j), (j, i)):
        for k, (entry, rate) in enumerate(zip(own[first], inverse[first])):
            partner = (int(other[second, k]),) if units.quadratic else ()
            size = float(rate) * float(beside[second, k])
            yield (int(entry), *partner), weight / 2 * size


def _entries(layout: Layout, path: str, shape: tuple[int, ...]) -> np.ndarray:
    at = layout.names.index(path)
    return layout.offsets[at] + np.arange(layout.sizes[at]).reshape(shape)
