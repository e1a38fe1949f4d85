"""Which parameters a law may use, and the rate at which each of them flows.

With θ' = −S∇L, S = diag(s), let the loss be invariant along the linear field Bθ, that
is ∇L·Bθ = 0. If S⁻¹B is symmetric then h = ½ θᵀS⁻¹Bθ has ∇h = S⁻¹Bθ, so
ḣ = −(S⁻¹Bθ)·S∇L = −Bθ·∇L = 0. A diagonal B qualifies for every S; a B that couples two
entries needs equal rates there. For a constant field b, h = (S⁻¹b)·θ always does.
Nothing here needs s > 0: the rates of parameters in which a saddle flow ascends are
negative. In a metric θ' = −S θ^a∘∇L a diagonal B gives h = Σ S⁻¹B θ^{2−a}/(2 − a), and
the logarithm at a = 2.
"""

from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array

from ..flows import AbstractFlow
from ..problem import Problem, named_parameters


class Rates(eqx.Module):
    """1/s of each parameter that trains, by path; `single` has one rate an array.

    `positive`: whether no parameter ascends. `power`: a by path, `None` where it is not
    known.
    """

    inverse: dict[str, Array]
    single: frozenset[str] = eqx.field(static=True)
    positive: bool = eqx.field(static=True)
    power: dict[str, int | None] = eqx.field(static=True)

    def __init__(self, problem: Problem, flow: AbstractFlow):
        scaled = named_parameters(flow.law_rates(problem))
        self.positive = not flow.ascends
        self.inverse = _inverses(scaled)
        self.power = {path: flow.metric_power(path) for path in scaled}
        scale = problem.time_scale
        rates = named_parameters(scale) if not eqx.is_array(scale) else {}
        self.single = frozenset(
            path for path in scaled if path not in rates or _is_single(rates[path])
        )

    def train(self, *paths: str) -> bool:
        """Whether all of these train."""
        return all(path in self.inverse for path in paths)

    @property
    def absolute(self) -> Self:
        """These with |s|."""
        return eqx.tree_at(lambda rates: rates.inverse, self, _sizes(self.inverse))

    def uniform(self, *paths: str) -> bool:
        """Whether every one of these arrays has a single rate of its own, the same at
        all parameters."""
        return all(path in self.single and self.power[path] == 0 for path in paths)

    def equal(self, *paths: str) -> bool:
        """Whether all of these flow at one rate, the same at all parameters."""
        if not self.uniform(*paths):
            return False
        return len({float(np.ravel(self.inverse[path])[0]) for path in paths}) <= 1

    def square(self, path: str, x: Array) -> Array:
        """x²/s, or what has the gradient 2x/(s x^a)."""
        power = self.power[path]
        if power == 2:
            return 2 * jnp.log(x) * self.inverse[path]
        return 2 / (2 - (power or 0)) * x ** (2 - (power or 0)) * self.inverse[path]


def _is_single(rate: Array) -> bool:
    if rate.size == 1:
        return True
    if isinstance(rate, Tracer):
        return False
    return bool(np.all(np.asarray(rate) == np.asarray(rate).ravel()[0]))


@jax.jit
def _inverses(rates: dict[str, Array]) -> dict[str, Array]:
    return {path: 1 / rate for path, rate in rates.items()}


@jax.jit
def _sizes(rates: dict[str, Array]) -> dict[str, Array]:
    return {path: jnp.abs(rate) for path, rate in rates.items()}
