"""Flows, and laws along them, in double-double arithmetic: some 32 digits."""

from ._self_test import require_exact_arithmetic as require_exact_arithmetic
from ._solution import ExtendedSolution as ExtendedSolution
from ._solution import ExtendedValues as ExtendedValues
from ._solve import solve_extended as solve_extended
from .pairs import Pair as Pair
from .program import on_pairs as on_pairs
