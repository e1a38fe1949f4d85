"""Rescaling of the hidden units of homogeneous networks, asked for by name."""

from ..flows import AbstractFlow
from ..problem import Problem
from ._law import Law
from ._neighbours import claims

_SOURCE = "Du, Hu & Lee 2018, Thm 2.1; Marcotte, Gribonval & Peyré 2023, Prop. 2.3"


def rescaling(problem: Problem, flow: AbstractFlow) -> list[Law]:
    """q‖U[:,k]‖²/s − ‖V[k,:]‖²/s − b_k²/s of each hidden unit k: a claim.

    Where σ(λz) = λ^q σ(z), the network is unchanged under
    (V[k,:], b_k, U[:,k]) → (λ V[k,:], λ b_k, λ^{−q} U[:,k]): ∇L is orthogonal to
    (V, b, −qU), which is the gradient of −h/2 (with rates s: see `Rates`).

    **Returns:** laws of shape `(units,)`, for layers all of whose arrays train, with
    q = 1 where the units do not match, and their symmetry where they do.
    """
    return claims("rescaling", problem, flow, _SOURCE, linear=False)
