"""The models of the zoo as users write them: dictionaries of arrays and functions, with
the number of their laws by theory."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import gfflow as gf

from .hand_written import relu, row

silu, gelu, softmax = jax.nn.silu, jax.nn.gelu, jax.nn.softmax
GRADIENT = gf.GradientFlow()


class Variant(NamedTuple):
    """- `shapes`: of the arrays.
    - `fn`: of them and a sample, an array of the shape `sample`; of labels below
        `tokens`, if given.
    - `output`: the shape of a target.
    - `laws`: how many laws are conserved for every data set, near every start; `sums`:
        how many of these are linear.
    - `loss`, `trainable`: of the problem, under `flow`; `positive`: a start above 0.
    """

    shapes: dict[str, tuple[int, ...]]
    fn: Callable[..., Any]
    sample: tuple[int, ...]
    output: tuple[int, ...]
    laws: int
    loss: str = "mse"
    sums: int = 0
    trainable: tuple[str, ...] | None = None
    flow: Any = GRADIENT
    tokens: int | None = None
    positive: bool = False


def problem_of(one: Variant, samples: int = 8, seed: int = 0) -> gf.Problem:
    """At random parameters, on random data."""
    random = np.random.default_rng(seed)
    draw = random.standard_normal
    params = {name: 0.7 * draw(shape) for name, shape in one.shapes.items()}
    if one.positive:
        params = {name: np.abs(x) + 0.1 for name, x in params.items()}
    inputs, targets = (draw((samples, *s)) for s in (one.sample, one.output))
    if one.tokens is not None:
        inputs = random.integers(0, one.tokens, (samples, *one.sample))
    if one.loss == "softmax_cross_entropy":
        targets = random.dirichlet(np.ones(one.output), samples)
    if one.loss == "sequence_cross_entropy":
        targets = random.integers(0, one.tokens, (samples, *one.output))
    return gf.Problem.from_function(
        one.fn, params, one.loss, (inputs, targets), trainable=one.trainable
    )


def image_net(p, x):
    """Two convolutions, then a matrix of what is left."""
    bias = lambda b: b.reshape(1, -1, 1, 1)
    z = relu(conv(x[None], p["w"], (1, 1)) + bias(p["b"]))
    z = relu(conv(z, p["v"], (1, 1)) + bias(p["c"]))
    return p["a"] @ z.ravel() + p["d"]


def conv(x, w, stride, padding="VALID"):
    """`x` of (batch, channels, ...), `w` of (out, in, ...)."""
    return jax.lax.conv_general_dilated(x, w, stride, padding)


def residual_net(p, x, norm=lambda p, z: z + p["b"].reshape(1, -1, 1)):
    """`x` of (batch, channels, length)."""
    z = conv(x, p["stem"], (1,), "SAME") + p["e"].reshape(1, -1, 1)
    inside = relu(norm(p, conv(z, p["v"], (1,), "SAME")))
    z = z + conv(inside, p["u"], (1,), "SAME") + p["c"].reshape(1, -1, 1)
    return jnp.mean(z, axis=2) @ p["head"].T + row(p["d"])


def over_batch(p, z):
    """Batch normalisation with ε = 0."""
    z = z - jnp.mean(z, (0, 2), keepdims=True)
    z = z / jnp.sqrt(jnp.mean(z**2, (0, 2), keepdims=True))
    return p["g"].reshape(1, -1, 1) * z + p["s"].reshape(1, -1, 1)


def pairs_turned(z):
    """Entries (0, 1), (2, 3), ... of (tokens, d) by angles that grow with the token."""
    t = jnp.arange(z.shape[0], dtype=z.dtype)[:, None]
    angles = t * jnp.asarray([1.0, 0.3, 0.1])[None, : z.shape[1] // 2]
    a, b, c, s = z[:, ::2], z[:, 1::2], jnp.cos(angles), jnp.sin(angles)
    return jnp.stack([a * c - b * s, a * s + b * c], axis=2).reshape(z.shape)


def mixed(q, k, v, causal=True):
    """Attention of (tokens, d) each."""
    scores = q @ k.T / np.sqrt(q.shape[1])
    if causal:
        scores = jnp.where(np.tril(np.ones(scores.shape, bool)), scores, -jnp.inf)
    return softmax(scores, axis=-1) @ v


def grouped(p, x):
    """Two heads with the same keys and values; rows of q, columns of o by head."""
    q, k, v = x @ p["q"].T, x @ p["k"].T, x @ p["v"].T
    heads = [mixed(q[:, :2], k, v), mixed(q[:, 2:], k, v)]
    return jnp.concatenate(heads, axis=1) @ p["o"].T


def head(p, x, turn=lambda z: z, causal=True):
    """One head."""
    q, k, v = x @ p["q"].T, x @ p["k"].T, x @ p["v"].T
    return mixed(turn(q), turn(k), v, causal) @ p["o"].T


def rms(x, g, epsilon=1e-5):
    return row(g) * x / jnp.sqrt(jnp.mean(x**2, -1, keepdims=True) + epsilon)


def layer_norm(x, g, b, epsilon=1e-5):
    return rms(x - jnp.mean(x, -1, keepdims=True), g, epsilon) + row(b)


def swiglu(p, z):
    return (silu(z @ p["G"].T) * (z @ p["B"].T)) @ p["A"].T


def modern_block(p, x):
    x = x + head(p, rms(x, p["g"]), pairs_turned)
    return x + swiglu(p, rms(x, p["h"]))


def older_block(p, x):
    x = x + head(p, layer_norm(x, p["g"], p["gs"]))
    z = layer_norm(x, p["h"], p["hs"])
    return x + gelu(z @ p["B"].T) @ p["A"].T


def embedded(p, tokens):
    """A token beyond the table counts as the last one, in the gradient too."""
    return jnp.take(p["E"], tokens, axis=0, mode="clip")


def tied_model(p, tokens):
    return rms(modern_block(p, embedded(p, tokens)), p["f"]) @ p["E"].T


def untied_model(p, tokens):
    x = older_block(p, embedded(p, tokens) + p["P"])
    return layer_norm(x, p["f"], p["fs"]) @ p["U"].T


def experts(p, x, gate):
    """Two, the leading axis of their arrays."""
    each = lambda a, b, g: a @ (silu(g @ x) * (b @ x))
    return gate(p["r"] @ x) @ jax.vmap(each)(p["A"], p["B"], p["G"])


def sigmoid_gate(z):
    return jax.nn.sigmoid(z) / jnp.sum(jax.nn.sigmoid(z))


def input_convex(p, x):
    z = relu(p["w"] @ x + p["wb"])
    z = relu(p["v"] ** 2 @ z + p["t"] @ x + p["tb"])
    return p["a"] ** 2 @ z + p["s"] @ x + p["sb"]


def entry(p, index):
    i, j, k = index
    return jnp.sum(p["a"][i] * p["b"][j] * p["c"][k])[None]


def deep_onet(p, x):
    branch = p["B"] @ relu(p["u"] @ x[:3] + p["ub"]) + p["b"]
    trunk = p["T"] @ relu(p["v"] @ x[3:] + p["vb"]) + p["t"]
    return jnp.dot(branch, trunk)[None]


def fourier(p, x):
    """One layer on five points, in two modes, the first of them real."""
    v = p["lift"] @ x
    seen = jnp.fft.rfft(v)
    constant = p["r0"] @ seen[:, 0].real
    constant = jax.lax.complex(constant, jnp.zeros_like(constant))
    wave = jax.lax.complex(p["r1"], p["i1"]) @ seen[:, 1]
    made = jnp.stack([constant, wave, jnp.zeros_like(wave)], axis=1)
    z = relu(p["w"] @ v + jnp.fft.irfft(made, n=5) + p["b"][:, None])
    return p["out"] @ z


def adapted(p, x):
    """Low-rank changes of frozen queries and values."""
    q, v = p["q"] + p["qu"] @ p["qd"], p["v"] + p["vu"] @ p["vd"]
    return head({**p, "q": q, "v": v}, x)


HEAD = {"q": (2, 3), "k": (2, 3), "v": (2, 3), "o": (3, 2)}
SMALL = {"q": (2, 2), "k": (2, 2), "v": (2, 2), "o": (2, 2)}
GLU = {"G": (2, 2), "B": (2, 2), "A": (2, 2)}
EXPERTS = {"r": (2, 2), "G": (2, 2, 2), "B": (2, 2, 2), "A": (2, 2, 2)}
RESIDUAL = {"stem": (2, 1, 3), "v": (2, 2, 3), "u": (2, 2, 3), "c": (2,), "e": (2,)}
HEADED = RESIDUAL | {"head": (2, 2), "d": (2,)}

ZOO = {
    # One a hidden channel.
    "convolutional net": Variant(
        {"w": (2, 1, 2, 2), "b": (2,), "v": (2, 2, 2, 2), "c": (2,)}
        | {"a": (2, 8), "d": (2,)},
        image_net,
        (1, 4, 4),
        (2,),
        4,
    ),
    # One a hidden channel, and 2 · 3 / 2 of the stream, which is linear.
    "residual net": Variant(
        HEADED | {"b": (2,)},
        lambda p, x: residual_net(p, x[None])[0],
        (1, 5),
        (2,),
        5,
    ),
    # Two a hidden channel, and those of the stream.
    "residual net, BatchNorm": Variant(
        HEADED | {"g": (2,), "s": (2,)},
        lambda p, x: residual_net(p, x, over_batch),
        (4, 1, 5),
        (4, 2),
        7,
    ),
    # d (d + 1) for the one group.
    "grouped query heads": Variant(
        {"q": (4, 3), "k": (2, 3), "v": (2, 3), "o": (3, 4)}, grouped, (3, 3), (3, 3), 6
    ),
    # Head 1 + 3, hidden units 2, channels of two normalisations 4.
    "transformer block, RMSNorm, rotary, SwiGLU": Variant(
        SMALL | GLU | {"g": (2,), "h": (2,)}, modern_block, (3, 2), (3, 2), 10
    ),
    # Head 6, channels 6.
    "transformer block, LayerNorm, GELU": Variant(
        HEAD
        | {"B": (2, 3), "A": (3, 2)}
        | {"g": (3,), "gs": (3,), "h": (3,), "hs": (3,)},
        older_block,
        (3, 3),
        (3, 3),
        12,
    ),
    # Those of the block; none of the tied table.
    "language model, tied": Variant(
        SMALL | GLU | {"g": (2,), "h": (2,), "f": (2,), "E": (4, 2)},
        tied_model,
        (3,),
        (3,),
        10,
        "sequence_cross_entropy",
        tokens=4,
    ),
    # The block 12, the last normalisation 3, column sums 3, ΣE − ΣP 3; sums over the
    # stream of E 4, P 3, o 2, A 2, of which one follows from ΣE − ΣP.
    "language model, untied, learned positions": Variant(
        HEAD
        | {"B": (2, 3), "A": (3, 2), "E": (4, 3), "P": (3, 3), "U": (4, 3)}
        | {name: (3,) for name in ("g", "gs", "h", "hs", "f", "fs")},
        untied_model,
        (3,),
        (3,),
        31,
        "sequence_cross_entropy",
        sums=16,
        tokens=4,
    ),
    # Hidden units 4, column sums of the router 2.
    "mixture of experts, softmax": Variant(
        EXPERTS, lambda p, x: experts(p, x, softmax), (2,), (2,), 6, sums=2
    ),
    "mixture of experts, sigmoid": Variant(
        EXPERTS, lambda p, x: experts(p, x, sigmoid_gate), (2,), (2,), 4
    ),
    "input-convex net": Variant(
        {"w": (2, 2), "wb": (2,), "v": (2, 2), "t": (2, 2), "tb": (2,)}
        | {"a": (1, 2), "s": (1, 2), "sb": (1,)},
        input_convex,
        (2,),
        (1,),
        4,
    ),
    # Width times (depth − 1).
    "deep diagonal net": Variant(
        {"a": (2,), "b": (2,), "c": (2,)},
        lambda p, x: jnp.sum(p["a"] * p["b"] * p["c"] * x)[None],
        (2,),
        (1,),
        4,
    ),
    # 1/u_i + 1/v_i.
    "difference of cubes": Variant(
        {"u": (2,), "v": (2,)},
        lambda p, x: jnp.sum((p["u"] ** 3 - p["v"] ** 3) * x)[None],
        (2,),
        (1,),
        2,
    ),
    # Rank times (factors − 1).
    "entries of a tensor": Variant(
        {"a": (2, 2), "b": (2, 2), "c": (2, 2)}, entry, (3,), (1,), 4, tokens=2
    ),
    # Hidden units 4, the two last layers 3.
    "DeepONet": Variant(
        {"u": (2, 3), "ub": (2,), "B": (2, 2), "b": (2,)}
        | {"v": (2, 2), "vb": (2,), "T": (2, 2), "t": (2,)},
        deep_onet,
        (5,),
        (1,),
        7,
    ),
    # Channels 2, the lift and what reads it 3.
    "Fourier operator": Variant(
        {"lift": (2, 1), "r0": (2, 2), "r1": (2, 2), "i1": (2, 2), "w": (2, 2)}
        | {"b": (2,), "out": (1, 2)},
        fourier,
        (1, 5),
        (1, 5),
        5,
    ),
    # 3 for each of two updates.
    "low rank beside attention": Variant(
        HEAD | {"qu": (2, 2), "qd": (2, 3), "vu": (2, 2), "vd": (2, 3)},
        adapted,
        (3, 3),
        (3, 3),
        6,
        trainable=("qu", "qd", "vu", "vd"),
    ),
}
