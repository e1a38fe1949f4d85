"""Large models as a user would write them, a dictionary and a function, with the number
of their laws by theory."""

from collections.abc import Callable
from typing import Any, NamedTuple, final

import jax
import jax.numpy as jnp
import numpy as np

import gfflow as gf

Arrays = dict[str, Any]
CLASSES = 10


@final
class Large(NamedTuple):
    """- `parameters`: an array a name, or a list of such for blocks.
    - `apply`: of them and a sample of digits, `(8, 8)`; gives logits, `(10,)`.
    - `laws`: how many there are by theory, for cross-entropy.
    - `samples`, `t1`, `rtol`: of the flow that is integrated; `None` where the laws are
        only named.
    """

    parameters: Arrays
    apply: Callable[[Arrays, Any], Any]
    laws: int
    samples: int
    t1: float | None
    rtol: float | None

    def problem(self) -> gf.Problem:
        """On the first digits."""
        x, y = (np.asarray(part)[: self.samples] for part in gf.data.digits())
        x = x.reshape(-1, 8, 8)
        loss = "softmax_cross_entropy"
        return gf.Problem.from_function(self.apply, self.parameters, loss, (x, y))


def transformer() -> Large:
    """Rows of an image as a sequence; four blocks, LayerNorm before each part.

    Laws of a block of width n, h heads of d = n/h entries, f hidden units: QQᵀ + bbᵀ −
    KKᵀ and VVᵀ + bbᵀ − OᵀO of each head, the key bias, the hidden units, the scales of
    two norms, sums of what is written to the stream, which every reader takes without
    its mean: h·d(d + 1) + n + f + 2n + (n + 1 + f + 1). Besides: the sums of the 8
    columns of the embedding and of the 8 positions, the scales of the last norm, and
    the column sums of the softmax layer, n + 1.
    """
    n, heads, hidden, blocks = 64, 4, 256, 4
    d = n // heads
    draw = _Draw(0)

    def block() -> Arrays:
        maps = {name: draw(n, n) for name in "qkvo"}
        biases = {f"{name}_bias": draw(n) for name in "qkvo"}
        norms = {f"scale_{k}": 1 + draw(n) for k in (1, 2)}
        shifts = {f"shift_{k}": draw(n) for k in (1, 2)}
        up, down = draw(hidden, n), draw(n, hidden)
        last = {"up": up, "up_bias": draw(hidden), "down": down, "down_bias": draw(n)}
        return maps | biases | norms | shifts | last

    def split(z):
        return z.reshape(len(z), heads, d).transpose(1, 0, 2)

    def apply(p, image):
        x = image @ p["embedding"].T + p["positions"]
        for b in p["blocks"]:
            z = _layer_norm(x, b["scale_1"], b["shift_1"])
            q, k, v = (split(z @ b[a].T + b[f"{a}_bias"][None]) for a in "qkv")
            weights = jax.nn.softmax(q @ k.transpose(0, 2, 1) / np.sqrt(d), axis=-1)
            z = (weights @ v).transpose(1, 0, 2).reshape(len(x), n)
            x = x + z @ b["o"].T + b["o_bias"][None]
            z = _layer_norm(x, b["scale_2"], b["shift_2"])
            z = jax.nn.relu(z @ b["up"].T + b["up_bias"][None])
            x = x + z @ b["down"].T + b["down_bias"][None]
        z = _layer_norm(x, p["scale"], p["shift"]).mean(0)
        return p["out"] @ z + p["out_bias"]

    parameters = {
        "embedding": draw(n, 8),
        "positions": draw(8, n),
        "blocks": [block() for _ in range(blocks)],
        "scale": 1 + draw(n),
        "shift": draw(n),
        "out": draw(CLASSES, n),
        "out_bias": draw(CLASSES),
    }
    of_block = heads * d * (d + 1) + n + hidden + 2 * n + (n + 1 + hidden + 1)
    return Large(parameters, apply, blocks * of_block + 16 + n + n + 1, 32, 1.0, 1e-7)


def resnet() -> Large:
    """Fourteen residual blocks of two convolutions, without normalisation, at half of
    the resolution.

    Laws: the channels inside of each block; of c channels of the stream, which every
    map reads and writes as it stands, Σ W₁ᵀW₁ − W₂W₂ᵀ over all of them, c(c + 1)/2; the
    column sums of the softmax layer.
    """
    c, blocks = 64, 14
    draw = _Draw(1)

    def convolved(kernel, x, stride=1):
        return jax.lax.conv_general_dilated(x[None], kernel, (stride,) * 2, "SAME")[0]

    def block() -> Arrays:
        kernels = {"first": draw(c, c, 3, 3), "second": draw(c, c, 3, 3)}
        return kernels | {"bias": draw(c)}

    def apply(p, image):
        x = convolved(p["into"], image[None], stride=2)
        for b in p["blocks"]:
            z = convolved(b["first"], x) + b["bias"][:, None, None]
            x = x + convolved(b["second"], jax.nn.relu(z)) / blocks
        return p["out"] @ x.mean((1, 2))

    parameters = {
        "into": draw(c, 1, 3, 3),
        "blocks": [block() for _ in range(blocks)],
        "out": draw(CLASSES, c),
    }
    laws = blocks * c + c * (c + 1) // 2 + c
    return Large(parameters, apply, laws, 8, 12.0, 1e-5)


def perceptron() -> Large:
    """Two hidden layers of 3100 ReLU units: one law a unit, and the column sums of the
    softmax layer."""
    width = 3100
    draw = _Draw(2)

    def apply(p, image):
        z = jax.nn.relu(p["first"] @ image.reshape(-1) + p["first_bias"])
        z = jax.nn.relu(p["second"] @ z + p["second_bias"])
        return p["out"] @ z + p["out_bias"]

    parameters = {
        "first": draw(width, 64),
        "first_bias": draw(width),
        "second": draw(width, width),
        "second_bias": draw(width),
        "out": draw(CLASSES, width),
        "out_bias": draw(CLASSES),
    }
    return Large(parameters, apply, 2 * width + width + 1, 16, None, None)


MODELS = {"transformer": transformer, "resnet": resnet, "perceptron": perceptron}


@final
class _Draw:
    """Normal numbers over the root of the entries that an output is made of; vectors
    are small."""

    def __init__(self, seed: int):
        self._random = np.random.default_rng(seed)

    def __call__(self, *shape: int):
        scale = 0.1 if len(shape) == 1 else 1 / np.sqrt(np.prod(shape[1:]))
        return jnp.asarray(scale * self._random.standard_normal(shape))


def _layer_norm(x, scale, shift):
    z = x - x.mean(-1, keepdims=True)
    z = z / jnp.sqrt((z**2).mean(-1, keepdims=True) + 1e-5)
    return scale[None] * z + shift[None]
