"""The deep linear network."""

from collections.abc import Sequence

import equinox as eqx
from jaxtyping import Array, Float, PRNGKeyArray

from ._initialisers import Initialiser
from ._layers import linear_layers


class DeepLinear(eqx.Module):
    """x ↦ W_L ⋯ W₁ x, with biases if asked for.

    **Attributes:**

    - `layers`: `eqx.nn.Linear`, input side first.
    """

    layers: tuple[eqx.nn.Linear, ...]

    def __init__(
        self,
        widths: Sequence[int],
        *,
        key: PRNGKeyArray,
        bias: bool = False,
        init: str | Initialiser = "glorot",
        init_scale: float = 1.0,
    ):
        """**Arguments:**

        - `widths`: input, hidden..., output.
        - `key`: of the initial weights.
        - `init`: a name of `gfflow list initialisers`, or
            `init(key, widths, scale) -> weights`.

        **Raises:** `ProblemError` for fewer than two widths or one that is not
        positive; `GFFlowError` for a name that is none.
        """
        self.layers = linear_layers(widths, bias, init, init_scale, key)

    def __call__(
        self, x: Float[Array, " inputs"], *, key: PRNGKeyArray | None = None
    ) -> Float[Array, " outputs"]:
        """`key` is not used; `eqx.nn.Sequential` passes one to each of its layers."""
        for layer in self.layers:
            x = layer(x)
        return x
