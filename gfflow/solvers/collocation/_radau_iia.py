"""Radau IIA collocation."""

from collections.abc import Callable
from typing import ClassVar, Literal, final

import equinox as eqx

from ..._typing import ScalarLike
from .._constants import (
    COLLOCATION_MEMORY,
    COLLOCATION_VECTORS,
)
from ._arguments import Tolerances, other_stages, settings
from ._collocation import AbstractCollocation


@final
class RadauIIA(AbstractCollocation):
    """Radau IIA collocation with 1 to 9 stages, of order 2s − 1 (Hairer & Wanner,
    Solving ODEs II, §IV.5, §IV.8).

    L-stable and stiffly accurate: what is at rest late in training stays there, at any
    step. Its last stage is the new state, so that no gradient is spent on the slope
    there.
    """

    root_finder: Tolerances
    stages: int = eqx.field(static=True)
    vectors: int | Literal["dense"] = eqx.field(static=True)
    memory: int = eqx.field(static=True)
    stage_chunk: int | None = eqx.field(static=True)

    family: ClassVar = "radau"
    registered: ClassVar = "radau_iia"
    exact_degrees: ClassVar = frozenset({"linear"})
    to_round_off: ClassVar[bool] = False

    def __init__(
        self,
        stages: int = 5,
        *,
        vectors: int | Literal["dense"] = COLLOCATION_VECTORS,
        memory: int = COLLOCATION_MEMORY,
        stage_chunk: int | None = None,
        rtol: ScalarLike | None = None,
        atol: ScalarLike | None = None,
        norm: Callable | None = None,
    ):
        """The arguments are those of `GaussLegendre`."""
        fields = settings(stages, vectors, memory, stage_chunk, rtol, atol, norm)
        self.root_finder, self.stages, self.vectors = fields[:3]
        self.memory, self.stage_chunk = fields[3:]

    def finer(self) -> "RadauIIA":
        return RadauIIA(other_stages(self.stages))

    def order(self, terms) -> int:
        return 2 * self.stages - 1
