"""The convolutional network."""

from collections.abc import Callable, Sequence
from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from .._errors import ProblemError
from ._counts import positive, several_positive
from ._initialisers import Initialiser
from ._layers import convolution, function, linear_layer


@final
class ConvolutionalNet(eqx.Module):
    """Convolutions, each with an activation, then a linear map of all that is left.

    Laws: for a homogeneous activation of degree 1 one a hidden channel, ‖kernels out of
    it‖² − ‖kernels into it‖² − b² (Marcotte, Gribonval & Peyré 2025, Thm 3.6); for the
    identity the matrix of them, c(c + 1)/2 for c channels.

    **Attributes:**

    - `convolutions`: `eqx.nn.Conv` without padding, input side first; `last`:
        `eqx.nn.Linear`.
    """

    convolutions: tuple[eqx.nn.Conv, ...]
    last: eqx.nn.Linear
    activation: Callable

    def __init__(
        self,
        channels: Sequence[int],
        image: Sequence[int],
        outputs: int,
        *,
        key: PRNGKeyArray,
        kernel: int = 3,
        stride: int = 1,
        activation: str | Callable = "relu",
        bias: bool = True,
        init: str | Initialiser = "he",
        init_scale: float = 1.0,
    ):
        """**Arguments:**

        - `channels`: input, hidden...
        - `image`: the sizes of an input, one for each of its dimensions.
        - `kernel`, `stride`: the same along each dimension.
        - `activation`: a name of `gfflow list activations` or any elementwise function.
        - `init`: a name of `gfflow list initialisers`, or
            `init(key, widths, scale) -> weights`.

        **Raises:** `ProblemError` for sizes that are not positive, or kernels that do
        not fit into the image; `GFFlowError` for a name that is none.
        """
        several_positive(2, channels=channels)
        several_positive(1, image=image)
        positive(outputs=outputs, kernel=kernel, stride=stride)
        final_key, *keys = jax.random.split(key, len(channels))
        sizes = list(image)
        for _ in keys:
            sizes = [(size - kernel) // stride + 1 for size in sizes]
            if min(sizes) < 1:
                raise ProblemError(
                    f"{len(keys)} convolutions of {kernel} entries, stride {stride}, "
                    f"do not fit into {list(image)}",
                    argument="kernel",
                )
        self.convolutions = tuple(
            convolution(
                len(image),
                into,
                out,
                init,
                init_scale,
                k,
                kernel_size=kernel,
                stride=stride,
                use_bias=bias,
            )
            for k, into, out in zip(keys, channels, channels[1:])
        )
        flat = channels[-1]
        for size in sizes:
            flat *= size
        self.last = linear_layer(flat, outputs, bias, init, init_scale, final_key)
        self.activation = function(activation)

    def __call__(self, x: Float[Array, "channels ..."]) -> Float[Array, " outputs"]:
        for layer in self.convolutions:
            x = self.activation(layer(x))
        return self.last(jnp.ravel(x))
