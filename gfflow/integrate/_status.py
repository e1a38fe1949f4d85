"""How an integration ended."""

import warnings
from typing import TYPE_CHECKING

import diffrax

with warnings.catch_warnings():
    # Equinox warns of a message that is replaced.
    warnings.simplefilter("ignore")

    class Status(diffrax.RESULTS):  # pyright: ignore[reportGeneralTypeIssues]
        """Extends `diffrax.RESULTS`; `successful` means that t1 was reached.

        The states that begin with `stopped` were asked for; the others are failures. In
        every one of them what was computed is kept.
        """

        if TYPE_CHECKING:
            successful: "Status"
            max_steps_reached: "Status"
            event_occurred: "Status"

        dt_min_reached = (
            "The steps came down to the round-off of t and were rejected still. The "
            "solution grows without bound there, or the vector field jumps. The last "
            "state that was reached is kept."
        )
        stopped_gradient_norm = "Stopped: the gradient norm reached its threshold."
        stopped_loss = "Stopped: the loss reached its threshold."
        stopped_wall_time = (
            "Stopped at the wall-clock limit. Resume, or raise `max_wall_time`."
        )
        non_finite = (
            "The vector field is not finite at or near the last state, however small "
            "the step. Look at the loss and the data there; the last finite state is "
            "kept."
        )
        # Lineax's own, stated again in case its version has none.
        conlim = "Condition number of A seems to be larger than `conlim`."


_NAMES = (
    "successful",
    "stopped_gradient_norm",
    "stopped_loss",
    "stopped_wall_time",
    "non_finite",
    "max_steps_reached",
    "dt_min_reached",
    "event_occurred",
    "nonlinear_divergence",
    "nonlinear_max_steps_reached",
    "singular",
    "breakdown",
    "stagnation",
    "conlim",
    "internal_error",
    "max_steps_rejected",
)


def status_name(status: Status) -> str:
    """The name of a concrete (not traced) status, such as `"successful"`."""
    for name in _NAMES:
        if bool(status == getattr(Status, name)):
            return name
    return "failed"
