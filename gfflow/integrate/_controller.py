"""Step-size control that survives overflow and can be resumed at any step."""

from collections.abc import Callable
from typing import Any, NamedTuple, final

import diffrax
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import optimistix as optx
from jaxtyping import Array, PyTree

from .._typing import BoolScalar, RealScalarLike, Scalar, ScalarLike
from ..solvers import Spent, StepControl, StepReport
from ._law_rates import LawRate, with_step

# The usual safety factor, after a rejected step of any solver.
_SAFETY = 0.9
# The least factor of a step, Diffrax's too: an error far from the asymptotic regime
# says little of how far to go back.
_SHRINK = 0.2
# The least factor at the second rejection in a row, whose order is known from the two.
_SHRINK_AGAIN = 0.02
# A step is halved where its implicit equations were not solved: the error says nothing.
_UNSOLVED = 0.5


class ControllerState(NamedTuple):
    """What the control of the step size remembers from step to step.

    - `dt`: the next step that the error asks for, before it is cut at a saved time.
    - `previous_error`, `previous_dt`: the scaled error and the size of the last full
        accepted step; the size is 0 before the first, which so shows no trend.
    - `accepted`, `rejected`: counts.
    - `non_finite`: the last trial state or error estimate was not finite.
    - `rejected_error`, `rejected_dt`: of the last step if it was rejected, else 0; the
        error is 0 too where implicit equations were not solved.
    - `spent`: what the solver has spent, rejected steps included.
    - `law_rates`: of the accepted steps, where they are recorded.
    """

    dt: Scalar
    previous_error: Scalar
    previous_dt: Scalar
    accepted: Array
    rejected: Array
    non_finite: BoolScalar
    rejected_error: Scalar
    rejected_dt: Scalar
    spent: Spent
    law_rates: LawRate | None = None

    @classmethod
    def first(cls, dt: Scalar, spent: Spent) -> "ControllerState":
        """The state before the first step, of size `dt`."""
        zero = jnp.zeros_like(dt)
        return cls(
            dt=dt,
            previous_error=jnp.ones_like(dt),
            previous_dt=zero,
            accepted=jnp.asarray(0),
            rejected=jnp.asarray(0),
            non_finite=jnp.asarray(False),
            rejected_error=zero,
            rejected_dt=zero,
            spent=spent,
        )


@final
class GuardedController(diffrax.AbstractAdaptiveStepSizeController):
    """Proportional–integral control (Gustafsson 1991) up to exactly `t_end`.

    A trial step that is not finite is rejected, and can never poison the step size; one
    whose implicit equations were not solved is halved. Right after a rejected step none
    grows. The second of two rejections in a row takes the order that the two errors
    show instead of the solver's: at a kink of the field it is 1 or 2. A step cut short
    at `t_end` leaves the natural step size as it was. It ends at the least step: where
    t + dt rounds to t, or after a rejection to the end of the step that was rejected,
    which would be tried, and rejected, for ever. The state is all there is: stopping
    after any step and going on gives the same bits. To differentiation the sizes of the
    steps are constants.

    **Attributes:**

    - `rtol`, `atol`: a step is accepted where norm(error / (atol + rtol |y|)) < 1.
    - `t_end`: the end of the interval, reached exactly.
    - `max_steps`: accepted and rejected steps in all, after which it stops.
    - `pause_after`: the same, for a pause.
    - `start`: the state at the beginning of this interval.
    - `control`: the coefficients that suit the solver.
    """

    rtol: Scalar
    atol: Scalar
    norm: Callable[[PyTree], ScalarLike]
    t_end: Scalar
    max_steps: Array
    pause_after: Array
    start: ControllerState
    control: StepControl

    def __init__(self, rtol, atol, t_end, max_steps, pause_after, start, control):
        self.rtol = rtol  # pyright: ignore[reportIncompatibleVariableOverride]
        self.atol = atol  # pyright: ignore[reportIncompatibleVariableOverride]
        self.norm = optx.rms_norm
        self.t_end = t_end
        self.max_steps = max_steps
        self.pause_after = pause_after
        self.start = start
        self.control = control

    def wrap(self, direction):
        return self

    def init(self, terms, t0, t1, y0, dt0, args, func, error_order):
        return self._propose(t0, self.start.dt), self.start

    def adapt_step_size(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        t0: RealScalarLike,
        t1: RealScalarLike,
        y0: PyTree,
        y1_candidate: PyTree,
        args: Any,
        y_error: StepReport,
        error_order: RealScalarLike,
        controller_state: ControllerState,
    ):
        solved, spent, measured = y_error.solved > 0, y_error.spent, y_error.measured
        end = y_error.end
        y0, y1_candidate, y_error, taken, state, atol, rtol = jax.lax.stop_gradient(
            (
                y0,
                y1_candidate,
                y_error.error,
                t1 - t0,
                controller_state,
                self.atol,
                self.rtol,
            )
        )
        finite = _all_finite(y1_candidate) & _all_finite(y_error)

        def scale(a, b, e):
            size = jnp.maximum(jnp.abs(a), jnp.abs(b))
            ratio = e / (atol.astype(e.dtype) + rtol.astype(e.dtype) * size)
            return jnp.where(jnp.isfinite(ratio), ratio, 0)

        raw = self.norm(jtu.tree_map(scale, y0, y1_candidate, y_error))
        error = jnp.where(finite, jnp.asarray(raw, state.dt.dtype), jnp.inf)
        keep = (error < 1) & solved
        control = self.control
        full = taken >= state.dt * (1 - 1e-6)

        positive = jnp.maximum(error, 1e-10)
        factor = (
            control.safety
            * positive ** (-control.integral / error_order)
            * state.previous_error ** (control.proportional / error_order)
        )
        if control.predictive:
            trend = (state.previous_error / positive) ** (1 / error_order)
            factor = factor * jnp.minimum(taken / state.previous_dt * trend, 1)
        grow = jnp.clip(
            factor,
            _SHRINK,
            jnp.where(state.rejected_dt > 0, 1.0, control.growth),
        )
        observed = jnp.log(state.rejected_error / positive) / jnp.log(
            state.rejected_dt / taken
        )
        again = (state.rejected_dt > taken) & jnp.isfinite(observed)
        order = jnp.where(again, jnp.clip(observed, 1.0, error_order), error_order)
        least = jnp.where(again, _SHRINK_AGAIN, _SHRINK)
        shrink = jnp.clip(_SAFETY * positive ** (-1 / order), least, _SAFETY)
        shrink = jnp.where(solved | ~finite, shrink, _UNSOLVED)
        dt_kept = jnp.where(full, taken * grow, jnp.maximum(state.dt, taken * grow))
        dt = jnp.where(keep, dt_kept, taken * shrink).astype(state.dt.dtype)

        rates = state.law_rates
        if rates is not None:
            rates = with_step(rates, measured, keep)
        new = ControllerState(
            dt=dt,
            previous_error=jnp.where(
                keep & full, jnp.maximum(error, 1e-4), state.previous_error
            ).astype(state.previous_error.dtype),
            previous_dt=jnp.where(keep & full, taken, state.previous_dt).astype(
                state.dt.dtype
            ),
            accepted=state.accepted + jnp.where(keep, 1, 0),
            rejected=state.rejected + jnp.where(keep, 0, 1),
            non_finite=~finite,
            rejected_error=jnp.where(keep | ~solved, 0, error).astype(state.dt.dtype),
            rejected_dt=jnp.where(keep, 0, taken).astype(state.dt.dtype),
            spent=jtu.tree_map(jnp.add, state.spent, spent),
            law_rates=rates,
        )
        next_t0 = jnp.where(keep, end, t0)
        next_t1 = self._propose(next_t0, dt)
        count = new.accepted + new.rejected
        too_small = jnp.where(
            keep,
            (next_t1 <= next_t0) & (next_t0 < self.t_end),
            (next_t0 + 0.25 * dt <= next_t0) | (next_t1 >= t1),
        )
        spent = (count >= self.max_steps) | (count >= self.pause_after)
        result = diffrax.RESULTS.where(
            spent & (next_t0 < self.t_end),
            diffrax.RESULTS.max_steps_reached,
            diffrax.RESULTS.successful,
        )
        result = diffrax.RESULTS.where(
            too_small, diffrax.RESULTS.dt_min_reached, result
        )
        return keep, next_t0, next_t1, False, new, result

    def _propose(self, t, dt):
        """t + dt, or t_end where that leaves less than a hundredth of a step."""
        return jnp.where(t + 1.01 * dt >= self.t_end, self.t_end, t + dt)


def _all_finite(tree: PyTree) -> BoolScalar:
    leaves = [jnp.all(jnp.isfinite(leaf)) for leaf in jtu.tree_leaves(tree)]
    return jnp.all(jnp.stack(leaves))
