"""Experiments: configs, run folders and the command line around the library."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._load import load as load

__all__ = ["load"]


def __getattr__(name: str):
    if name == "load":
        from ._load import load

        return load
    raise AttributeError(f"module 'gfflow.experiment' has no attribute {name!r}")
