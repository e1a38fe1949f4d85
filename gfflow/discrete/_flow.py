"""A discrete optimiser on the time axis of the flow that it follows."""

from collections.abc import Callable, Sequence
from typing import Any, final

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import optax

from .._checks import is_traced, positive
from .._errors import SolveError
from .._typing import IntScalarLike, Parameters, Scalar, ScalarLike
from ..integrate import Status, taken
from ..laws import Law, named_laws
from ..problem import Problem
from ._base import AbstractDiscreteFlow
from ._batches import Batches
from ._loop import Loop
from ._optimisers import Optimiser, make_optimiser
from ._residual import identities
from ._run import DiscreteRun
from ._schedule import checked_schedule

ROWS = 50


@final
class DiscreteFlow(AbstractDiscreteFlow):
    """An Optax optimiser, run from a problem's parameters.

    It sees the gradient of the problem with its time scale, as the flow does. Step k
    ends at flow time t0 + Σ (time of a step), by default that of
    `gfflow.discrete.Optimiser.time`.

    **Attributes:**

    - `optimiser`: see `gfflow.discrete.Optimiser`.
    - `learning_rate`: η, or an Optax schedule step -> η.
    - `batches`: which samples a step sees.
    - `time_per_step`: the user's own, or `None`.
    - `second_order`: time is that of the momentum flow, √η a step, and a law sees a
        `Phase` of the model and the velocity (θ_k − θ_{k−1})/√η.
    """

    optimiser: Optimiser
    learning_rate: Scalar | Callable[..., Any]
    batches: Batches
    time_per_step: Scalar | None
    second_order: bool = eqx.field(static=True)

    def __init__(
        self,
        optimiser: str | Optimiser | optax.GradientTransformation | Callable[..., Any],
        learning_rate: ScalarLike | Callable[..., Any],
        *,
        batch: int | None = None,
        replacement: bool = False,
        seed: IntScalarLike = 0,
        time_per_step: ScalarLike | None = None,
        second_order: bool = False,
    ):
        """**Arguments:**

        - `optimiser`: a name (`gfflow list optimisers`), one of `gfflow.discrete`, a
            function from a learning rate to a transformation (`optax.adam`), or a
            transformation with its learning rate in it (`optax.adam(1e-3)`), which is
            used as it is. Only the last two compile anew where they are made anew.
        - `learning_rate`: a number, or a schedule step -> number. For a transformation
            with its own it says only how long a step is.
        - `batch`: samples a step; all by default.
        - `replacement`: draw each batch with replacement; otherwise a new permutation
            an epoch.
        - `seed`: of the batches.
        - `time_per_step`: the flow time of one step.

        **Raises:** `SolveError` for settings that cannot be met.
        """
        self.optimiser = make_optimiser(optimiser)
        if callable(learning_rate):
            learning_rate = checked_schedule(learning_rate)
        else:
            positive("learning_rate", learning_rate)
            learning_rate = jnp.asarray(learning_rate, float)
        if time_per_step is not None:
            positive("time_per_step", time_per_step)
            time_per_step = jnp.asarray(time_per_step, float)
        if batch is not None and (not isinstance(batch, int) or batch < 1):
            raise SolveError(f"batch is a positive number of samples; got {batch!r}")
        if batch is None and replacement:
            raise SolveError("replacement is of minibatches; give batch too")
        if second_order and self.optimiser.family not in ("heavy_ball", "nesterov"):
            raise SolveError(
                "second_order wants an optimiser with momentum: 'heavy_ball' or "
                f"'nesterov'; got {self.optimiser.name!r}"
            )
        self.learning_rate = learning_rate
        self.batches = Batches(jnp.asarray(seed, int), batch, replacement)
        self.time_per_step = time_per_step
        self.second_order = second_order

    def run(
        self,
        problem: Problem,
        *,
        steps: int | None = None,
        t1: float | None = None,
        t0: ScalarLike = 0.0,
        save: Sequence[int] | np.ndarray | None = None,
        laws: Sequence[Law] = (),
        velocity: Parameters | None = None,
    ) -> DiscreteRun:
        """Make the steps. Works inside a user's own `jit` and `vmap`.

        One compiled program a number of saved rows, called once: another number of
        steps, learning rate, hyperparameter or seed compiles nothing.

        **Arguments:**

        - `steps`: how many. Or `t1`: as many as end by this flow time. Or neither,
            with `save`.
        - `t0`: flow time at the start.
        - `save`: the steps to save at, parameters included; 50 logarithmic ones by
            default. The first and last are always saved.
        - `laws`: laws to evaluate there.
        - `velocity`: at the start, a pytree like the parameters, per flow time; at rest
            by default. For the heavy ball and Nesterov's method.

        **Returns:** a `DiscreteRun`; a run that diverges stops and says so, with its
        last finite iterate.

        **Raises:** `SolveError` for settings that cannot be met.
        """
        self.batches.check(problem.samples)
        targets = _targets(self._steps(problem, steps, t1, t0, save), save)
        table = named_laws(laws)
        known = identities(table, self.optimiser, problem, self.second_order)
        if velocity is not None and "momentum" not in self.optimiser.numbers:
            raise SolveError(f"{self.optimiser.name!r} has no velocity to start with")
        loop = Loop(self, problem, table, known, velocity)
        start = jnp.asarray(t0, problem.dtype)
        traced = is_traced(loop, start)
        program = _traced if traced else _compiled
        rows, last = program(loop, start, jnp.asarray(targets, int))
        if not traced:
            rows = taken(rows, np.flatnonzero(np.asarray(rows.step) >= 0))
        return DiscreteRun(
            ts=rows.t,
            steps=rows.step,
            losses=rows.loss,
            gradient_norms=rows.gradient_norm,
            laws=rows.laws,
            residuals=rows.residuals,
            learning_rates=rows.learning_rate,
            states=rows.parameters,
            parameters=last.parameters,
            status=Status.where(last.going, Status.successful, Status.non_finite),
            discrete=None if traced else self,
            problem=None if traced else problem,
            claims={} if traced else table,
            at_rest=velocity is None,
        )

    def _steps(self, problem, steps, t1, t0, save) -> int:
        if sum(x is not None for x in (steps, t1)) > 1:
            raise SolveError("give steps or t1, not both")
        if steps is not None:
            if not isinstance(steps, int | np.integer) or steps < 1:
                raise SolveError(f"steps is a positive whole number; got {steps!r}")
            return int(steps)
        if t1 is None:
            if save is None or not len(save):
                raise SolveError("run needs steps, t1, or the steps to save at (save=)")
            return int(save[-1])
        return self.steps_until(problem, t1, t0)


@eqx.filter_jit
def _compiled(loop, start, targets):
    return loop.run(start, targets)


def _traced(loop, start, targets):
    return loop.run(start, targets)


def _targets(steps: int, save) -> np.ndarray:
    if save is None:
        save = np.unique(np.geomspace(1, steps, ROWS).round().astype(int))
    targets = np.asarray(save)
    if targets.ndim != 1 or not np.issubdtype(targets.dtype, np.integer):
        raise SolveError(f"save is a list of whole numbers; got {save!r}")
    if not targets.size or targets[0] != 0:
        targets = np.insert(targets, 0, 0)
    if targets[-1] < steps:
        targets = np.append(targets, steps)
    if np.any(np.diff(targets) <= 0) or targets[-1] > steps:
        raise SolveError(
            f"the steps to save at must increase and lie in 0 to {steps}; "
            f"got {np.asarray(save).tolist()}"
        )
    return targets
