"""The times at which a run has recorded a rate that its kept states do not show."""

import jax.tree_util as jtu
import numpy as np
from jaxtyping import Float

from ..flows import AbstractFlow
from ..integrate import Solution, solve
from ..laws import Law
from ..problem import Problem
from ._draws import rates_at
from ._points import Points
from ._rate import LIMIT, Rate

_MOST = 16


def suspect_times(
    solution: Solution, slices: dict[str, slice], along: Rate
) -> list[float]:
    """Where a law may break between the kept states; increasing, at most 16.

    The time of the largest recorded |ḣ| of each component that is told from round-off
    at none of the kept states, if it is more than 64 ε times the largest that the terms
    of ḣ are at one of these: it would have been a violation there. ε is the machine
    precision of the run, or a coarser one of the field. Those of the largest such ratio
    if they are many. Empty for a run without `law_rates`.

    **Arguments:**

    - `slices`: law name → which components are its.
    - `along`: the rates at the kept states.
    """
    recorded = solution.law_rates or {}
    precision = max(along.precision, float(np.finfo(solution.ts.dtype).eps))
    first, last = float(solution.ts[0]), float(solution.ts[-1])
    found: dict[float, float] = {}
    for name in slices.keys() & recorded.keys():
        at_end = jtu.tree_map(
            lambda x: np.asarray(x[-1], float).ravel(), recorded[name]
        )
        kept = along.of(slices[name])
        seen = np.any(kept.violated | ~kept.finite, axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            terms = np.max(kept.terms, axis=0)
            ratio = at_end.largest / (LIMIT * precision * terms)
        ratio = np.where(np.isnan(at_end.largest), np.inf, np.where(seen, 0, ratio))
        for time, much in zip(at_end.at.tolist(), ratio.tolist()):
            if much > 1 and first < time < last:
                found[time] = max(much, found.get(time, 0.0))
    return sorted(sorted(found, key=found.__getitem__)[-_MOST:])


def states_at(
    times: list[float],
    flow: AbstractFlow,
    problem: Problem,
    laws: dict[str, Law],
    solution: Solution,
) -> Points:
    """The states of the same run at other times, by one more integration.

    It is the program of the run if all the laws that were recorded are there.
    """
    recorded = solution.law_rates or {}
    same = recorded.keys() <= laws.keys()
    run = solve(
        flow,
        problem,
        t0=solution.ts[0],
        rtol=solution.settings.rtol,
        atol=solution.settings.atol,
        saveat=np.asarray(times),
        solver=solution.solver,
        laws=[laws[name] for name in recorded] if same else (),
        law_rates=same,
        parameters_every=1,
        max_steps=solution.settings.max_steps,
    )
    on_host = lambda xs: jtu.tree_map(lambda x: np.asarray(x)[1:], xs)
    return Points(on_host(run.state_ts), on_host(run.states))


def with_suspects(
    flow: AbstractFlow,
    problem: Problem,
    laws: dict[str, Law],
    solution: Solution,
    slices: dict[str, slice],
    run: Points,
    along: Rate,
    decays: Float[np.ndarray, " C"],
) -> tuple[Points, Rate]:
    """The kept states, the suspect ones among them in their order, and the rates.

    **Arguments:**

    - `slices`: law name → which components are its.
    - `run`, `along`, `decays`: the kept states, the rates there, and the decay rates
        that the components state.
    """
    times = suspect_times(solution, slices, along)
    if not times:
        return run, along
    others = states_at(times, flow, problem, laws, solution)
    rates = rates_at(flow, problem, laws, others, decays, along.precision)
    ts = np.concatenate([run.ts, others.ts])
    order = np.argsort(ts, kind="stable")
    joined = lambda a, b: np.concatenate([a, b])[order]
    states = jtu.tree_map(joined, run.states, others.states)
    both = [joined(*pair) for pair in zip(along[:-1], rates[:-1])]
    return Points(ts[order], states), Rate._make([*both, along.precision])
