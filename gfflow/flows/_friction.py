"""Frictions τ(t) of momentum flows, with their integrating factors exp ∫τ."""

import abc
from collections.abc import Callable
from typing import final

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from .._typing import Scalar, ScalarLike
from ._number import number


class AbstractFriction(eqx.Module):
    """τ(t) ≥ 0, in units of one over flow time."""

    @abc.abstractmethod
    def __call__(self, t: ScalarLike) -> Scalar:
        """τ(t)."""

    @abc.abstractmethod
    def factor(self, t: ScalarLike) -> Scalar | None:
        """μ(t) with μ' = τμ; `None` where it is not known."""

    @abc.abstractmethod
    def log_factor(self, t: ScalarLike) -> Scalar | None:
        """log μ(t), which does not overflow; −∞ where μ is 0."""

    @abc.abstractmethod
    def coasting_time(self, t: ScalarLike) -> Scalar | None:
        """A solution of c' = τc − 1, or `None`: θ + c(t)θ' is constant without a force.
        Where the friction stops the motion, it is the point where that ends."""

    @property
    @abc.abstractmethod
    def factor_name(self) -> str:
        """μ as a formula."""

    @abc.abstractmethod
    def acceleration(self, t: ScalarLike, velocity: Array, force: Array) -> Array:
        """θ'' of θ'' + τ(t)θ' = force."""

    def coefficients(self) -> tuple[float, float] | None:
        """(c, r) where τ(t) = c + r/t; `None` for any other τ."""
        return None


@final
class ConstantFriction(AbstractFriction):
    """τ, a number ≥ 0: the heavy ball. μ = e^{τt}.

    **Raises:** `SolveError` for what is not such a number.
    """

    value: Scalar

    def __init__(self, value: ScalarLike = 0.0):
        self.value = number("friction", value, least=0)

    def __call__(self, t: ScalarLike) -> Scalar:
        return self.value

    def factor(self, t: ScalarLike) -> Scalar:
        return jnp.exp(self.value * t)

    def log_factor(self, t: ScalarLike) -> Scalar:
        return self.value * t

    def coasting_time(self, t: ScalarLike) -> Scalar:
        slows = self.value > 0
        return jnp.where(slows, 1 / jnp.where(slows, self.value, 1), -t)

    @property
    def factor_name(self) -> str:
        value = float(self.value)
        return f"exp({value:.12g}*t)" if value else "1"

    def acceleration(self, t: ScalarLike, velocity: Array, force: Array) -> Array:
        return force - self.value.astype(velocity.dtype) * velocity

    def coefficients(self) -> tuple[float, float]:
        return float(self.value), 0.0


@final
class Nesterov(AbstractFriction):
    """r/t: the limit of Nesterov's method (r = 3; Su, Boyd & Candès 2016). μ = t^r.

    At t = 0 the regular solution starts at rest, with θ'' = force/(1 + r): there
    θ' = θ''t + O(t²).
    """

    rate: Scalar

    def __init__(self, rate: ScalarLike = 3.0):
        self.rate = number("the rate of nesterov", rate)

    def __call__(self, t: ScalarLike) -> Scalar:
        return self.rate / t

    def factor(self, t: ScalarLike) -> Scalar:
        return jnp.asarray(t, float) ** self.rate

    def log_factor(self, t: ScalarLike) -> Scalar:
        return self.rate * jnp.log(jnp.asarray(t, float))

    def coasting_time(self, t: ScalarLike) -> Scalar | None:
        """t/(r − 1); −t log t for r = 1."""
        plain = self.rate != 1
        t = jnp.asarray(t, float)
        slow = -t * jnp.log(jnp.where(t > 0, t, 1))
        return jnp.where(plain, t / jnp.where(plain, self.rate - 1, 1), slow)

    @property
    def factor_name(self) -> str:
        return f"t**{float(self.rate):.12g}"

    def acceleration(self, t: ScalarLike, velocity: Array, force: Array) -> Array:
        rate = self.rate.astype(velocity.dtype)
        late = t > 0
        drag = rate * velocity / jnp.where(late, t, 1)
        return jnp.where(late, force - drag, force / (1 + rate))

    def coefficients(self) -> tuple[float, float]:
        return 0.0, float(self.rate)


@final
class Friction(AbstractFriction):
    """A user's own τ(t), and μ(t) if it is known."""

    function: Callable[[ScalarLike], Scalar]
    integrating_factor: Callable[[ScalarLike], Scalar] | None = None

    def __call__(self, t: ScalarLike) -> Scalar:
        return jnp.asarray(self.function(t))

    def factor(self, t: ScalarLike) -> Scalar | None:
        if self.integrating_factor is None:
            return None
        return jnp.asarray(self.integrating_factor(t))

    def log_factor(self, t: ScalarLike) -> Scalar | None:
        factor = self.factor(t)
        return None if factor is None else jnp.log(factor)

    def coasting_time(self, t: ScalarLike) -> None:
        return None

    @property
    def factor_name(self) -> str:
        return "mu(t)"

    def acceleration(self, t: ScalarLike, velocity: Array, force: Array) -> Array:
        return force - self(t).astype(velocity.dtype) * velocity


nesterov = Nesterov(3.0)
