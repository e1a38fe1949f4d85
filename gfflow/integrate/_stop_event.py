"""What a solution has on record where it did not reach its end."""

from ._carry import Carry
from ._record import Row
from ._status import Status


def stop_event(carry: Carry, rows: Row) -> tuple[float, str] | None:
    """`(t, what)` of a stop before t1; `None` where t1 was reached. On the host.

    Where no step is small enough it says how the gradient's norm grew: under a jump of
    the field it stays, towards a blow-up in finite time it has no bound.
    """
    if carry.going:
        return None
    what = str(Status[carry.status])
    if carry.status_name == "dt_min_reached":
        norms, losses = rows.gradient_norm, rows.loss
        what += (
            f" On the way there the gradient norm went from {float(norms[0]):.3g} to "
            f"{float(norms[-1]):.3g}, the loss from {float(losses[0]):.6g} to "
            f"{float(losses[-1]):.6g}."
        )
    return float(carry.t), what
