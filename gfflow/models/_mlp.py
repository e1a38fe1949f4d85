"""The multilayer perceptron."""

from collections.abc import Callable, Sequence

import equinox as eqx
from jaxtyping import Array, Float, PRNGKeyArray

from ._initialisers import Initialiser
from ._layers import function, linear_layers


class MLP(eqx.Module):
    """x ↦ W_L σ(⋯ σ(W₁ x + b₁) ⋯) + b_L.

    **Attributes:**

    - `layers`: `eqx.nn.Linear`, input side first.
    - `activation`, `final_activation`: elementwise functions.
    """

    layers: tuple[eqx.nn.Linear, ...]
    activation: Callable
    final_activation: Callable

    def __init__(
        self,
        widths: Sequence[int],
        *,
        key: PRNGKeyArray,
        activation: str | Callable = "relu",
        final_activation: str | Callable = "identity",
        bias: bool = True,
        init: str | Initialiser = "he",
        init_scale: float = 1.0,
    ):
        """**Arguments:**

        - `widths`: input, hidden..., output.
        - `key`: of the initial weights; biases start at zero.
        - `activation`, `final_activation`: a name of `gfflow list activations` or any
            elementwise function.
        - `init`: a name of `gfflow list initialisers`, or
            `init(key, widths, scale) -> weights`.

        **Raises:** `ProblemError` for fewer than two widths or one that is not
        positive; `GFFlowError` for a name that is none.
        """
        self.layers = linear_layers(widths, bias, init, init_scale, key)
        self.activation = function(activation)
        self.final_activation = function(final_activation)

    def __call__(
        self, x: Float[Array, " inputs"], *, key: PRNGKeyArray | None = None
    ) -> Float[Array, " outputs"]:
        """`key` is not used; `eqx.nn.Sequential` passes one to each of its layers."""
        *hidden, last = self.layers
        for layer in hidden:
            x = self.activation(layer(x))
        return self.final_activation(last(x))
