"""compare: the flow integrated to the times of a discrete run, and what differs."""

from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np

from .._checks import positive
from .._errors import CheckError
from .._typing import ScalarLike, State
from ..flows import AbstractFlow
from ..integrate import Solution, solve, taken
from ..problem import Problem
from ..verdict import largest_scales, relative_drift
from ._comparison import Comparison, LawDrift
from ._run import DiscreteRun
from ._sharpness import sharpness as sharpness_along


def compare(
    solution: Solution | AbstractFlow,
    run: DiscreteRun,
    *,
    tolerance: float = 0.05,
    sharpness: bool = True,
    rtol: ScalarLike | None = None,
    solver: str | diffrax.AbstractSolver | None = None,
) -> Comparison:
    """A discrete run against the flow at the same times; on the host.

    The flow is integrated from the run's own start to exactly the run's saved times,
    unless the solution has kept its state at each of them.

    **Arguments:**

    - `solution`: a flow, or a solution, whose flow, solver and tolerances are used.
    - `tolerance`: of the distance, as a fraction of ‖θ(t)‖₂. The 0.05 by default lies
        between what gradient descent shows while it is stable, even at ηλ near 2 (one
        or two hundredths on digits: experiments/discretisation), and what it shows
        after it has left. In between the distance grows by a constant factor a step,
        so that another tolerance moves the departure by its logarithm only.
    - `sharpness`: whether to find λ_max along both, by some 45 Hessian-vector products
        a row.
    - `rtol`, `solver`: of the integration, in place of the solution's.

    **Raises:** `CheckError` if the two do not belong together.
    """
    positive("tolerance", tolerance)
    problem, discrete = run.problem, run.discrete
    if problem is None or discrete is None:
        raise CheckError("a run made inside jit does not hold its problem; run outside")
    if not run.at_rest:
        raise CheckError("the run was given a velocity; the flow starts at rest")
    given = solution if isinstance(solution, Solution) else None
    flow = given.flow if given is not None else solution
    if not isinstance(flow, AbstractFlow):
        raise CheckError(
            "compare wants a solution or a flow, and a discrete run; "
            f"got {type(solution).__name__}"
        )
    if given is not None:
        _same_start(given, problem)
    states, flow_status = _flow_states(given, flow, run, rtol, solver)
    rows = len(jtu.tree_leaves(states)[0])
    parameters, ts = jtu.tree_map(lambda x: x[:rows], run.states), run.ts[:rows]
    exact = jax.vmap(flow.parameters)(states)
    distances, travelled = (np.asarray(x) for x in _distances(exact, parameters))
    curves: list[np.ndarray | None] = [None, None, None]
    if sharpness:
        decay = float(discrete.optimiser.weight_decay)
        curves[0] = sharpness_along(problem, parameters, weight_decay=decay)
        curves[1] = sharpness_along(problem, exact, weight_decay=decay)
    threshold = discrete.optimiser.threshold(run.learning_rates[:rows])
    if threshold is not None:
        curves[2] = np.asarray(threshold, float)
    return Comparison(
        optimiser=discrete.optimiser.name,
        flow=type(flow).__name__,
        learning_rate=float(run.learning_rates[0]),
        status=run.status_name,
        flow_status=flow_status,
        ts=np.asarray(ts, float),
        steps=np.asarray(run.steps[:rows]),
        losses=np.asarray(run.losses[:rows], float),
        flow_losses=np.asarray(_losses(problem, exact), float),
        distances=distances,
        travelled=travelled,
        tolerance=float(tolerance),
        sharpness=curves[0],
        flow_sharpness=curves[1],
        thresholds=curves[2],
        laws=_drifts(flow, problem, run, ts, states),
    )


def _same_start(solution: Solution, problem: Problem) -> None:
    if solution.problem is None:
        raise CheckError("a solution made inside jit does not hold its problem")
    first, second = solution.problem.parameters, problem.parameters
    same = jtu.tree_structure(first) == jtu.tree_structure(second) and all(
        a.shape == b.shape and bool(jnp.all(a == b))
        for a, b in zip(jtu.tree_leaves(first), jtu.tree_leaves(second))
    )
    if not same:
        raise CheckError(
            "the solution and the run start from different parameters; run the "
            "optimiser on solution.problem"
        )


def _flow_states(
    given: Solution | None, flow: AbstractFlow, run: DiscreteRun, rtol, solver
) -> tuple[State, str]:
    """The states of the flow at the first rows of the run, and how it ended."""
    problem = run.problem
    assert problem is not None
    if len(run.ts) == 1:
        start = flow.initial_state(problem)
        return jtu.tree_map(lambda x: x[None], start), "successful"
    options: dict[str, Any] = {"rtol": rtol, "solver": solver}
    options = {name: x for name, x in options.items() if x is not None}
    if given is not None:
        rows = _matching(given, run)
        if not options and (
            rows == len(run.ts)
            or (not given.finished and rows >= len(given.state_ts) - 1)
        ):
            return jtu.tree_map(lambda x: x[:rows], given.states), given.status_name
        settings = given.settings
        names = ("rtol", "atol", "max_steps")
        own = {name: getattr(settings, name) for name in names}
        if rtol is not None:
            del own["atol"]
        options = own | {"solver": given.solver} | options
    times = np.asarray(run.ts)
    solved = solve(
        flow, problem, t0=times[0], saveat=times[1:], parameters_every=1, **options
    )
    rows = _matching(solved, run)
    return jtu.tree_map(lambda x: x[:rows], solved.states), solved.status_name


def _matching(solution: Solution, run: DiscreteRun) -> int:
    """How many of the first kept states are at the first times of the run."""
    kept, wanted = np.asarray(solution.state_ts), np.asarray(run.ts)
    count = min(len(kept), len(wanted))
    return int(np.cumprod(kept[:count] == wanted[:count]).sum())


@eqx.filter_jit
def _distances(exact, parameters):
    norm = lambda tree: jnp.sqrt(
        sum(jnp.sum(x * x, axis=tuple(range(1, x.ndim))) for x in jtu.tree_leaves(tree))
    )
    minus = lambda a, b: jtu.tree_map(jnp.subtract, a, b)
    first = jtu.tree_map(lambda x: jnp.broadcast_to(x[:1], x.shape), exact)
    size = norm(exact)
    size = jnp.where(size > 0, size, 1)
    return norm(minus(parameters, exact)) / size, norm(minus(exact, first)) / size


@eqx.filter_jit
def _losses(problem, states):
    return jax.lax.map(problem.value, states)


def _drifts(flow, problem, run: DiscreteRun, ts, states) -> dict[str, LawDrift]:
    """Both drifts over one scale, the larger of those at the ends of the flow."""
    discrete, laws = run.discrete, run.claims
    assert discrete is not None
    if laws and discrete.second_order and flow.second_order is None:
        raise CheckError(
            "a second-order run is compared with a momentum flow, whose laws see the "
            f"velocity too; got {type(flow).__name__}"
        )
    at = lambda row: (ts[row], taken(states, row))
    scales = largest_scales(laws, flow, problem, [at(0), at(-1)])
    values = _values(laws, flow, problem, ts, states)
    drifts = {}
    for name, law in laws.items():
        largest = lambda v, law=law, scale=scales[name]: float(
            np.max(np.abs(relative_drift(law, ts, v, scale)), initial=0.0)
        )
        residual = run.residuals.get(name)
        drifts[name] = LawDrift(
            name,
            largest(values[name]),
            largest(run.laws[name][: len(ts)]),
            None
            if residual is None
            else float(np.max(np.asarray(residual), initial=0.0)),
        )
    return drifts


@eqx.filter_jit
def _values(laws, flow, problem, ts, states):
    view = lambda s: flow.view(s, problem)
    return jax.lax.map(
        lambda place: {n: law(place[0], view(place[1])) for n, law in laws.items()},
        (ts, states),
    )
