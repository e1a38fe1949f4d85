"""Numbers among the arguments of flows."""

from typing import Any

import jax.numpy as jnp

from .._errors import SolveError
from .._typing import Scalar


def number(
    name: str,
    value: Any,
    *,
    above: float | None = None,
    least: float | None = None,
    most: float | None = None,
) -> Scalar:
    """A number as an array. One that is an array already may have any value.

    **Arguments:**

    - `name`: how a message begins; its last word is the argument.

    **Raises:** `SolveError` for what is no number, or not above `above`, at least
    `least` and at most `most`.
    """
    argument = name.rpartition(" ")[2]
    try:
        array = jnp.asarray(value, float)
    except (TypeError, ValueError):
        raise SolveError(
            f"{name} must be a number; got {value!r}", argument=argument
        ) from None
    if isinstance(value, int | float):
        met = {
            f"above {above}": above is None or value > above,
            f"at least {least}": least is None or value >= least,
            f"at most {most}": most is None or value <= most,
        }
        missed = " and ".join(text for text, is_met in met.items() if not is_met)
        if missed:
            raise SolveError(
                f"{name} must be {missed}; got {value!r}", argument=argument
            )
    return array
