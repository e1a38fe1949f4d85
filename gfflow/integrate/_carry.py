"""Where an integration is."""

import dataclasses

import equinox as eqx
from jaxtyping import PyTree

from .._typing import Scalar, State
from ._controller import ControllerState
from ._law_rates import LawRate
from ._status import Status, status_name


class Carry(eqx.Module):
    """All that must be kept to go on with the same bits.

    Checkpoints hold its leaves in this order.
    """

    t: Scalar
    state: State
    controller: ControllerState
    solver_state: PyTree
    status: Status

    def with_status(self, status: Status) -> "Carry":
        """The carry with another status."""
        return eqx.tree_at(
            lambda c: c.status, self, status, is_leaf=lambda x: isinstance(x, Status)
        )

    def recording(self, rates: LawRate | None) -> "Carry":
        """The carry with what is recorded of the rates of laws."""
        controller = self.controller._replace(law_rates=rates)
        return dataclasses.replace(self, controller=controller)

    @property
    def steps(self) -> int:
        """Accepted and rejected steps so far; on the host."""
        return int(self.controller.accepted) + int(self.controller.rejected)

    @property
    def status_name(self) -> str:
        """The name of a concrete status."""
        return status_name(self.status)

    @property
    def going(self) -> bool:
        """Whether nothing has stopped it; on the host."""
        return bool(self.status == Status.successful)

    @property
    def paused(self) -> bool:
        """Whether it stopped at a limit, and can go on where that is raised; on the
        host."""
        return self.status_name in ("stopped_wall_time", "max_steps_reached")
