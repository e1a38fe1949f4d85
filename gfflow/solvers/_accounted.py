"""A solver that tells the step-size controller more than an error estimate."""

from collections.abc import Callable
from typing import Any, NamedTuple, final

import diffrax
import equinox as eqx
import jax.numpy as jnp
import jax.tree_util as jtu
from diffrax._root_finder import use_stepsize_tol
from jaxtyping import Array, PyTree

from .._typing import Scalar
from ._properties import solver_properties
from ._spent import Spent
from ._wrapper import AbstractWrapper


class Attempt(NamedTuple):
    """What a controller is told of one attempted step.

    - `error`: the solver's error estimate, like the state.
    - `spent`: on this step alone, also if it is rejected.
    - `solved`: 1 if the step's implicit equations were solved, else 0.
    """

    error: PyTree[Array]
    spent: Spent
    solved: Array


@final
class Accounted(AbstractWrapper):
    """The same solver, with an `Attempt` in the place of its error estimate.

    Diffrax drops the state that a solver has after a rejected step, and with it the
    count of what the step cost. What goes through the controller is kept. Only
    `gfflow.solve`'s controller reads it.
    """

    solver: Any

    @property
    def interpolation_cls(self):
        return self.solver.interpolation_cls

    def func(self, terms, t0, y0, args):
        return self.solver.func(terms, t0, y0, args)

    def init(self, terms, t0, t1, y0, args):
        return self.solver.init(terms, t0, t1, y0, args)

    def step(self, terms, t0, t1, y0, args, solver_state, made_jump):
        y1, error, dense, new, result = self.solver.step(
            terms, t0, t1, y0, args, solver_state, made_jump
        )
        if hasattr(new, "spent"):
            spent = jtu.tree_map(jnp.subtract, new.spent, solver_state.spent)
        else:
            count = solver_properties(self.solver).gradients_a_step or 0
            spent = Spent.zero().plus(gradients=count, sequential=count)
        solved = jnp.asarray(getattr(new, "solved", True), float)
        return y1, Attempt(error, spent, solved), dense, new, result


def with_tolerances(
    solver: diffrax.AbstractSolver, rtol: Scalar, atol: Scalar, norm: Callable
) -> diffrax.AbstractSolver:
    """An implicit solver with the tolerances that are left to the step-size controller
    filled in, however deeply it is wrapped. (Diffrax looks through one wrapper.)
    """
    finder = getattr(solver, "root_finder", None)
    values = {"rtol": rtol, "atol": atol, "norm": norm}
    left = [n for n in values if getattr(finder, n, None) is use_stepsize_tol]
    if not left:
        return solver
    return eqx.tree_at(
        lambda s: [getattr(s.root_finder, n) for n in left],
        solver,
        [values[n] for n in left],
    )


def spent_at_start(solver: diffrax.AbstractSolver, state: PyTree) -> Spent:
    """What initialising the solver cost."""
    if hasattr(state, "spent"):
        return state.spent
    count = solver_properties(solver).gradients_at_start
    return Spent.zero().plus(gradients=count, sequential=count)
