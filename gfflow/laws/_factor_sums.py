"""Sums of the columns of nonnegative factors under the entropy's mirror flow."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._errors import LawError
from ..flows import AbstractFlow
from ..models import Factorisation
from ..problem import Problem, named_parameters
from ._decay import stated
from ._law import Law
from ._rates import Rates

_SOURCE = "Marcotte, Gribonval & Peyré 2024, NMF"


class _FactorSums(eqx.Module):
    """Σ_i U_ik/s_U − Σ_j V_jk/s_V.

    UVᵀ is unchanged under (u_k, v_k) → (λu_k, v_k/λ), so ⟨u_k, ∇_{u_k}L⟩ =
    ⟨v_k, ∇_{v_k}L⟩. Under θ' = −s θ∘∇L the two sums change at rates that are these
    inner products (with one rate an array).
    """

    sign: float = eqx.field(static=True)
    rates: Rates

    def __call__(self, view) -> Float[Array, " rank"]:
        parameters = named_parameters(view)
        inverse = lambda path: self.rates.inverse[path].ravel()[0]
        left, right = (
            jnp.sum(parameters[path], axis=0) * inverse(path)
            for path in ("left", "right")
        )
        return left + self.sign * right


def factor_sums(
    problem: Problem, flow: AbstractFlow, *, assume: bool = True
) -> list[Law]:
    """Σ_i U_ik − Σ_j V_jk of a `gfflow.models.Factorisation`, a law of shape `(rank,)`.

    **Arguments:**

    - `assume`: give the law whatever the flow is, as for a law asked for by name;
        otherwise only under `MirrorFlow` with the entropy on both factors.

    **Raises:** `LawError` for a law asked for by name of another model.
    """
    if not isinstance(problem.model, Factorisation):
        if assume:
            raise LawError(
                "factor_sums is a law of gfflow.models.Factorisation; the model is "
                f"{type(problem.model).__name__}"
            )
        return []
    rates = Rates(problem, flow)
    entropic = all(flow.metric_power(path) == 1 for path in ("left", "right"))
    holds = entropic and rates.train("left", "right") and rates.uniform("left", "right")
    if not (holds or assume):
        return []
    law = Law(
        _FactorSums(-1.0, rates),
        "factor sums",
        degree="linear",
        absolute=_FactorSums(1.0, rates),
        source=_SOURCE,
    )
    return [stated(law, flow, 1)]
