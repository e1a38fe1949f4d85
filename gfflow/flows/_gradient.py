"""Gradient flow, with weight decay if asked for."""

from typing import final

import jax.numpy as jnp
import jax.tree_util as jtu

from .._typing import Parameters, Rate, Scalar, ScalarLike, State
from ..problem import Problem
from ._base import AbstractFlow
from ._decay import constant_decay, decay_term


@final
class GradientFlow(AbstractFlow):
    """θ' = −s ∘ ∇L(θ) − λθ, with s the problem's time scale.

    The state is the parameters; a law sees the model with these parameters.

    **Attributes:**

    - `weight_decay`: λ ≥ 0, in units of one over flow time: a short spelling of
        `WeightDecay(GradientFlow(), λ)`. A law H that is homogeneous of degree q under
        λ = 0 then obeys H(θ(t)) = e^{−qλt} H(θ(0)).
    """

    weight_decay: Scalar
    stays_in_span = True

    def __init__(self, weight_decay: ScalarLike = 0.0):
        """**Raises:** `SolveError` for what is not a number of at least 0."""
        self.weight_decay = constant_decay(weight_decay)

    def response(
        self, t: ScalarLike, state: State, gradient: Parameters, problem: Problem
    ) -> State:
        descent = jtu.tree_map(jnp.negative, problem.scaled(gradient))
        decay = decay_term(self.weight_decay, state)
        return jtu.tree_map(jnp.subtract, descent, decay)

    def homogeneous_decay(self) -> ScalarLike:
        return self.weight_decay

    def coupled_decay(self, rate: Rate) -> Rate:
        return rate

    def for_discovery(self) -> "GradientFlow":
        return GradientFlow()

    def spelled_with_decay(self, rate: Rate, coupled: bool) -> "GradientFlow | None":
        """Coupled and decoupled are the same here."""
        return None if callable(rate) else GradientFlow(rate)
