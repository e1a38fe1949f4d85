"""The part of a transformer that sees one token."""

from collections.abc import Callable
from typing import final

import equinox as eqx
import jax
from jaxtyping import Array, Float, PRNGKeyArray

from ._counts import positive
from ._initialisers import Initialiser
from ._layers import function, linear_layer


@final
class FeedForward(eqx.Module):
    """x ↦ A σ(Bx), or gated: x ↦ A(σ(Gx) ∘ Bx), SwiGLU for σ = SiLU (Shazeer 2020).

    Laws: ‖A[:,i]‖² − ‖B[i,:]‖² of each hidden unit, where it is gated, or σ is
    homogeneous of degree 1; otherwise none. A bias joins its row of B.

    **Attributes:**

    - `first`, `gate`, `last`: `eqx.nn.Linear`, B, G and A; `gate` may be `None`.
    """

    first: eqx.nn.Linear
    gate: eqx.nn.Linear | None
    last: eqx.nn.Linear
    activation: Callable

    def __init__(
        self,
        width: int,
        hidden: int,
        *,
        key: PRNGKeyArray,
        kind: str | Callable = "swiglu",
        bias: bool = False,
        init: str | Initialiser = "he",
        init_scale: float = 1.0,
    ):
        """**Arguments:**

        - `kind`: "swiglu", a name of `gfflow list activations`, or any elementwise
            function.
        - `bias`: of all maps; they start at zero.
        - `init`: a name of `gfflow list initialisers`, or
            `init(key, widths, scale) -> weights`.

        **Raises:** `ProblemError` for sizes that are not positive; `GFFlowError` for a
        name that is none.
        """
        positive(width=width, hidden=hidden)
        a, b, g = jax.random.split(key, 3)
        gated = kind == "swiglu"
        self.first = linear_layer(width, hidden, bias, init, init_scale, b)
        self.gate = (
            linear_layer(width, hidden, bias, init, init_scale, g) if gated else None
        )
        self.last = linear_layer(hidden, width, bias, init, init_scale, a)
        self.activation = jax.nn.silu if gated else function(kind)

    def __call__(self, x: Float[Array, " width"]) -> Float[Array, " width"]:
        if self.gate is None:
            return self.last(self.activation(self.first(x)))
        return self.last(self.activation(self.gate(x)) * self.first(x))
