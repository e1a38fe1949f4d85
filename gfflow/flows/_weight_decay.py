"""Weight decay, constant or not, on any flow."""

from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu

from .._errors import SolveError
from .._typing import Parameters, Rate, ScalarLike, State
from ..problem import Problem
from ._base import AbstractFlow
from ._decay import decay_term
from ._modifier import AbstractModifier
from ._rate import as_rate, rate_at
from ._second_order import SecondOrder


@final
class WeightDecay(AbstractModifier):
    """Another flow with weight decay λ(t) ≥ 0, in units of one over flow time.

    Decoupled (Loshchilov & Hutter 2019): θ' has −λ(t)θ added to it, whatever the flow
    does with a gradient. A law H of the flow without, homogeneous of degree q, then
    obeys Ḣ = −qλ(t)H if the flow is a first-order one (Euler's identity). Coupled: the
    force is −s∘∇L − λ(t)θ, as if the loss had λ|θ|²/2 added to it. On `GradientFlow`
    the two are the same.
    """

    flow: AbstractFlow
    rate: Rate
    coupled: bool = eqx.field(static=True)

    def __init__(self, flow: AbstractFlow, rate: Rate, *, coupled: bool = False):
        """**Arguments:**

        - `flow`: any flow of gfflow.
        - `rate`: λ, a number or a function of flow time that JAX can trace.

        **Raises:** `SolveError` for a negative number, what is no flow, or decoupled
        decay on a flow in dual variables.
        """
        if not isinstance(flow, AbstractFlow):
            raise SolveError(f"WeightDecay is put on a flow; got {type(flow).__name__}")
        if not (coupled or flow.shows_its_state):
            raise SolveError(
                "decoupled weight decay needs the parameters in the state: take "
                "MirrorFlow(..., dual=False), or coupled=True"
            )
        self.flow = flow
        self.rate = as_rate("weight decay", rate)
        self.coupled = coupled

    def response(
        self, t: ScalarLike, state: State, gradient: Parameters, problem: Problem
    ) -> State:
        decay = decay_term(rate_at(self.rate, t), self.flow.parameters(state))
        if self.coupled:
            force = jtu.tree_map(jnp.add, gradient, problem.unscaled(decay))
            return self.flow.response(t, state, force, problem)
        change = self.flow.response(t, state, gradient, problem)
        # The transpose of a choice of leaves puts 0 in the others.
        _, in_state = jax.vjp(self.flow.parameters, change)
        return jtu.tree_map(jnp.subtract, change, *in_state(decay))

    def homogeneous_decay(self) -> Rate:
        """That of the flow inside and this one's."""
        inner, own = self.flow.homogeneous_decay(), self._own
        if self.has_memory or own is None:
            return inner
        if callable(inner) or callable(own):
            return lambda t: rate_at(inner, t) + rate_at(own, t)
        return inner + own

    @property
    def _own(self) -> Rate | None:
        """λ' of −λ'θ in θ', or in the force of a flow of second order; `None` where the
        decay is something else."""
        return self.flow.coupled_decay(self.rate) if self.coupled else self.rate

    @property
    def stays_in_span(self) -> bool:
        return self.flow.stays_in_span and self._own is not None

    @property
    def second_order(self) -> SecondOrder | None:
        inner, own = self.flow.second_order, self._own
        if inner is None or own is None:
            return None
        return inner.with_decay(own, coupled=self.coupled)

    def metric_power(self, path: str) -> int | None:
        return None if self._own is None else self.flow.metric_power(path)

    def for_discovery(self) -> AbstractFlow | None:
        if self.has_memory:
            return self
        return None if self._own is None else self.flow.for_discovery()
