"""Products with the Gauss–Newton matrix of a problem, without forming it."""

import jax
import jax.numpy as jnp
import jax.tree_util as jtu

from .._typing import Parameters
from ..problem import Problem


def gauss_newton_product(
    problem: Problem, parameters: Parameters, direction: Parameters
) -> Parameters:
    """F v for F = Σ_n |w_n| J_nᵀ H_n J_n / |Σ w|, chunked as the problem is.

    J_n = ∂_θ g(θ, x_n), and H_n = ∂²_z ℓ(z, y_n) at z = g(θ, x_n): the Hessian of L
    without the second derivatives of the model (Schraudolph 2002). Positive
    semidefinite where ℓ is convex in z: the weights count by their size.

    **Returns:** a pytree like `parameters`.
    """

    def chunk(parameters, inputs, targets, weights):
        predict = lambda p: jax.vmap(problem.model_at(p))(inputs)
        predictions, pull = jax.vjp(predict, parameters)
        moved = jax.jvp(predict, (parameters,), (direction,))[1]
        slope = lambda z: jax.vmap(jax.grad(problem.loss))(z, targets)
        curved = jax.jvp(slope, (predictions,), (moved,))[1]
        if weights is not None:
            curved = jtu.tree_map(lambda c: _over_samples(jnp.abs(weights), c), curved)
        return _divided(pull(curved)[0], problem)

    return problem.accumulate(chunk, parameters, problem.chunk)


def _over_samples(weights, values):
    return weights.reshape(-1, *(1,) * (values.ndim - 1)) * values


def _divided(tree, problem):
    return jtu.tree_map(lambda x: x / jnp.abs(problem.normaliser), tree)
