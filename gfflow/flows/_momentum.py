"""Momentum flow: second order in time, with friction."""

from typing import Any, NamedTuple, final

import jax.numpy as jnp
import jax.tree_util as jtu

from .._errors import SolveError
from .._typing import Parameters, Rate, Scalar, ScalarLike, State
from ..problem import Problem
from ._base import AbstractFlow, Clock
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
    - `weight_decay`: λ ≥ 0, in units of one over flow time squared.
    """

    friction: AbstractFriction
    weight_decay: Scalar

    def __init__(
        self,
        friction: AbstractFriction | ScalarLike | Any = 0.0,
        weight_decay: ScalarLike = 0.0,
    ):
        """**Arguments:**

        - `friction`: a number (heavy ball), `gfflow.nesterov`, or any function τ(t).

        **Raises:** `SolveError` for a negative number.
        """
        if isinstance(weight_decay, int | float) and not weight_decay >= 0:
            raise SolveError(f"weight_decay must be at least 0; got {weight_decay!r}")
        if not isinstance(friction, AbstractFriction):
            known = Friction(friction) if callable(friction) else None
            friction = known or ConstantFriction(friction)
        self.friction = friction
        self.weight_decay = jnp.asarray(weight_decay, float)

    def initial_state(self, problem: Problem) -> State:
        zeros = jtu.tree_map(jnp.zeros_like, problem.parameters)
        return Phase(problem.parameters, zeros)

    def response(
        self, t: ScalarLike, state: State, gradient: Parameters, problem: Problem
    ) -> State:
        def acceleration(g, p, v):
            force = -g - self.weight_decay.astype(p.dtype) * p
            return self.friction.acceleration(t, v, force)

        scaled = problem.scaled(gradient)
        return Phase(
            state.velocity,
            jtu.tree_map(acceleration, scaled, state.model, state.velocity),
        )

    def absolute_field(self, t: ScalarLike, state: State, problem: Problem) -> State:
        friction = jnp.where(jnp.asarray(t) > 0, self.friction(t), 0)
        terms = problem.scaled(problem.absolute_gradient(state.model))

        def total(g, p, v):
            decay = self.weight_decay.astype(p.dtype) * jnp.abs(p)
            return g + decay + jnp.abs(friction).astype(p.dtype) * jnp.abs(v)

        return Phase(
            jtu.tree_map(jnp.abs, state.velocity),
            jtu.tree_map(total, terms, state.model, state.velocity),
        )

    def parameters(self, state: State) -> Parameters:
        return state.model

    def view(self, state: State, problem: Problem) -> Any:
        return Phase(problem.model_at(state.model), state.velocity)

    def homogeneous_decay(self) -> ScalarLike:
        return 0.0

    def coupled_decay(self, rate: Rate) -> Rate:
        return rate

    @property
    def law_families(self) -> tuple[str, ...]:
        return ("rotation",)

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
        known = coupled and not callable(rate)
        return MomentumFlow(self.friction, rate) if known else None

    @property
    def has_memory(self) -> bool:
        return True
