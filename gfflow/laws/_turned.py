"""What rotations of units conserve under momentum."""

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from ..flows import SecondOrder
from ..problem import named_parameters
from ._law import Law
from ._rates import Rates
from .currents import MatchedUnits, Units

_SOURCE = "Marcotte, Gribonval & Peyré 2024; rotation symmetry, Noether 1918"


class _Turned(eqx.Module):
    """μ Σ_A Σ_k (A[i,k] A'[j,k] − A'[i,k] A[j,k])/s_A at pairs of units i < j.

    Let the loss not change under A ↦ e^{εS}A, S skew, of the units of all these arrays:
    ∇L ⟂ Bθ with B skew, so that with θ'' + τθ' = −∇L − cθ
    ⟨θ', Bθ⟩' = ⟨θ'', Bθ⟩ + ⟨θ', Bθ'⟩ = −τ⟨θ', Bθ⟩, and μ⟨θ', Bθ⟩ is constant: decay
    coupled to the force is orthogonal to Bθ too. (With one rate an array: see `Rates`.)
    """

    units: tuple[Units, ...] = eqx.field(static=True)
    pairs: tuple[tuple[int, ...], tuple[int, ...]] = eqx.field(static=True)
    sign: float = eqx.field(static=True)
    rates: Rates
    motion: SecondOrder

    def __call__(self, t, phase) -> Float[Array, " pairs"]:
        theta, velocity = map(named_parameters, (phase.model, phase.velocity))
        i, j = map(np.asarray, self.pairs)
        terms = []
        for units in self.units:
            inverse = self.rates.inverse[units.array].ravel()[0]
            x, v = (units.rows(tree[units.array]) for tree in (theta, velocity))
            outer = x @ v.T
            terms.append((outer + self.sign * outer.T)[i, j] * inverse)
        total = sum(terms[1:], terms[0])
        return self.motion.factor(t, total) * total


class _TurnedRate(eqx.Module):
    """−(d + what is left over of τ)·h: see `SecondOrder`."""

    law: _Turned

    def __call__(self, t, phase) -> Float[Array, " pairs"]:
        value, motion = self.law(t, phase), self.law.motion
        rate = motion.decoupled_at(t, value) + motion.left_over(t, value)
        return -rate * value


def turned_law(
    family: MatchedUnits, name: str, rates: Rates, motion: SecondOrder
) -> Law:
    """Of the pairs i < j of units that are true in `family.pairs`."""
    i, j = family.where()
    i, j = i[i < j], j[i < j]
    pairs = tuple(i.tolist()), tuple(j.tolist())
    made = lambda sign: _Turned(family.units, pairs, sign, rates, motion)
    changes = motion.decoupled or not motion.has_factor
    autonomous = motion.factor_name == "1"
    return Law(
        made(-1.0),
        name,
        degree="quadratic" if autonomous else "other",
        absolute=made(1.0),
        production=_TurnedRate(made(-1.0)) if changes else None,
        source=_SOURCE,
    )
