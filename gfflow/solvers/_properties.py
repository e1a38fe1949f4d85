"""What a solver costs a step, its order, and the invariants that it keeps exactly."""

import math
from typing import NamedTuple

import diffrax
import numpy as np

from .._errors import GFFlowError, SolveError
from .._registry import lookup


class StepControl(NamedTuple):
    """Coefficients of proportional–integral step-size control (Gustafsson 1991).

    The next step is safety · e_n^{−integral/k} · e_{n−1}^{proportional/k} times the
    last, growth times at most. Integral control alone (1, 0) suits steps that accuracy
    bounds and that grow for ever; the proportional part calms steps that stability
    bounds, at the price that steps which grow by a factor g settle at an error of only
    g^{−k/(integral − proportional)}.

    A predictive control lets the error over h^k, if it has grown since the step before,
    grow by as much again, as it does where the flow leaves a saddle (Gustafsson 1994;
    Hairer & Wanner, Solving ODEs II, (IV.8.25)). The steps of a gradient flow that grow
    like t are doubled at most; those that grow faster are soon rejected.
    """

    integral: float
    proportional: float
    safety: float
    growth: float
    predictive: bool


STABILITY_BOUND = StepControl(0.7, 0.4, 0.9, 10.0, False)
ACCURACY_BOUND = StepControl(1.0, 0.0, 0.8, 3.0, True)


class SolverProperties(NamedTuple):
    """**Attributes:**

    - `name`: as registered.
    - `order`: of the solution that is carried on.
    - `gradients_a_step`: gradients for each attempted step, `None` if the solver does
        not tell (the inner iterations of an implicit method).
    - `gradients_at_start`: evaluations before the first step.
    - `exact_degrees`: the degrees of the polynomial invariants that it keeps to
        round-off at any step size. Every Runge–Kutta method keeps linear ones
        (Hairer, Lubich & Wanner, Thm IV.1.5); quadratic ones need
        b_i a_ij + b_j a_ji = b_i b_j (Cooper 1987).
    - `tells`: whether the cost of a solve is known.
    - `control`: how its steps are controlled.
    - `imex`: takes the field as its explicit part, beside an implicit part of zero.
        (The other way round KenCarp does not get past its own Newton iteration below
        tolerances of about 1e-6 in Diffrax 0.7.2, already on y' = −y³.)
    """

    name: str
    order: int
    gradients_a_step: int | None
    gradients_at_start: int
    exact_degrees: frozenset[str]
    tells: bool
    control: StepControl
    imex: bool


def solver_by_name(name: str) -> diffrax.AbstractSolver:
    """The solver of this name, as `gfflow list solvers` prints it.

    **Raises:** `SolveError` if there is none.
    """
    try:
        return lookup("solvers", name)()
    except GFFlowError as error:
        raise SolveError(str(error)) from None


def solver_properties(solver: diffrax.AbstractSolver) -> SolverProperties:
    """What is known of a Diffrax solver.

    **Raises:** `SolveError` if it is not an adaptive solver of ordinary differential
    equations.
    """
    name = type(solver).__name__
    if hasattr(solver, "properties"):
        return solver.properties
    if not isinstance(solver, diffrax.AbstractAdaptiveSolver):
        raise SolveError(
            f"{name} has no error estimate; wanted an adaptive Diffrax solver, such as "
            "diffrax.Dopri8()"
        )
    order = solver.order(None)  # pyright: ignore[reportArgumentType]
    tableau = getattr(solver, "tableau", None)
    imex = isinstance(tableau, diffrax.MultiButcherTableau)
    if not imex and solver.term_structure is not diffrax.AbstractTerm:
        raise SolveError(f"{name} is not a solver for one ordinary vector field")
    start = 0
    if isinstance(solver, diffrax.AbstractERK):
        assert isinstance(tableau, diffrax.ButcherTableau)
        gradients = tableau.num_stages - int(tableau.fsal)
        start = int(tableau.fsal)
    elif isinstance(solver, diffrax.ReversibleHeun):
        gradients, start = 1, 1
    else:
        gradients = None
    exact = _exact(tableau)
    if isinstance(solver, diffrax.ReversibleHeun | diffrax.ImplicitEuler):
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
    )


def solver_events(solver: diffrax.AbstractSolver, state) -> tuple:
    """What a solver has on record, `(t, what)` in order; on the host."""
    return solver.events(state) if hasattr(solver, "events") else ()


def _exact(tableau) -> frozenset[str]:
    if not isinstance(tableau, diffrax.ButcherTableau):
        return frozenset(
            {"linear"} if isinstance(tableau, diffrax.MultiButcherTableau) else ()
        )
    degrees = {"linear"}
    weights = np.asarray(tableau.b_sol)
    stages = len(weights)
    matrix = np.zeros((stages, stages))
    for i, row in enumerate(tableau.a_lower, start=stages - len(tableau.a_lower)):
        matrix[i, : len(row)] = row
    if tableau.a_diagonal is not None:
        np.fill_diagonal(matrix, np.asarray(tableau.a_diagonal)[-stages:])
    defect = weights[:, None] * matrix
    defect = defect + defect.T - np.outer(weights, weights)
    if np.max(np.abs(defect)) < math.sqrt(np.finfo(float).eps):
        degrees.add("quadratic")
    return frozenset(degrees)
