"""Layers that a law asked for by name is of: matrices that fit together in order."""

from itertools import pairwise
from typing import NamedTuple, final

from ..flows import AbstractFlow
from ..problem import Problem, named_parameters
from ._law import Law
from ._rates import Rates
from .currents import MatchedUnits, Units, law_of, read_families, symmetry_of

Shapes = dict[str, tuple[int, ...]]


@final
class Neighbours(NamedTuple):
    """A matrix V whose rows are the columns of the next one, U, and the vector b that
    is as long beside V, if there is one.

    - `units`: those of V, of b, and last of U.
    - `family`: what is known to match of them; `None` where nothing is.
    """

    units: tuple[Units, ...]
    family: MatchedUnits | None

    @property
    def name(self) -> str:
        """Of the layers."""
        return " → ".join(_layer_of(self.units[k].array) for k in (0, -1))

    @property
    def paths(self) -> tuple[str, ...]:
        """Of the arrays."""
        return tuple(units.array for units in self.units)

    def shows(self, claim: MatchedUnits) -> bool:
        """Whether all of what is claimed is known to match."""
        known = self.family
        return known is not None and (known.linear_units or claim.pairs is None)

    def claimed(self, linear: bool) -> MatchedUnits:
        """Units that are linear, or homogeneous: as they match, and if they do not, as
        if they matched with coefficients −1 and 1."""
        known = self.family
        if known is not None and (known.linear_units or not linear):
            return known if linear else known.diagonal()
        weights = (-1.0,) * (len(self.units) - 1) + (1.0,)
        return MatchedUnits.of(self.units, weights, linear)


def neighbours(problem: Problem, rates: Rates) -> list[Neighbours]:
    """By the shapes of the arrays of the model in their order: a claim, to be weighed
    by `gfflow.check`. Where all of them train."""
    shapes = {path: tuple(x.shape) for path, x in _arrays(problem).items()}
    matrices = [path for path, shape in shapes.items() if len(shape) == 2]
    found = []
    for pair in pairwise(matrices):
        for first, second in (pair, pair[::-1]):
            units = shapes[first][0]
            if shapes[second][1] == units:
                rows = (first, *_beside(first, units, shapes))
                along = [Units.along(path, shapes[path], 0) for path in rows]
                found.append((*along, Units.along(second, shapes[second], 1)))
                break
    found = [units for units in found if rates.train(*(u.array for u in units))]
    known = read_families(problem) if found else []
    matching = {frozenset(one.units): one for one in known}
    return [Neighbours(units, matching.get(frozenset(units))) for units in found]


def claims(
    kind: str, problem: Problem, flow: AbstractFlow, source: str, *, linear: bool
) -> list[Law]:
    """The laws of all neighbours, `kind of V → U`, as `Neighbours.claimed`; of linear
    units where the rates do not differ within an array."""
    rates = Rates(problem, flow)
    laws = []
    for layer in neighbours(problem, rates):
        family = layer.claimed(linear=linear and rates.uniform(*layer.paths))
        name = f"{kind} of {layer.name}"
        symmetry = symmetry_of(family, rates) if layer.shows(family) else None
        laws.append(law_of(family.function(rates), name, flow, source, symmetry))
    return laws


def last_layer(problem: Problem) -> tuple[str, ...]:
    """The last matrix, and the vector beside it: of the last two that fit together the
    one that follows."""
    shapes = {path: tuple(x.shape) for path, x in _arrays(problem).items()}
    matrices = [path for path, shape in shapes.items() if len(shape) == 2]
    if not matrices:
        return ()
    *before, last = matrices
    if before and shapes[before[-1]][0] != shapes[last][1]:
        last = before[-1] if shapes[before[-1]][1] == shapes[last][0] else last
    return (last, *_beside(last, shapes[last][0], shapes))


def _arrays(problem: Problem):
    return named_parameters(problem.model)


def _beside(path: str, length: int, shapes: Shapes) -> tuple[str, ...]:
    """The one vector of this length in the same place of the tree, if it is one."""
    place = _parent(path)
    same = (p for p, shape in shapes.items() if _parent(p) == place)
    found = tuple(p for p in same if shapes[p] == (length,))
    return found if len(found) == 1 else ()


def _parent(path: str) -> str:
    return path[: max(path.rfind("."), path.rfind("["))]


def _layer_of(path: str) -> str:
    return path.removesuffix(".weight")
