"""What the laws of gradient flow become under momentum."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jaxtyping import Array, Float

from .._errors import LawError
from ..flows import AbstractFlow, SecondOrder
from ._law import Law

_SOURCE = "Kunin et al. 2021, with momentum; Marcotte, Gribonval & Peyré 2024"


def momentum_of(law: Law, flow: AbstractFlow) -> list[Law]:
    """The statements about h and its change that a law h of gradient flow leaves.

    Let ∇h·s∘∇L = 0, θ' = v, v' + τv = −s∘∇L − cθ, μ' = τμ, and p = μ∇h(θ)·v. Then
    p' = μ(vᵀ∇²h v + ∇h·(v' + τv)) = μ(vᵀ∇²h v − c∇h·θ).

    - h linear: p' = −cμh(θ). Without decay p is constant, and so is h(θ) + C(t)h(v)
      for C' = τC − 1: what h tends to when the motion has died out.
    - h quadratic: p' = 2μ(h(v) − c h(θ)), that is h'' + τh' = 2(h(θ') − c h(θ)): the
      law is not conserved, but what moves it is known.

    **Arguments:**

    - `law`: linear or quadratic, homogeneous, a function of the model.
    - `flow`: a `MomentumFlow`, modified or not.

    **Returns:** laws of a `Phase`, those that change with their `production`; none
    for a quadratic law under decoupled weight decay.

    **Raises:** `LawError` for another flow or another degree.
    """
    motion = flow.second_order
    if motion is None:
        raise LawError(
            f"momentum_of is for MomentumFlow; the flow is {type(flow.base).__name__}"
        )
    if law.degree not in ("linear", "quadratic"):
        raise LawError(
            f"momentum_of wants a linear or quadratic law; {law.name!r} is {law.degree}"
        )
    quadratic = law.degree == "quadratic"
    if quadratic and motion.decoupled:
        return []
    momentum, produced = _Momentum(law, motion), _Production(law, motion)
    constant = not (quadratic or motion.coupled) and motion.has_factor
    autonomous = motion.factor_name == "1"
    found = [
        Law(
            momentum,
            f"momentum of {law.name}",
            degree=law.degree if autonomous else "other",
            absolute=None if law.absolute is None else _Momentum(law, motion, True),
            production=None if constant else produced,
            source=_SOURCE,
        )
    ]
    rests = not (motion.coupled or motion.decoupled)
    if not quadratic and rests and motion.friction.coasting_time(1.0) is not None:
        rest = Law(
            _Rest(law, motion),
            f"resting point of {law.name}",
            degree="other",
            source=_SOURCE,
        )
        found.append(rest)
    return found


class _Momentum(eqx.Module):
    """μ ∇h(θ)·v; `absolute` with the absolute values of all coefficients of h."""

    law: Law
    motion: SecondOrder
    absolute: bool = eqx.field(static=True, default=False)

    def __call__(self, t, phase) -> Float[Array, "..."]:
        arrays, static, velocity = _split(phase)
        value = self.law.absolute_value if self.absolute else self.law
        h = lambda x: value(t, eqx.combine(x, static))
        change = jax.jvp(h, (arrays,), (velocity,))[1]
        return self.motion.factor(t, change) * change


class _Production(eqx.Module):
    """μ(2h(v) − 2c h(θ)) for a quadratic law, −μc h(θ) for a linear one; less τp where
    μ is not known."""

    law: Law
    motion: SecondOrder

    def __call__(self, t, phase) -> Float[Array, "..."]:
        arrays, static, velocity = _split(phase)
        h = lambda x: self.law(t, eqx.combine(x, static))
        value = h(arrays)
        forced = -self.motion.coupled_at(t, value) * value
        if self.law.degree == "quadratic":
            forced = 2 * (h(velocity) + forced)
        left = self.motion.left_over(t, value)
        momentum = _Momentum(self.law, self.motion)(t, phase)
        return self.motion.factor(t, value) * forced - left * momentum


class _Rest(eqx.Module):
    """h(θ) + C(t) h(v)."""

    law: Law
    motion: SecondOrder

    def __call__(self, t, phase) -> Float[Array, "..."]:
        arrays, static, velocity = _split(phase)
        h = lambda x: self.law(t, eqx.combine(x, static))
        value, coasting = h(arrays), self.motion.friction.coasting_time(t)
        assert coasting is not None
        return value + coasting.astype(value.dtype) * h(velocity)


def _split(phase: Any):
    """The arrays of the model, the rest of it, and the velocity, 0 where frozen."""
    arrays, static = eqx.partition(phase.model, eqx.is_inexact_array)
    still = lambda a, v: jnp.zeros_like(a) if v is None and a is not None else v
    none = lambda x: x is None
    velocity = jtu.tree_map(still, arrays, phase.velocity, is_leaf=none)
    return arrays, static, velocity
