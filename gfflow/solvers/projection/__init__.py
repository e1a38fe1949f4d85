"""Projection back to the level set of conservation laws."""

from ._projected import Projected as Projected
