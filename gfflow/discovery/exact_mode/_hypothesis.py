"""What the gradients of a model suggest of how its arrays follow one another."""

from itertools import permutations
from typing import NamedTuple, final

from ..._errors import DiscoveryError
from ...laws.currents import families, probes
from ...problem import Problem

End = tuple[str, int]


@final
class Link(NamedTuple):
    """Hidden units that the arrays into them share with the array out of them.

    **Attributes:**

    - `into`, `out`: paths of arrays, each with the axis along which the units lie.
    - `degree`: q of the law q‖out‖² − ‖into‖² of a unit.
    - `linear`: whether any two units have a law in common.
    """

    into: tuple[End, ...]
    out: End
    degree: int
    linear: bool


@final
class Hypothesis(NamedTuple):
    """Guesses: whoever takes one compares it with the model.

    **Attributes:**

    - `links`: of hidden layers of two units or more; where either way is possible,
        both.
    - `degrees`: the q > 1 of laws of whole arrays, as of a single unit.
    - `still`: arrays without a gradient.
    """

    links: tuple[Link, ...]
    degrees: tuple[int, ...]
    still: tuple[str, ...]


def hypothesis(problem: Problem) -> Hypothesis:
    """By the currents of the arrays.

    **Raises:** `DiscoveryError` for a model without finite gradients.
    """
    found = probes(problem, 0)
    if found is None:
        raise DiscoveryError(
            "exact mode: the model has no finite gradient on random data near its "
            "parameters; leave `exact` out"
        )
    links, degrees = [], set()
    for family in families(found):
        if any(units.kind != "squares" for units in family.units):
            continue
        ends = [(units.array, units.axis or 0) for units in family.units]
        directed = _directed(ends, family.coefficients, family.linear_units)
        if family.length == 1:
            degrees |= {link.degree for link in directed}
        elif all(units.whole for units in family.units):
            links += directed
    still = tuple(path for path, dead in found.dead.items() if dead.all())
    return Hypothesis(tuple(links), tuple(sorted(degrees - {1})), still)


def _directed(
    ends: list[End], coefficients: tuple[float, ...], linear: bool
) -> list[Link]:
    """One array against one or two others of one weight."""
    made = []
    sides = [
        [(end, abs(c)) for end, c in zip(ends, coefficients) if (c > 0) is sign]
        for sign in (False, True)
    ]
    for into, out in permutations(sides):
        weights = {c for _, c in into}
        if len(out) == len(weights) == 1 and len(into) <= 2:
            ((end, most),), (least,) = out, weights
            if most % least == 0:
                of = tuple(end for end, _ in into)
                made.append(Link(of, end, int(most / least), linear))
    return made
