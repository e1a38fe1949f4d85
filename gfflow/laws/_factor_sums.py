"""Sums of the columns of nonnegative factors under the entropy, asked for by name."""

from itertools import pairwise

from .._errors import LawError
from ..flows import AbstractFlow
from ..problem import Problem, named_parameters
from ._law import Law
from ._rates import Rates
from .currents import MatchedUnits, Units, law_of

_SOURCE = "Marcotte, Gribonval & Peyré 2024, NMF"


def factor_sums(problem: Problem, flow: AbstractFlow) -> list[Law]:
    """Σ_i U_ik/s_U − Σ_j V_jk/s_V of two matrices with columns of one kind: a claim, of
    shape `(rank,)`.

    UVᵀ is unchanged under (u_k, v_k) → (λu_k, v_k/λ), so ⟨u_k, ∇_{u_k}L⟩ =
    ⟨v_k, ∇_{v_k}L⟩. Under θ' = −s θ∘∇L the two sums change at rates that are these
    inner products (with one rate an array).

    **Raises:** `LawError` for a model without two such matrices, one after the other.
    """
    rates, arrays = Rates(problem, flow), named_parameters(problem.parameters)
    matrices = {p: tuple(x.shape) for p, x in arrays.items() if len(x.shape) == 2}
    laws = []
    for one, two in pairwise(matrices):
        if matrices[one][1] == matrices[two][1]:
            units = [Units.along(p, matrices[p], 1) for p in (one, two)]
            units = tuple(u._replace(kind="sums") for u in units)
            family = MatchedUnits(units, (1.0, -1.0), None)
            laws.append(law_of(family.function(rates), "factor sums", flow, _SOURCE))
    if not laws:
        raise LawError(
            "factor_sums is a law of two matrices with as many columns; the parameters "
            f"are {', '.join(f'{p} {tuple(x.shape)}' for p, x in arrays.items())}"
        )
    return laws[:1]
