"""What a run of a discrete optimiser returns."""

from typing import Any, final

import equinox as eqx
import jax.tree_util as jtu
from jaxtyping import Array, Float, Int, PyTree

from .._typing import Parameters
from ..integrate import Status, status_name
from ..laws import Law
from ..problem import Problem
from ._base import AbstractDiscreteFlow


@final
class DiscreteRun(eqx.Module):
    """The iterates at the saved steps. T rows, step 0 first; times are flow time.

    Outside `jit` only the rows that were reached are kept; inside, the rest are NaN
    (their `steps` are −1). A run that diverged ends with its last finite iterate.

    **Attributes:**

    - `ts`, `steps`: shape `(T,)`.
    - `losses`, `gradient_norms`: shape `(T,)`, of all data; ‖∇L‖₂ without time scale.
    - `laws`: law name → values `(T, ...)`.
    - `residuals`: law name → `(T, ...)`, the largest residual of the law's identity in
        the steps since the row before, over the sum of its absolute terms; for the laws
        that have one under this optimiser.
    - `learning_rates`: shape `(T,)`, η of the step that starts at the row.
    - `states`: the parameters at each row.
    - `parameters`: the last finite parameters.
    - `status`: `successful`, or `non_finite` for a run that diverged.
    - `discrete`, `problem`, `claims`: what was run, and the laws by name; `None`,
        `None` and empty inside `jit`.
    - `at_rest`: whether it started so.
    """

    ts: Float[Array, " T"]
    steps: Int[Array, " T"]
    losses: Float[Array, " T"]
    gradient_norms: Float[Array, " T"]
    laws: dict[str, Float[Array, "T ..."]]
    residuals: dict[str, Float[Array, "T ..."]]
    learning_rates: Float[Array, " T"]
    states: PyTree[Array]
    parameters: Parameters
    status: Status
    discrete: AbstractDiscreteFlow | None
    problem: Problem | None
    claims: dict[str, Law]
    at_rest: bool = eqx.field(static=True)

    @property
    def model(self) -> Any:
        """The model at the last parameters.

        **Raises:** `AttributeError` inside `jit`: use `problem.model_at(parameters)`.
        """
        if self.problem is None:
            raise AttributeError(
                "a run made inside jit does not hold its problem; "
                "use problem.model_at(run.parameters)"
            )
        return self.problem.model_at(self.parameters)

    @property
    def status_name(self) -> str:
        """The name of a concrete status."""
        return status_name(self.status)

    @property
    def finished(self) -> bool:
        """Whether every step was made."""
        return self.status_name == "successful"

    def state_at(self, row: int) -> Parameters:
        """The parameters at a row."""
        return jtu.tree_map(lambda x: x[row], self.states)
