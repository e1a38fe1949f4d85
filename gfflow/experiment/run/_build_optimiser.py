"""From `[[compare]]` to optimisers."""

from typing import Any

import optax

from ..._errors import ConfigError, GFFlowError
from ..._registry import lookup
from ...discrete import DiscreteFlow, Optimiser, checked_schedule
from ..config import WITH_MOMENTUM, CompareEntry, call_target, load_target
from ._build import Experiment
from ._where import Where, at


def discrete_flow(experiment: Experiment, index: int, where: Where) -> DiscreteFlow:
    """The optimiser of one entry of `[[compare]]`, with its steps and batches.

    **Raises:** `ConfigError` for an entry that does not fit the problem or its flow.
    """
    config, key = experiment.config, f"compare.{index}"
    entry = config.compare[index]
    second_order = experiment.flow.second_order is not None
    if second_order and entry.optimiser not in WITH_MOMENTUM:
        raise ConfigError(
            [
                f"{where(f'{key}.optimiser')}: the momentum flow is followed by "
                f"{' and '.join(WITH_MOMENTUM)}; got {entry.optimiser!r}"
            ]
        )
    flow_decay = config.flow.weight_decay
    if isinstance(flow_decay, str) and entry.weight_decay is None:
        raise ConfigError(
            [
                f"{where(key)}: flow.weight_decay depends on time, and an "
                "optimiser's is a number: give this entry its own weight_decay"
            ]
        )
    with at(where, f"{key}.learning_rate"):
        rate = entry.learning_rate
        if isinstance(rate, str):
            rate = checked_schedule(load_target(rate))
    with at(where, f"{key}.optimiser"):
        optimiser = _optimiser(entry, rate, flow_decay)
    with at(where, f"{key}.batch"):
        discrete = DiscreteFlow(
            optimiser,
            rate,
            batch=entry.batch,
            replacement=entry.replacement,
            seed=entry.seed,
            time_per_step=entry.time_per_step,
            second_order=second_order,
        )
        discrete.batches.check(experiment.problem.samples)
    solver = config.solver
    with at(where, f"{key}.learning_rate"):
        discrete.steps_until(experiment.problem, solver.t1, solver.t0)
    return discrete


def _optimiser(entry: CompareEntry, rate: Any, flow_decay: float | str) -> Any:
    if ":" in entry.optimiser:
        made = call_target(entry.optimiser, entry.arguments, learning_rate=rate)
        if not isinstance(made, optax.GradientTransformation | Optimiser):
            raise GFFlowError(
                f"{entry.optimiser} must return an Optax transformation; it returned "
                f"{type(made).__name__}"
            )
        return made
    decay = flow_decay if entry.weight_decay is None else entry.weight_decay
    options = {"weight_decay": decay}
    if entry.momentum is not None:
        options["momentum"] = entry.momentum
    return lookup("optimisers", entry.optimiser)(**options)
