"""The laws that are read off gradients, one polynomial a component."""

from collections.abc import Iterator

import numpy as np

from ...flows import AbstractFlow
from ...laws import holding
from ...laws.currents import LawFunction, read_laws
from ...problem import Problem
from ..polynomials import Layout, Monomial, Polynomial, near_rational

_ROUND_OFF = 1e-13


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
    return [one for _, fn in found.stated for one in _components(fn, layout)]


def confirmed(problem: Problem, flow: AbstractFlow, layout: Layout) -> int:
    """How many components of these laws hold at further random parameters and data."""
    found = read_laws(problem, flow)
    if found is None:
        return 0
    laws = [law for law, fn in found.stated if any(_components(fn, layout))]
    return sum(int(np.sum(held)) for held in holding(laws, problem, flow).values())


def _components(fn: LawFunction, layout: Layout) -> Iterator[Polynomial]:
    if not fn.arrays <= set(layout.names) or not fn.polynomial:
        return
    starts = zip(layout.offsets, layout.sizes, layout.shapes, strict=True)
    entries = [np.arange(a, a + size).reshape(of) for a, size, of in starts]
    for terms in fn.monomials(dict(zip(layout.names, entries))):
        gathered: dict[Monomial, float] = {}
        for monomial, coefficient in terms:
            key = tuple(sorted(monomial))
            gathered[key] = gathered.get(key, 0.0) + coefficient
        kept = {monomial: c for monomial, c in gathered.items() if c}
        if kept:
            exact = near_rational(list(kept.values()), _ROUND_OFF)
            yield Polynomial(dict(zip(kept, exact)))
