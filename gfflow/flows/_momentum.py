"""Momentum flow: second order in time, with friction."""

from typing import Any, NamedTuple, final

import jax.numpy as jnp
import jax.tree_util as jtu

from .._typing import Parameters, Rate, Scalar, ScalarLike, State
from ..problem import Problem
from ._base import AbstractFlow, Clock
from ._decay import constant_decay, decay_term
from ._friction import AbstractFriction, ConstantFriction, Friction
from ._second_order import SecondOrder


class Phase(NamedTuple):
    """Parameters θ (or the model with them) and velocity θ', pytrees alike."""

    model: Any
    velocity: Parameters


@final
class MomentumFlow(AbstractFlow):
    """θ'' + τ(t)θ' = −s ∘ ∇L(θ) − λθ, at rest at the start.

    The state, and what a law sees, is a `Phase`: `model` and `velocity`
    (Marcotte, Gribonval & Peyré 2024, Sec. 2).

    **Attributes:**

    - `friction`: τ(t).
    - `weight_decay`: λ ≥ 0, in units of one over flow time squared: a short spelling
        of `WeightDecay(MomentumFlow(...), λ, coupled=True)`.
    """

    friction: AbstractFriction
    weight_decay: Scalar

    def __init__(
        self,
        friction: AbstractFriction | Rate = 0.0,
        weight_decay: ScalarLike = 0.0,
    ):
        """**Arguments:**

        - `friction`: a number (heavy ball), `gfflow.nesterov`, or any function τ(t).

        **Raises:** `SolveError` for a negative number.
        """
        self.friction = _friction(friction)
        self.weight_decay = constant_decay(weight_decay)

    def initial_state(self, problem: Problem) -> State:
        zeros = jtu.tree_map(jnp.zeros_like, problem.parameters)
        return Phase(problem.parameters, zeros)

    def response(
        self, t: ScalarLike, state: State, gradient: Parameters, problem: Problem
    ) -> State:
        def acceleration(g, decay, v):
            return self.friction.acceleration(t, v, -g - decay)

        scaled = problem.scaled(gradient)
        decay = decay_term(self.weight_decay, state.model)
        return Phase(
            state.velocity, jtu.tree_map(acceleration, scaled, decay, state.velocity)
        )

    def parameters(self, state: State) -> Parameters:
        return state.model

    def view(self, state: State, problem: Problem) -> Any:
        return Phase(problem.model_at(state.model), state.velocity)

    def coupled_decay(self, rate: Rate) -> Rate:
        return rate

    @property
    def second_order(self) -> SecondOrder:
        at_rest = SecondOrder(self.friction)
        return at_rest.with_decay(self.weight_decay, coupled=True)

    def metric_power(self, path: str) -> int:
        return 0

    def clock(self) -> Clock:
        """t, and the integrating factor of the friction where it is another one."""
        time = super().clock()
        if self.friction.factor(1.0) is None or self.friction.factor_name == "1":
            return time
        return (*time, (self.friction.factor_name, self.friction.factor))

    def spelled_with_decay(self, rate: Rate, coupled: bool) -> "MomentumFlow | None":
        """Its own decay is a coupled one."""
        if callable(rate) or not coupled:
            return None
        return MomentumFlow(self.friction, rate)

    @property
    def has_memory(self) -> bool:
        return True


def _friction(given: AbstractFriction | Rate) -> AbstractFriction:
    if isinstance(given, AbstractFriction):
        return given
    return Friction(given) if callable(given) else ConstantFriction(given)
