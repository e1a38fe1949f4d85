"""solve: a flow of a problem, integrated."""

from collections.abc import Sequence

import diffrax

from .._typing import IntScalarLike, ScalarLike, Times
from ..flows import AbstractFlow
from ..laws import Law
from ..problem import Problem
from ._complete import check_finish, completed
from ._finish import Finish
from ._integration import Watcher
from ._prepare import MAX_STEPS, prepare
from ._run import integrate
from ._solution import Solution


def solve(
    flow: AbstractFlow,
    problem: Problem,
    *,
    t1: ScalarLike | None = None,
    t0: ScalarLike = 0.0,
    rtol: ScalarLike | None = None,
    atol: ScalarLike | None = None,
    saveat: Times | None = None,
    solver: str | diffrax.AbstractSolver | None = None,
    laws: Sequence[Law] = (),
    law_rates: bool = False,
    parameters_every: int | None = None,
    dt0: ScalarLike | None = None,
    max_steps: IntScalarLike = MAX_STEPS,
    stop_gradient_norm: ScalarLike | None = None,
    stop_loss: ScalarLike | None = None,
    max_wall_time: float | None = None,
    progress: Watcher | None = None,
    adjoint: diffrax.AbstractAdjoint | None = None,
    certify: bool = False,
    finish: Finish | None = None,
) -> Solution:
    """Integrate a flow from t0 to t1. Works inside a user's own `jit` and `vmap`.

    Every saved time is the end of a step, so what is saved has the accuracy of the
    solver and not of an interpolant. Every number is an array: a new t1, tolerance,
    seed or data set of equal shape compiles nothing, but that `Auto` has three
    programs, of 3, 5 and 7 stages, and takes one of them by the tolerance: from 3e-4
    on, from 3e-8 on, and below. `Auto(stages)` has one. Under `vmap` `Auto`
    computes, at each step, all that it chooses from: another solver is many times
    faster there.

    **Arguments:**

    - `flow`, `problem`: what to integrate.
    - `t0`, `t1`: flow time. Without t1 it ends at the last of `saveat`.
    - `rtol`, `atol`: local error tolerances. `rtol` is 1e-10 by default in double
        precision and 1e-5 in single; `atol` is `rtol` times the root mean square of
        the initial state.
    - `saveat`: times to save at; 50 logarithmic ones from (t1 − t0)·10⁻⁴ by default.
        t0 and t1 are always saved.
    - `solver`: an adaptive solver or its name, `Auto` by default.
    - `laws`: laws to evaluate at each saved time.
    - `law_rates`: record the rates of the laws at every accepted step, in
        `solution.law_rates`: by one Jacobian-vector product of the laws a stage and no
        gradient. The steps are the same to the last bit, but the program is one of
        these laws. Explicit Runge–Kutta methods and collocation integrate ḣ to their
        own order, `Auto` by the method that makes the step; ROCK2 by the trapezoidal
        rule on the ends of its steps, of order 2 too, with a larger constant. To
        differentiation they are constants.
    - `parameters_every`: keep the whole state at every n-th saved time (0: only at the
        last one); by default so that about 16 are kept.
    - `dt0`: the first step; by Hairer's rule by default.
    - `max_steps`: bounds accepted and rejected steps together.
    - `stop_gradient_norm`, `stop_loss`: stop after the first step at which ‖∇L‖₂ or L
        is at or under this.
    - `max_wall_time`: seconds; on the host only.
    - `progress`: called with the carry about twice a second; on the host only.
    - `adjoint`: how Diffrax differentiates through the solve, if you do.
    - `certify`: integrate twice more, at finer tolerances and once at another order,
        and give a bound of the last state's error as `solution.certificate`, with its
        cost: what `gfflow.certify(solution)` finds.
    - `finish`: `"critical-point"` goes on from the last state by second-order steps to
        a gradient norm of 1e-13 (5e-5 in single precision): `solution.critical_point`,
        apart from the flow and its time: what `gfflow.critical_point(solution)` finds.

    **Returns:** a `Solution`; how it ended is in its `status`, and nothing that was
    computed is lost.

    **Raises:** `SolveError` for settings that cannot be met.
    """
    integration = prepare(
        flow,
        problem,
        t1=t1,
        t0=t0,
        rtol=rtol,
        atol=atol,
        saveat=saveat,
        solver=solver,
        laws=laws,
        law_rates=law_rates,
        parameters_every=parameters_every,
        dt0=dt0,
        max_steps=max_steps,
        stop_gradient_norm=stop_gradient_norm,
        stop_loss=stop_loss,
        adjoint=adjoint,
    )
    check_finish(flow, finish)
    solution = integrate(integration, max_wall_time=max_wall_time, progress=progress)
    return completed(solution, problem, certify=certify, finish=finish)
