"""λ_max of the loss that a method sees, along a trajectory."""

from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, Float, PyTree

from .._typing import Parameters, ScalarLike
from ..landscape import hessian_eigenvalues
from ..problem import Problem


@final
class _Rated(eqx.Module):
    """θ' = −S∇L is plain gradient flow of φ = S^{−½}θ, with the Hessian S^½∇²L S^½."""

    problem: Problem
    root: PyTree[Array]

    @property
    def parameters(self) -> Parameters:
        return self.problem.parameters

    def hvp(self, parameters: Parameters, direction: Parameters) -> Parameters:
        scale = lambda tree: jtu.tree_map(jnp.multiply, self.root, tree)
        return scale(self.problem.hvp(parameters, scale(direction)))


def sharpness(
    problem: Problem,
    states: PyTree[Array],
    *,
    weight_decay: ScalarLike = 0.0,
    iterations: int | None = None,
) -> Float[np.ndarray, " T"]:
    """λ_max(S^½∇²L S^½) + λ at each of the parameters; on the host.

    S is the time scale of the problem and λ the weight decay: of gradient descent on
    a quadratic loss this times η is at most 2 while it is stable. By
    `gfflow.hessian_eigenvalues`, a lower bound.

    **Arguments:**

    - `states`: parameters with a leading axis T.
    - `iterations`: of Lanczos' method.
    """
    ones = jtu.tree_map(jnp.ones_like, problem.parameters)
    root = jtu.tree_map(jnp.sqrt, problem.scaled(ones))
    values = _largest(_Rated(problem, root), states, iterations)
    return np.asarray(values, float) + float(weight_decay)


@eqx.filter_jit
def _largest(rated, states, iterations):
    def one(parameters):
        found = hessian_eigenvalues(
            rated, 1, parameters=parameters, iterations=iterations
        )
        return found.eigenvalues[0]

    return jax.lax.map(one, states)
