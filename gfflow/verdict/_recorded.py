"""The times at which a run has recorded a rate that its kept states do not show."""

import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np

from .._typing import Scalar, State
from ..flows import AbstractFlow
from ..integrate import Solution, solve
from ..laws import Law
from ..problem import Problem
from ._rate import LIMIT, Rate, at_any, rates_at

_MOST = 16


def suspect_times(
    solution: Solution, along: dict[str, list[Rate]], precision: float
) -> list[float]:
    """Where a law may break between the kept states; increasing, at most 16.

    The time of the largest recorded |ḣ| of each component that is told from round-off
    at none of the kept states, if it is more than 64 ε times the largest that the terms
    of ḣ are at one of these: it would have been a violation there. ε is the machine
    precision of the run, or a coarser one of the field. Those of the largest such ratio
    if they are many. Empty for a run without `law_rates`.

    **Arguments:**

    - `along`: the rates at the kept states.
    - `precision`: ε.
    """
    found: dict[float, float] = {}
    last = len(solution.ts) - 1
    inside = float(solution.ts[0]), float(solution.ts[last])
    for name in along.keys() & (solution.law_rates or {}).keys():
        assert solution.law_rates is not None
        recorded = solution.law_rates[name]
        largest = np.asarray(recorded.largest[last], float).ravel()
        times = np.asarray(recorded.at[last], float).ravel()
        seen = at_any([rate.violated | ~rate.finite for rate in along[name]])
        terms = np.max([rate.terms for rate in along[name]], axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = largest / (LIMIT * precision * terms)
        ratio = np.where(np.isnan(largest), np.inf, np.where(seen, 0, ratio))
        for time, much in zip(times, ratio):
            if much > 1 and inside[0] < time < inside[1]:
                found[float(time)] = max(float(much), found.get(float(time), 0))
    return sorted(sorted(found, key=found.__getitem__)[-_MOST:])


def states_at(
    times: list[float],
    flow: AbstractFlow,
    problem: Problem,
    laws: dict[str, Law],
    solution: Solution,
) -> tuple[list[Scalar], list[State]]:
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
    count = len(run.state_ts)
    states = jtu.tree_map(np.asarray, run.states)
    pick = lambda i: jtu.tree_map(lambda x: jnp.asarray(x[i]), states)
    return list(run.state_ts[1:]), [pick(i) for i in range(1, count)]


def with_suspects(
    flow: AbstractFlow,
    problem: Problem,
    laws: dict[str, Law],
    solution: Solution,
    ts: list[Scalar],
    states: list[State],
    along: dict[str, list[Rate]],
    precision: float,
) -> tuple[list[Scalar], list[State], dict[str, list[Rate]]]:
    """The kept states, the suspect ones among them in their order, and the rates.

    **Arguments:**

    - `ts`, `states`, `along`: of the kept states.
    - `precision`: as for `rates_at`.
    """
    coarsest = max(precision, float(jnp.finfo(solution.ts.dtype).eps))
    times = suspect_times(solution, along, coarsest)
    if not times:
        return ts, states, along
    others, moved = states_at(times, flow, problem, laws, solution)
    found = [rates_at(flow, problem, laws, *at, precision) for at in zip(others, moved)]
    ts, states = [*ts, *others], [*states, *moved]
    order = np.argsort([float(t) for t in ts], kind="stable")
    rates = {n: [*kept, *(f[n] for f in found)] for n, kept in along.items()}
    return (
        [ts[i] for i in order],
        [states[i] for i in order],
        {name: [each[i] for i in order] for name, each in rates.items()},
    )
