"""Who takes part, and at which tolerances."""

import time

import jax.numpy as jnp
import numpy as np
import peers_diffrax
import peers_scipy
import peers_sundials
from jax.flatten_util import ravel_pytree
from outcome import OVER_BUDGET, SOLVED, Contestant, Outcome

import gfflow as gf
from gfflow.solvers import Auto, GaussLegendre, RadauIIA

FLOW = gf.GradientFlow()
OURS = {
    "Auto": Auto(),
    "Radau IIA(3)": RadauIIA(3),
    "Radau IIA(5)": RadauIIA(5),
    "Radau IIA(7)": RadauIIA(7),
    "Gauss–Legendre(5)": GaussLegendre(5),
    "Gauss–Legendre(5) exact": GaussLegendre(5, exact_invariants=True),
    "ROCK2": gf.solvers.ROCK2(),
    "Kink-resolved": gf.solvers.KinkResolved(),
}
_DECADES = tuple(10.0**-n for n in range(2, 14))
_LADDERS = {
    "ours": _DECADES,
    "stabilised": (1e-3, 1e-5, 1e-7, 1e-9),
    "exact": (1e-2, 1e-6, 1e-10),
    "implicit": _DECADES,
    "diffrax implicit": (1e-5, 1e-9),
    "explicit": (1e-6,),
    "high order": (1e-6, 1e-10),
}
_DENSE = 500
_DENSE_COMPILED = 2000


def contestants(with_peers: bool) -> list[Contestant]:
    """Ours, and the peers if asked for."""
    ours = [Contestant(name, "ours", run_ours(s)) for name, s in OURS.items()]
    if not with_peers:
        return ours
    peers = [
        *peers_sundials.contestants(),
        *peers_scipy.contestants(),
        *peers_diffrax.contestants(),
    ]
    return [*ours, *peers]


def ladder(contestant: Contestant) -> tuple[float, ...]:
    """The tolerances of a contestant, loosest first."""
    if contestant.name.startswith("ROCK"):
        return _LADDERS["stabilised"]
    if contestant.name.endswith("exact"):
        return _LADDERS["exact"]
    diffrax = contestant.name.startswith("diffrax")
    if diffrax and contestant.kind == "implicit":
        return _LADDERS["diffrax implicit"]
    if contestant.name in ("diffrax Dopri8", "scipy DOP853"):
        return _LADDERS["high order"]
    return _LADDERS[contestant.kind]


def takes_part(contestant: Contestant, size: int, first: bool) -> bool:
    """Whether a contestant can take a problem of this size, at this horizon.

    Solvers with a dense Hessian stay out of large problems, those that are not compiled
    sooner; Diffrax's and the explicit ones, whose cost grows like T, run to the first
    horizon only.
    """
    slow = contestant.kind == "explicit" or contestant.name.startswith("diffrax")
    compiled = contestant.name in ("CVODE dense", "scipy LSODA")
    most = _DENSE_COMPILED if compiled else _DENSE
    return (not contestant.dense or size <= most) and (first or not slow)


def run_ours(solver):
    """`gfflow.solve`, twice, so that the clock sees no compilation."""

    def run(field, ratios, t1, rtol) -> Outcome:
        most = 40_000

        def solve():
            return gf.solve(
                FLOW,
                field.problem,
                t1=t1,
                rtol=rtol,
                solver=solver,
                saveat=np.array([t1]),
                parameters_every=0,
                max_steps=most,
            )

        solve()
        began = time.perf_counter()
        found = solve()
        wall_s = time.perf_counter() - began
        done = found.status_name == "successful"
        cost, single = found.cost, hasattr(solver, "max_stages")
        # Forward passes are in the equivalents of a solver that takes no products.
        gradients = cost.gradients if cost.hvps else round(cost.gradient_equivalents)
        products, blocked = (cost.hvps, 0) if single else (0, cost.hvps)
        spent = ratios.equivalents(gradients, products, 0, blocked)
        over = found.status_name == "max_steps_reached" or spent > field.case.budget
        status = OVER_BUDGET if over else SOLVED if done else found.status_name
        return Outcome(
            status,
            np.asarray(ravel_pytree(found.state)[0]),
            gradients,
            products,
            0,
            cost.sequential_gradients,
            wall_s,
            int(found.accepted_steps),
            int(found.rejected_steps),
            blocked,
        )

    return run


def law_drift(field, state: np.ndarray) -> float | None:
    """The largest drift of a known quadratic law over its scale; `None` without."""
    laws = gf.known_laws(field.problem, FLOW)
    laws = [law for law in laws if law.degree == "quadratic" and law.absolute]
    drifts = []
    view = lambda y: field.problem.model_at(field.unravel(jnp.asarray(y)))
    for law in laws:
        ends = [np.asarray(law(0.0, view(y))) for y in (field.start, state)]
        sizes = [
            np.asarray(law.absolute_value(0.0, view(np.abs(y))))
            for y in (field.start, state)
        ]
        drifts.append(np.max(np.abs(ends[1] - ends[0]) / np.maximum(*sizes)))
    return float(max(drifts)) if drifts else None
