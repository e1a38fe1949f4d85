"""Experiments: configs, run folders and the command line around the library."""

from typing import TYPE_CHECKING

from .._lazy import lazy_names

if TYPE_CHECKING:
    from .run import load as load

__getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
