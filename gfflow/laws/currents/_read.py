"""The laws of gradient flow that the gradients of a problem show."""

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..._checks import is_traced
from ...flows import AbstractFlow
from ...problem import Problem
from .._decay import stated_in_parts
from .._grammar import Degree
from .._law import Law
from .._rates import Rates
from .._symmetry import Symmetry
from ._entries import entry_by_entry
from ._forms import Forms, WeighedForms
from ._free_forms import free_forms
from ._free_turns import free_turns
from ._independent import SMALL, independent_families, number_of
from ._match import families, matched
from ._matched import MatchedSquares, MatchedUnits
from ._moments import Moments, MomentsOfUnits
from ._names import arrays_of, name_of
from ._probes import Probes, probes
from ._room import room_besides
from ._some_units import in_another_order, unit_by_unit
from ._sums import constant_sums, dead_entries
from ._symmetric import symmetry_of
from ._turning import turning

_SOURCE = "Noether 1918; Kunin et al. 2021; Marcotte, Gribonval & Peyré 2023, Prop. 2.7"
# Indices that are matched in any order.
_MOST_ENTRIES = 400
_NOT_FINITE = (
    "no law was read: at none of the random parameters and data is the gradient finite"
)
_LARGE = (
    "whether there are more laws was not looked at: it is for models of up to "
    f"{SMALL} parameters"
)
_DEGREES: dict[tuple[int, ...], Degree] = {(2,): "quadratic", (1,): "linear"}

LawFunction = MatchedSquares | WeighedForms


class Reading(NamedTuple):
    """- `stated`: laws that were read, each with its function of the model.
    - `turning`: moments of what turns (where that was asked for), with names.
    - `counted`: says how many of the laws are independent, and how many there may be
        near the parameters; or why that was not looked at.
    """

    stated: list[tuple[Law, LawFunction]]
    turning: list[tuple[Moments, str]]
    counted: Callable[[], tuple[int, int]] | str

    @property
    def laws(self) -> list[Law]:
        """Without the functions."""
        return [law for law, _ in self.stated]


def read_laws(
    problem: Problem, flow: AbstractFlow, turn: bool = False
) -> Reading | None:
    """Quadratic laws of units whose currents match, and linear ones of sums; in models
    of few parameters any quadratic and linear ones besides.

    The current of an array A along an axis is g·Aᵀ with g = ∂L/∂A on random data at
    random parameters, all other axes summed over. What adds up to nothing at all of
    them is a symmetry of what the model computes, whatever it is made of.

    **Arguments:**

    - `turn`: look for units that turn too.

    **Returns:** `None` for a flow of which no metric θ^a is known.
    """
    rates = Rates(problem, flow)
    if None in rates.power.values():
        return None
    found = probes(problem, _MOST_ENTRIES)
    if found is None:
        return Reading([], [], _NOT_FINITE)
    every = matching(found)
    kept = _of_rates(found, every, rates)
    free = [x for x in free_forms(found, every) if x.flows_at(rates)]
    turns = _turns(found, kept, free, rates) if turn else []

    def counted() -> tuple[int, int]:
        known = [*kept, *free]
        number = number_of(found, known)
        return number, room_besides(problem, flow, rates, found, known, number)

    small = problem.size <= SMALL
    stated = _stated(found, kept, free, rates, flow)
    return Reading(stated, turns, counted if small else _LARGE)


def _turns(
    found: Probes, kept: list[MatchedUnits], free: list[Forms], rates: Rates
) -> list[tuple[Moments, str]]:
    units = [one for one in turning(found, kept) if rates.uniform(*one.arrays)]
    named: list[tuple[Moments, str]] = [
        (MomentsOfUnits.of(one, rates), f"rotation of {arrays_of(one)}")
        for one in units
    ]
    more = free_turns(found, [*kept, *free], units, rates)
    return named if more is None else [*named, (more, "rotations of entries")]


def read_families(problem: Problem) -> list[MatchedUnits]:
    """The units that match, of a problem whose numbers are known; none inside `jit`."""
    found = None if is_traced(problem) else probes(problem, 0)
    return [] if found is None else families(found)


def _of_rates(
    found: Probes, kept: list[MatchedUnits], rates: Rates
) -> list[MatchedUnits]:
    """The diagonal alone where rates within an array differ, or depend on it; where
    they do, of squares only, and constants."""
    flat = lambda one: all(rates.power[path] == 0 for path in one.arrays)
    kept = [one for one in kept if flat(one) or _is_of_squares(found, one)]
    if all(rates.uniform(*one.arrays) for one in kept):
        return kept
    some = [one if rates.uniform(*one.arrays) else one.diagonal() for one in kept]
    return independent_families(found, some)


def _is_of_squares(found: Probes, family: MatchedUnits) -> bool:
    constant = lambda u: u.kind == "sums" and not np.any(found.live(u))
    return all(u.kind == "squares" or constant(u) for u in family.units)


def matching(found: Probes) -> list[MatchedUnits]:
    """All of them that say something new to those before, linear ones, of few arrays,
    and of many units.

    Entries without a gradient come last: that may be so near these parameters only,
    where the law of a unit that is dead here must not be taken to follow from it.
    """
    sums, of_axes = constant_sums(found), families(found)
    more = [*unit_by_unit(found), *in_another_order(found)]
    diagonals = [one.diagonal() for one in of_axes]
    told = {one.units for one in [*sums, *of_axes]}
    new = independent_families(found, sorted([*sums, *diagonals, *more], key=_order))
    new = [matched(found, *one[:2]) for one in new if one.units not in told]
    every = sorted([*sums, *of_axes, *new], key=_order)
    kept = independent_families(found, every)
    kept = [*kept, *entry_by_entry(found, kept), *dead_entries(found)]
    return independent_families(found, kept)


def _order(family: MatchedUnits) -> tuple[bool, int, int]:
    return family.quadratic, len(family.units), -family.length


def _stated(
    found: Probes,
    families: list[MatchedUnits],
    free: list[Forms],
    rates: Rates,
    flow: AbstractFlow,
) -> list[tuple[Law, LawFunction]]:
    """As laws of the flow, each of another name: the quadratic ones first, in the order
    of the first array of each."""
    place = {path: n for n, path in enumerate(found.shapes)}
    order = lambda one: (not one.quadratic, min(place[path] for path in one.arrays))
    every = [(one, name_of(one), symmetry_of(one, rates)) for one in families]
    every += [(one, one.name, None) for one in free]
    laws, names = [], Counter()
    for family, name, symmetry in sorted(every, key=lambda one: order(one[0])):
        names[name] += 1
        name = name if names[name] == 1 else f"{name} ({names[name]})"
        fn = family.function(rates)
        laws.append((law_of(fn, name, flow, _SOURCE, symmetry), fn))
    return laws


def law_of(
    fn: LawFunction,
    name: str,
    flow: AbstractFlow,
    source: str,
    symmetry: Symmetry | None = None,
) -> Law:
    """Of this function under the flow."""
    degree = _DEGREES.get(tuple(fn.degrees), "polynomial")
    law = Law(
        fn, name, degree=degree, absolute=fn.absolute, source=source, symmetry=symmetry
    )
    return stated_in_parts(law, flow, fn.degrees)
