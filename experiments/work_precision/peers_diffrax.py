"""Every adaptive Diffrax solver of ordinary differential equations."""

import time
from functools import lru_cache

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from cost import Meter
from outcome import OVER_BUDGET, SOLVED, Contestant, Outcome, absolute_tolerance

_EXPLICIT = (
    diffrax.Heun,
    diffrax.Midpoint,
    diffrax.Ralston,
    diffrax.ReversibleHeun,
    diffrax.Bosh3,
    diffrax.Tsit5,
    diffrax.Dopri5,
    diffrax.Dopri8,
)
_IMPLICIT = (
    diffrax.ImplicitEuler,
    diffrax.Kvaerno3,
    diffrax.Kvaerno4,
    diffrax.Kvaerno5,
    diffrax.KenCarp3,
    diffrax.KenCarp4,
    diffrax.KenCarp5,
    diffrax.Sil3,
)


def contestants() -> list[Contestant]:
    """Named `diffrax ...`."""
    name = lambda solver: f"diffrax {solver.__name__}"
    return [
        *(Contestant(name(s), "explicit", _run_explicit(s)) for s in _EXPLICIT),
        *(Contestant(name(s), "implicit", _run_implicit(s), True) for s in _IMPLICIT),
    ]


def _run_explicit(solver):
    def run(field, ratios, t1, rtol) -> Outcome:
        each, first = _gradients(solver())
        meter = Meter(field, ratios)
        dt0 = first_step(field, meter, solver().order(None), rtol)
        max_steps = int(field.case.budget // each) + 1
        options = (t1, rtol, absolute_tolerance(field, rtol), dt0)
        call = _compiled(solver, field.gradient, max_steps, field)
        status, state, steps, wall_s = _timed(call, options)
        meter.gradients += first + each * (steps["accepted"] + steps["rejected"])
        return Outcome.metered(status, state, meter, wall_s, **steps)

    return run


def _run_implicit(solver):
    """One run with a clock, and one with counters in the gradient.

    A dense Hessian is taken for each linearisation: Diffrax's chord iteration builds
    its Jacobian as a matrix, once a step.
    """

    def run(field, ratios, t1, rtol) -> Outcome:
        meter = Meter(field, ratios)
        dt0 = first_step(field, meter, solver().order(None), rtol)
        least = ratios.equivalents(0, 0, field.size)
        max_steps = int(field.case.budget / least) + 1
        options = (t1, rtol, absolute_tolerance(field, rtol), dt0)
        call = _compiled(solver, field.gradient, max_steps, field)
        status, state, steps, wall_s = _timed(call, options)
        counted, counts = _counting(field)
        counts.clear()
        call = _compiled(solver, counted, max_steps, field)
        _timed(call, options)
        jax.effects_barrier()
        meter.gradients += counts.count("gradient")
        meter.hessians += counts.count("linearisation")
        if status == SOLVED and meter.equivalents > field.case.budget:
            status = OVER_BUDGET
        return Outcome.metered(status, state, meter, wall_s, **steps)

    return run


def first_step(field, meter, order, rtol) -> float:
    """Hairer, Nørsett & Wanner, Solving ODEs I, §II.4: Diffrax's own is not reached."""
    atol = absolute_tolerance(field, rtol)
    y = field.start
    norm = lambda x: float(np.sqrt(np.mean((x / (atol + rtol * np.abs(y))) ** 2)))
    slope = meter.slope(0.0, y)
    h0 = 0.01 * norm(y) / norm(slope)
    other = meter.slope(0.0, y + h0 * slope)
    top = max(norm(slope), norm(other - slope) / h0)
    return min(100 * h0, (0.01 / top) ** (1 / (order + 1)))


@lru_cache(maxsize=2)
def _counting(field):
    """The gradient, with a list of what was evaluated at run time."""
    counts = []
    note = lambda what: jax.debug.callback(lambda: counts.append(what))

    @jax.custom_jvp
    def gradient(y):
        note("gradient")
        return field.gradient(y)

    @gradient.defjvp
    def _(primals, tangents):
        note("linearisation")
        (y,), (v,) = primals, tangents
        return field.gradient(y), field.product(y, v)

    return gradient, counts


@lru_cache(maxsize=4)
def _compiled(solver, gradient, max_steps, field):
    slope = diffrax.ODETerm(lambda t, y, args: -gradient(y))
    imex = isinstance(getattr(solver, "tableau", None), diffrax.MultiButcherTableau)
    if imex:
        none = diffrax.ODETerm(lambda t, y, args: jnp.zeros_like(y))
        slope = diffrax.MultiTerm(none, slope)

    @jax.jit
    def call(t1, rtol, atol, dt0):
        return diffrax.diffeqsolve(
            slope,
            solver(),
            0.0,
            t1,
            dt0,
            field.start,
            stepsize_controller=diffrax.PIDController(rtol, atol),
            max_steps=max_steps,
            throw=False,
        )

    return call


def _timed(call, options):
    options = tuple(jnp.asarray(x, float) for x in options)
    call.lower(*options).compile()
    began = time.perf_counter()
    solution = jax.block_until_ready(call(*options))
    wall_s = time.perf_counter() - began
    result = solution.result
    if result == diffrax.RESULTS.successful:
        status = SOLVED
    elif result == diffrax.RESULTS.max_steps_reached:
        status = OVER_BUDGET
    else:
        status = f"failed: {diffrax.RESULTS[result].splitlines()[0]}"
    state = np.asarray(solution.ys[-1]) if status == SOLVED else None
    steps = {
        "accepted": int(solution.stats["num_accepted_steps"]),
        "rejected": int(solution.stats["num_rejected_steps"]),
    }
    return status, state, steps, wall_s


def _gradients(solver) -> tuple[int, int]:
    """Gradients for each attempted step, and before the first."""
    if isinstance(solver, diffrax.ReversibleHeun):
        return 1, 1
    saved = int(solver.tableau.fsal)
    return solver.tableau.num_stages - saved, saved
