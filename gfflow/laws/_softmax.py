"""Column sums of the last layer under softmax cross-entropy, asked for by name."""

from ..flows import AbstractFlow
from ..problem import Problem, named_parameters
from ._law import Law
from ._neighbours import last_layer
from ._rates import Rates
from .currents import MatchedUnits, Units, law_of

_SOURCE = "Kunin et al. 2021, translation symmetry; Marcotte et al. 2025, Cor. 3.11"


def softmax_column_sums(problem: Problem, flow: AbstractFlow) -> list[Law]:
    """Σ_i W[i,j]/s, and Σ_i b_i/s, of the last linear layer: a claim.

    Softmax does not change when one number is added to every logit, so ∇L is
    orthogonal to 1 in each column of W and in b (with rates s: see `Rates`).

    **Returns:** a law of shape `(inputs,)`, and one of shape `(1,)` if there is a bias.
    """
    rates, arrays = Rates(problem, flow), named_parameters(problem.model)
    laws = []
    for path, name in zip(last_layer(problem), ("column sums", "sum")):
        if rates.train(path):
            shape = tuple(arrays[path].shape)
            columns = Units.of_axes(path, shape, range(1, len(shape)), "sums")
            family = MatchedUnits((columns,), (1.0,), None)
            fn = family.function(rates)
            laws.append(law_of(fn, f"{name} of {path}", flow, _SOURCE))
    return laws
