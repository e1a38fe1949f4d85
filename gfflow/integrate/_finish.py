"""From the end of a solution to the critical point near it."""

from typing import Literal

from .._errors import SolveError
from .._typing import IntScalarLike, Parameters, ScalarLike
from ..flows import AbstractFlow
from ..landscape import CriticalPoint
from ..landscape import critical_point as critical_point_from
from ..problem import Problem
from ._certify import problem_of
from ._solution import Solution

Finish = Literal["critical-point"]


def critical_point(
    problem: Problem | Solution,
    parameters: Parameters | None = None,
    *,
    weight_decay: ScalarLike | None = None,
    gradient_norm: ScalarLike | None = None,
    max_iterations: IntScalarLike = 5000,
    dense: bool | None = None,
) -> CriticalPoint:
    """A local minimum down from `parameters`, by a trust-region Newton method.

    With rates s and weight decay λ the flow is θ' = −s ∘ ∇L − λθ = −s ∘ ∇V,
    V(θ) = L(θ) + ½λ Σ θ²/s: V is what is minimised, to |∇V|₂ ≤ `gradient_norm`. How,
    and what is claimed of the point, is said at `gfflow.landscape.critical_point`.

    Works inside `jit` and `vmap` on a problem; another threshold compiles nothing.

    **Arguments:**

    - `problem`: or a solution, from whose last state its own problem is minimised.
    - `parameters`: where to start; by default where the solution ended, or the
        problem's own.
    - `weight_decay`: λ ≥ 0; by default that of the solution's flow, or 0.
    - `gradient_norm`: the threshold, 1e-13 by default in double precision, 5e-5 in
        single.
    - `max_iterations`: bounds the steps tried.
    - `dense`: whether to take the whole Hessian (D products) at each new point, or its
        restriction to 96 directions; by default up to 512 parameters.

    **Returns:** a `CriticalPoint`; nothing is raised where none was found.

    **Raises:** `SolveError` for a number out of range, a decay that depends on time, or
    a solution that does not hold its problem; `ProblemError` for parameters that are
    not of the problem's shapes.
    """
    if isinstance(problem, Solution):
        solution = problem
        problem = problem_of(solution, "critical_point(problem, solution.parameters)")
        if parameters is None:
            parameters = solution.parameters
        if weight_decay is None:
            weight_decay = constant_decay(solution.flow)
    return critical_point_from(
        problem,
        parameters,
        weight_decay=0.0 if weight_decay is None else weight_decay,
        gradient_norm=gradient_norm,
        max_iterations=max_iterations,
        dense=dense,
    )


def constant_decay(flow: AbstractFlow) -> ScalarLike:
    """λ of the weight decay in a flow.

    **Raises:** `SolveError` if it depends on time.
    """
    decay = flow.homogeneous_decay()
    if callable(decay):
        raise SolveError(
            "the weight decay of the flow depends on time, so that it has no one "
            "critical point; take gfflow.critical_point(solution, weight_decay=...) "
            "with a number",
            argument="finish",
        )
    return decay
