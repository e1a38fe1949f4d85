"""What a contestant hands back, and what the table keeps of it."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from cost import Meter, Ratios
from field import Field

SOLVED = "solved"
OVER_BUDGET = "over budget"


class Outcome(NamedTuple):
    """**Attributes:**

    - `status`: `"solved"`, `"over budget"`, or the solver's own word for its failure.
    - `state`: θ(T), shape `(D,)`, or `None`.
    - `gradients`, `products`, `batched`, `blocked`: full-data gradients; Hessian-vector
        products one at a time, for a dense Hessian, and in gfflow's small batches.
    - `sequential`: the longest chain of evaluations that wait for each other.
    - `wall_s`: seconds without compilation.
    - `accepted`, `rejected`: steps, `None` where the solver does not tell.
    """

    status: str
    state: np.ndarray | None
    gradients: int | None
    products: int | None
    batched: int | None
    sequential: int | None
    wall_s: float
    accepted: int | None = None
    rejected: int | None = None
    blocked: int | None = 0

    @classmethod
    def metered(
        cls,
        status,
        state,
        meter: Meter,
        wall_s,
        accepted=None,
        rejected=None,
        depth=None,
    ) -> "Outcome":
        """From the counts of a meter."""
        return cls(
            status,
            state,
            meter.gradients,
            meter.products,
            meter.hessians * meter.field.size,
            meter.depth if depth is None else depth,
            wall_s,
            accepted,
            rejected,
        )


Run = Callable[[Field, Ratios, float, float], Outcome]


class Contestant(NamedTuple):
    """A solver: `run(field, ratios, t1, rtol)`.

    **Attributes:**

    - `kind`: `"ours"`, `"implicit"` or `"explicit"`.
    - `dense`: it needs the Hessian as a matrix.
    """

    name: str
    kind: str
    run: Run
    dense: bool = False


def absolute_tolerance(field: Field, rtol: float) -> float:
    """`rtol` times the root mean square of θ(0), for every contestant."""
    return rtol * float(np.sqrt(np.mean(field.start**2)))
