"""Packages named as their own function: `gfflow.check`, `gfflow.discover`."""

import sys
import types
from collections.abc import Callable


def make_callable(package: str, function: Callable) -> None:
    """Let the package be called as its function.

    Importing `gfflow.check`, or anything inside it, anywhere binds the package over
    the function's name in `gfflow`; calling either is then the same.
    """
    kind = type(
        "CallablePackage", (types.ModuleType,), {"__call__": staticmethod(function)}
    )
    sys.modules[package].__class__ = kind
