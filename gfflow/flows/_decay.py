"""What weight decay is, for the modifier and for flows that spell it in an argument."""

from typing import Any

import jax.tree_util as jtu

from .._errors import SolveError
from .._typing import Parameters, Scalar
from ._number import number


def constant_decay(rate: Any) -> Scalar:
    """λ of a flow's own argument `weight_decay`.

    **Raises:** `SolveError` for what is not a number of at least 0.
    """
    if callable(rate):
        raise SolveError(
            "weight_decay is a number here; one that depends on time is "
            "gfflow.flows.WeightDecay(flow, rate)",
            argument="weight_decay",
        )
    return number("weight_decay", rate, least=0)


def decay_term(rate: Scalar, parameters: Parameters) -> Parameters:
    """λθ."""
    return jtu.tree_map(lambda p: rate.astype(p.dtype) * p, parameters)
