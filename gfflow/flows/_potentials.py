"""Separable potentials of mirror flows: their gradients and second derivatives."""

import abc
from typing import ClassVar, final

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from .._typing import Scalar, ScalarLike
from ._number import number


class AbstractPotential(eqx.Module):
    """Φ(θ) = Σ_i φ(θ_i), strictly convex.

    **Class attributes:**

    - `positive`: whether its domain is θ > 0 (else all θ).
    - `power`: a of 1/φ'' = θ^a; `None` where it is no power.
    """

    positive: ClassVar[bool] = False
    power: ClassVar[int | None] = None

    @abc.abstractmethod
    def inverse_hessian(self, theta: Array) -> Array:
        """1/φ''(θ_i), elementwise."""

    @abc.abstractmethod
    def dual(self, theta: Array) -> Array:
        """φ'(θ_i), elementwise."""

    @abc.abstractmethod
    def primal(self, dual: Array) -> Array:
        """θ_i of φ'(θ_i), elementwise: the inverse of `dual`."""


@final
class Euclidean(AbstractPotential):
    """θ²/2: gradient flow."""

    power = 0

    def inverse_hessian(self, theta: Array) -> Array:
        return jnp.ones_like(theta)

    def dual(self, theta: Array) -> Array:
        return theta

    def primal(self, dual: Array) -> Array:
        return dual


@final
class Entropy(AbstractPotential):
    """θ log θ − θ on θ > 0: θ' = −θ ∘ ∇L (exponentiated gradient)."""

    positive = True
    power = 1

    def inverse_hessian(self, theta: Array) -> Array:
        return theta

    def dual(self, theta: Array) -> Array:
        return jnp.log(theta)

    def primal(self, dual: Array) -> Array:
        return jnp.exp(dual)


@final
class LogBarrier(AbstractPotential):
    """−log θ on θ > 0: θ' = −θ² ∘ ∇L."""

    positive = True
    power = 2

    def inverse_hessian(self, theta: Array) -> Array:
        return theta**2

    def dual(self, theta: Array) -> Array:
        return -1 / theta

    def primal(self, dual: Array) -> Array:
        return -1 / dual


@final
class PNorm(AbstractPotential):
    """|θ|^p / (p(p − 1)) for 1 < p ≤ 2: θ' = −|θ|^{2−p} ∘ ∇L.

    **Raises:** `SolveError` for another p.
    """

    p: Scalar

    def __init__(self, p: ScalarLike):
        self.p = number("p", p, above=1, most=2)

    def inverse_hessian(self, theta: Array) -> Array:
        return jnp.abs(theta) ** (2 - self.p.astype(theta.dtype))

    def dual(self, theta: Array) -> Array:
        less = self.p.astype(theta.dtype) - 1
        return jnp.sign(theta) * jnp.abs(theta) ** less / less

    def primal(self, dual: Array) -> Array:
        less = self.p.astype(dual.dtype) - 1
        return jnp.sign(dual) * (less * jnp.abs(dual)) ** (1 / less)
