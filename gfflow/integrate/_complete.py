"""What is asked for beyond the flow, after its run."""

import equinox as eqx

from .._errors import SolveError
from ..flows import AbstractFlow
from ..problem import Problem
from ._certify import certificate_of
from ._finish import constant_decay, critical_point
from ._solution import Solution


def check_finish(flow: AbstractFlow, finish: str | None) -> None:
    """Refuse a finish that is none, or that the flow cannot have.

    **Raises:** `SolveError`.
    """
    if finish not in (None, "critical-point"):
        raise SolveError(
            f"finish is 'critical-point' or None; got {finish!r}", argument="finish"
        )
    if finish is not None:
        constant_decay(flow)


def completed(
    solution: Solution, problem: Problem, *, certify: bool, finish: str | None
) -> Solution:
    """The solution of this problem with its certificate and the critical point after
    it, where they are asked for; inside `jit` too."""
    certificate = certificate_of(solution, problem) if certify else None
    point = None
    if finish is not None:
        decay = constant_decay(solution.flow)
        point = critical_point(problem, solution.parameters, weight_decay=decay)
    return eqx.tree_at(
        lambda s: (s.certificate, s.critical_point),
        solution,
        (certificate, point),
        is_leaf=lambda x: x is None,
    )
