"""check: laws weighed against a solution."""

from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np

from .._checks import is_traced
from .._errors import CheckError
from .._precision import coarsest_precision, double_precision, in_double
from ..flows import AbstractFlow
from ..integrate import Solution, named_laws
from ..laws import Law, known_laws
from ..problem import Problem
from ..solvers import solver_properties
from ._budget import error_budget
from ._derivative import Derivative, along_the_run
from ._drift import drift_of, law_scale, relative_drift
from ._generality import generality
from ._ladder import Ladder, drift_ladder
from ._predicted import Accumulating, accumulated_run, balance
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
    solution, flow = _reached(solution), solution.flow
    if laws is None:
        laws = known_laws(problem, flow)
    table = named_laws([laws] if isinstance(laws, Law) else laws)
    if not table:
        return Report([])
    order = list(table)
    with double_precision():
        flow_, problem_, laws_, solution_ = in_double((flow, problem, table, solution))
        produced = {n: w for n, w in laws_.items() if w.production is not None}
        plain = {n: w for n, w in laws_.items() if w.production is None}
        found = {}
        if plain:
            found |= _weigh(flow_, problem_, plain, solution_, ladder, seed)
        if produced:
            flow_ = Accumulating(flow_, produced)
            balances = {name: balance(law) for name, law in produced.items()}
            run = accumulated_run(flow_, problem_, solution_, balances)
            found |= _weigh(flow_, problem_, balances, run, ladder, seed, True)
    return Report([found[name] for name in order])


class _Findings(NamedTuple):
    """All that was found out about one law; arrays have one entry a component."""

    along: list[Rate]
    near: list[Rate]
    anywhere: list[Rate]
    derivative: Derivative
    jumps_elsewhere: np.ndarray
    precision: float
    scale: np.ndarray
    drift: np.ndarray
    budget: dict[str, float]
    ladder: Ladder | None


def _weigh(
    flow: AbstractFlow,
    problem: Problem,
    laws: dict[str, Law],
    solution: Solution,
    with_ladder: bool,
    seed: int,
    are_balances: bool = False,
) -> dict[str, LawReport]:
    ts, states = _kept(solution)
    along: dict[str, list[Rate]] = {name: [] for name in laws}
    for t, state in zip(ts, states):
        for name, rate in rates_at(flow, problem, laws, t, state).items():
            along[name].append(rate)
    spread = np.linspace(0, len(states) - 1, _NEAR).round().astype(int)
    general = generality(flow, problem, laws, [states[i] for i in spread], seed)
    derivatives = along_the_run(flow, problem, laws, ts, states, along)
    ladders, no_ladder = {}, None
    if with_ladder:
        ladders, no_ladder = drift_ladder(flow, problem, laws, solution)
    times = np.asarray([float(t) for t in ts])
    field = lambda t, s: flow.vector_field(t, s, problem)
    of_field = coarsest_precision(field, ts[0], states[0])
    reports = {}
    for name, law in laws.items():
        value = lambda t, s, law=law: law(t, flow.view(s, problem))
        scale = law_scale(law, flow, problem, solution)
        if name in solution.laws:
            drift = drift_of(law, solution, scale)
        else:
            values = [rate.value for rate in along[name]]
            drift = relative_drift(law, times, values, scale)
        ladder = ladders.get(name)
        found = _Findings(
            along[name],
            general.near[name],
            general.anywhere[name],
            derivatives[name],
            general.wrong[name],
            max(of_field, coarsest_precision(value, ts[0], states[0])),
            scale,
            np.max(np.abs(drift), axis=0),
            error_budget(law, times, along[name], scale, ladder, solution),
            ladder,
        )
        predicted = are_balances or law.decay_rate is not None
        reports[name] = _report(law, found, problem, solution, no_ladder, predicted)
    return reports


def _reached(solution: Solution) -> Solution:
    """Without the rows after the end of a solve that was stopped inside `jit`."""
    count = int(np.isfinite(np.asarray(solution.ts)).sum())
    rows = lambda s: (s.ts, s.losses, s.gradient_norms, s.laws)
    kept = jtu.tree_map(lambda x: x[:count], rows(solution))
    return eqx.tree_at(rows, solution, kept)


def _kept(solution: Solution):
    """At most 16 of the kept states, the first and the last among them."""
    count = len(solution.state_ts)
    index = np.linspace(0, count - 1, min(count, _STATES)).round().astype(int)
    states = jtu.tree_map(np.asarray, solution.states)
    pick = lambda i: jtu.tree_map(lambda x: jnp.asarray(x[i]), states)
    ts = [jnp.asarray(t) for t in np.asarray(solution.state_ts)[np.unique(index)]]
    states = [pick(i) for i in np.unique(index)]
    if float(ts[-1]) < float(solution.ts[-1]):
        ts, states = [*ts, solution.ts[-1]], [*states, solution.state]
    return ts, states


def _evidence(
    found: _Findings, problem: Problem, solution: Solution, predicted: bool
) -> list[Evidence]:
    """What is known of each component."""
    count = found.scale.size
    random = [*found.near, *found.anywhere]
    run, near = _largest(found.along, count), _largest(found.near, count)
    anywhere = _largest(found.anywhere, count)
    any_of = lambda flags: np.any(np.stack(flags), axis=0)
    run_says = any_of([r.informative for r in found.along])
    run_noise = any_of([r.noise for r in found.along])
    general_says = any_of([r.informative for r in random])
    general_noise = any_of([r.noise for r in random])
    finite = np.all([r.finite for r in found.along], axis=0)
    in_double = found.precision <= np.finfo(float).eps
    steps = int(solution.accepted_steps) + 1
    inputs = jtu.tree_leaves(problem.inputs)
    return [
        Evidence(
            run=float(run[i]),
            run_says=bool(run_says[i]),
            run_noise=bool(run_noise[i]),
            near=float(near[i]),
            anywhere=float(anywhere[i]),
            general_says=bool(general_says[i]),
            general_noise=bool(general_noise[i]),
            drift=float(found.drift[i]),
            expected_drift=found.budget["round_off"]
            + float(solution.settings.rtol) * steps,
            shrinks=None if found.ladder is None else found.ladder.shrinks,
            predicted=predicted,
            finite=bool(finite[i]),
            wrong_derivative=bool(found.derivative.wrong[i]) and in_double,
            moves=bool(found.derivative.moves[i]),
            jumps_elsewhere=bool(found.jumps_elsewhere[i]) and in_double,
            precision=found.precision,
            discrete=not all(jnp.issubdtype(x.dtype, jnp.floating) for x in inputs),
        )
        for i in range(count)
    ]


def _report(
    law: Law,
    found: _Findings,
    problem: Problem,
    solution: Solution,
    no_ladder: str | None,
    predicted: bool,
) -> LawReport:
    settled = [decide(e) for e in _evidence(found, problem, solution, predicted)]
    verdicts = tuple(v for v, _ in settled)
    verdict = worst(list(verdicts))
    note = next((why for v, why in settled if v == verdict), "it has no components")
    kept = "this law" if law.degree == "other" else f"{law.degree} laws"
    ladder = found.ladder
    if ladder is not None and not ladder.evidence:
        note += (
            f"; {ladder.solver} keeps {kept} by construction, so the ladder is no "
            "evidence here"
        )
    run = solver_properties(solution.solver)
    if law.name in solution.enforced:
        note += "; the run's solver enforces it, so the run's drift is no evidence"
    elif (
        law.degree in run.exact_degrees
        and law.degree != "linear"
        and solution.flow.shows_its_state
    ):
        note += (
            f"; {run.name} keeps {kept} by construction, so the run's drift is no "
            "evidence"
        )
    if no_ladder is not None:
        note += f"; {no_ladder}"
    rates = _largest(found.along, found.scale.size)
    random = _largest([*found.near, *found.anywhere], found.scale.size)
    return LawReport(
        name=law.name,
        verdict=verdict,
        note=note,
        verdicts=verdicts,
        count=found.scale.size,
        rate=float(np.max(rates, initial=0.0)),
        rates=tuple(rates.tolist()),
        general_rate=float(np.max(random, initial=0.0)),
        max_drift=float(np.max(found.drift, initial=0.0)),
        drifts=tuple(found.drift.tolist()),
        scale=float(np.min(found.scale)) if found.scale.size else 0.0,
        scales=tuple(found.scale.tolist()),
        order=None if ladder is None else ladder.order,
        limit=None if ladder is None else ladder.limit,
        budget=found.budget,
        ladder=ladder,
        degree=law.degree,
        source=law.source,
    )


def _largest(rates: list[Rate], count: int) -> np.ndarray:
    if not rates:
        return np.zeros(count)
    return np.max(np.stack([r.relative for r in rates]), axis=0)
