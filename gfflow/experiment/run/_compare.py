"""The flow of an experiment, and an optimiser beside it."""

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

from ...discrete import Comparison, DiscreteFlow, compare
from ._build import Experiment
from ._runner import Runner, Tell

OK, STOPPED = 0, 4


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


def compare_with(
    experiment: Experiment, discrete: DiscreteFlow, label: str, tell: Tell
) -> Comparison:
    """Run an optimiser to t1, and the flow to its saved times.

    **Arguments:**

    - `label`: the name of the optimiser in the comparison.
    - `tell`: as for `Runner.run`.
    """
    problem, solver = experiment.problem, experiment.config.solver
    run = discrete.run(
        problem, t0=solver.t0, t1=solver.t1, laws=list(experiment.laws.values())
    )
    if len(run.ts) == 1:
        return dataclasses.replace(compare(experiment.flow, run), optimiser=label)
    integration = experiment.integration.at_times(run.ts[1:])
    beside = experiment._replace(integration=integration)
    solution = Runner(beside, None).run(tell)
    return dataclasses.replace(compare(solution, run), optimiser=label)
