"""Reading a run folder back."""

from pathlib import Path

import jax.numpy as jnp

from ..._errors import RunFolderError
from ...integrate import Solution
from ..config import Config, config_from_resolved
from ..store import RESOLVED, RunFolder
from ._build import Experiment, build
from ._runner import Runner


def load(run: str | Path) -> Solution:
    """The solution in a run folder, with its problem and flow built again.

    **Raises:** `RunFolderError` if it is no run folder, is damaged, was stopped before
    its first checkpoint, or is in another precision than JAX is set to; `ConfigError`
    if its model or data cannot be built.
    """
    folder = RunFolder.open(Path(run))
    config = config_from_resolved(folder.read_json(RESOLVED)["config"])
    if str(jnp.zeros(()).dtype) != config.run.precision:
        raise RunFolderError(
            f"{run} is in {config.run.precision}, JAX is set to {jnp.zeros(()).dtype}: "
            f"jax.config.update('jax_enable_x64', {config.run.precision == 'float64'}) "
            "before any array is made"
        )
    return Runner(rebuild(folder, config), folder).restore()


def rebuild(folder: RunFolder, config: Config) -> Experiment:
    """The experiment of a run folder."""
    return build(config, lambda key: f"{folder.path / RESOLVED}: {key}")
