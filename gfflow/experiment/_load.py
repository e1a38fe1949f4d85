"""Reading a run folder back."""

from pathlib import Path

from .._solution import Solution
from ._build import Experiment, build
from ._config import config_from_resolved
from ._runner import Runner
from ._sections import Config
from ._store import RESOLVED, RunFolder


def load(run: str | Path) -> Solution:
    """The solution in a run folder, with its problem and flow built again.

    Set the precision of the run before: a run in float64 wants
    `jax.config.update("jax_enable_x64", True)`, which this does for you.

    **Raises:** `RunFolderError` if it is no run folder, is damaged, or was stopped
    before its first checkpoint; `ConfigError` if its model or data cannot be built.
    """
    folder = RunFolder.open(Path(run))
    return Runner(rebuild(folder), folder).restore()


def rebuild(folder: RunFolder, config: Config | None = None) -> Experiment:
    """The experiment of a run folder, from its resolved config."""
    if config is None:
        config = config_from_resolved(folder.read_json(RESOLVED)["config"])
    return build(config, lambda key: f"{folder.path / RESOLVED}: {key}")
