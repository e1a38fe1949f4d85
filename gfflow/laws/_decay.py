"""What weight decay does to a homogeneous law."""

from collections.abc import Callable, Mapping

import equinox as eqx
from jax.core import Tracer
from jaxtyping import Array

from .._typing import Rate
from ..flows import AbstractFlow, rate_at
from ._law import Law


def decaying(law: Law, flow: AbstractFlow, degree: int) -> Law:
    """The law as one homogeneous of this degree states itself under the flow.

    Let ∇H·f = 0 for the field f without decay. With f − λθ, Euler's identity gives
    Ḣ = −λ ∇H·θ = −λ·degree·H.

    **Returns:** the law with a `decay_rate` for a constant λ, a `production` where it
    depends on time, and as it is without decay (inside `jit`, where that cannot be
    seen, with a `decay_rate` all the same).
    """
    decay = flow.homogeneous_decay()
    if callable(decay):
        produced = _Decaying(law, degree, decay)
        return eqx.tree_at(lambda x: x.production, law, produced, is_leaf=_is_none)
    if not isinstance(decay, Tracer) and float(decay) == 0:
        return law
    rate = degree * decay
    return eqx.tree_at(lambda x: x.decay_rate, law, rate, is_leaf=_is_none)


def stated(law: Law, flow: AbstractFlow, degree: int) -> Law:
    """A law of the model as one of what the flow shows, with its decay."""
    law = decaying(law, flow, degree)
    return law.on_model() if flow.has_memory else law


def stated_in_parts(
    law: Law, flow: AbstractFlow, parts: Mapping[int, Callable[..., Array]]
) -> Law:
    """As `stated`, for a law that is a sum of homogeneous parts of these degrees, which
    takes the model alone."""
    if len(parts) == 1:
        return stated(law, flow, *parts)
    decay = flow.homogeneous_decay()
    if callable(decay) or isinstance(decay, Tracer) or float(decay) != 0:
        produced = _DecayingParts(tuple(parts.values()), tuple(parts), decay)
        law = eqx.tree_at(lambda x: x.production, law, produced, is_leaf=_is_none)
    return law.on_model() if flow.has_memory else law


class _DecayingParts(eqx.Module):
    """−λ(t) Σ_d d·H_d."""

    parts: tuple[Callable[..., Array], ...]
    degrees: tuple[int, ...] = eqx.field(static=True)
    rate: Rate

    def __call__(self, t, view) -> Array:
        values = [n * part(view) for n, part in zip(self.degrees, self.parts)]
        total = sum(values[1:], values[0])
        return -rate_at(self.rate, t).astype(total.dtype) * total


class _Decaying(eqx.Module):
    """−λ(t)·degree·H."""

    law: Law
    degree: int = eqx.field(static=True)
    rate: Rate

    def __call__(self, t, view) -> Array:
        value = self.law(t, view)
        return -rate_at(self.rate, t).astype(value.dtype) * self.degree * value


def _is_none(x) -> bool:
    return x is None
