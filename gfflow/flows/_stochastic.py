"""Stochastic gradient flow: gradient flow with the noise of SGD."""

import abc
from typing import Any, final

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jaxtyping import Array, Float

from .._errors import SolveError
from .._typing import Parameters, Scalar, ScalarLike
from ..problem import Problem
from ._noise import AbstractNoise, MinibatchNoise
from ._number import number

_AT_ONCE = 16


class AbstractStochasticFlow(eqx.Module):
    """dθ = f(θ) dt + G(θ) dB, Itô: for `solve_stochastic`."""

    @abc.abstractmethod
    def drift(self, state: Parameters, problem: Problem) -> Parameters:
        """f."""

    @abc.abstractmethod
    def diffusion(
        self, state: Parameters, problem: Problem, motion: Float[Array, " K"]
    ) -> Parameters:
        """G dB for one increment dB of K Brownian motions."""

    @abc.abstractmethod
    def columns(self, problem: Problem) -> int:
        """K."""

    @abc.abstractmethod
    def ito_drift(self, law: Any, t: Scalar, state: Parameters, problem: Problem):
        """∂_t h + ∇h·f + ½ tr(∇²h GGᵀ), of the shape of h."""


@final
class StochasticFlow(AbstractStochasticFlow):
    """dθ = −s ∘ ∇L dt + √η s ∘ C(θ) dB, Itô, C Cᵀ = Σ: for `solve_stochastic`.

    The flow time of one step of SGD of size η is η; its mean and its covariance to
    first order are those of the step (Li, Tai & E 2017, Thm 1). It is no
    `AbstractFlow`: `gfflow.solve` takes fields without noise.

    **What it does to a law h of gradient flow** with the rates s. By Itô's formula
    dh = (∂_t h + ∇h·f + ½ tr(∇²h Q)) dt + √η ∇h·(s ∘ C dB), Q = η Σ_k c_k c_kᵀ with the
    columns c_k = s ∘ C_k. Under minibatch noise the columns are differences of
    gradients of samples, so in S W_θ, to which ∇h is orthogonal: ∇h·f = 0, the
    martingale part is 0 too, and h changes at the rate ½ η Σ_k c_kᵀ∇²h c_k along every
    path. For a quadratic form h that is η Σ_k h(c_k): the η² h(g) of a step of SGD. A
    linear law is constant. Isotropic noise leaves S W_θ, and h follows its drift in the
    mean only.

    **Attributes:**

    - `learning_rate`: η ≥ 0.
    - `noise`: `gfflow.flows.MinibatchNoise(batch)` or `IsotropicNoise(scale)`.
    """

    learning_rate: Scalar
    noise: AbstractNoise

    def __init__(self, learning_rate: ScalarLike, noise: AbstractNoise | int = 1):
        """**Arguments:**

        - `noise`: a noise, or the batch size B of minibatch noise.

        **Raises:** `SolveError` for a negative learning rate, or what is no noise.
        """
        if isinstance(noise, int | float):
            noise = MinibatchNoise(noise)
        if not isinstance(noise, AbstractNoise):
            raise SolveError(
                "noise is gfflow.flows.MinibatchNoise(batch), IsotropicNoise(scale) or "
                f"a batch size; got {noise!r}"
            )
        self.learning_rate = number("learning_rate", learning_rate, least=0)
        self.noise = noise

    def drift(self, state: Parameters, problem: Problem) -> Parameters:
        """−s ∘ ∇L."""
        field = problem.scaled(problem.gradient(state))
        return jtu.tree_map(jnp.negative, field)

    def diffusion(
        self, state: Parameters, problem: Problem, motion: Float[Array, " K"]
    ) -> Parameters:
        """√η s ∘ C(θ) dB for one increment dB of K Brownian motions."""
        return self._rooted(problem, self.noise.combined(problem, state, motion))

    def columns(self, problem: Problem) -> int:
        return self.noise.columns(problem)

    def ito_drift(self, law: Any, t: Scalar, state: Parameters, problem: Problem):
        """∂_t h + ∇h·f + ½ tr(∇²h Q), of the shape of h; exact, by two
        Jacobian-vector products a column."""
        value = lambda time, p: law(time, problem.model_at(p))
        field = self.drift(state, problem)
        along = jax.jvp(value, (t, state), (jnp.ones_like(t), field))[1]
        column = self.noise.column(problem, state)

        def curvature(k):
            c = self._rooted(problem, column(k))
            slope = lambda p: jax.jvp(lambda q: value(t, q), (p,), (c,))[1]
            return jax.jvp(slope, (state,), (c,))[1]

        each = jnp.arange(self.columns(problem))
        curved = jax.lax.map(curvature, each, batch_size=_AT_ONCE)
        return along + 0.5 * jnp.sum(curved, axis=0)

    def _rooted(self, problem, tree):
        root = lambda x: jnp.sqrt(self.learning_rate).astype(x.dtype) * x
        return jtu.tree_map(root, problem.scaled(tree))
