"""What exact mode must know of a flow."""

import numpy as np

from ..._errors import DiscoveryError
from ...flows import AbstractFlow
from .. import exact
from ..polynomials import Layout


def metric_of(flow: AbstractFlow, layout: Layout) -> np.ndarray:
    """a of θ' = −diag(θ^a) ∇L (of θ'' = … under momentum), for each entry, int[D].

    **Raises:** `DiscoveryError` for a flow that has none with exponents 0 and 1.
    """
    exponents = []
    for name, size in zip(layout.names, layout.sizes):
        power = flow.metric_power(name)
        if flow.ascends or power not in (0, 1):
            raise DiscoveryError(
                "exact mode knows gradient, natural gradient and momentum flow, and "
                f"mirror flow of the entropy; got {type(flow).__name__}, whose metric "
                f"at {name} is another one. Leave `exact` out"
            )
        exponents += [power] * size
    return np.asarray(exponents)


def friction_of(flow: AbstractFlow) -> exact.PolynomialFriction | None:
    """That of a flow of second order; `None` for one of first order.

    **Raises:** `DiscoveryError` for weight decay on it, or a friction that is not 0, a
    constant, or r/t with a whole r.
    """
    motion = flow.second_order
    if motion is None:
        return None
    if motion.coupled or motion.decoupled:
        raise DiscoveryError("exact mode: momentum without weight decay only")
    match motion.friction.coefficients():
        case (0.0, 0.0):
            return exact.free
        case (_, 0.0):
            return exact.constant
        case (0.0, rate) if rate.is_integer():
            return exact.nesterov(int(rate))
        case (constant, rate):
            got = f"{constant:g} + {rate:g}/t"
        case None:
            got = f"{motion.friction}, of which that is not known"
    raise DiscoveryError(
        "exact mode knows the frictions 0, a constant, and r/t with a whole r; got "
        f"{got}"
    )
