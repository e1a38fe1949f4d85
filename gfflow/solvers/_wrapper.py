"""Solvers that hold another one."""

from typing import Any

import diffrax
import equinox as eqx
from jaxtyping import PyTree


def unwrapped(solver: diffrax.AbstractSolver) -> diffrax.AbstractSolver:
    """The solver inside of all that is wrapped around it."""
    while isinstance(solver, diffrax.AbstractWrappedSolver):
        solver = solver.solver
    return solver


class WrapperState(eqx.Module):
    """A state that holds that of the solver inside."""

    inner: eqx.AbstractVar[PyTree]

    @property
    def spent(self) -> Any:
        """What the solver inside spent, where its state tells."""
        return self.inner.spent

    @property
    def solved(self) -> Any:
        """Whether it solved its equations, where its state tells."""
        return self.inner.solved


class AbstractWrapper(diffrax.AbstractAdaptiveSolver, diffrax.AbstractWrappedSolver):
    """What Diffrax asks of a solver, answered by the solver inside."""

    solver: eqx.AbstractVar[Any]

    @property
    def term_structure(self):  # pyright: ignore
        return self.solver.term_structure

    @property
    def root_finder(self):
        """Diffrax writes the tolerances into it."""
        return self.solver.root_finder

    @property
    def root_find_max_steps(self):
        return self.solver.root_find_max_steps

    def order(self, terms):
        return self.solver.order(terms)

    def error_order(self, terms):
        return self.solver.error_order(terms)
