"""check: laws weighed against a solution."""

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np

from .._checks import is_traced
from .._errors import CheckError, SolveError
from .._precision import coarsest_precision, double_precision, in_double
from ..flows import AbstractFlow
from ..integrate import Solution
from ..laws import Law, known_laws, named_laws
from ..problem import Problem
from ._budget import error_budget
from ._components import component_slices, decay_rates
from ._derivative import differences
from ._draws import rates_at
from ._drift import drift_of, relative_drift
from ._drift_ladder import DriftLadders, drift_ladder
from ._findings import LawFindings, law_report
from ._generality import generality
from ._jumps import jumps
from ._points import Points
from ._predicted import Accumulating, accumulated_run, balance
from ._rate import Rate, falling
from ._recorded import with_suspects
from ._report import LawReport, Report

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

    1. Rate: ḣ along the run's saved states, by differentiation, against the size of its
       terms and the round-off in them. It needs no accuracy of the integrator. Of a run
       with `law_rates`, also at the times between them where a recorded rate stands
       out: if there are some, by one more integration.
    2. Generality: the same at random parameters and times, with random data and loss
       cotangents.
    3. Drift ladder: the drift at three tolerances or more with a solver that does not
       keep the law by construction; its order, its limit, and what it settles at.

    Everything is evaluated in float64, whatever the precision of the run.

    **Arguments:**

    - `solution`: of `solve`, made outside of `jit` (or with `problem` given).
    - `laws`: the known laws of the problem by default.
    - `ladder`: whether to integrate again for the third piece of evidence; it costs
        about twice the run; more where the drift does not fall with the tolerance.
    - `seed`: of the random points.

    **Returns:** law name → `LawReport`. Verdicts: `conserved` (for all data),
    `conserved-on-this-data`, `predicted-decay`, `broken`, `inconclusive`.

    **Raises:** `CheckError` if the solution does not hold what is needed, two laws have
    one name, or the solution recorded another law under the name of one; `LawError` if
    a law cannot be evaluated.
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
    try:
        table = named_laws([laws] if isinstance(laws, Law) else laws)
    except SolveError as error:
        raise CheckError(str(error)) from None
    if not table:
        return Report([])
    order = list(table)
    precision = float(jnp.finfo(solution.ts.dtype).eps)
    with double_precision():
        flow_, problem_, laws_, solution_ = in_double((flow, problem, table, solution))
        produced = {n: w for n, w in laws_.items() if w.production is not None}
        plain = {n: w for n, w in laws_.items() if w.production is None}
        found = {}
        if plain:
            found |= _weigh(flow_, problem_, plain, solution_, precision, ladder, seed)
        if produced:
            flow_ = Accumulating(flow_, produced)
            balances = {name: balance(law) for name, law in produced.items()}
            run = accumulated_run(flow_, problem_, solution_, balances)
            found |= _weigh(
                flow_, problem_, balances, run, precision, ladder, seed, True
            )
    return Report([found[name] for name in order])


def _weigh(
    flow: AbstractFlow,
    problem: Problem,
    laws: dict[str, Law],
    solution: Solution,
    precision: float,
    with_ladder: bool,
    seed: int,
    are_balances: bool = False,
) -> dict[str, LawReport]:
    run = _kept(solution)
    first = jtu.tree_map(jnp.asarray, (run.ts[0], run.state(0)))
    slices, precisions = component_slices(flow, problem, laws, *first)
    decays = decay_rates(laws, slices)
    field = lambda t, s: flow.vector_field(t, s, problem)
    of_field = coarsest_precision(field, *first)
    along = rates_at(flow, problem, laws, run, decays, of_field)
    _refuse_others({n: along.of(s) for n, s in slices.items()}, solution, precision)
    kept = run, along, decays
    run, along = with_suspects(flow, problem, laws, solution, slices, *kept)
    spread = np.linspace(0, len(run.ts) - 1, _NEAR).round().astype(int)
    general = generality(flow, problem, laws, run.at(spread), seed, decays, of_field)
    derivatives = differences(flow, problem, laws, run, along, decays)
    missed = jumps(flow, problem, laws, run, along)
    elsewhere = jumps(flow, problem, laws, general.points, general.anywhere)
    scales = np.maximum(along.scale[0], along.scale[-1])
    ladders = DriftLadders({})
    if with_ladder:
        by_law = {name: scales[s] for name, s in slices.items()}
        ladders = drift_ladder(flow, problem, laws, solution, by_law)
    falls = np.zeros(len(scales), bool)
    if ladders.ends is not None and np.any(along.violated):
        ends = rates_at(flow, problem, laws, ladders.ends, decays, of_field)
        falls = falling(ends)
    reports = {}
    for name, law in laws.items():
        which, ladder = slices[name], ladders.of.get(name)
        rates, scale = along.of(which), scales[which]
        if name in solution.laws:
            drift = drift_of(law, solution, scale)
        else:
            drift = relative_drift(law, run.ts, rates.value, scale)
        found = LawFindings(
            rates,
            general.near.of(which),
            general.anywhere.of(which),
            general.regions,
            general.late,
            derivatives.of(which),
            missed[which],
            elsewhere[which],
            falls[which],
            max(of_field, precisions[name]),
            scale,
            np.max(np.abs(drift), axis=0),
            error_budget(
                run.ts,
                rates.rate,
                scale,
                ladder,
                steps=int(solution.accepted_steps),
                tolerance=float(solution.settings.rtol),
                decay_rate=None if law.decay_rate is None else float(law.decay_rate),
            ),
            ladder,
        )
        predicted = are_balances or law.decay_rate is not None
        reports[name] = law_report(
            law, found, problem, solution, ladders.missing, predicted
        )
    return reports


def _refuse_others(
    along: dict[str, Rate], solution: Solution, precision: float
) -> None:
    """**Raises:** `CheckError` where what was recorded under the name of a law is not
    that law: its values at the ends differ by more than √ε of their scale."""
    for name in along.keys() & solution.laws.keys():
        recorded = np.asarray(solution.laws[name], float)
        recorded = recorded.reshape(len(recorded), -1)
        for row in (0, -1):
            rate = along[name].at(row)
            same = rate.value.shape == recorded[row].shape
            with np.errstate(invalid="ignore"):
                off = np.abs(rate.value - recorded[row]) if same else np.inf
            if np.any(off > precision**0.5 * rate.scale):
                raise CheckError(
                    f"the solution recorded another law named {name!r}; give this one "
                    "a name of its own"
                )


def _reached(solution: Solution) -> Solution:
    """Without the rows after the end of a solve that was stopped inside `jit`."""
    count = int(np.isfinite(np.asarray(solution.ts)).sum())
    rows = lambda s: (s.ts, s.losses, s.gradient_norms, s.laws)
    kept = jtu.tree_map(lambda x: x[:count], rows(solution))
    return eqx.tree_at(rows, solution, kept)


def _kept(solution: Solution) -> Points:
    """At most 16 of the kept states, the first and the last among them, and the end."""
    count = len(solution.state_ts)
    index = np.unique(
        np.linspace(0, count - 1, min(count, _STATES)).round().astype(int)
    )
    states = jtu.tree_map(lambda x: np.asarray(x)[index], solution.states)
    ts = np.asarray(solution.state_ts)[index]
    if float(ts[-1]) < float(solution.ts[-1]):
        append = lambda xs, x: np.concatenate([xs, np.asarray(x)[None]])
        ts = append(ts, solution.ts[-1])
        states = jtu.tree_map(append, states, solution.state)
    return Points(ts, states)
