"""Flows, and laws along them, in double-double arithmetic."""

from ._solution import ExtendedSolution as ExtendedSolution
from ._solution import ExtendedValues as ExtendedValues
from ._solve import solve_extended as solve_extended
