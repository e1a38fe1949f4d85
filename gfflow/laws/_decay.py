"""What weight decay does to a homogeneous law."""

from jax.core import Tracer

from .._typing import ScalarLike
from ..flows import AbstractFlow


def stated_decay(flow: AbstractFlow, degree: int) -> ScalarLike | None:
    """The rate at which a law homogeneous of this degree decays under the flow.

    Let ∇H·f = 0 for the field f without decay. With f − λθ, Euler's identity gives
    Ḣ = −λ ∇H·θ = −λ·degree·H.

    **Returns:** λ·degree, or `None` for a flow without decay (inside `jit`, where it
    cannot be seen, λ·degree all the same).
    """
    decay = flow.homogeneous_decay()
    if not isinstance(decay, Tracer) and float(decay) == 0:
        return None
    return degree * decay
