"""Saddle flow: descent in some parameters, ascent in the others."""

from collections.abc import Sequence
from typing import final

import equinox as eqx
import jax.tree_util as jtu

from .._errors import SolveError
from .._registry import suggest
from .._typing import Parameters, Scalar, ScalarLike, State
from ..problem import Problem, below, parameter_paths
from ._base import AbstractFlow
from ._decay import constant_decay
from ._gradient import GradientFlow


@final
class SaddleFlow(AbstractFlow):
    """θ' = −s ∘ ∇_θ L − λθ, φ' = +s ∘ ∇_φ L − λφ, for min_θ max_φ L(θ, φ).

    The state is the parameters. It is gradient flow with rates s of either sign, and
    has its laws with such rates: where ∇L·Bθ = 0 and S⁻¹B is symmetric, ½ θᵀS⁻¹Bθ is
    constant. If only the second of two linear layers ascends that is UᵀU + VVᵀ.

    **Attributes:**

    - `ascent`: the paths (or prefixes of paths) of φ, such as `"perturbation"`.
    - `weight_decay`: λ ≥ 0 of all parameters, in units of one over flow time: a short
        spelling of `WeightDecay(SaddleFlow(ascent), λ)`.
    """

    ascent: tuple[str, ...] = eqx.field(static=True)
    weight_decay: Scalar
    ascends = True

    def __init__(self, ascent: str | Sequence[str], weight_decay: ScalarLike = 0.0):
        """**Raises:** `SolveError` for what is no path, or a negative decay."""
        paths = (ascent,) if isinstance(ascent, str) else tuple(ascent)
        if not paths or not all(isinstance(path, str) and path for path in paths):
            raise SolveError(
                "ascent is the path of a parameter, or several, such as "
                f"'layers[0].weight'; got {ascent!r}",
                argument="ascent",
            )
        self.ascent = paths
        self.weight_decay = constant_decay(weight_decay)

    def initial_state(self, problem: Problem) -> State:
        """**Raises:** `SolveError` for a path that is no parameter."""
        paths = parameter_paths(problem.parameters)
        for prefix in self.ascent:
            if not any(below(path, prefix) for path in paths):
                raise SolveError(
                    f"SaddleFlow: no parameter of path {prefix!r}"
                    f"{suggest(prefix, paths)}; there are: {', '.join(paths)}",
                    argument="ascent",
                )
        return problem.parameters

    def signed(self, tree: Parameters) -> Parameters:
        """`tree`, like the parameters, with the sign of each that ascends changed."""
        leaves, structure = jtu.tree_flatten(tree)
        paths = parameter_paths(tree)
        ascends = [any(below(path, p) for p in self.ascent) for path in paths]
        made = [-leaf if up else leaf for leaf, up in zip(leaves, ascends)]
        return jtu.tree_unflatten(structure, made)

    def response(
        self, t: ScalarLike, state: State, gradient: Parameters, problem: Problem
    ) -> State:
        return self._descent.response(t, state, self.signed(gradient), problem)

    @property
    def _descent(self) -> GradientFlow:
        return GradientFlow(self.weight_decay)

    def homogeneous_decay(self) -> ScalarLike:
        return self.weight_decay

    def law_rates(self, problem: Problem) -> Parameters:
        return self.signed(super().law_rates(problem))

    def metric_power(self, path: str) -> int:
        return 0

    def for_discovery(self) -> "SaddleFlow":
        return SaddleFlow(self.ascent)
