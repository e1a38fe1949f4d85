"""What a flow does with a gradient, on flat states."""

from collections.abc import Callable, Sequence
from typing import final

import equinox as eqx
from jaxtyping import Array

from ..._typing import Parameters, State
from ...flows import AbstractFlow
from ...problem import Problem
from ._flat_state import FlatState, Vector


@final
class Response(eqx.Module):
    """A flow's answer to any gradient, at any z."""

    flow: AbstractFlow
    problem: Problem
    state: FlatState

    def at(
        self, z: Vector, others: Sequence[Array]
    ) -> tuple[Parameters, Callable[[Parameters], State]]:
        """The parameters at z, and gradient → dstate/dt."""
        here = self.state.tree(z, others)
        t = self.state.time(z)
        respond = lambda gradient: self.flow.response(t, here, gradient, self.problem)
        return self.flow.parameters(here), respond

    def inside(self, z: Vector) -> Vector:
        """Any z, put into the domain of the flow."""
        state = self.flow.inside(self.state.tree(z, self.state.rest))
        return self.state.flat(state, self.state.time(z))
