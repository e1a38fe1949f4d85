"""The way in for Diffrax's own solvers."""

import math
from collections.abc import Callable
from typing import Any, final

import diffrax
import equinox as eqx
import jax.numpy as jnp
import numpy as np
from diffrax._root_finder import use_stepsize_tol
from jaxtyping import Array, PyTree

from ..._errors import SolveError
from ..._typing import Scalar, ScalarLike
from ...flows import AbstractFlow
from ...problem import Problem
from ._delegate import AbstractDelegate, unwrapped
from ._properties import STABILITY_BOUND, SolverProperties
from ._solver import AbstractFlowSolver
from ._stages import runge_kutta_stages


@final
class DiffraxSolver(AbstractDelegate[PyTree], AbstractFlowSolver[PyTree]):
    """What gfflow asks of a solver, read off one of Diffrax.

    It is only asked, and never kept: a run holds the solver that was given. The state
    is that of the solver inside, and tells neither costs nor failures.
    """

    solver: Any

    @property
    def properties(self) -> SolverProperties:
        """**Raises:** `SolveError` if it is not an adaptive solver of ordinary
        differential equations."""
        solver = self.solver
        kind, name = type(solver), type(solver).__name__
        if not isinstance(solver, diffrax.AbstractAdaptiveSolver):
            raise SolveError(
                f"{name} has no error estimate; wanted an adaptive Diffrax solver, "
                "such as diffrax.Dopri8()"
            )
        order = solver.order(None)  # pyright: ignore[reportArgumentType]
        tableau = _tableau(solver)
        imex = isinstance(tableau, diffrax.MultiButcherTableau)
        if not imex and solver.term_structure is not diffrax.AbstractTerm:
            raise SolveError(f"{name} is not a solver for one ordinary vector field")
        gradients, start = None, 0
        if issubclass(kind, diffrax.AbstractERK):
            assert isinstance(tableau, diffrax.ButcherTableau)
            gradients = tableau.num_stages - int(tableau.fsal)
            start = int(tableau.fsal)
        elif issubclass(kind, diffrax.ReversibleHeun):
            gradients, start = 1, 1
        exact = _exact(tableau)
        if issubclass(kind, diffrax.ReversibleHeun | diffrax.ImplicitEuler):
            exact = frozenset({"linear"})
        return SolverProperties(
            name.lower(),
            int(order or 0),
            gradients,
            start,
            exact,
            gradients is not None,
            STABILITY_BOUND,
            imex,
            _carries_slope(_tableau(unwrapped(solver))),
            issubclass(kind, diffrax.AbstractERK),
        )

    def step_measured(self, measure, terms, t0, t1, y0, args, solver_state, made_jump):
        """Of the explicit Runge–Kutta methods; their dense output holds h f(Y_i)."""
        step = self.solver.step(terms, t0, t1, y0, args, solver_state, made_jump)
        if not self.properties.tells_stages:
            return step, None
        table, (_, _, dense, _, _) = self.solver.tableau, step
        k, h = dense["k"], jnp.asarray(terms.contr(t0, t1))
        stages = runge_kutta_stages(
            t0, t1, y0, _nodes(table), _matrix(table), table.b_sol, k, k, unit=h
        )
        return step, measure(stages, args)

    def fitted(
        self, flow: AbstractFlow, problem: Problem, rtol: ScalarLike
    ) -> diffrax.AbstractAdaptiveSolver:
        return self.solver

    def controlled(
        self, rtol: Scalar, atol: Scalar, norm: Callable
    ) -> diffrax.AbstractAdaptiveSolver:
        return controlled_root_finder(self.solver, rtol, atol, norm)

    def solved(self, state: PyTree) -> Array:
        return jnp.asarray(True)


def adapted(solver: diffrax.AbstractSolver) -> AbstractFlowSolver:
    """The solver itself if it is of this library, else as one that answers."""
    if issubclass(type(solver), AbstractFlowSolver):
        return solver  # pyright: ignore[reportReturnType]
    return DiffraxSolver(solver)


def controlled_root_finder(
    solver: Any, rtol: Scalar, atol: Scalar, norm: Callable
) -> diffrax.AbstractAdaptiveSolver:
    """The solver with what its root finder leaves to the step-size controller filled
    in, as Diffrax does; itself if it has no root finder."""
    kind = type(solver)
    if issubclass(kind, diffrax.AbstractWrappedSolver):
        inner = adapted(solver.solver).controlled(rtol, atol, norm)
        return eqx.tree_at(lambda s: s.solver, solver, inner)
    if not issubclass(kind, diffrax.AbstractImplicitSolver):
        return solver
    finder, values = solver.root_finder, {"rtol": rtol, "atol": atol, "norm": norm}
    left = [name for name in values if getattr(finder, name) is use_stepsize_tol]
    return eqx.tree_at(
        lambda s: [getattr(s.root_finder, name) for name in left],
        solver,
        [values[name] for name in left],
    )


def _tableau(solver: diffrax.AbstractSolver) -> Any:
    runs = issubclass(type(solver), diffrax.AbstractRungeKutta)
    return solver.tableau if runs else None  # pyright: ignore[reportAttributeAccessIssue]


def _carries_slope(tableau) -> bool:
    if isinstance(tableau, diffrax.MultiButcherTableau):
        return all(part.fsal for part in tableau.tableaus)
    return isinstance(tableau, diffrax.ButcherTableau) and bool(tableau.fsal)


def _matrix(tableau: diffrax.ButcherTableau) -> np.ndarray:
    stages = len(tableau.b_sol)
    matrix = np.zeros((stages, stages))
    for i, row in enumerate(tableau.a_lower, start=stages - len(tableau.a_lower)):
        matrix[i, : len(row)] = row
    if tableau.a_diagonal is not None:
        np.fill_diagonal(matrix, np.asarray(tableau.a_diagonal)[-stages:])
    return matrix


def _nodes(tableau: diffrax.ButcherTableau) -> np.ndarray:
    return np.append(tableau.c1 or 0.0, tableau.c)


def _exact(tableau) -> frozenset[str]:
    if not isinstance(tableau, diffrax.ButcherTableau):
        return frozenset(
            {"linear"} if isinstance(tableau, diffrax.MultiButcherTableau) else ()
        )
    degrees = {"linear"}
    weights, matrix = np.asarray(tableau.b_sol), _matrix(tableau)
    defect = weights[:, None] * matrix
    defect = defect + defect.T - np.outer(weights, weights)
    if np.max(np.abs(defect)) < math.sqrt(np.finfo(float).eps):
        degrees.add("quadratic")
    return frozenset(degrees)
