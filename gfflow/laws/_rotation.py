"""Rotations of hidden linear units under momentum, asked for by name."""

from .._errors import LawError
from ..flows import AbstractFlow
from ..problem import Problem
from ._law import Law
from ._neighbours import neighbours
from ._rates import Rates
from ._turned import turned_law
from .currents import MomentsOfUnits


def rotation(problem: Problem, flow: AbstractFlow) -> list[Law]:
    """μ(UᵀU' − U'ᵀU + VV'ᵀ − V'Vᵀ + bb'ᵀ − b'bᵀ) of each hidden layer of r units,
    whatever they are: a claim.

    The network is unchanged under (V, b, U) → (MV, Mb, UM⁻¹), M a rotation, if they are
    linear.

    **Arguments:**

    - `flow`: a `MomentumFlow`, modified or not.

    **Returns:** laws of shape `(r(r−1)/2,)`, the strict upper triangle by rows, where
    r > 1 and every array has one rate.

    **Raises:** `LawError` for a flow without velocity.
    """
    motion = flow.second_order
    if motion is None:
        raise LawError(
            f"rotation is a law of MomentumFlow; the flow is {type(flow.base).__name__}"
        )
    rates = Rates(problem, flow)
    laws = []
    for layer in neighbours(problem, rates):
        family = layer.claimed(linear=True)
        if family.length > 1 and rates.uniform(*layer.paths):
            name = f"rotation of {layer.name}"
            laws.append(turned_law(MomentsOfUnits.of(family, rates), name, motion))
    return laws
