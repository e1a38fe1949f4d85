"""The laws of a problem that need no search."""

from collections.abc import Callable, Iterable
from functools import cached_property, partial
from typing import final

import numpy as np

from .._checks import is_traced
from .._precision import coarsest_precision, double_precision, in_double
from ..flows import AbstractFlow, GradientFlow
from ..problem import Problem
from ._confirm import holding
from ._law import Law
from ._momentum_of import momentum_of
from ._some_components import some_components
from ._turned import turned_law
from .currents import read_laws

_TRACED = (
    "inside jit no laws can be read off gradients: call known_laws outside, and give "
    "its laws to what is compiled"
)
_OTHER = "laws are read off gradients for flows whose metric is known; not for {}"
_LOCAL = (
    "laws near the parameters of the model, but not, or not in all components, at "
    "others: {}"
)
_ROOM = (
    "near the parameters the gradients leave room for {} independent laws, and {} are "
    "named: gfflow.discover(problem, flow) says whether there are more"
)
_COARSE = (
    "the model computes in a precision of {:.1g} on the way, and rates are no better: "
    "laws that are true may be missing"
)
_TOO_SMALL = (
    "whether there are more laws is not known: near the parameters the gradients leave "
    "room for {} independent laws, fewer than the {} that were read, so that some of "
    "them are round-off"
)
# Names in a note.
_MOST_NAMES = 6
_MOVING = "whether there are more laws under momentum was not looked at"


@final
class KnownLaws(list[Law]):
    """A list of laws that says what it is."""

    def __init__(self, laws: Iterable[Law] = (), *notes: str | Callable[[], str]):
        super().__init__(laws)
        self._notes = notes

    @cached_property
    def note(self) -> str:
        """What was left out of the list and why, and what may be missing; empty where
        the gradients leave room for no other law. That is looked at when it is asked
        for."""
        said = (one() if callable(one) else one for one in self._notes)
        return "; ".join(filter(None, said))


def known_laws(problem: Problem, flow: AbstractFlow) -> KnownLaws:
    """The laws of this model, loss and flow that show in its gradients.

    They are read off the function itself, whatever the model is made of: quadratic laws
    of arrays that share an axis or factors of axes (the units of a layer, the channels
    of a convolution, the heads of an attention), with linear terms where there are any,
    sums of arrays along an axis, and what is constant; in models of few parameters any
    weights of products within an array and of entries (`quadratic forms`, `linear
    forms`). Laws of the units between two layers carry their symmetry, for projections.
    With weight decay each law states its decay. Under momentum: rotations of linear
    units, in models of few parameters of any entries, and what the laws of gradient
    flow become (`momentum_of`).

    Every law, or that of gradient flow which it comes from, is tried on random data at
    random parameters before it is returned.

    **Returns:** laws, those of one layer together in one array. Their `note` says
    whether the list may be incomplete: up to 3000 parameters the rank of gradients, and
    of their brackets, at random points bounds the number of laws near there.
    `gfflow.discover` searches further. Inside `jit`, where no gradient can be looked
    at, the list is empty.
    """
    if is_traced(problem, flow):
        return KnownLaws([], _TRACED)
    motion = flow.second_order
    at_rest = flow if motion is None else GradientFlow()
    found = read_laws(problem, at_rest, turn=motion is not None)
    if found is None:
        return KnownLaws([], _OTHER.format(type(flow.base).__name__))
    kept, lost, local = _holding(found.laws, problem, at_rest)
    notes = [_LOCAL.format(_some(local))] if local else []
    notes = [*notes, partial(_coarse, problem)]
    if motion is not None:
        turned = [turned_law(*one, motion) for one in found.turning]
        turned, *_ = _holding(turned, problem, flow)
        moving = (law for law in kept if law.degree != "polynomial")
        moving = [x for law in moving for x in momentum_of(law, flow)]
        return KnownLaws([*turned, *moving], *notes, _MOVING)
    counted = found.counted
    if isinstance(counted, str):
        return KnownLaws(kept, *notes, counted)
    return KnownLaws(kept, *notes, partial(_room_left, counted, lost))


def _coarse(problem: Problem) -> str:
    with double_precision():
        problem = in_double(problem)
        found = coarsest_precision(problem.gradient, problem.parameters)
    return _COARSE.format(found) if found > np.finfo(np.float64).eps else ""


def _room_left(counted: Callable[[], tuple[int, int]], lost: int) -> str:
    number, room = counted()
    if room < number:
        return _TOO_SMALL.format(room, number)
    return _ROOM.format(room, number - lost) if number - lost < room else ""


def _holding(
    laws: list[Law], problem: Problem, flow: AbstractFlow
) -> tuple[list[Law], int, list[str]]:
    """The laws that hold at random places, of some the components that do; and of those
    that do not, or not in all, the number of components that do not, and the names."""
    holds = holding(laws, problem, flow)
    local = [law.name for law in laws if not np.all(holds[law.name])]
    kept = [
        law if np.all(holds[law.name]) else some_components(law, holds[law.name])
        for law in laws
        if np.any(holds[law.name])
    ]
    return kept, sum(int(np.sum(~holds[name])) for name in local), local


def _some(names: list[str]) -> str:
    more = len(names) - _MOST_NAMES
    shown = ", ".join(map(repr, names[:_MOST_NAMES]))
    return f"{shown} and {more} more" if more > 0 else shown
