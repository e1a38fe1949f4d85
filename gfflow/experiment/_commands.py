"""What the commands of the command line do, once their arguments are read."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .._errors import ConfigError, DiscoveryError
from ..discovery import Discovery, discover
from ..integrate import Solution
from ..verdict import Report, Verdict, check
from .config import LoadedConfig, config_from_resolved, load_config, set_key
from .run import (
    Compared,
    Experiment,
    Runner,
    build,
    compare_with,
    discrete_flow,
    rebuild,
    set_up_jax,
)
from .store import (
    COMPARISON,
    RESOLVED,
    RunFolder,
    free_folder,
    provenance,
    write_atomically,
)
from .tell import Progress, metrics_of, visible, write_results

OK, NOT_KEPT, STOPPED = 0, 3, 4
_RESUMABLE_KEYS = ("run.max_wall_time", "solver.max_steps")


class Outcome(NamedTuple):
    """What a command found: the metrics, the folder if there is one, the exit code."""

    metrics: dict[str, Any]
    folder: RunFolder | None
    code: int


def run(
    config: Path, overrides: Sequence[str], out: Path | None, progress: bool
) -> Outcome:
    """Integrate, check, write a run folder."""
    loaded = load_config(config, overrides)
    experiment = _experiment(loaded)
    folder = RunFolder.create(
        out or free_folder(config.stem), loaded.text, _resolved(loaded, experiment)
    )
    if progress:
        print(f"run folder: {visible(str(folder.path))}", file=sys.stderr)
    with folder.locked():
        return _finish(experiment, folder, progress)


def resume(path: Path, overrides: Sequence[str], progress: bool) -> Outcome:
    """Go on with a run folder from its last checkpoint.

    **Raises:** `ConfigError` if an override is not of a limit.
    """
    folder = RunFolder.open(path)
    data = folder.read_json(RESOLVED)["config"]
    for override in overrides:
        if override.partition("=")[0].strip() not in _RESUMABLE_KEYS:
            raise ConfigError(
                [
                    f"--set {override}: a resumed run can change only "
                    f"{' and '.join(_RESUMABLE_KEYS)}; start a new run for the rest"
                ]
            )
        try:
            set_key(data, override)
        except ValueError as error:
            raise ConfigError([f"--set {override}: {error}"]) from None
    config = config_from_resolved(data)
    set_up_jax(config)
    experiment = rebuild(folder, config)
    with folder.locked():
        return _finish(experiment, folder, progress)


def check_again(path: Path, overrides: Sequence[str], progress: bool) -> Outcome:
    """Weigh the laws of a run folder again, or those of a config without a folder.

    **Raises:** `ConfigError` for overrides of a run folder.
    """
    if not path.is_dir():
        loaded = load_config(path, overrides)
        return _finish(_experiment(loaded), None, progress)
    if overrides:
        raise ConfigError(["--set is for a config; a run folder is checked as it is"])
    folder = RunFolder.open(path)
    config = config_from_resolved(folder.read_json(RESOLVED)["config"])
    set_up_jax(config)
    experiment = rebuild(folder, config)
    with folder.locked():
        solution = Runner(experiment, folder).restore()
        return _conclude(experiment, folder, solution)


def laws(
    config: Path,
    overrides: Sequence[str],
    exact: bool,
    certificate: Path | None,
    on: str = "all",
) -> Discovery:
    """Discover the laws of the model of a config under its flow.

    **Arguments:**

    - `certificate`: a file for the certificate of exact mode, which it asks for.
    - `on`: as of `discover`.

    **Raises:** `DiscoveryError` where it cannot be written, or there is none.
    """
    if certificate is not None:
        folder = certificate.resolve().parent
        if certificate.is_dir() or not folder.is_dir():
            wrong = f"there is no folder {folder}; make it first"
            raise DiscoveryError(
                f"--certificate {certificate}: "
                + ("it is a folder; name a file" if certificate.is_dir() else wrong)
            )
    experiment = _experiment(load_config(config, overrides))
    exact = exact or certificate is not None
    found = discover(experiment.problem, experiment.flow, exact=exact, on=on)
    if certificate is not None:
        document = found.certificate.to_json().items()
        lines = (f"{json.dumps(key)}: {json.dumps(value)}" for key, value in document)
        text = "{\n" + ",\n".join(lines) + "\n}\n"
        try:
            write_atomically(certificate, lambda f: f.write(text.encode()))
        except OSError as error:
            raise DiscoveryError(
                f"--certificate {certificate}: it cannot be written: {error.strerror}"
            ) from None
    return found


def compare(
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
    experiment = _experiment(loaded)
    flows = [discrete_flow(experiment, i, loaded.where) for i in range(len(entries))]
    folder = None if out is None else RunFolder.made(out)
    found = {}
    for entry, discrete in zip(entries, flows):
        if progress:
            print(f"{visible(entry.label)}:", file=sys.stderr)
        with _shown(experiment, progress) as shown:
            found[entry.label] = compare_with(
                experiment, discrete, entry.label, shown.update
            )
    compared = Compared(found, None if folder is None else folder.path / COMPARISON)
    if folder is not None:
        folder.write_json(COMPARISON, compared.to_json())
    return compared


def _shown(experiment: Experiment, progress: bool) -> Progress:
    solver = experiment.config.solver
    return Progress(solver.t0, solver.t1, enabled=progress)


def _experiment(loaded: LoadedConfig) -> Experiment:
    set_up_jax(loaded.config, loaded.where)
    return build(loaded.config, loaded.where)


def _finish(
    experiment: Experiment, folder: RunFolder | None, progress: bool
) -> Outcome:
    with _shown(experiment, progress) as shown:
        solution = Runner(experiment, folder).run(shown.update)
    return _conclude(experiment, folder, solution)


def _conclude(
    experiment: Experiment, folder: RunFolder | None, solution: Solution
) -> Outcome:
    late = solution.status_name == "stopped_wall_time"
    ladder = experiment.config.laws.ladder and not late
    laws = list(experiment.laws.values())
    report = check(solution, laws, ladder=ladder) if laws else Report([])
    metrics = metrics_of(solution, report, experiment.known.note)
    if folder is not None:
        write_results(folder, metrics, experiment.laws, solution, report)
    return Outcome(metrics, folder, _code(experiment, solution, report))


def _code(experiment: Experiment, solution: Solution, report: Report) -> int:
    verdicts = [report[name].verdict for name in experiment.must_hold]
    if Verdict.BROKEN in verdicts:
        return NOT_KEPT
    if not solution.finished:
        return STOPPED
    return OK if all(verdict.holds for verdict in verdicts) else NOT_KEPT


def _resolved(loaded: LoadedConfig, experiment: Experiment) -> dict[str, Any]:
    problem = experiment.problem
    return {
        "config": experiment.config.model_dump(),
        "config_path": str(loaded.path),
        "overrides": list(loaded.overrides),
        "parameters": problem.size,
        "samples": problem.samples,
        "dtype": str(problem.dtype),
        "laws": list(experiment.laws),
        **provenance(loaded.path.resolve().parent),
    }
