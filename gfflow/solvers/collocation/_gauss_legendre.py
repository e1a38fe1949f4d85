"""Gauss–Legendre collocation."""

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
class GaussLegendre(AbstractCollocation):
    """Gauss–Legendre collocation with 1 to 9 stages, of order 2s; A-stable.

    It keeps every quadratic invariant of the flow exactly, at any step (Cooper 1987;
    Hairer, Lubich & Wanner, Geometric Numerical Integration, Thm IV.2.1), through the
    kinks of ReLU too, up to the error of its stage equations. With
    `exact_invariants=True` these are solved to round-off, at the price of more
    iterations: the invariants then drift by round-off only.
    """

    root_finder: Tolerances
    stages: int = eqx.field(static=True)
    vectors: int | Literal["dense"] = eqx.field(static=True)
    memory: int = eqx.field(static=True)
    stage_chunk: int | None = eqx.field(static=True)
    exact_invariants: bool = eqx.field(static=True)

    family: ClassVar = "gauss"
    registered: ClassVar = "gauss_legendre"
    exact_degrees: ClassVar = frozenset({"linear", "quadratic"})

    def __init__(
        self,
        stages: int = 5,
        *,
        exact_invariants: bool = False,
        vectors: int | Literal["dense"] = COLLOCATION_VECTORS,
        memory: int = COLLOCATION_MEMORY,
        stage_chunk: int | None = None,
        rtol: ScalarLike | None = None,
        atol: ScalarLike | None = None,
        norm: Callable | None = None,
    ):
        """**Arguments:**

        - `stages`: s, from 1 to 9.
        - `exact_invariants`: solve the stage equations to round-off.
        - `vectors`: the most stiff directions of the Jacobian, those with h|λ| > 0.15,
            that Newton's iteration may know, each holding 3 copies of the parameters;
            or `"dense"` for all of the Jacobian. As many are used as there are.
        - `memory`: iterations that Anderson's acceleration looks back on; each holds
            2s copies of the parameters.
        - `stage_chunk`: stages whose gradients are taken at once, all by default.
        - `rtol`, `atol`, `norm`: of the stage equations; those of the step-size
            controller by default. With a constant step they must be given.

        **Raises:** `SolveError` for a number out of range.
        """
        fields = settings(stages, vectors, memory, stage_chunk, rtol, atol, norm)
        self.root_finder, self.stages, self.vectors = fields[:3]
        self.memory, self.stage_chunk = fields[3:]
        self.exact_invariants = bool(exact_invariants)

    @property
    def to_round_off(self) -> bool:
        return self.exact_invariants

    def finer(self) -> "GaussLegendre":
        stages = other_stages(self.stages)
        return GaussLegendre(stages, exact_invariants=self.exact_invariants)

    def order(self, terms) -> int:
        return 2 * self.stages
