"""gfflow compare: the flow of a config, and its optimisers beside it."""

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import optax

from .._errors import ConfigError, GFFlowError, RunFolderError
from .._registry import lookup
from ..discrete import Comparison, DiscreteFlow, Optimiser, compare
from ..discrete._schedule import checked_schedule
from ..integrate import make_grid
from .config._compare_rules import WITH_MOMENTUM
from .config._config import LoadedConfig, load_config
from .config._sections import CompareEntry
from .config._targets import call_target, load_target
from .run._build import Experiment, build, set_up_jax
from .run._runner import Runner
from .run._store import RunFolder
from .run._where import at

OK, STOPPED = 0, 4
FILE = "compare.json"


class Compared(NamedTuple):
    """The comparisons by name, in the order of the config, and the exit code."""

    comparisons: dict[str, Comparison]
    written: Path | None

    @property
    def code(self) -> int:
        """0; or 4 if the flow or an optimiser stopped early."""
        finished = all(one.finished for one in self.comparisons.values())
        return OK if finished else STOPPED

    def to_json(self) -> dict[str, Any]:
        """The contents of compare.json."""
        entries = [{"name": n} | c.to_json() for n, c in self.comparisons.items()]
        return {"comparisons": entries}


def run_compare(
    config: Path, overrides: Sequence[str], out: Path | None, progress: bool
) -> Compared:
    """Run each optimiser of the config to t1, and the flow to its saved times.

    **Raises:** `ConfigError` for a config without `[[compare]]`, or an entry that does
    not fit.
    """
    loaded = load_config(config, overrides)
    entries = loaded.config.compare
    if not entries:
        raise ConfigError(
            [
                f"{config}: compare: at least one table [[compare]] is required, with "
                "the keys optimiser and learning_rate; got none"
            ]
        )
    set_up_jax(loaded.config, loaded.where)
    experiment = build(loaded.config, loaded.where)
    flows = [_flow(loaded, experiment, i) for i in range(len(entries))]
    folder = None if out is None else _folder(out)
    found = {}
    for entry, discrete in zip(entries, flows):
        if progress:
            print(f"{entry.label}:", file=sys.stderr)
        found[entry.label] = _one(loaded, experiment, discrete, entry, progress)
    written = None if folder is None else folder.path / FILE
    compared = Compared(found, written)
    if folder is not None:
        folder.write_json(FILE, compared.to_json())
    return compared


def _flow(loaded: LoadedConfig, experiment: Experiment, index: int) -> DiscreteFlow:
    entry, key = loaded.config.compare[index], f"compare.{index}"
    second_order = experiment.flow.second_order is not None
    if second_order and entry.optimiser not in WITH_MOMENTUM:
        raise ConfigError(
            [
                f"{loaded.where(f'{key}.optimiser')}: the momentum flow is followed by "
                f"{' and '.join(WITH_MOMENTUM)}; got {entry.optimiser!r}"
            ]
        )
    flow_decay = loaded.config.flow.weight_decay
    if isinstance(flow_decay, str) and entry.weight_decay is None:
        raise ConfigError(
            [
                f"{loaded.where(key)}: flow.weight_decay depends on time, and an "
                "optimiser's is a number: give this entry its own weight_decay"
            ]
        )
    with at(loaded.where, f"{key}.learning_rate"):
        rate = entry.learning_rate
        if isinstance(rate, str):
            rate = checked_schedule(load_target(rate))
    with at(loaded.where, f"{key}.optimiser"):
        optimiser = _optimiser(entry, rate, flow_decay)
    with at(loaded.where, f"{key}.batch"):
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
    solver = loaded.config.solver
    with at(loaded.where, f"{key}.learning_rate"):
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


def _one(
    loaded: LoadedConfig,
    experiment: Experiment,
    discrete: DiscreteFlow,
    entry: CompareEntry,
    progress: bool,
) -> Comparison:
    problem, solver = experiment.problem, loaded.config.solver
    run = discrete.run(
        problem, t0=solver.t0, t1=solver.t1, laws=list(experiment.laws.values())
    )
    if len(run.ts) == 1:
        return dataclasses.replace(compare(experiment.flow, run), optimiser=entry.label)
    grid = make_grid(solver.t0, None, run.ts[1:], problem.dtype)
    integration = experiment.integration._replace(grid=grid)
    beside = experiment._replace(integration=integration, every=1)
    solution = Runner(beside, None).run(progress)
    return dataclasses.replace(compare(solution, run), optimiser=entry.label)


def _folder(out: Path) -> RunFolder:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunFolderError(f"{out} cannot be made: {error}") from None
    return RunFolder(out)
