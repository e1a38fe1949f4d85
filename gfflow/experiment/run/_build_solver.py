"""From `[solver]` to a solver."""

from collections.abc import Sequence

import diffrax

from ...laws import Law
from ...solvers import Projected, solver_by_name
from ..config import SolverSection
from ._where import Where, at


def build_solver(
    section: SolverSection, laws: Sequence[Law], where: Where = str
) -> diffrax.AbstractSolver:
    """The solver with its options, and with the laws that it enforces, if it does.

    **Raises:** `ConfigError` for an option that it does not have, or what it refuses.
    """
    options = {
        "stages": section.stages,
        "exact_invariants": section.exact_invariants or None,
    }
    given = {name: value for name, value in options.items() if value is not None}
    with at(where, "solver", section, otherwise="name"):
        solver = solver_by_name(section.name, **given)
    if not section.project:
        return solver
    with at(where, "solver.project"):
        return Projected(solver, laws)
