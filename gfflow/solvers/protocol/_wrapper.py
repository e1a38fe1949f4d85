"""Solvers that hold another one."""

from collections.abc import Callable
from typing import Any, TypeVar

import diffrax
import equinox as eqx
from jaxtyping import Array, PyTree

from ..._typing import RealScalarLike, Scalar
from ._delegate import AbstractDelegate
from ._diffrax import adapted
from ._measured import AbstractMeasured
from ._solver import AbstractFlowSolver
from ._spent import Spent
from ._stages import Measure


class AbstractWrapperState(eqx.Module):
    """A state that holds that of the solver inside."""

    inner: eqx.AbstractVar[PyTree]


_State = TypeVar("_State", bound=AbstractWrapperState)


class AbstractWrapper(AbstractMeasured[_State], AbstractDelegate[_State]):
    """A solver that answers by the one inside, of this library or of Diffrax."""

    @property
    def inside(self) -> AbstractFlowSolver:
        """The solver inside, as one that answers."""
        return adapted(self.solver)

    def controlled(
        self, rtol: Scalar, atol: Scalar, norm: Callable
    ) -> diffrax.AbstractAdaptiveSolver:
        inner = self.inside.controlled(rtol, atol, norm)
        return eqx.tree_at(lambda s: s.solver, self, inner)

    def _inner_step(self, measure: Measure | None, *step) -> tuple[Any, PyTree[Array]]:
        """A step of the solver inside, and what was measured of it, if anything."""
        if measure is None:
            return self.solver.step(*step), None
        return self.inside.step_measured(measure, *step)

    def events(self, state: _State) -> tuple[tuple[float, str], ...]:
        return self.inside.events(state.inner)

    def end_of_step(self, state: _State, t1: RealScalarLike) -> Array:
        return self.inside.end_of_step(state.inner, t1)

    def solved(self, state: _State) -> Array:
        return self.inside.solved(state.inner)

    def _spent(self, state: _State) -> Spent:
        return self.inside._spent(state.inner)
