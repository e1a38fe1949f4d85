"""Rotations of hidden linear units under momentum."""

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from .._errors import LawError
from ..flows import AbstractFlow, SecondOrder
from ..problem import Problem, named_parameters
from ._law import Law
from ._rates import Rates
from ._structure import Layer, is_linear, neighbours

_SOURCE = "Marcotte, Gribonval & Peyré 2024; rotation symmetry, Noether 1918"


class _Rotation(eqx.Module):
    """The strict upper triangle of μ(UᵀU' − U'ᵀU + VV'ᵀ − V'Vᵀ + bb'ᵀ − b'bᵀ).

    The network is unchanged under (V, b, U) → (MV, Mb, UM⁻¹). For M = exp(εA) with A
    skew, ∇L ⟂ Bθ = (AV, Ab, −UA) with B skew, so that with θ'' + τθ' = −∇L − cθ
    ⟨θ', Bθ⟩' = ⟨θ'', Bθ⟩ + ⟨θ', Bθ'⟩ = −τ⟨θ', Bθ⟩, and μ⟨θ', Bθ⟩ is constant: decay
    coupled to the force is orthogonal to Bθ too. (With one rate an array: `_rates`.)
    """

    before: Layer = eqx.field(static=True)
    after: Layer = eqx.field(static=True)
    sign: float = eqx.field(static=True)
    rates: Rates
    motion: SecondOrder

    def __call__(self, t, phase) -> Float[Array, " pairs"]:
        theta, velocity = map(named_parameters, (phase.model, phase.velocity))
        inverse = lambda path: self.rates.inverse[path].ravel()[0]

        def outer(path, transposed):
            x, v = theta[path], velocity[path]
            x, v = (a.T if transposed else a.reshape(len(a), -1) for a in (x, v))
            return (x @ v.T + self.sign * v @ x.T) * inverse(path)

        matrix = outer(self.after.weight, True) + outer(self.before.weight, False)
        if self.before.bias is not None:
            matrix = matrix + outer(self.before.bias, False)
        upper = matrix[np.triu_indices(len(matrix), 1)]
        return self.motion.factor(t, upper) * upper


class _RotationRate(eqx.Module):
    """−(d + what is left over of τ)·h: see `SecondOrder`."""

    law: _Rotation

    def __call__(self, t, phase) -> Float[Array, " pairs"]:
        value, motion = self.law(t, phase), self.law.motion
        rate = motion.decoupled_at(t, value) + motion.left_over(t, value)
        return -rate * value


def rotation(problem: Problem, flow: AbstractFlow, *, assume: bool = True) -> list[Law]:
    """μ(UᵀU' − U'ᵀU + VV'ᵀ − V'Vᵀ + bb'ᵀ − b'bᵀ) of each hidden layer of r units.

    **Arguments:**

    - `flow`: a `MomentumFlow`, modified or not.
    - `assume`: give the law whatever the activation is, as for a law asked for by
        name; otherwise only between layers with a linear activation.

    **Returns:** laws of shape `(r(r−1)/2,)`, the strict upper triangle by rows, where
    r > 1 and every array has one rate.

    **Raises:** `LawError` for a flow without velocity.
    """
    motion = flow.second_order
    if motion is None:
        raise LawError(
            f"rotation is a law of MomentumFlow; the flow is {type(flow.base).__name__}"
        )
    rates = Rates(problem, flow)
    laws = []
    for before, after in neighbours(problem.model):
        paths = (before.weight, before.bias, after.weight)
        linear = assume or is_linear(before.activation)
        units = len(named_parameters(problem.model)[before.weight])
        if not (linear and rates.train(*paths) and rates.uniform(*paths)):
            continue
        if units > 1:
            laws.append(_law(before, after, rates, motion))
    return laws


def _law(before: Layer, after: Layer, rates: Rates, motion: SecondOrder) -> Law:
    made = lambda sign: _Rotation(before, after, sign, rates, motion)
    changes = motion.decoupled or not motion.has_factor
    autonomous = motion.factor_name == "1"
    return Law(
        made(-1.0),
        f"rotation of {before.weight.removesuffix('.weight')}",
        degree="quadratic" if autonomous else "other",
        absolute=made(1.0),
        production=_RotationRate(made(-1.0)) if changes else None,
        source=_SOURCE,
    )
