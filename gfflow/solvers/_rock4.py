"""ROCK4."""

from typing import ClassVar, Literal, final

import equinox as eqx

from .._errors import SolveError
from ._rock_base import AbstractStabilised, Recurrence, Step
from ._rock_radius import combine


@final
class ROCK4(AbstractStabilised):
    """Orthogonal Runge–Kutta–Chebyshev of order 4, stable up to hλ = 0.35 s².

    Abdulle (2002), with coefficients computed here (`_rock_generator`): s − 4 stages by
    a three-term recurrence, then four that bring the whole to order 4. The estimate is
    of order h⁴. The last stage lies up to 3.5 % of a step beyond its end. Round-off is
    amplified by up to 0.02 s⁸, which limits s to 44 in double precision and to 10 in
    single precision, where ROCK2 is the better choice. Ten copies of the state, two
    more to remember, five more while the spectrum is estimated.
    """

    max_stages: int = eqx.field(static=True)
    loop: Literal["lax", "checkpointed", "bounded"] = eqx.field(static=True)

    registered: ClassVar = "rock4"
    carried_order: ClassVar = 4
    columns: ClassVar = (7,)

    def __init__(
        self,
        max_stages: int = 52,
        *,
        loop: Literal["lax", "checkpointed", "bounded"] = "lax",
    ):
        """**Arguments:**

        - `max_stages`: at least 5; 52 is the most there are.
        - `loop`: `"checkpointed"` or `"bounded"` for reverse-mode differentiation.

        **Raises:** `SolveError` for less than 5 stages.
        """
        if max_stages < 5:
            raise SolveError(f"ROCK4 wants max_stages >= 5; got {max_stages}")
        self.max_stages = max_stages
        self.loop = loop

    def error_order(self, terms) -> int:
        return 4

    def _finish(self, step: Step, stages: Recurrence):
        tail = stages.tail
        matrix = (tail[:1], tail[1:3], tail[3:6])
        nodes, weights, filtered = tail[6:9], tail[9:13], tail[13:17]
        base, (error,) = stages.stage, stages.sums
        slopes = [stages.slope]
        for row, node, weight in zip(matrix, nodes, filtered[:3], strict=True):
            shift = combine(slopes, row)
            slope = step.field(node, combine((base, shift), (1.0, step.h)))
            slopes.append(slope)
            error = combine((error, slope), (1.0, weight))
        shift = combine(slopes, weights)
        end = combine((base, shift), (1.0, step.h))
        slope = step.field(1.0, end)
        estimate = combine((error, slope), (1.0, filtered[3]))
        return end, slope, combine((estimate,), (step.h,)), 4
