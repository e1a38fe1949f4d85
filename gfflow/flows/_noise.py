"""Noises of stochastic gradient flow, by the columns of their diffusion matrix."""

import abc
from collections.abc import Callable
from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from .._typing import Parameters, Scalar, ScalarLike
from ..problem import Problem
from ._number import number


class AbstractNoise(eqx.Module):
    """Σ(θ) = C Cᵀ, with a Brownian motion for each of the columns of C."""

    @abc.abstractmethod
    def columns(self, problem: Problem) -> int:
        """The number of columns K."""

    @abc.abstractmethod
    def combined(
        self, problem: Problem, parameters: Parameters, weights: Float[Array, " K"]
    ) -> Parameters:
        """C w, a pytree like the parameters."""

    @abc.abstractmethod
    def column(
        self, problem: Problem, parameters: Parameters
    ) -> Callable[[Array], Parameters]:
        """k ↦ the k-th column of C."""


@final
class MinibatchNoise(AbstractNoise):
    """The noise of the gradient of B samples drawn with replacement.

    Σ = (1/B) Σ_n p_n (g_n − ḡ)(g_n − ḡ)ᵀ, g_n = ∇ℓ_n, p_n = w_n/Σ w, ḡ = Σ p_n g_n,
    which is ∇L: the N columns are √(p_n/B) (g_n − ḡ) (Li, Tai & E 2017).

    **Attributes:**

    - `batch`: B > 0.
    """

    batch: Scalar

    def __init__(self, batch: ScalarLike):
        """**Raises:** `SolveError` for what is not a number above 0."""
        self.batch = number("batch", batch, above=0)

    def columns(self, problem: Problem) -> int:
        return problem.samples

    def combined(self, problem, parameters, weights):
        """One gradient of weighted samples: Σ a_n g_n − (Σ a_n) ḡ, a = √(p/B) w."""
        share = self._share(problem)
        sizes = jnp.sqrt(share / self.batch.astype(share.dtype)) * weights
        of_samples = sizes - jnp.sum(sizes) * share
        data = problem.present
        return problem.with_data(*data, problem.samples * of_samples).gradient(
            parameters
        )

    def column(self, problem, parameters):
        share = self._share(problem)
        sizes = jnp.sqrt(share / self.batch.astype(share.dtype))
        mean = problem.gradient(parameters)
        data = problem.present

        def one(k):
            x, y = jtu.tree_map(lambda a: a[k], data)
            loss = lambda p: problem.loss(problem.model_at(p)(x), y)
            gradient = jax.grad(loss)(parameters)
            return jtu.tree_map(lambda g, m: sizes[k] * (g - m), gradient, mean)

        return one

    def _share(self, problem):
        weights = problem.weights
        if weights is None:
            weights = jnp.ones(problem.samples, problem.dtype)
        return weights / problem.normaliser


@final
class IsotropicNoise(AbstractNoise):
    """Σ = σ²I: D columns.

    **Attributes:**

    - `scale`: σ ≥ 0.
    """

    scale: Scalar

    def __init__(self, scale: ScalarLike = 1.0):
        """**Raises:** `SolveError` for what is not a number of at least 0."""
        self.scale = number("scale", scale, least=0)

    def columns(self, problem: Problem) -> int:
        return problem.size

    def combined(self, problem, parameters, weights):
        unravel = ravel_pytree(parameters)[1]
        return unravel(self.scale.astype(weights.dtype) * weights)

    def column(self, problem, parameters):
        flat, unravel = ravel_pytree(parameters)
        scale = self.scale.astype(flat.dtype)
        return lambda k: unravel(jnp.zeros_like(flat).at[k].set(scale))
