"""What an integration returns."""

from typing import Any, final

import diffrax
import equinox as eqx
from jaxtyping import Array, Float, Int, PyTree

from .._typing import Parameters, State
from ..flows import AbstractFlow
from ..landscape import CriticalPoint
from ..problem import Problem
from ..solvers import MetKink, adapted
from ._certificate import Certificate
from ._cost import Cost
from ._law_rates import LawRate
from ._settings import Settings
from ._status import Status, status_name


@final
class Solution(eqx.Module):
    """The trajectory at the saved times. T rows, t0 first; times are flow time.

    Outside `jit` only the rows that were reached are kept; inside, the rest are NaN.

    **Attributes:**

    - `ts`: shape `(T,)`.
    - `losses`, `gradient_norms`: shape `(T,)`; the norm is ‖∇L‖₂, without time scale.
    - `laws`: law name → values `(T, ...)`.
    - `state_ts`, `states`: the `K` rows at which the whole state was kept, the first
        and the last among them.
    - `state`: the state at the last row.
    - `status`: how it ended; `status_name` is its name.
    - `accepted_steps`, `rejected_steps`.
    - `cost`: see `Cost`.
    - `grid`: the times that were asked for.
    - `settings`: tolerances and limits.
    - `solver`: the Diffrax solver.
    - `problem`, `flow`: what was solved; `None` inside `jit`, where they would be
        copied into the output.
    - `events`: `(t, what)` in order: switches of the solver, an early stop. Empty
        inside `jit`.
    - `kinks`: the first 4096 kinks that a solver which resolves them has met, in order.
        Empty inside `jit`.
    - `certificate`: a bound of the last state's error, if it was asked for.
    - `critical_point`: where second-order steps lead from the last state, if they were
        asked for; apart from the flow: it has no time, and its cost is its own.
    - `law_rates`: law name → `LawRate`, up to each row; `None` if it was not asked for,
        there are no laws, or the solver does not show its stages: Diffrax's implicit
        and reversible solvers do not, and an event says so.
    """

    ts: Float[Array, " T"]
    losses: Float[Array, " T"]
    gradient_norms: Float[Array, " T"]
    laws: dict[str, Float[Array, "T ..."]]
    state_ts: Float[Array, " K"]
    states: PyTree[Array]
    state: State
    status: Status
    accepted_steps: Int[Array, ""]
    rejected_steps: Int[Array, ""]
    cost: Cost
    grid: Float[Array, " G"]
    settings: Settings
    solver: diffrax.AbstractSolver
    problem: Problem | None
    flow: AbstractFlow
    events: tuple[tuple[float, str], ...] = eqx.field(static=True)
    kinks: tuple[MetKink, ...] = eqx.field(static=True, default=())
    certificate: Certificate | None = None
    critical_point: CriticalPoint | None = None
    law_rates: dict[str, LawRate] | None = None

    @property
    def parameters(self) -> Parameters:
        """The parameters at the last row."""
        return self.flow.parameters(self.state)

    @property
    def model(self) -> Any:
        """The model at the last row.

        **Raises:** `AttributeError` inside `jit`: use `problem.model_at(parameters)`.
        """
        if self.problem is None:
            raise AttributeError(
                "a solution made inside jit does not hold its problem; "
                "use problem.model_at(solution.parameters)"
            )
        return self.problem.model_at(self.parameters)

    @property
    def enforced(self) -> tuple[str, ...]:
        """The laws that the solver enforced: their drift is no evidence for them."""
        return adapted(self.solver).enforced

    @property
    def status_name(self) -> str:
        """The name of a concrete status."""
        return status_name(self.status)

    @property
    def finished(self) -> bool:
        """Whether t1, or a stop that was asked for on loss or gradient, was reached."""
        return self.status_name in (
            "successful",
            "stopped_gradient_norm",
            "stopped_loss",
        )
