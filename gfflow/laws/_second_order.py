"""θ' = v − d(t)θ, v' + τ(t)v = −s∘∇L − c(t)θ: what momentum laws must know of it."""

from typing import Self, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from .._typing import Rate, Scalar, ScalarLike
from ..flows import (
    AbstractFlow,
    AbstractFriction,
    AbstractModifier,
    MomentumFlow,
    WeightDecay,
    rate_at,
)


@final
class SecondOrder(eqx.Module):
    """**Attributes:**

    - `friction`: τ.
    - `coupled`, `decoupled`: the weight decays whose sums are c and d.
    """

    friction: AbstractFriction
    coupled: tuple[Rate, ...]
    decoupled: tuple[Rate, ...]

    @classmethod
    def of(cls, flow: AbstractFlow) -> Self:
        """Of a `MomentumFlow` under any modifiers."""
        coupled, decoupled = [], []
        while not isinstance(flow, MomentumFlow):
            assert isinstance(flow, AbstractModifier)
            if isinstance(flow, WeightDecay):
                (coupled if flow.coupled else decoupled).append(flow.rate)
            flow = flow.flow
        coupled.append(flow.weight_decay)
        some = lambda rates: tuple(rate for rate in rates if not _is_zero(rate))
        return cls(flow.friction, some(coupled), some(decoupled))

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
    known = not callable(rate) and not isinstance(rate, jax.core.Tracer)
    return known and not np.any(np.asarray(rate))
