"""The error of a last state."""

from typing import final

import equinox as eqx
from jaxtyping import Array, Float

from ._cost import Cost
from ._status import Status, status_name


@final
class Certificate(eqx.Module):
    """The error of the last state, by a second run of another order.

    - `error`: ‖θ − θ'‖₂ / ‖θ'‖₂ between the two last states, NaN where the second run
        did not get there.
    - `largest`: the largest difference of one entry.
    - `rtol`, `solver`, `status`, `cost`: of the second run.
    """

    error: Float[Array, ""]
    largest: Float[Array, ""]
    rtol: Float[Array, ""]
    solver: str = eqx.field(static=True)
    status: Status
    cost: Cost

    @property
    def status_name(self) -> str:
        """The name of a concrete status."""
        return status_name(self.status)
