"""Flows that modify another one."""

from typing import Any

import equinox as eqx

from .._typing import Parameters, Rate, State
from ..problem import Problem
from ._base import AbstractFlow


class AbstractModifier(AbstractFlow):
    """A flow with the state of the one inside, and whatever else it does not change."""

    flow: eqx.AbstractVar[AbstractFlow]

    def initial_state(self, problem: Problem) -> State:
        return self.flow.initial_state(problem)

    def parameters(self, state: State) -> Parameters:
        return self.flow.parameters(state)

    def view(self, state: State, problem: Problem) -> Any:
        return self.flow.view(state, problem)

    def homogeneous_decay(self) -> Rate:
        return self.flow.homogeneous_decay()

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
