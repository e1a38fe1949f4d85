"""ROCK2."""

from typing import ClassVar, Literal, final

import equinox as eqx

from ..._errors import SolveError
from ._base import AbstractStabilised, Recurrence, StageStep
from ._radius import combine


@final
class ROCK2(AbstractStabilised):
    """Orthogonal Runge–Kutta–Chebyshev of order 2, stable up to hλ = 0.81 s².

    The stability polynomials are those of Abdulle & Medovikov (2001), computed here
    (`_generator`); they are evaluated on the internal stages of RKC (Verwer,
    Hundsdorfer & Sommeijer 1990), which amplify round-off by s^1.5 instead of s⁴, so
    that it serves in single precision too. The error estimate is its own local error
    of order h³, filtered of stiff components. Seven copies of the state, two more to
    remember, five more while the spectrum is estimated.
    """

    max_stages: int = eqx.field(static=True)
    loop: Literal["lax", "checkpointed", "bounded"] = eqx.field(static=True)

    registered: ClassVar = "rock2"
    carried_order: ClassVar = 2
    columns: ClassVar = (6, 7)

    def __init__(
        self,
        max_stages: int = 206,
        *,
        loop: Literal["lax", "checkpointed", "bounded"] = "lax",
    ):
        """**Arguments:**

        - `max_stages`: at least 3; 206 is the most there are.
        - `loop`: `"checkpointed"` or `"bounded"` for reverse-mode differentiation.

        **Raises:** `SolveError` for less than 3 stages.
        """
        if max_stages < 3:
            raise SolveError(f"ROCK2 wants max_stages >= 3; got {max_stages}")
        self.max_stages = max_stages
        self.loop = loop

    def error_order(self, terms) -> int:
        return 3

    def _finish(self, step: StageStep, stages: Recurrence):
        change, error = stages.sums
        end = combine((step.start, change), (1.0, step.h))
        slope = step.field(1.0, end)
        estimate = combine((error, slope), (1.0, stages.tail[0]))
        return end, slope, combine((estimate,), (step.h,)), 1
