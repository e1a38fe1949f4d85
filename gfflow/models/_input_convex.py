"""The input-convex network."""

from collections.abc import Callable, Sequence
from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from ._counts import among, several_positive
from ._initialisers import Initialiser
from ._layers import drawn, function, linear_layer

POSITIVE = ("squares", "start")


@final
class InputConvex(eqx.Module):
    """z₁ = σ(W₀x + b₀), z_{l+1} = σ(U_l z_l + W_l x + b_l), the last one without σ:
    convex in x where U_l ≥ 0, and σ is convex and does not fall (Amos, Xu & Kolter
    2017).

    U_l is V_l ∘ V_l ("squares"), or V_l itself, which starts above 0 ("start") and
    stays there under the entropy's mirror flow of `passing`.

    Laws, of each hidden unit k for σ homogeneous of degree 1, with w_k the row of W_l
    and b_l, v_k the row of V_{l−1}, a_k the column of V_l: with "squares" 2‖w_k‖² +
    ‖v_k‖² − ‖a_k‖²; with "start" ‖w_k‖² + ‖v_k‖² − ‖a_k‖², and Σ a_k − Σ v_k − ½‖w_k‖²
    under that mirror flow (Marcotte, Gribonval & Peyré 2024).

    **Attributes:**

    - `direct`: `eqx.nn.Linear` of x, W_l and b_l; `passing`: V_l, `(units, units)`.
    """

    direct: tuple[eqx.nn.Linear, ...]
    passing: tuple[Float[Array, "out in"], ...]
    activation: Callable
    positive: str = eqx.field(static=True)

    def __init__(
        self,
        widths: Sequence[int],
        *,
        key: PRNGKeyArray,
        positive: str = "squares",
        activation: str | Callable = "relu",
        bias: bool = True,
        init: str | Initialiser = "he",
        init_scale: float = 1.0,
    ):
        """**Arguments:**

        - `widths`: input, hidden..., output.
        - `positive`: "squares" or "start", as above.
        - `activation`: a name of `gfflow list activations` or any elementwise function.
        - `init`: a name of `gfflow list initialisers`, or
            `init(key, widths, scale) -> weights`.

        **Raises:** `ProblemError` for fewer than three widths or one that is not
        positive, or another word; `GFFlowError` for a name that is none.
        """
        several_positive(3, widths=widths)
        among(POSITIVE, positive=positive)
        inputs, *units = widths
        one, two = jax.random.split(key)
        self.direct = tuple(
            linear_layer(inputs, out, bias, init, init_scale, k)
            for k, out in zip(jax.random.split(one, len(units)), units)
        )
        self.passing = tuple(
            jnp.abs(drawn(into, out, init, init_scale, k))
            for k, into, out in zip(
                jax.random.split(two, len(units) - 1), units, units[1:]
            )
        )
        self.activation = function(activation)
        self.positive = positive

    def __call__(self, x: Float[Array, " inputs"]) -> Float[Array, " outputs"]:
        first, *others = self.direct
        z = first(x)
        for v, layer in zip(self.passing, others):
            u = v**2 if self.positive == "squares" else v
            z = u @ self.activation(z) + layer(x)
        return z
