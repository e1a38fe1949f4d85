"""Balancedness of neighbouring linear layers, asked for by name."""

from ..flows import AbstractFlow
from ..problem import Problem
from ._law import Law
from ._neighbours import claims

_SOURCE = "Arora, Cohen & Hazan 2018, Thm 1; Marcotte, Gribonval & Peyré 2023, Prop 4.4"


def balancedness(problem: Problem, flow: AbstractFlow) -> list[Law]:
    """UᵀU/s − VVᵀ/s − bbᵀ/s at each hidden layer, whatever the units are: a claim.

    The network is unchanged under (V, b, U) → (MV, Mb, UM⁻¹), M invertible, if they are
    linear. At M = I + εS with S symmetric, ∇L is orthogonal to (SV, Sb, −US), the
    gradient of −½ tr(S(UᵀU − VVᵀ − bbᵀ)) (with rates s: see `Rates`).

    **Returns:** laws of shape `(r(r+1)/2,)`, the upper triangle by rows; of shape
    `(r,)`, the diagonal, where the rates within an array differ. With their symmetry
    where the units match.
    """
    return claims("balancedness", problem, flow, _SOURCE, linear=True)
