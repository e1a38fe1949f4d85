"""What a solution has on record where it did not reach its end."""

from ._core import Carry, Row
from ._status import Status


def stop_event(carry: Carry, first: Row, last: Row) -> tuple[float, str] | None:
    """`(t, what)` of a stop before t1; `None` where t1 was reached. On the host.

    Where no step is small enough it says how the gradient's norm grew: under a jump of
    the field it stays, towards a blow-up in finite time it has no bound.
    """
    status = carry.status
    if bool(status == Status.successful):
        return None
    what = str(Status[status])
    if bool(status == Status.dt_min_reached):
        start, end = float(first.gradient_norm), float(last.gradient_norm)
        what += (
            f" On the way there the gradient norm went from {start:.3g} to {end:.3g}, "
            f"the loss from {float(first.loss):.6g} to {float(last.loss):.6g}."
        )
    return float(carry.t), what
