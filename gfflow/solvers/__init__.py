"""Solvers by name, and what gfflow must know of each."""

from ._properties import SolverProperties as SolverProperties
from ._properties import solver_by_name as solver_by_name
from ._properties import solver_properties as solver_properties
