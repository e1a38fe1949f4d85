"""The function whose critical points are those of a flow with weight decay."""

from typing import final

import equinox as eqx
import jax.numpy as jnp
import jax.tree_util as jtu
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from .._typing import Parameters, Scalar
from ..problem import Problem


@final
class Potential(eqx.Module):
    """V(θ) = L(θ) + ½λ Σ θ²/s on flat parameters: θ' = −s ∘ ∇V.

    - `inverse`: λ/s, `(D,)`.
    - `like`: what the flat parameters are unravelled to.
    """

    problem: Problem
    inverse: Float[Array, " D"]
    like: Parameters

    def __init__(self, problem: Problem, like: Parameters, weight_decay: Scalar):
        rates = problem.scaled(jtu.tree_map(jnp.ones_like, like))
        self.problem, self.like = problem, like
        self.inverse = weight_decay / ravel_pytree(rates)[0]

    def unravel(self, theta: Float[Array, " D"]) -> Parameters:
        """The parameters from the flat ones."""
        return ravel_pytree(self.like)[1](theta)

    def decay(self, theta: Float[Array, " D"]) -> Scalar:
        """½λ Σ θ²/s."""
        return jnp.sum(self.inverse * theta**2) / 2

    def value_and_gradient(
        self, theta: Float[Array, " D"]
    ) -> tuple[Scalar, Float[Array, " D"]]:
        """(V, ∇V)."""
        value, gradient = self.problem.value_and_gradient(self.unravel(theta))
        gradient = ravel_pytree(gradient)[0] + self.inverse * theta
        return value + self.decay(theta), gradient

    def product(
        self, theta: Float[Array, " D"], direction: Float[Array, " D"]
    ) -> Float[Array, " D"]:
        """∇²V·v."""
        image = self.problem.hvp(self.unravel(theta), self.unravel(direction))
        return ravel_pytree(image)[0] + self.inverse * direction
