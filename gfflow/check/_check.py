"""check: laws weighed against a solution."""

from collections.abc import Sequence

import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np

from .._errors import CheckError
from .._problem import Problem
from .._solution import Solution
from .._solve import named_laws
from .._times import is_traced
from ..flows import AbstractFlow
from ..laws import Law, known_laws
from ._generality import Generality, generality
from ._honesty import Honesty, along_the_run
from ._ladder import Ladder, drift_ladder, drift_of, law_scale, round_off
from ._precision import coarsest_precision, double_precision, in_double
from ._rate import Rate, rates_at
from ._report import LawReport, Report
from ._verdict import Evidence, decide, worst

_STATES = 16
_NEAR = 4


def check(
    solution: Solution,
    laws: Sequence[Law] | Law | None = None,
    *,
    problem: Problem | None = None,
    ladder: bool = True,
    seed: int = 0,
) -> Report:
    """Weigh laws by three independent pieces of evidence, and give a verdict on each.

    1. Rate: ḣ along the run's saved states, by differentiation, against the sum of its
       absolute terms. It needs no accuracy of the integrator.
    2. Generality: the same at random parameters, with random data and loss cotangents.
    3. Drift ladder: the drift at three tolerances with a solver that does not keep the
       law by construction; its order and its limit.

    Everything is evaluated in float64, whatever the precision of the run.

    **Arguments:**

    - `solution`: of `solve`, made outside of `jit` (or with `problem` given).
    - `laws`: the known laws of the problem by default.
    - `ladder`: whether to integrate again for the third piece of evidence; it costs
        at most about twice the run.
    - `seed`: of the random points.

    **Returns:** law name → `LawReport`. Verdicts: `conserved` (for all data),
    `conserved-on-this-data`, `predicted-decay`, `broken`, `inconclusive`.

    **Raises:** `CheckError` if the solution does not hold what is needed; `LawError`
    if a law cannot be evaluated.
    """
    problem = solution.problem if problem is None else problem
    if problem is None:
        raise CheckError(
            "a solution made inside jit does not hold its problem: "
            "check(solution, laws, problem=problem)"
        )
    if is_traced(solution, problem) or jnp.ndim(solution.ts) != 1:
        raise CheckError(
            "check works on the host, on one solution at a time; for a batch, take "
            "jax.tree_util.tree_map(lambda x: x[i], solution) of each"
        )
    flow = solution.flow
    if laws is None:
        laws = known_laws(problem, flow)
    table = named_laws([laws] if isinstance(laws, Law) else laws)
    if not table:
        return Report([])
    order = list(table)
    with double_precision():
        flow_, problem_, laws_, solution_ = in_double((flow, problem, table, solution))
        found = _weigh(flow_, problem_, laws_, solution_, ladder, seed)
    return Report([found[name] for name in order])


def _weigh(
    flow: AbstractFlow,
    problem: Problem,
    laws: dict[str, Law],
    solution: Solution,
    ladder: bool,
    seed: int,
) -> Report:
    ts, states = _saved(solution)
    along: dict[str, list[Rate]] = {name: [] for name in laws}
    for t, state in zip(ts, states):
        for name, rate in rates_at(flow, problem, laws, t, state).items():
            along[name].append(rate)
    spread = np.linspace(0, len(states) - 1, _NEAR).round().astype(int)
    general = generality(flow, problem, laws, [states[i] for i in spread], seed)
    field = lambda t, s: flow.vector_field(t, s, problem)
    of_field = coarsest_precision(field, ts[0], states[0])
    coarsest = {}
    for name, law in laws.items():
        value = lambda t, s, law=law: law(t, flow.view(s, problem))
        coarsest[name] = max(of_field, coarsest_precision(value, ts[0], states[0]))
    discrete = not all(
        jnp.issubdtype(x.dtype, jnp.floating) for x in jtu.tree_leaves(problem.inputs)
    )
    honest = along_the_run(flow, problem, laws, ts, states, along)
    ladders, problem_with_ladder = {}, None
    if ladder:
        ladders, problem_with_ladder = drift_ladder(flow, problem, laws, solution)
    reports = [
        _report(
            law,
            np.asarray([float(t) for t in ts]),
            along[name],
            general,
            honest[name],
            coarsest[name],
            discrete,
            ladders.get(name),
            _run_drift(law, flow, problem, solution, along[name]),
            solution,
            problem_with_ladder,
        )
        for name, law in laws.items()
    ]
    return Report(reports)


def _saved(solution: Solution):
    """At most 16 of the kept states, the first and the last among them."""
    count = len(solution.state_ts)
    index = np.unique(np.linspace(0, count - 1, min(count, _STATES)).round()).astype(
        int
    )
    pick = lambda i: jtu.tree_map(lambda x: x[i], solution.states)
    ts = [solution.state_ts[i] for i in index]
    states = [pick(i) for i in index]
    if float(ts[-1]) < float(solution.ts[-1]):
        ts, states = [*ts, solution.ts[-1]], [*states, solution.state]
    return ts, states


def _run_drift(law, flow, problem, solution, along: list[Rate]):
    """Drift and scale of each component in the run itself, at the best rows there are.

    The law's own rows if it was recorded, otherwise the kept states.
    """
    scale = law_scale(law, flow, problem, solution)
    if law.name in solution.laws:
        drift = np.abs(drift_of(law, solution, scale))
        return (drift.max(axis=0) if drift.size else np.zeros(0)), scale
    values = np.stack([rate.value for rate in along])
    if law.decay_rate is not None:
        ts, _ = _saved(solution)
        elapsed = np.asarray([float(t) for t in ts]) - float(solution.ts[0])
        values = values * np.exp(float(law.decay_rate) * elapsed)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        drift = np.abs(values - values[0]) / scale
    return np.where(values == values[0], 0.0, drift).max(axis=0), scale


def _report(
    law: Law,
    ts: np.ndarray,
    along: list[Rate],
    general: Generality,
    honest: Honesty,
    precision: float,
    discrete: bool,
    ladder: Ladder | None,
    run_drift: tuple[np.ndarray, np.ndarray],
    solution: Solution,
    problem_with_ladder: str | None,
) -> LawReport:
    near, anywhere = general.near[law.name], general.anywhere[law.name]
    drift, scale = run_drift
    run = _largest(along)
    count = len(run)
    steps = int(solution.accepted_steps)
    tolerance = float(solution.settings.rtol)
    budget = _budget(law, ts, along, scale, ladder, steps, tolerance)
    finite = np.all([r.finite for r in along], axis=0)
    random = near + anywhere
    says = lambda rates: _any([r.informative for r in rates], count)
    noise = lambda rates: _any([r.noise for r in rates], count)
    near_rate, any_rate = _largest(near, count), _largest(anywhere, count)
    in_double = precision <= np.finfo(float).eps
    lies, lies_elsewhere = honest.lies & in_double, general.lies[law.name] & in_double
    settled = []
    for i in range(count):
        expected = budget["round_off"] + tolerance * (steps + 1)
        settled.append(
            decide(
                Evidence(
                    run=float(run[i]),
                    run_says=bool(says(along)[i]),
                    run_noise=bool(noise(along)[i]),
                    near=float(near_rate[i]),
                    anywhere=float(any_rate[i]),
                    general_says=bool(says(random)[i]),
                    general_noise=bool(noise(random)[i]),
                    drift=float(drift[i]),
                    expected_drift=expected,
                    shrinks=_shrinks(ladder),
                    decays=law.decay_rate is not None,
                    finite=bool(finite[i]),
                    lies=bool(lies[i]),
                    moves=bool(honest.moves[i]),
                    lies_elsewhere=bool(lies_elsewhere[i]),
                    precision=precision,
                    discrete=discrete,
                )
            )
        )
    verdicts = tuple(v for v, _ in settled)
    verdict = worst(list(verdicts))
    note = next((why for v, why in settled if v == verdict), "it has no components")
    if ladder is not None and not ladder.evidence:
        note += (
            f"; {ladder.solver} keeps {law.degree} laws by construction, so the ladder "
            "is no evidence here"
        )
    if problem_with_ladder is not None:
        note += f"; {problem_with_ladder}"
    return LawReport(
        name=law.name,
        verdict=verdict,
        note=note,
        verdicts=verdicts,
        count=count,
        rate=float(np.max(run, initial=0.0)),
        rates=tuple(float(x) for x in run),
        general_rate=float(np.max([near_rate, any_rate], initial=0.0)),
        max_drift=float(np.max(drift, initial=0.0)),
        drifts=tuple(float(x) for x in drift),
        scale=float(np.min(scale)) if scale.size else 0.0,
        order=None if ladder is None else ladder.order,
        limit=None if ladder is None else ladder.limit,
        budget=budget,
        ladder=ladder,
        degree=law.degree,
        source=law.source,
    )


def _budget(law, ts, along, scale, ladder, steps, tolerance) -> dict[str, float]:
    """Drift that each cause accounts for, as a fraction of the scale."""
    rates = np.abs(np.stack([r.rate for r in along]))
    if law.decay_rate is not None:
        rates = rates * np.exp(float(law.decay_rate) * (ts - ts[0]))[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        drift = np.trapezoid(rates, ts, axis=0) / scale
    by_law = float(np.max(np.where(rates.max(axis=0) == 0, 0.0, drift), initial=0.0))
    by_integrator = tolerance * np.sqrt(steps + 1)
    if ladder is not None:
        by_integrator = ladder.error
        order = ladder.order
        if ladder.tolerances[-1] < tolerance and order:
            by_integrator *= tolerance / ladder.tolerances[-1]
    return {
        "integrator": float(by_integrator),
        "round_off": round_off(steps),
        "law": by_law,
    }


def _shrinks(ladder: Ladder | None) -> bool | None:
    if ladder is None:
        return None
    return ladder.drifts[-1] < 0.3 * ladder.drifts[0] or (
        ladder.drifts[-1] <= 10 * ladder.round_off
    )


def _largest(rates: list[Rate], count: int | None = None) -> np.ndarray:
    if not rates:
        return np.zeros(count or 0)
    return np.max(np.stack([r.relative for r in rates]), axis=0)


def _any(flags: list[np.ndarray], count: int) -> np.ndarray:
    return np.any(np.stack(flags), axis=0) if flags else np.zeros(count, bool)
