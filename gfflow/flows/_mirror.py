"""Mirror flow: gradient flow in the metric of a convex potential."""

from collections.abc import Mapping
from typing import Any, final

import equinox as eqx
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jax.core import Tracer

from .._errors import SolveError
from .._registry import suggest
from .._typing import Parameters, ScalarLike, State
from ..problem import Problem, below, nearest, parameter_paths
from ._base import AbstractFlow
from ._potentials import AbstractPotential, Entropy, Euclidean, LogBarrier

_NAMES: dict[str, AbstractPotential] = {
    "euclidean": Euclidean(),
    "entropy": Entropy(),
    "log_barrier": LogBarrier(),
}


@final
class MirrorFlow(AbstractFlow):
    """(∇Φ(θ))' = −s ∘ ∇L(θ), that is θ' = −∇²Φ(θ)⁻¹ (s ∘ ∇L(θ)).

    The state is the dual variable z = ∇Φ(θ), with z' = −s ∘ ∇L(θ(z)): whatever the
    steps are, θ(z) stays in the domain (of the log-barrier, while no θ is infinite),
    and a p-norm has no singular field at 0. In the primal, `dual=False`, the state is
    θ, and Runge–Kutta methods keep linear laws to round-off. Nonnegative matrix
    factorisation has the entropy on both factors; an input-convex network on the
    weights that must stay positive (Marcotte, Gribonval & Peyré 2024, Sec. 3).

    **Attributes:**

    - `potentials`: one for all parameters (under the path `""`), or by path (or prefix
        of a path); Euclidean where none is given.
    """

    potentials: tuple[tuple[str, AbstractPotential], ...]
    dual: bool = eqx.field(static=True)

    def __init__(
        self,
        potential: AbstractPotential
        | str
        | Mapping[str, AbstractPotential | str] = "entropy",
        *,
        dual: bool = True,
    ):
        """**Arguments:**

        - `potential`: `"entropy"`, `"log_barrier"`, `"euclidean"`, a
            `gfflow.flows.PNorm(p)`, or a mapping from parameter paths to these.

        - `dual`: whether the state is ∇Φ(θ) or θ.

        **Raises:** `SolveError` for a name that is none of these.
        """
        table = potential if isinstance(potential, Mapping) else {"": potential}
        self.potentials = tuple((path, _potential(p)) for path, p in table.items())
        self.dual = dual

    def initial_state(self, problem: Problem) -> State:
        """**Raises:** `SolveError` for a path that is no parameter, or a start outside
        of the domain."""
        paths = parameter_paths(problem.parameters)
        for prefix, _ in self.potentials:
            if not any(below(path, prefix) for path in paths):
                raise SolveError(
                    f"MirrorFlow: no parameter of path {prefix!r}"
                    f"{suggest(prefix, paths)}; there are: {', '.join(paths)}",
                    argument="potentials",
                )
        for path, leaf in zip(paths, jtu.tree_leaves(problem.parameters)):
            known = not isinstance(leaf, Tracer)
            if (
                self.potential_of(path).positive
                and known
                and np.any(np.asarray(leaf) <= 0)
            ):
                raise SolveError(
                    f"MirrorFlow: {path} must be positive under its potential; its "
                    f"least entry is {float(np.min(np.asarray(leaf))):g}",
                    argument="potential",
                )
        if not self.dual:
            return problem.parameters
        dual = lambda path, p, _: self.potential_of(path).dual(p)
        return self._by_path(dual, problem.parameters, problem.parameters)

    def response(
        self, t: ScalarLike, state: State, gradient: Parameters, problem: Problem
    ) -> State:
        if self.dual:
            return jtu.tree_map(jnp.negative, problem.scaled(gradient))
        step = lambda path, p, g: -self.potential_of(path).inverse_hessian(p) * g
        return self._by_path(step, state, problem.scaled(gradient))

    def parameters(self, state: State) -> Parameters:
        if not self.dual:
            return state
        primal = lambda path, z, _: self.potential_of(path).primal(z)
        return self._by_path(primal, state, state)

    @property
    def shows_its_state(self) -> bool:
        return not self.dual

    def metric_power(self, path: str) -> int | None:
        return self.potential_of(path).power

    def for_discovery(self) -> "MirrorFlow":
        """In the primal, where its fields are polynomials if the metric is one."""
        return MirrorFlow(dict(self.potentials), dual=False)

    def inside(self, state: State) -> State:
        """By the absolute values of the parameters that must be positive."""

        def moved(path, x, _):
            potential = self.potential_of(path)
            if not potential.positive:
                return x
            if not self.dual:
                return abs(x)
            return potential.dual(abs(potential.primal(x)))

        return self._by_path(moved, state, state)

    def potential_of(self, path: str) -> AbstractPotential:
        """That of the parameter at this path."""
        table = dict(self.potentials)
        prefix = nearest(path, table)
        return Euclidean() if prefix is None else table[prefix]

    def _by_path(self, function, first, second):
        leaves, structure = jtu.tree_flatten(first)
        made = [
            function(path, a, b)
            for path, a, b in zip(
                parameter_paths(first), leaves, jtu.tree_leaves(second)
            )
        ]
        return jtu.tree_unflatten(structure, made)


def _potential(given: Any) -> AbstractPotential:
    if isinstance(given, AbstractPotential):
        return given
    if not isinstance(given, str) or given not in _NAMES:
        raise SolveError(
            f"a potential is one of {', '.join(_NAMES)}, or an AbstractPotential such "
            f"as gfflow.flows.PNorm(1.5); got {given!r}"
        )
    return _NAMES[given]
