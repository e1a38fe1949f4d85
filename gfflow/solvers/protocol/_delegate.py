"""What Diffrax asks of a solver, answered by another one."""

from typing import Any, TypeVar

import diffrax
import equinox as eqx

_State = TypeVar("_State")


def unwrapped(solver: diffrax.AbstractSolver) -> diffrax.AbstractSolver:
    """The solver inside of all that is wrapped around it."""
    while isinstance(solver, diffrax.AbstractWrappedSolver):
        solver = solver.solver
    return solver


class AbstractDelegate(
    diffrax.AbstractAdaptiveSolver[_State], diffrax.AbstractWrappedSolver[_State]
):
    """A solver with the orders, terms and root finder of the one inside."""

    solver: eqx.AbstractVar[Any]

    @property
    def term_structure(self):  # pyright: ignore
        return self.solver.term_structure

    @property
    def interpolation_cls(self):  # pyright: ignore
        return self.solver.interpolation_cls

    @property
    def term_compatible_contr_kwargs(self):  # pyright: ignore
        return self.solver.term_compatible_contr_kwargs

    @property
    def root_finder(self):
        """Diffrax writes the tolerances into it."""
        return self.solver.root_finder

    @property
    def root_find_max_steps(self):
        return self.solver.root_find_max_steps

    def order(self, terms):
        return self.solver.order(terms)

    def strong_order(self, terms):
        return self.solver.strong_order(terms)

    def error_order(self, terms):
        return self.solver.error_order(terms)

    def func(self, terms, t0, y0, args):
        return self.solver.func(terms, t0, y0, args)

    def init(self, terms, t0, t1, y0, args):
        return self.solver.init(terms, t0, t1, y0, args)

    def step(self, terms, t0, t1, y0, args, solver_state, made_jump):
        return self.solver.step(terms, t0, t1, y0, args, solver_state, made_jump)
