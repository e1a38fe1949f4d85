"""The error of a last state."""

from typing import final

import equinox as eqx
from jaxtyping import Array, Float

from ._cost import Cost
from ._status import Status, status_name


@final
class Certificate(eqx.Module):
    """The error of the last state θ, by two finer runs; see `gfflow.certify`.

    θ' and θ'' are the ends of these runs. Where one of them did not get there, the four
    figures are NaN.

    - `error`: a bound of ‖θ − θ*‖₂ / ‖θ*‖₂, θ* the exact end: 1.1 times `difference`,
        one to three times `resolution`, and four round-offs of the dtype. It has been
        measured, not proven: `gfflow.certify` says on what.
    - `difference`: the larger of ‖θ − θ'‖₂ and ‖θ − θ''‖₂, over ‖θ''‖₂: the estimate
        of the error.
    - `resolution`: ‖θ' − θ''‖₂ / ‖θ''‖₂, how well the finer runs agree: an error that
        is not far above it is not resolved, and `error` is loose.
    - `largest`: the largest entry of |θ − θ''|.
    - `rtol`, `solver`: of the finest run. `status`: of the first that did not get
        there. `cost`: of both.
    """

    error: Float[Array, ""]
    difference: Float[Array, ""]
    resolution: Float[Array, ""]
    largest: Float[Array, ""]
    rtol: Float[Array, ""]
    solver: str = eqx.field(static=True)
    status: Status
    cost: Cost

    @property
    def status_name(self) -> str:
        """The name of a concrete status."""
        return status_name(self.status)
