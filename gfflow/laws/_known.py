"""The laws of a problem that need no search."""

from collections.abc import Iterable
from typing import final

import numpy as np

from .._checks import is_traced
from .._registry import lookup
from ..flows import AbstractFlow, GradientFlow
from ..problem import Problem
from ._confirm import holding
from ._law import Law
from ._momentum_of import momentum_of
from ._some_components import some_components
from .currents import ReadLaw, read_laws

_TRACED = "inside jit only the layers of the model were read, and nothing was tried"
_FALSE = (
    "read off the layers of the model, but no laws of what it computes at random "
    "parameters and data: {}"
)
_LOCAL = (
    "laws near the parameters of the model, but not, or not in all components, at "
    "others: {}"
)


@final
class KnownLaws(list[Law]):
    """A list of laws that says what it is.

    **Attributes:**

    - `note`: what was left out of it, and why; empty if there is nothing to say.
    """

    def __init__(self, laws: Iterable[Law] = (), note: str = ""):
        super().__init__(laws)
        self.note = note


def known_laws(problem: Problem, flow: AbstractFlow) -> KnownLaws:
    """The laws of this model, loss and flow that show in its gradients.

    For flows of gradient type they are read off the function itself, whatever the model
    is made of: quadratic laws of arrays that share an axis or a factor of one (the
    units of a layer, the channels of a convolution, the heads of an attention), and
    sums of arrays along an axis. Where the layers of a model can be read too (chains of
    linear layers in `gfflow.models`, `eqx.nn.MLP` and `eqx.nn.Sequential`), a law of
    two layers has its name and its symmetry, for projections, from there. With weight
    decay each law states its decay. Under momentum: rotations of linear units between
    layers that can be read, and what the laws of gradient flow become (`momentum_of`).

    Every law, or that of gradient flow which it comes from, is tried on random data at
    random parameters before it is returned. Inside `jit` only the layers can be read,
    and nothing is tried.

    **Returns:** laws, those of one layer together in one array. The list is of what was
    looked for, and may be incomplete: `gfflow.discover` searches further and says
    whether there are more. Its `note` says what was read and does not hold.
    """
    at_rest = flow if flow.second_order is None else GradientFlow()
    of_layers = _of_families(problem, at_rest)
    moving = [] if at_rest is flow else _of_families(problem, flow)
    if is_traced(problem, flow):
        return KnownLaws([*moving, *_under(flow, of_layers)], _TRACED)
    found, false, local = _tried(of_layers, problem, at_rest)
    turning = holding(moving, problem, flow)
    moving = [law for law in moving if np.all(turning[law.name])]
    false += [name for name, holds in turning.items() if not np.all(holds)]
    notes = [
        text.format(", ".join(map(repr, names)))
        for text, names in ((_FALSE, false), (_LOCAL, local))
        if names
    ]
    return KnownLaws([*moving, *_under(flow, found)], "; ".join(notes))


def _tried(
    of_layers: list[Law], problem: Problem, flow: AbstractFlow
) -> tuple[list[Law], list[str], list[str]]:
    """The laws that hold, of those of layers and of those that the gradients show
    besides; the names of those of layers that do not; and of the others that hold near
    the parameters only."""
    read = read_laws(problem, flow) if flow.stays_in_span else []
    shown = _others(read, of_layers)
    holds = holding([*of_layers, *shown], problem, flow)
    layers = [law for law in of_layers if np.all(holds[law.name])]
    false = [law.name for law in of_layers if not np.all(holds[law.name])]
    if false:
        # What the gradients show of the same arrays has not been tried yet.
        tried = {law.name for law in shown}
        shown = _others(read, layers)
        more = [law for law in shown if law.name not in tried]
        holds |= holding(more, problem, flow)
    local = [law for law in shown if not np.all(holds[law.name])]
    kept = [law for law in shown if np.all(holds[law.name])]
    kept += [
        some_components(law, holds[law.name])
        for law in local
        if np.any(holds[law.name])
    ]
    return [*layers, *kept], false, [law.name for law in local]


def _under(flow: AbstractFlow, at_rest: list[Law]) -> list[Law]:
    """What the laws of gradient flow are under this one."""
    if flow.second_order is None:
        return at_rest
    homogeneous = (law for law in at_rest if law.degree != "polynomial")
    return [x for law in homogeneous for x in momentum_of(law, flow)]


def _others(read: list[ReadLaw], layers: list[Law]) -> list[Law]:
    """The laws read off gradients that are not among those of layers."""
    names = {law.name for law in layers}
    symmetries = [law.symmetry for law in layers if law.symmetry is not None]
    known = {frozenset((*s.rows, *s.columns)) for s in symmetries}
    return [
        law
        for law, arrays in read
        if law.name not in names and not (law.degree == "quadratic" and arrays in known)
    ]


def _of_families(problem: Problem, flow: AbstractFlow) -> list[Law]:
    found = []
    seen = set()
    for family in flow.law_families:
        for law in lookup("laws", family)(problem, flow, assume=False):
            layer = law.name.split(" of ")[-1]
            if family == "rescaling" and layer in seen:
                continue
            seen.add(layer)
            found.append(law)
    return found
