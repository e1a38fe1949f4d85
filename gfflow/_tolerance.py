"""The relative tolerances that a dtype has; NumPy only, so that configs have them."""

from decimal import ROUND_CEILING, Context

import numpy as np
from numpy.typing import DTypeLike


def least_tolerance(dtype: DTypeLike) -> float:
    """The smallest `rtol` that a dtype can reach: ten times its precision."""
    return 10 * float(np.finfo(dtype).eps)


def default_tolerance(dtype: DTypeLike) -> float:
    """1e-10 in double precision, 1e-5 in single."""
    return 1e-10 if np.finfo(dtype).bits >= 64 else 1e-5


def shown_least_tolerance(dtype: DTypeLike) -> str:
    """`least_tolerance` in two digits, rounded up: a tolerance that is not refused."""
    upwards = Context(prec=2, rounding=ROUND_CEILING)
    return f"{upwards.create_decimal(least_tolerance(dtype)):.1e}"
