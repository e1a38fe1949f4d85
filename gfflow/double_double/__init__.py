"""Double-double arithmetic, and JAX programs in it: some 32 digits."""

from ._self_test import failures as failures
from ._self_test import require_exact_arithmetic as require_exact_arithmetic
from .pairs import Pair as Pair
from .program import on_pairs as on_pairs
