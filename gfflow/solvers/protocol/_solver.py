"""What gfflow asks of a solver, beyond what Diffrax does."""

import abc
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import diffrax
import equinox as eqx
import jax.numpy as jnp
import jax.tree_util as jtu
from jaxtyping import Array, PyTree

from ..._registry import lookup
from ..._typing import RealScalarLike, Scalar, ScalarLike
from ...flows import AbstractFlow
from ...problem import Problem
from ._met_kink import MetKink
from ._properties import SolverProperties
from ._spent import Spent
from ._stages import Measure

if TYPE_CHECKING:
    from typing import ClassVar as AbstractVar  # a field or a property, as in Diffrax
else:
    from equinox import AbstractVar

_SolverState = TypeVar("_SolverState")


class AbstractSolverState(eqx.Module):
    """What a solver of gfflow remembers from step to step.

    - `spent`: the cost so far.
    - `solved`: whether the implicit equations of the last step were solved.
    """

    spent: AbstractVar[Spent]
    solved: AbstractVar[Array]


class AbstractFlowSolver(diffrax.AbstractAdaptiveSolver[_SolverState]):
    """A Diffrax solver with an error estimate that answers what gfflow asks.

    Diffrax's own solvers come in through `adapted`. A state need not be an
    `AbstractSolverState` if `spent_at_start`, `spent_on_step` and `solved` do not ask
    it.
    """

    @property
    @abc.abstractmethod
    def properties(self) -> SolverProperties:
        """Its name, order, costs and what it keeps."""

    @property
    def enforced(self) -> tuple[str, ...]:
        """The names of the laws that hold because it enforces them."""
        return ()

    def fitted(
        self, flow: AbstractFlow, problem: Problem, rtol: ScalarLike
    ) -> diffrax.AbstractAdaptiveSolver:
        """The solver for this flow of this problem at this tolerance, which may be
        traced.

        **Raises:** `SolveError` for a flow that it is not for.
        """
        return self

    def finer(self) -> diffrax.AbstractAdaptiveSolver:
        """A solver of another order for the same flow, to compare with."""
        return lookup("solvers", "auto")()

    def controlled(
        self, rtol: Scalar, atol: Scalar, norm: Callable
    ) -> diffrax.AbstractAdaptiveSolver:
        """With the tolerances that are left to the step-size controller filled in."""
        return self

    def step_measured(
        self, measure: Measure, terms, t0, t1, y0, args, solver_state, made_jump
    ) -> tuple[Any, PyTree[Array]]:
        """A step, to the last bit as by `step`, and `measure(stages, args)` of it.

        Solvers whose `properties` say that they tell their stages have one of their
        own; of the others there is nothing to measure: `None`.
        """
        return self.step(terms, t0, t1, y0, args, solver_state, made_jump), None

    def end_of_step(self, state: _SolverState, t1: RealScalarLike) -> Array:
        """The time at which the step to this state ended, which was asked to end at
        `t1`: earlier where it was cut short."""
        return jnp.asarray(t1)

    def events(self, state: _SolverState) -> tuple[tuple[float, str], ...]:
        """What it has on record, `(t, what)` in order; on the host."""
        return ()

    def kinks(self, state: _SolverState) -> tuple[MetKink, ...]:
        """The kinks that it has on record, in order; on the host."""
        return ()

    def forward_pass(self, problem: Problem) -> Callable[[PyTree], PyTree] | None:
        """A function of the parameters, one of the `passes` that it counts; `None` for
        a solver without any."""
        return None

    def in_new_units(self, state: _SolverState, changed: Array) -> _SolverState:
        """The state without what it remembers in the units of y, where these have
        `changed`, but for what a made jump renews."""
        return state

    def spent_at_start(self, state: _SolverState) -> Spent:
        """What initialising the solver to this state cost."""
        properties = self.properties
        if properties.gradients_a_step is None and properties.tells:
            return self._spent(state)
        return Spent.of_gradients(properties.gradients_at_start)

    def spent_on_step(self, before: _SolverState, after: _SolverState) -> Spent:
        """What the step between these two states cost; 0 if it does not tell."""
        properties = self.properties
        if properties.gradients_a_step is None and properties.tells:
            pair = self._spent(after), self._spent(before)
            return jtu.tree_map(jnp.subtract, *pair)
        return Spent.of_gradients(properties.gradients_a_step or 0)

    def solved(self, state: _SolverState) -> Array:
        """Whether the implicit equations of the step to this state were solved."""
        return _told(state).solved

    def _spent(self, state: _SolverState) -> Spent:
        return _told(state).spent


def _told(state: PyTree) -> AbstractSolverState:
    assert isinstance(state, AbstractSolverState)
    return state
