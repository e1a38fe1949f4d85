"""Networks that learn operators between functions."""

from collections.abc import Callable, Sequence
from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from .._errors import ProblemError
from ._counts import positive, several_positive
from ._initialisers import Initialiser
from ._layers import drawn, function
from ._mlp import MLP


@final
class DeepONet(eqx.Module):
    """(f, y) ↦ branch(f)ᵀ trunk(y), the value at a point y of what an operator makes of
    a function f, known at some sensors (Lu et al. 2021).

    Laws: those of the hidden units of both (see `MLP`), and B Bᵀ + b bᵀ − T Tᵀ − c cᵀ
    of the two last layers, p(p + 1)/2 for the common width p.

    **Attributes:**

    - `branch`, `trunk`: `MLP`.
    """

    branch: MLP
    trunk: MLP

    def __init__(
        self,
        branch: Sequence[int],
        trunk: Sequence[int],
        *,
        key: PRNGKeyArray,
        activation: str | Callable = "relu",
        bias: bool = True,
        init: str | Initialiser = "he",
        init_scale: float = 1.0,
    ):
        """**Arguments:**

        - `branch`: widths: sensors, hidden..., p; `trunk`: entries of a point,
            hidden..., p.
        - The others: of `MLP`.

        **Raises:** `ProblemError` for widths that are none, or that do not end alike;
        `GFFlowError` for a name that is none.
        """
        several_positive(2, branch=branch, trunk=trunk)
        if branch[-1] != trunk[-1]:
            raise ProblemError(
                f"branch and trunk end in one width; got {branch[-1]} and {trunk[-1]}",
                argument="trunk",
            )
        one, two = jax.random.split(key)
        options = {
            "activation": activation,
            "bias": bias,
            "init": init,
            "init_scale": init_scale,
        }
        self.branch = MLP(branch, key=one, **options)
        self.trunk = MLP(trunk, key=two, **options)

    def __call__(self, x: Float[Array, " inputs"]) -> Float[Array, " one"]:
        """The sensors, then the point, in one vector."""
        sensors = self.branch.layers[0].weight.shape[1]
        return jnp.dot(self.branch(x[:sensors]), self.trunk(x[sensors:]))[None]


@final
class FourierLayer(eqx.Module):
    """v ↦ σ(W v + F⁻¹(R · F v) + b): R acts on the lowest frequencies, on each by a
    complex matrix, held by its two real parts.

    **Attributes:**

    - `local`: W, `(channels, channels)`; `bias`: `(channels,)`.
    - `real`: `(modes, channels, channels)`; `imaginary`: `(modes − 1, ...)`, since that
        of the constant mode has no effect on real functions.
    """

    local: Float[Array, "channels channels"]
    real: Float[Array, "modes channels channels"]
    imaginary: Float[Array, "more channels channels"]
    bias: Float[Array, " channels"]
    activation: Callable

    def __call__(
        self, v: Float[Array, "channels points"]
    ) -> Float[Array, "channels points"]:
        modes, points = len(self.real), v.shape[1]
        if 2 * modes > points + 1:
            raise ProblemError(
                f"{modes} modes want {2 * modes - 1} points or more; got {points}"
            )
        imaginary = jnp.pad(self.imaginary, ((1, 0), (0, 0), (0, 0)))
        seen = jnp.fft.rfft(v)[:, :modes]
        made = jnp.einsum("koi,ik->ok", jax.lax.complex(self.real, imaginary), seen)
        made = jnp.pad(made, ((0, 0), (0, points // 2 + 1 - modes)))
        global_ = jnp.fft.irfft(made, n=points)
        return self.activation(self.local @ v + global_ + self.bias[:, None])


@final
class FourierOperator(eqx.Module):
    """A function at equidistant points ↦ another: a map to more channels, Fourier
    layers, a map back (Li et al. 2021).

    Laws: P Pᵀ of the first map minus WᵀW and RᵀR (both parts, all modes) of the first
    layer, c(c + 1)/2 for c channels. For an activation that is homogeneous of degree 1
    one for each channel of each layer: ‖what reads it‖² − ‖what makes it‖² − b².

    **Attributes:**

    - `lift`: P, `(channels, inputs)`; `layers`: `FourierLayer`; `project`:
        `(outputs, channels)`.
    """

    lift: Float[Array, "channels inputs"]
    layers: tuple[FourierLayer, ...]
    project: Float[Array, "outputs channels"]

    def __init__(
        self,
        channels: int,
        modes: int,
        depth: int = 1,
        *,
        key: PRNGKeyArray,
        inputs: int = 1,
        outputs: int = 1,
        activation: str | Callable = "gelu",
        init: str | Initialiser = "glorot",
        init_scale: float = 1.0,
    ):
        """**Arguments:**

        - `modes`: frequencies that a layer acts on, the constant among them.
        - `depth`: number of layers.
        - `activation`: a name of `gfflow list activations` or any elementwise function.
        - `init`: a name of `gfflow list initialisers`, or
            `init(key, widths, scale) -> weights`.

        **Raises:** `ProblemError` for sizes that are not positive; when it is called,
        for fewer than 2 · modes − 1 points; `GFFlowError` for a name that is none.
        """
        positive(channels=channels, modes=modes, depth=depth)
        positive(inputs=inputs, outputs=outputs)
        one, two, *keys = jax.random.split(key, depth + 2)
        matrix = lambda k: drawn(channels, channels, init, init_scale, k)

        def layer(k):
            local, *others = map(matrix, jax.random.split(k, 2 * modes))
            real = jnp.stack(others[:modes])
            imaginary = jnp.stack([*others[modes:], local])[:-1]
            bias = jnp.zeros(channels, local.dtype)
            return FourierLayer(local, real, imaginary, bias, function(activation))

        self.lift = drawn(inputs, channels, init, init_scale, one)
        self.layers = tuple(map(layer, keys))
        self.project = drawn(channels, outputs, init, init_scale, two)

    def __call__(
        self, x: Float[Array, "inputs points"]
    ) -> Float[Array, "outputs points"]:
        v = self.lift @ x
        for layer in self.layers:
            v = layer(v)
        return self.project @ v
