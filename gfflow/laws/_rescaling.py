"""Rescaling of the hidden units of q-homogeneous networks."""

from typing import Literal

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..flows import AbstractFlow
from ..problem import Problem, named_parameters
from ._decay import stated
from ._law import Law
from ._rates import Rates
from ._structure import Layer, homogeneity, neighbours
from ._symmetry import Symmetry

_SOURCE = "Du, Hu & Lee 2018, Thm 2.1; Marcotte, Gribonval & Peyré 2023, Prop. 2.3"


class _Rescaling(eqx.Module):
    """h_k = q Σ_i U[i,k]²/s − Σ_j V[k,j]²/s − b_k²/s for the units k of one layer.

    Where σ(λz) = λ^q σ(z), the network is unchanged under
    (V[k,:], b_k, U[:,k]) → (λ V[k,:], λ b_k, λ^{−q} U[:,k]): ∇L is orthogonal to
    (V, b, −qU), which is the gradient of −h/2 (with rates s: see `_rates`).
    """

    before: Layer = eqx.field(static=True)
    after: Layer = eqx.field(static=True)
    q: float = eqx.field(static=True)
    sign: float = eqx.field(static=True)
    rates: Rates

    def __call__(self, view) -> Float[Array, " units"]:
        parameters = named_parameters(view)
        square = lambda path: parameters[path] ** 2 * self.rates.inverse[path]
        incoming = jnp.sum(square(self.before.weight), axis=1)
        if self.before.bias is not None:
            incoming = incoming + square(self.before.bias)
        outgoing = jnp.sum(square(self.after.weight), axis=0)
        return self.q * outgoing + self.sign * incoming


def rescaling(
    problem: Problem, flow: AbstractFlow, *, assume: bool = True
) -> list[Law]:
    """q‖U[:,k]‖² − ‖V[k,:]‖² − b_k² of each hidden unit k, one law a hidden layer.

    **Arguments:**

    - `assume`: give the law also where the activation is not homogeneous (with q = 1),
        as for a law that is asked for by name; otherwise only where it holds.

    **Returns:** laws of shape `(units,)`, for layers all of whose arrays train.
    """
    rates = Rates(problem, flow)
    laws = []
    for before, after in neighbours(problem.model):
        q = homogeneity(before.activation)
        if (q is None and not assume) or not rates.train(
            before.weight, before.bias, after.weight
        ):
            continue
        laws.append(rescaling_law(before, after, q or 1.0, rates, flow))
    return laws


def rescaling_law(
    before: Layer, after: Layer, q: float, rates: Rates, flow: AbstractFlow
) -> Law:
    """The law of one hidden layer."""
    holds = homogeneity(before.activation) == q
    law = Law(
        _Rescaling(before, after, q, -1.0, rates),
        f"rescaling of {before.weight.removesuffix('.weight')}",
        degree="quadratic",
        absolute=_Rescaling(before, after, q, 1.0, rates.absolute),
        source=_SOURCE,
        symmetry=symmetry_of("rescaling", before, after, q, rates) if holds else None,
    )
    return stated(law, flow, 2)


def symmetry_of(
    group: Literal["rescaling", "linear"],
    before: Layer,
    after: Layer,
    q: float,
    rates: Rates,
) -> Symmetry:
    """The symmetry of the units between two layers."""
    rows = (before.weight,) if before.bias is None else (before.weight, before.bias)
    paths = (*rows, after.weight)
    inverse = {path: rates.inverse[path] for path in paths}
    return Symmetry(group, rows, (after.weight,), q, inverse, rates.positive)
