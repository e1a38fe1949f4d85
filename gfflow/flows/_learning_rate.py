"""A time-dependent learning rate on any flow."""

from typing import final

import jax.tree_util as jtu

from .._errors import SolveError
from .._typing import Parameters, Rate, ScalarLike, State
from ..problem import Problem
from ._base import AbstractFlow
from ._modifier import AbstractModifier
from ._rate import as_rate, rate_at


@final
class LearningRate(AbstractModifier):
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

    def response(
        self, t: ScalarLike, state: State, gradient: Parameters, problem: Problem
    ) -> State:
        rate = rate_at(self.rate, t)
        scaled = jtu.tree_map(lambda g: rate.astype(g.dtype) * g, gradient)
        return self.flow.response(t, state, scaled, problem)

    def coupled_decay(self, rate: Rate) -> Rate | None:
        """η times that of the flow inside."""
        inner = self.flow.coupled_decay(rate)
        if inner is None:
            return None
        if callable(inner) or callable(self.rate):
            return lambda t: rate_at(self.rate, t) * rate_at(inner, t)
        return self.rate * inner

    def for_discovery(self) -> AbstractFlow | None:
        return self.flow.for_discovery()
