"""The laws of gradient flow that the gradients of a problem show."""

from collections import Counter
from typing import Any, NamedTuple

from ...flows import AbstractFlow
from ...problem import Problem
from .._decay import stated
from .._grammar import Degree
from .._law import Law
from .._rates import Rates
from ._axes import Axis
from ._entries import Row, entry_rows
from ._match import families
from ._matched import MatchedAxes, MatchedEntries, Sums
from ._probes import probes
from ._sums import constant_sums, dead_entries

_SOURCE = "Noether 1918; Kunin et al. 2021; Marcotte, Gribonval & Peyré 2023, Prop. 2.7"
# Indices that are matched in any order.
_MOST_ENTRIES = 400


class ReadLaw(NamedTuple):
    """A law, and the paths of the arrays that it is of."""

    law: Law
    arrays: frozenset[str]


def read_laws(problem: Problem, flow: AbstractFlow) -> list[ReadLaw]:
    """Quadratic laws of axes whose currents match, and linear ones of sums.

    The current of an array A along an axis is g·Aᵀ with g = ∂L/∂A on random data at
    random parameters, all other axes summed over. What adds up to nothing at all of
    them is a symmetry of what the model computes, whatever it is made of.

    **Arguments:**

    - `flow`: one of gradient type (`stays_in_span`).
    """
    rates = Rates(problem, flow)
    found = probes(problem, _MOST_ENTRIES)
    if found is None:
        return []
    kept = families(found)
    quadratic = [_Read(_name(f), f.arrays, f.function(rates)) for f in kept]
    quadratic += [_of_entries(row, rates) for row in entry_rows(found, kept)]
    constant = [(_sum_name(axis), axis, k) for axis, k in constant_sums(found)]
    constant += [(f"constants of {a.array}", a, k) for a, k in dead_entries(found)]
    linear = [
        _Read(name, frozenset({axis.array}), Sums(axis, which, rates))
        for name, axis, which in constant
    ]
    return _stated(quadratic, linear, flow)


class _Read(NamedTuple):
    name: str
    arrays: frozenset[str]
    fn: Any


def _stated(
    quadratic: list[_Read], linear: list[_Read], flow: AbstractFlow
) -> list[ReadLaw]:
    """As laws of the flow, each of another name."""
    laws, names = [], Counter()
    of_degree: tuple[tuple[Degree, int, list[_Read]], ...]
    of_degree = ("quadratic", 2, quadratic), ("linear", 1, linear)
    for degree, power, reads in of_degree:
        for name, arrays, fn in reads:
            names[name] += 1
            name = name if names[name] == 1 else f"{name} ({names[name]})"
            law = Law(fn, name, degree=degree, absolute=fn.absolute, source=_SOURCE)
            laws.append(ReadLaw(stated(law, flow, power), arrays))
    return laws


def _name(family: MatchedAxes) -> str:
    """As one would say it: `rescaling of V → U`."""
    names = ["·".join(dict.fromkeys(axis[:2])) for axis in family.axes]
    terms = list(zip(names, family.axes, family.coefficients, strict=True))
    return _said(terms, bool(family.length > 1 and family.pairs.all()))


def _of_entries(row: Row, rates: Rates) -> _Read:
    used = tuple(dict.fromkeys(axis for axis, _, _ in row))
    terms = tuple((used.index(axis), i, weight) for axis, i, weight in row)
    arrays = frozenset(axis.array for axis in used)
    units = [(axis.array + _index(axis, i), axis, weight) for axis, i, weight in row]
    return _Read(_said(units, False), arrays, MatchedEntries(used, (terms,), rates))


def _said(terms: list[tuple[str, Axis, float]], linear: bool) -> str:
    """The arrays of one sign → those of the other, those with units in rows first."""
    sides: dict[bool, list[str]] = {}
    rows: dict[bool, int] = {}
    for name, axis, weight in terms:
        sides.setdefault(weight > 0, []).append(name)
        rows[weight > 0] = rows.get(weight > 0, 0) + (axis.axis == 0)
    if len(sides) == 1:
        (only,) = sides.values()
        kind = "norm" if terms[0][1].length == 1 else "norms"
        return f"{kind} of {', '.join(only)}"
    ends = sorted(sides, key=lambda sign: -rows[sign])
    first, second = (", ".join(sides[sign]) for sign in ends)
    return f"{'balancedness' if linear else 'rescaling'} of {first} → {second}"


def _index(axis: Axis, i: int) -> str:
    inside = [":"] * len(axis.shape)
    inside[axis.axis] = str(i)
    return f"[{', '.join(inside)}]"


def _sum_name(axis: Axis) -> str:
    kinds = {1: ("sum",), 2: ("column sums", "row sums")}
    of = kinds.get(len(axis.shape))
    kind = of[axis.axis] if of else f"sums over axis {axis.axis}"
    return f"{kind} of {axis.array}"
