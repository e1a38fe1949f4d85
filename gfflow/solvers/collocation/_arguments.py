"""The arguments that the collocation solvers share."""

from typing import Any

import equinox as eqx
import optimistix as optx
from diffrax._root_finder import use_stepsize_tol

from ..._errors import SolveError

_MOST_STAGES = 9


class Tolerances(eqx.Module):
    """Where a collocation solver finds its tolerances: Diffrax copies those of the
    step-size controller into what is marked so."""

    rtol: Any
    atol: Any
    norm: Any


def other_stages(stages: int) -> int:
    """Two more, or two less where there are not so many."""
    return stages + 2 if stages + 2 <= _MOST_STAGES else stages - 2


def settings(
    stages: int, vectors, memory: int, stage_chunk, rtol, atol, norm
) -> tuple[Tolerances, int, Any, int, int | None]:
    """The validated fields of a collocation solver.

    **Raises:** `SolveError` for a number out of range.
    """
    whole = lambda x, low: isinstance(x, int) and not isinstance(x, bool) and x >= low
    if not whole(stages, 1) or stages > _MOST_STAGES:
        raise SolveError(
            f"stages is a number from 1 to {_MOST_STAGES}; got {stages!r}",
            argument="stages",
        )
    if vectors != "dense" and not whole(vectors, 1):
        raise SolveError(f'vectors is a positive number or "dense"; got {vectors!r}')
    if not whole(memory, 0):
        raise SolveError(f"memory is a number of iterations, 0 or more; got {memory!r}")
    if stage_chunk is not None and not whole(stage_chunk, 1):
        raise SolveError(f"stage_chunk is a positive number; got {stage_chunk!r}")
    given = [x is not None for x in (rtol, atol)]
    if any(given) != all(given):
        raise SolveError("give both rtol and atol to the solver, or neither")
    if not any(given):
        left: Any = use_stepsize_tol
        tolerances = Tolerances(left, left, left)
    else:
        tolerances = Tolerances(rtol, atol, norm or optx.rms_norm)
    return tolerances, stages, vectors, memory, stage_chunk
