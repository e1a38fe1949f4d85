"""The laws that can be read off the structure of a model."""

from .._registry import lookup
from ..flows import AbstractFlow, GradientFlow
from ..problem import Problem
from ._law import Law
from ._momentum_of import momentum_of


def known_laws(problem: Problem, flow: AbstractFlow) -> list[Law]:
    """The laws of the families in the registry that hold for this model and loss.

    Read from the chains of linear layers in the model (`gfflow.models`,
    `eqx.nn.MLP`, `eqx.nn.Sequential`, at any depth). With weight decay each law states
    its decay. Under momentum: rotations of linear units, and what the laws of gradient
    flow become (`momentum_of`). A model of which nothing can be read gets an empty
    list, as does a flow of which this cannot be told: that is no statement that it has
    no laws.

    **Returns:** laws, those of one hidden layer together in one array. A layer with a
    linear activation has its balancedness, of which rescaling is the diagonal.
    """
    found = _of_families(problem, flow)
    if flow.second_order is None:
        return found
    at_rest = _of_families(problem, GradientFlow())
    return [*found, *(x for law in at_rest for x in momentum_of(law, flow))]


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
