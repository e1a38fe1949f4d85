"""The residual network, and normalisation over a batch."""

from collections.abc import Callable
from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from ._counts import positive
from ._initialisers import Initialiser
from ._layers import convolution, function, linear_layer


@final
class BatchNormalisation(eqx.Module):
    """γ(z − mean)/√(variance + ε) + β of each channel, mean and variance over a batch
    and all places of it (Ioffe & Szegedy 2015). There are no running statistics.

    **Attributes:**

    - `scale`, `shift`: γ and β, `(channels,)`; `epsilon`: ε.
    """

    scale: Float[Array, " channels"]
    shift: Float[Array, " channels"]
    epsilon: float = eqx.field(static=True)

    def __call__(
        self, z: Float[Array, "batch channels *places"]
    ) -> Float[Array, "batch channels *places"]:
        others = tuple(k for k in range(z.ndim) if k != 1)
        spread = lambda a: a.reshape(1, -1, *(1,) * (z.ndim - 2))
        z = z - jnp.mean(z, others, keepdims=True)
        variance = jnp.mean(z**2, others, keepdims=True)
        z = z / jnp.sqrt(variance + self.epsilon)
        return spread(self.scale) * z + spread(self.shift)


@final
class ResidualBlock(eqx.Module):
    """z ↦ z + last(σ(norm(first(z)))) on a batch.

    **Attributes:**

    - `first`, `last`: `eqx.nn.Conv`, of the size of z; `norm`: `None` for none.
    """

    first: eqx.nn.Conv
    norm: BatchNormalisation | None
    last: eqx.nn.Conv
    activation: Callable

    def __call__(
        self, z: Float[Array, "batch channels *places"]
    ) -> Float[Array, "batch channels *places"]:
        inside = jax.vmap(self.first)(z)
        if self.norm is not None:
            inside = self.norm(inside)
        return z + jax.vmap(self.last)(self.activation(inside))


@final
class ResidualNet(eqx.Module):
    """A convolution, residual blocks, the mean over all places, a linear map (He et al.
    2016).

    The model of one sample `(inputs, *image)`; with `batch_norm` a sample is a batch
    itself, `(batch, inputs, *image)`, as are its targets, because what is made of one
    of them depends on the others.

    Laws: one a hidden channel of each block, as in `ConvolutionalNet`; with
    `batch_norm` γ² + β² − ‖kernels out of it‖², and with ε = 0 the norm of the kernels
    into it too. Between the first and the last map the stream is linear: stem·stemᵀ +
    Σ last·lastᵀ − Σ firstᵀ·first − headᵀ·head, channels(channels + 1)/2. Biases join
    their rows.

    **Attributes:**

    - `stem`: `eqx.nn.Conv`; `blocks`: `ResidualBlock`; `head`: `eqx.nn.Linear`.
    """

    stem: eqx.nn.Conv
    blocks: tuple[ResidualBlock, ...]
    head: eqx.nn.Linear
    batched: bool = eqx.field(static=True)

    def __init__(
        self,
        inputs: int,
        channels: int,
        outputs: int,
        depth: int = 2,
        *,
        key: PRNGKeyArray,
        hidden: int | None = None,
        dimensions: int = 2,
        kernel: int = 3,
        batch_norm: bool = False,
        epsilon: float = 1e-5,
        activation: str | Callable = "relu",
        init: str | Initialiser = "he",
        init_scale: float = 1.0,
    ):
        """**Arguments:**

        - `inputs`: channels of an input; `channels`: of the stream; `hidden`: inside of
            a block, the same by default.
        - `depth`: number of blocks.
        - `dimensions`: of an image; `kernel`: entries along each of them.
        - `batch_norm`, `epsilon`: see above; the convolution before it has no bias
            then.
        - `activation`: a name of `gfflow list activations` or any elementwise
            function.
        - `init`: a name of `gfflow list initialisers`, or
            `init(key, widths, scale) -> weights`.

        **Raises:** `ProblemError` for sizes that are not positive; `GFFlowError` for a
        name that is none.
        """
        hidden = channels if hidden is None else hidden
        positive(inputs=inputs, channels=channels, outputs=outputs, depth=depth)
        positive(hidden=hidden, dimensions=dimensions, kernel=kernel)
        one, two, *keys = jax.random.split(key, depth + 2)

        def of(into, out, key, bias=True):
            options = {"kernel_size": kernel, "padding": "SAME", "use_bias": bias}
            return convolution(dimensions, into, out, init, init_scale, key, **options)

        def block(key):
            a, b = jax.random.split(key)
            norm = BatchNormalisation(jnp.ones(hidden), jnp.zeros(hidden), epsilon)
            return ResidualBlock(
                of(channels, hidden, a, bias=not batch_norm),
                norm if batch_norm else None,
                of(hidden, channels, b),
                function(activation),
            )

        self.stem = of(inputs, channels, one)
        self.blocks = tuple(map(block, keys))
        self.head = linear_layer(channels, outputs, True, init, init_scale, two)
        self.batched = batch_norm

    def __call__(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        z = jax.vmap(self.stem)(x if self.batched else x[None])
        for block in self.blocks:
            z = block(z)
        mean = jnp.mean(z, axis=tuple(range(2, z.ndim)))
        found = jax.vmap(self.head)(mean)
        return found if self.batched else found[0]
