"""The laws of gradient flow that the gradients of a problem show."""

from collections import Counter
from typing import NamedTuple

from ...flows import AbstractFlow
from ...problem import Problem
from .._decay import stated_in_parts
from .._grammar import Degree
from .._law import Law
from .._rates import Rates
from ._entries import entry_by_entry
from ._independent import independent_families
from ._match import families, matched
from ._matched import MatchedSquares, MatchedUnits
from ._names import name_of
from ._probes import Probes, probes
from ._some_units import in_another_order, unit_by_unit
from ._sums import constant_sums, dead_entries

_SOURCE = "Noether 1918; Kunin et al. 2021; Marcotte, Gribonval & Peyré 2023, Prop. 2.7"
# Indices that are matched in any order.
_MOST_ENTRIES = 400
_DEGREES: dict[tuple[int, ...], Degree] = {(2,): "quadratic", (1,): "linear"}


class ReadLaw(NamedTuple):
    """A law, and the paths of the arrays that it is of."""

    law: Law
    arrays: frozenset[str]


def read_laws(problem: Problem, flow: AbstractFlow) -> list[ReadLaw]:
    """Quadratic laws of units whose currents match, and linear ones of sums.

    The current of an array A along an axis is g·Aᵀ with g = ∂L/∂A on random data at
    random parameters, all other axes summed over. What adds up to nothing at all of
    them is a symmetry of what the model computes, whatever it is made of.

    **Arguments:**

    - `flow`: one of gradient type (`stays_in_span`).
    """
    found = probes(problem, _MOST_ENTRIES)
    if found is None:
        return []
    rates, kept = Rates(problem, flow), matching(found)
    return _stated([(one, one.function(rates)) for one in kept], flow)


def matching(found: Probes) -> list[MatchedUnits]:
    """All of them that say something new to those before, linear ones, of few arrays,
    and of many units; the quadratic ones first."""
    linear = [*constant_sums(found), *dead_entries(found)]
    of_axes = families(found)
    more = [*unit_by_unit(found), *in_another_order(found)]
    diagonals = [one._replace(pairs=None) for one in of_axes]
    told = {one.units for one in [*linear, *of_axes]}
    new = independent_families(found, sorted([*linear, *diagonals, *more], key=_order))
    new = [matched(found, *one[:2]) for one in new if one.units not in told]
    every = sorted([*linear, *of_axes, *new], key=_order)
    kept = independent_families(found, every)
    kept = independent_families(found, [*kept, *entry_by_entry(found, kept)])
    return sorted(kept, key=lambda one: not one.quadratic)


def _order(family: MatchedUnits) -> tuple[bool, int, int]:
    return family.quadratic, len(family.units), -family.length


def _stated(
    reads: list[tuple[MatchedUnits, MatchedSquares]], flow: AbstractFlow
) -> list[ReadLaw]:
    """As laws of the flow, each of another name."""
    laws, names = [], Counter()
    for family, fn in reads:
        name = name_of(family)
        names[name] += 1
        name = name if names[name] == 1 else f"{name} ({names[name]})"
        parts = fn.degrees
        degree = _DEGREES.get(tuple(parts), "polynomial")
        law = Law(fn, name, degree=degree, absolute=fn.absolute, source=_SOURCE)
        laws.append(ReadLaw(stated_in_parts(law, flow, parts), family.arrays))
    return laws
