"""CVODE (SUNDIALS) through scikit-sundae: BDF, dense or matrix-free."""

import time

import numpy as np
from cost import Meter, OverBudget
from outcome import OVER_BUDGET, SOLVED, Contestant, Outcome, absolute_tolerance
from sksundae.cvode import CVODE, CVODEJacTimes


def contestants() -> list[Contestant]:
    """Exact Hessian; exact products with Krylov spaces of 5 (the default) and 20."""
    return [
        Contestant("CVODE dense", "implicit", _run(None), dense=True),
        Contestant("CVODE GMRES(5)", "implicit", _run(5)),
        Contestant("CVODE GMRES(20)", "implicit", _run(20)),
    ]


def _run(krylov):
    def run(field, ratios, t1, rtol) -> Outcome:
        meter = Meter(field, ratios)

        def slope(t, y, out):
            out[:] = meter.slope(t, np.array(y))

        def jacobian(t, y, slope, out):
            out[:] = meter.jacobian(t, np.array(y))

        def times(t, y, slope, v, out):
            out[:] = meter.jacobian_times(np.array(y), np.array(v))

        if krylov is None:
            options = {"linsolver": "dense", "jacfn": jacobian}
        else:
            options = {
                "linsolver": "gmres",
                "krylov_dim": krylov,
                "jactimes": CVODEJacTimes(None, times),
            }
        solver = CVODE(
            slope,
            method="BDF",
            rtol=rtol,
            atol=absolute_tolerance(field, rtol),
            max_num_steps=10**9,
            **options,
        )
        return stepped(solver, meter, field, t1)

    return run


def stepped(solver: CVODE, meter: Meter, field, t1: float) -> Outcome:
    """Step by step to t1, so that steps are counted."""
    began = time.perf_counter()
    accepted, state = 0, None
    try:
        result = solver.init_step(0.0, field.start)
        while result.t < t1 and result.success:
            result = solver.step(t1, method="onestep", tstop=t1)
            accepted += result.success
        status = SOLVED if result.success else f"failed: {result.message}"
        state = np.array(result.y)
    except OverBudget:
        status = OVER_BUDGET
    wall_s = time.perf_counter() - began
    return Outcome.metered(status, state, meter, wall_s, accepted)
