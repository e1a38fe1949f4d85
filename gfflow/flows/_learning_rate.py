"""A time-dependent learning rate on any flow."""

from typing import Any, final

import equinox as eqx
import jax.tree_util as jtu

from .._errors import SolveError
from .._problem import Problem
from .._typing import Parameters, Rate, ScalarLike, State
from ._base import AbstractFlow
from ._rate import as_rate, rate_at


@final
class LearningRate(AbstractFlow):
    """Another flow with η(t)∇L in the place of ∇L: a schedule, in flow time.

    A law of a flow holds for every gradient that a loss and data can give, so those of
    the flow inside are the laws of this one. What is not driven by the gradient
    (friction, weight decay) is not scaled.
    """

    flow: AbstractFlow
    rate: Rate

    def __init__(self, flow: AbstractFlow, rate: Rate):
        """**Arguments:**

        - `flow`: any flow of gfflow.
        - `rate`: η ≥ 0, a number or a function of flow time that JAX can trace.

        **Raises:** `SolveError` for a negative number, or what is no flow.
        """
        if not isinstance(flow, AbstractFlow):
            raise SolveError(
                f"LearningRate is put on a flow; got {type(flow).__name__}"
            )
        self.flow = flow
        self.rate = as_rate("learning rate", rate)

    def initial_state(self, problem: Problem) -> State:
        return self.flow.initial_state(problem)

    def response(
        self, t: ScalarLike, state: State, gradient: Parameters, problem: Problem
    ) -> State:
        rate = rate_at(self.rate, t)
        scaled = jtu.tree_map(lambda g: rate.astype(g.dtype) * g, gradient)
        return self.flow.response(t, state, scaled, problem)

    def absolute_field(self, t: ScalarLike, state: State, problem: Problem) -> State:
        """That of the flow inside on the loss η(t)L."""
        normaliser = problem.normaliser / rate_at(self.rate, t).astype(problem.dtype)
        scaled = eqx.tree_at(lambda p: p.normaliser, problem, normaliser)
        return self.flow.absolute_field(t, state, scaled)

    def parameters(self, state: State) -> Parameters:
        return self.flow.parameters(state)

    def view(self, state: State, problem: Problem) -> Any:
        return self.flow.view(state, problem)

    def homogeneous_decay(self) -> Rate:
        return self.flow.homogeneous_decay()

    def without_decay(self) -> AbstractFlow:
        return LearningRate(self.flow.without_decay(), self.rate)

    @property
    def affine(self) -> bool:
        return self.flow.affine

    @property
    def stays_in_span(self) -> bool:
        return self.flow.stays_in_span

    @property
    def base(self) -> AbstractFlow:
        return self.flow.base

    @property
    def has_memory(self) -> bool:
        return self.flow.has_memory

    @property
    def shows_its_state(self) -> bool:
        return self.flow.shows_its_state
