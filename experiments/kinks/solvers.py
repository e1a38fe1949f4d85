"""Who takes part: ours and the peers, on the same compiled field."""

import time
from typing import Any, NamedTuple

import numpy as np
import peers_scipy
import peers_sundials
from cost import Meter, Ratios
from flat import CLOCK, SECONDS, FlowField
from jax.flatten_util import ravel_pytree
from outcome import OVER_BUDGET, SOLVED, absolute_tolerance
from sksundae.cvode import CVODE, CVODEJacTimes

import gfflow as gf

DECADES = tuple(10.0**-n for n in range(3, 13))
OURS = {"KinkResolved": gf.solvers.KinkResolved(), "Auto": gf.solvers.Auto()}
_MOST = 400_000


class Run(NamedTuple):
    """**Attributes:**

    - `status`: `"solved"`, `"over budget"`, or a failure in the words of the solver.
    - `state`: y(T), shape `(D,)`, or `None`.
    - `equivalents`: gradient equivalents.
    - `wall_s`, `cpu_s`: seconds of wall and of CPU time without compilation; in one
        thread they are the same on a machine that does nothing else.
    - `accepted`, `rejected`: steps, `None` where the solver does not tell.
    - `solution`: of ours.
    """

    status: str
    state: np.ndarray | None
    equivalents: float | None
    wall_s: float
    cpu_s: float
    accepted: int | None = None
    rejected: int | None = None
    solution: Any = None


def solvers() -> dict:
    """Name → `run(field, ratios, t1, rtol) -> Run`."""
    peers = [*peers_sundials.contestants(), *peers_scipy.contestants()]
    wanted = ("CVODE dense", "CVODE GMRES(5)", "scipy LSODA", "scipy DOP853")
    return {
        "KinkResolved": ours(OURS["KinkResolved"], 4 * SECONDS),
        "Auto": ours(OURS["Auto"]),
        **{p.name: _peer(p.run) for p in peers if p.name in wanted},
        "CVODE Adams": _adams,
    }


def ours(solver, seconds: float = SECONDS, laws=()):
    """`gfflow.solve`; what compiles is run before, and not timed."""
    compiled = set()

    def run(field: FlowField, ratios: Ratios, t1: float, rtol: float) -> Run:
        def solve(most):
            return gf.solve(
                field.case.flow,
                field.problem,
                t1=t1,
                rtol=rtol,
                solver=solver,
                saveat=np.array([t1]),
                parameters_every=0,
                laws=laws,
                max_steps=most,
                max_wall_time=seconds,
            )

        # Auto has three programs, by the tolerance.
        program = field.case.name, rtol > 2e-4, rtol > 2e-8
        if program not in compiled:
            solve(2)
            compiled.add(program)
        began, cpu = time.perf_counter(), time.process_time()
        found = solve(_MOST)
        wall_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu
        spent = found.cost.gradient_equivalents
        done = found.status_name == "successful"
        capped = isinstance(solver, gf.solvers.Auto)
        timed = found.status_name in ("max_steps_reached", "stopped_wall_time")
        over = timed or (capped and done and spent > field.case.budget)
        status = OVER_BUDGET if over else SOLVED if done else found.status_name
        return Run(
            status,
            np.asarray(ravel_pytree(found.state)[0]) if done else None,
            spent,
            wall_s,
            cpu_s,
            int(found.accepted_steps),
            int(found.rejected_steps),
            found,
        )

    return run


def _peer(contestant):
    def run(field, ratios, t1, rtol) -> Run:
        began = time.process_time()
        CLOCK.start()
        try:
            made = contestant(field, ratios, t1, rtol)
        finally:
            CLOCK.stop()
        cpu_s = time.process_time() - began
        counts = made.gradients, made.products, made.batched
        spent = ratios.equivalents(*counts)
        state = made.state if made.status == SOLVED else None
        steps = made.accepted, made.rejected
        return Run(made.status, state, spent, made.wall_s, cpu_s, *steps)

    return run


@_peer
def _adams(field, ratios, t1, rtol):
    """CVODE's Adams methods, Newton with GMRES(5) on exact products."""
    meter = Meter(field, ratios)

    def slope(t, y, out):
        out[:] = meter.slope(t, np.array(y))

    def times(t, y, slope, v, out):
        out[:] = meter.jacobian_times(np.array(y), np.array(v))

    solver = CVODE(
        slope,
        method="Adams",
        rtol=rtol,
        atol=absolute_tolerance(field, rtol),
        max_num_steps=10**9,
        linsolver="gmres",
        jactimes=CVODEJacTimes(None, times),
    )
    return peers_sundials.stepped(solver, meter, field, t1)
