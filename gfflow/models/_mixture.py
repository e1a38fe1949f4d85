"""A mixture of experts."""

from collections.abc import Callable
from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from ._counts import among, positive
from ._feed_forward import FeedForward
from ._initialisers import Initialiser
from ._layers import linear_layer

GATES = ("softmax", "sigmoid")


@final
class MixtureOfExperts(eqx.Module):
    """x ↦ Σ_e p_e(x) E_e(x): every expert is computed, none is left out (Jacobs et al.
    1991). With z = Gx, p is softmax(z), or σ(z_e) / Σ_f σ(z_f).

    Laws: those of each expert (see `FeedForward`); with the softmax the column sums of
    G, as many as its width, and none with the sigmoid.

    **Attributes:**

    - `router`: `eqx.nn.Linear`, G, without bias.
    - `experts`: `FeedForward`.
    """

    router: eqx.nn.Linear
    experts: tuple[FeedForward, ...]
    gate: str = eqx.field(static=True)

    def __init__(
        self,
        width: int,
        hidden: int,
        experts: int,
        *,
        key: PRNGKeyArray,
        gate: str = "softmax",
        kind: str | Callable = "swiglu",
        init: str | Initialiser = "he",
        init_scale: float = 1.0,
    ):
        """**Arguments:**

        - `hidden`: units of each expert.
        - `gate`: "softmax" or "sigmoid".
        - `kind`, `init`: as for `FeedForward`.

        **Raises:** `ProblemError` for sizes that are not positive, or another gate;
        `GFFlowError` for a name that is none.
        """
        positive(width=width, hidden=hidden, experts=experts)
        among(GATES, gate=gate)
        first, *keys = jax.random.split(key, experts + 1)
        self.router = linear_layer(width, experts, False, init, init_scale, first)
        self.experts = tuple(
            FeedForward(
                width, hidden, key=k, kind=kind, init=init, init_scale=init_scale
            )
            for k in keys
        )
        self.gate = gate

    def __call__(self, x: Float[Array, " width"]) -> Float[Array, " width"]:
        z = self.router(x)
        if self.gate == "softmax":
            parts = jax.nn.softmax(z)
        else:
            open_ = jax.nn.sigmoid(z)
            parts = open_ / jnp.sum(open_)
        return parts @ jnp.stack([expert(x) for expert in self.experts])
