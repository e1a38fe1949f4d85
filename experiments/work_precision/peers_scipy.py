"""SciPy's solvers, with the exact Hessian where they take a Jacobian."""

import time

import numpy as np
import scipy.integrate
from cost import Meter, OverBudget
from outcome import OVER_BUDGET, SOLVED, Contestant, Outcome, absolute_tolerance


def contestants() -> list[Contestant]:
    """LSODA, Radau, BDF, DOP853."""
    return [
        Contestant("scipy LSODA", "implicit", _run(scipy.integrate.LSODA), dense=True),
        Contestant("scipy Radau", "implicit", _run(scipy.integrate.Radau), dense=True),
        Contestant("scipy BDF", "implicit", _run(scipy.integrate.BDF), dense=True),
        Contestant("scipy DOP853", "explicit", _run(scipy.integrate.DOP853)),
    ]


def _run(method):
    explicit = method is scipy.integrate.DOP853

    def run(field, ratios, t1, rtol) -> Outcome:
        meter = Meter(field, ratios)
        options = {} if explicit else {"jac": meter.jacobian}
        began = time.perf_counter()
        accepted, state, solver = 0, None, None
        try:
            solver = method(
                meter.slope,
                0.0,
                field.start,
                t1,
                rtol=rtol,
                atol=absolute_tolerance(field, rtol),
                **options,
            )
            message = None
            while solver.status == "running":
                message = solver.step()
                accepted += solver.status != "failed"
            status = SOLVED if solver.status == "finished" else f"failed: {message}"
            state = np.array(solver.y)
        except OverBudget:
            status = OVER_BUDGET
        wall_s = time.perf_counter() - began
        rejected = depth = None
        if explicit:
            rejected = (meter.gradients - 2) // 12 - accepted
        elif method is scipy.integrate.Radau:
            depth = meter.gradients // 3 + meter.hessians
        return Outcome.metered(status, state, meter, wall_s, accepted, rejected, depth)

    return run
