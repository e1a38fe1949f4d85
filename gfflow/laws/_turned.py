"""What rotations conserve under momentum."""

import equinox as eqx
from jaxtyping import Array, Float

from ..flows import SecondOrder
from ..problem import named_parameters
from ._law import Law
from .currents import Moments

_SOURCE = "Marcotte, Gribonval & Peyré 2024; rotation symmetry, Noether 1918"


class _Turned(eqx.Module):
    """μ⟨θ', Bθ⟩ for skew B.

    Let the loss not change under θ ↦ e^{εB}θ: ∇L ⟂ Bθ, so that with
    θ'' + τθ' = −∇L − cθ ⟨θ', Bθ⟩' = ⟨θ'', Bθ⟩ + ⟨θ', Bθ'⟩ = −τ⟨θ', Bθ⟩, and
    μ⟨θ', Bθ⟩ is constant: decay coupled to the force is orthogonal to Bθ too. (With one
    rate an array that B turns: see `Rates`.)
    """

    moments: Moments
    motion: SecondOrder
    sizes: bool = eqx.field(static=True, default=False)

    def __call__(self, t, phase) -> Float[Array, " moments"]:
        theta, velocity = map(named_parameters, (phase.model, phase.velocity))
        total = self.moments(theta, velocity, self.sizes)
        return self.motion.factor(t, total) * total


class _TurnedRate(eqx.Module):
    """−(d + what is left over of τ)·h: see `SecondOrder`."""

    law: _Turned

    def __call__(self, t, phase) -> Float[Array, " moments"]:
        value, motion = self.law(t, phase), self.law.motion
        rate = motion.decoupled_at(t, value) + motion.left_over(t, value)
        return -rate * value


def turned_law(moments: Moments, name: str, motion: SecondOrder) -> Law:
    """Of what turns."""
    made = _Turned(moments, motion)
    changes = motion.decoupled or not motion.has_factor
    autonomous = motion.factor_name == "1"
    return Law(
        made,
        name,
        degree="quadratic" if autonomous else "other",
        absolute=_Turned(moments, motion, sizes=True),
        production=_TurnedRate(made) if changes else None,
        source=_SOURCE,
    )
