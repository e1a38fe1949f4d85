"""Solvers whose step and what is measured of it are one function."""

import abc
from typing import Any, TypeVar

from jaxtyping import PyTree

from ._solver import AbstractFlowSolver
from ._stages import Measure

_SolverState = TypeVar("_SolverState")


class AbstractMeasured(AbstractFlowSolver[_SolverState]):
    """A solver that has the stages of a step at hand where it makes it."""

    @abc.abstractmethod
    def _step(
        self,
        measure: Measure | None,
        terms,
        t0,
        t1,
        y0,
        args,
        solver_state: _SolverState,
        made_jump,
    ) -> tuple[Any, PyTree]:
        """The step, and `measure(stages, args)` of it; `None` without a measure."""

    def step(self, terms, t0, t1, y0, args, solver_state, made_jump):
        step = terms, t0, t1, y0, args, solver_state, made_jump
        return self._step(None, *step)[0]

    def step_measured(self, measure, terms, t0, t1, y0, args, solver_state, made_jump):
        step = terms, t0, t1, y0, args, solver_state, made_jump
        return self._step(measure, *step)
