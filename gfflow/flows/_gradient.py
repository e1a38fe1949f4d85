"""Gradient flow, with weight decay if asked for."""

from typing import Any, final

import jax.numpy as jnp
import jax.tree_util as jtu

from .._errors import SolveError
from .._typing import Parameters, Rate, Scalar, ScalarLike, State
from ..problem import Problem
from ._base import AbstractFlow


@final
class GradientFlow(AbstractFlow):
    """θ' = −s ∘ ∇L(θ) − λθ, with s the problem's time scale.

    The state is the parameters; a law sees the model with these parameters.

    **Attributes:**

    - `weight_decay`: λ ≥ 0, in units of one over flow time. A law H that is
        homogeneous of degree q under λ = 0 then obeys H(θ(t)) = e^{−qλt} H(θ(0)).
    """

    weight_decay: Scalar
    stays_in_span = True

    def __init__(self, weight_decay: ScalarLike = 0.0):
        if isinstance(weight_decay, int | float) and not weight_decay >= 0:
            raise SolveError(f"weight_decay must be at least 0; got {weight_decay!r}")
        self.weight_decay = jnp.asarray(weight_decay, float)

    def initial_state(self, problem: Problem) -> State:
        return problem.parameters

    def response(
        self, t: ScalarLike, state: State, gradient: Parameters, problem: Problem
    ) -> State:
        return jtu.tree_map(
            lambda g, p: -g - self.weight_decay.astype(p.dtype) * p,
            problem.scaled(gradient),
            state,
        )

    def absolute_field(self, t: ScalarLike, state: State, problem: Problem) -> State:
        terms = problem.scaled(problem.absolute_gradient(state))
        return jtu.tree_map(
            lambda g, p: g + self.weight_decay.astype(p.dtype) * jnp.abs(p),
            terms,
            state,
        )

    def parameters(self, state: State) -> Parameters:
        return state

    def view(self, state: State, problem: Problem) -> Any:
        return problem.model_at(state)

    def homogeneous_decay(self) -> ScalarLike:
        return self.weight_decay

    def coupled_decay(self, rate: Rate) -> Rate:
        return rate

    def for_discovery(self) -> "GradientFlow":
        return GradientFlow()

    def spelled_with_decay(self, rate: Rate, coupled: bool) -> "GradientFlow | None":
        """Coupled and decoupled are the same here."""
        return None if callable(rate) else GradientFlow(rate)
