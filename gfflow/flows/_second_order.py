"""θ' = v − d(t)θ, v' + τ(t)v = −s∘∇L − c(t)θ: what momentum laws must know of it."""

from typing import Self, final

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array

from .._typing import Rate, Scalar, ScalarLike
from ._friction import AbstractFriction
from ._rate import rate_at


@final
class SecondOrder(eqx.Module):
    """**Attributes:**

    - `friction`: τ.
    - `coupled`, `decoupled`: the weight decays whose sums are c and d.
    """

    friction: AbstractFriction
    coupled: tuple[Rate, ...] = ()
    decoupled: tuple[Rate, ...] = ()

    def with_decay(self, rate: Rate, *, coupled: bool) -> Self:
        """With one weight decay more, in the force or in θ'."""
        if _is_zero(rate):
            return self
        if coupled:
            return type(self)(self.friction, (rate, *self.coupled), self.decoupled)
        return type(self)(self.friction, self.coupled, (rate, *self.decoupled))

    def factor(self, t: ScalarLike, like: Array) -> Array:
        """μ(t) where it is known, else 1."""
        factor = self.friction.factor(t)
        return jnp.ones((), like.dtype) if factor is None else factor.astype(like.dtype)

    def left_over(self, t: ScalarLike, like: Array) -> Array:
        """τ where μ is not known: (μx)' = μ(x' + τx), and x' is all that is said."""
        if self.has_factor:
            return jnp.zeros((), like.dtype)
        return self.friction(t).astype(like.dtype)

    @property
    def has_factor(self) -> bool:
        """Whether μ is known."""
        return self.friction.factor(1.0) is not None

    @property
    def factor_name(self) -> str:
        """μ, or 1 where it is not known."""
        return self.friction.factor_name if self.has_factor else "1"

    def coupled_at(self, t: ScalarLike, like: Array) -> Array:
        """c(t)."""
        return _sum(self.coupled, t).astype(like.dtype)

    def decoupled_at(self, t: ScalarLike, like: Array) -> Array:
        """d(t)."""
        return _sum(self.decoupled, t).astype(like.dtype)


def _sum(rates: tuple[Rate, ...], t: ScalarLike) -> Scalar:
    return sum((rate_at(rate, t) for rate in rates), jnp.asarray(0.0, float))


def _is_zero(rate: Rate) -> bool:
    known = not callable(rate) and not isinstance(rate, Tracer)
    return known and not np.any(np.asarray(rate))
