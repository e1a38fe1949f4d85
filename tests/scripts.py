"""The scripts of experiments/, which are no package."""

import importlib.util
from pathlib import Path
from types import ModuleType

EXPERIMENTS = Path(__file__).parent.parent / "experiments"


def script(path: str) -> ModuleType:
    """The module of a file below experiments/, under no name that others import."""
    spec = importlib.util.spec_from_file_location(
        f"experiments.{Path(path).stem}", EXPERIMENTS / path
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
