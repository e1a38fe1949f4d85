"""Flows that modify another one."""

from typing import Any

import equinox as eqx

from .._typing import Parameters, Rate, State
from ..problem import Problem
from ._base import AbstractFlow, Clock
from ._second_order import SecondOrder


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

    def coupled_decay(self, rate: Rate) -> Rate | None:
        return self.flow.coupled_decay(rate)

    def law_rates(self, problem: Problem) -> Parameters:
        return self.flow.law_rates(problem)

    @property
    def second_order(self) -> SecondOrder | None:
        return self.flow.second_order

    def metric_power(self, path: str) -> int | None:
        return self.flow.metric_power(path)

    def inside(self, state: State) -> State:
        return self.flow.inside(state)

    def clock(self) -> Clock:
        return self.flow.clock()

    @property
    def affine(self) -> bool:
        return self.flow.affine

    @property
    def by_gradient(self) -> bool:
        return self.flow.by_gradient

    @property
    def ascends(self) -> bool:
        return self.flow.ascends

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
