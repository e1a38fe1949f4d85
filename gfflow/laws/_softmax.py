"""Column sums of the last layer under softmax cross-entropy."""

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from .. import losses
from ..flows import AbstractFlow
from ..problem import Problem, named_parameters
from ._decay import stated
from ._law import Law
from ._rates import Rates
from ._structure import chains, identity

_SOURCE = "Kunin et al. 2021, translation symmetry; Marcotte et al. 2025, Cor. 3.11"
_SOFTMAX_LOSSES = (
    losses.softmax_cross_entropy,
    optax.softmax_cross_entropy,
    optax.softmax_cross_entropy_with_integer_labels,
)


class _ColumnSums(eqx.Module):
    """Σ_i W[i,j]/s, and Σ_i b_i/s.

    Softmax does not change when one number is added to every logit, so ∇L is
    orthogonal to 1 in each column of W and in b (with rates s: see `_rates`).
    """

    path: str = eqx.field(static=True)
    rates: Rates

    def __call__(self, view) -> Float[Array, "..."]:
        value = named_parameters(view)[self.path] * self.rates.inverse[self.path]
        return jnp.sum(value, axis=0)


def softmax_column_sums(
    problem: Problem, flow: AbstractFlow, *, assume: bool = True
) -> list[Law]:
    """1ᵀW and 1ᵀb of the last linear layer.

    **Arguments:**

    - `assume`: give the laws whatever the loss is, as for laws asked for by name;
        otherwise only under softmax cross-entropy of the layer's own output.

    **Returns:** a law of shape `(inputs,)`, and one of shape `()` if there is a bias.
    """
    rates = Rates(problem, flow)
    laws = []
    for chain in chains(problem.model):
        last = chain.layers[-1]
        holds = problem.loss in _SOFTMAX_LOSSES and _is_identity(last.activation)
        if not chain.output or not (assume or holds):
            continue
        for path, name in ((last.weight, "column sums"), (last.bias, "sum")):
            if path is not None and rates.train(path):
                sums = _ColumnSums(path, rates)
                law = Law(
                    sums,
                    f"{name} of {path}",
                    degree="linear",
                    absolute=_ColumnSums(path, rates.absolute),
                    source=_SOURCE,
                )
                laws.append(stated(law, flow, 1))
    return laws


def _is_identity(activation) -> bool:
    if activation is identity:
        return True
    with jax.ensure_compile_time_eval():
        points = jnp.linspace(-3.0, 3.0, 7)
        return bool(jnp.all(activation(points) == points))
