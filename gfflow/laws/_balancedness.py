"""Balancedness of neighbouring linear layers."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..flows import AbstractFlow
from ..problem import Problem, named_parameters
from ._decay import stated
from ._law import Law
from ._rates import Rates
from ._rescaling import rescaling_law, symmetry_of
from ._structure import Layer, is_linear, neighbours

_SOURCE = "Arora, Cohen & Hazan 2018, Thm 1; Marcotte, Gribonval & Peyré 2023, Prop 4.4"


class _Balancedness(eqx.Module):
    """The upper triangle of UᵀU/s_U − VVᵀ/s_V − bbᵀ/s_b.

    The network is unchanged under (V, b, U) → (MV, Mb, UM⁻¹), M invertible. At
    M = I + εS with S symmetric, ∇L is orthogonal to (SV, Sb, −US), the gradient of
    −½ tr(S(UᵀU − VVᵀ − bbᵀ)) (with one rate an array: see `_rates`).
    """

    before: Layer = eqx.field(static=True)
    after: Layer = eqx.field(static=True)
    sign: float = eqx.field(static=True)
    rates: Rates

    def __call__(self, view) -> Float[Array, " pairs"]:
        parameters = named_parameters(view)
        inverse = lambda path: self.rates.inverse[path].ravel()[0]
        v, u = parameters[self.before.weight], parameters[self.after.weight]
        incoming = v @ v.T * inverse(self.before.weight)
        if self.before.bias is not None:
            b = parameters[self.before.bias]
            incoming = incoming + jnp.outer(b, b) * inverse(self.before.bias)
        matrix = u.T @ u * inverse(self.after.weight) + self.sign * incoming
        return matrix[np.triu_indices(len(matrix))]


def balancedness(
    problem: Problem, flow: AbstractFlow, *, assume: bool = True
) -> list[Law]:
    """W₂ᵀW₂ − W₁W₁ᵀ − b₁b₁ᵀ at each hidden layer, one law a layer.

    **Arguments:**

    - `assume`: give the law whatever the activation is, as for a law asked for by
        name; otherwise only between layers with a linear activation.

    **Returns:** laws of shape `(r(r+1)/2,)`, the upper triangle by rows; of shape
    `(r,)`, the diagonal, where the rates within an array differ.
    """
    rates = Rates(problem, flow)
    laws = []
    for before, after in neighbours(problem.model):
        paths = (before.weight, before.bias, after.weight)
        linear = is_linear(before.activation)
        if not (linear or assume) or not rates.train(*paths):
            continue
        if not rates.uniform(*paths):
            laws.append(rescaling_law(before, after, 1.0, rates, flow))
            continue
        law = Law(
            _Balancedness(before, after, -1.0, rates),
            f"balancedness of {before.weight.removesuffix('.weight')}",
            degree="quadratic",
            absolute=_Balancedness(before, after, 1.0, rates.absolute),
            source=_SOURCE,
            symmetry=symmetry_of("linear", before, after, 1.0, rates)
            if linear
            else None,
        )
        laws.append(stated(law, flow, 2))
    return laws
