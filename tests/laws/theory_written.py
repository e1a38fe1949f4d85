"""Architectures of the literature as users write them, beyond `hand_written` and
`zoo_written`: numbers of laws of gradient, mirror and momentum flow by theory.

Marcotte, Gribonval & Peyré 2023 (linear and ReLU networks), 2024 (momentum, mirror
flows), 2025 (attention, residual blocks).
"""

import jax
import jax.numpy as jnp

import gfflow as gf

from .hand_written import attention, normalised, relu
from .zoo_written import HEAD, Variant, mixed, pairs_turned, rms

HEAVY = gf.MomentumFlow(1.0)
TWO = {"u": (2, 3), "v": (3, 4)}


def linear(p, x):
    return p["u"] @ (p["v"] @ x)


def deep_linear(p, x):
    return p["a"] @ (p["b"] @ (p["c"] @ x))


def two_layers(activation):
    return lambda p, x: p["u"] @ activation(p["v"] @ x)


def deep_relu(p, x):
    hidden = relu(p["c"] @ x + p["cb"])
    return p["a"] @ relu(p["b"] @ hidden + p["bb"]) + p["ab"]


def residual(p, x):
    x = x + p["a"] @ relu(p["b"] @ x)
    return x + p["c"] @ relu(p["d"] @ x)


def two_heads(p, x):
    """Rows of q, k and v, and columns of o, head by head."""
    q, k, v = x @ p["q"].T, x @ p["k"].T, x @ p["v"].T
    parts = [mixed(q[:, s], k[:, s], v[:, s]) for s in (slice(0, 2), slice(2, 4))]
    return jnp.concatenate(parts, axis=1) @ p["o"].T


def matrix(p, index):
    """An entry of u vᵀ."""
    return jnp.sum(p["u"][index[0]] * p["v"][index[1]])[None]


def convex(p, x):
    return p["u"] @ relu(p["v"] @ x + p["b"])


def read_norm(p, x):
    """An affine normalisation, read by two maps, one with a bias."""
    z = p["g"] * normalised(x) + p["s"]
    return jnp.concatenate([jnp.tanh(p["w"] @ z + p["b"]), jnp.tanh(p["y"] @ z)])


def read_shifted_norm(p, x):
    """The scale is 1 + g."""
    z = (1 + p["g"]) * x / jnp.sqrt(jnp.mean(x**2))
    return jnp.tanh(p["w"] @ z)


SIGN = gf.flows.sign()
MIRROR = gf.MirrorFlow({"u": "entropy", "v": "entropy"})
CONVEX = gf.MirrorFlow({"u": "entropy"})
NATURAL = gf.NaturalGradientFlow(damping=0.1)
HEADS = {"q": (4, 3), "k": (4, 3), "v": (4, 3), "o": (3, 4)}
SOFTMAX = {"w": (3, 2), "b": (3,)}

AT_REST = {
    "linear": Variant({"u": (2, 2), "v": (2, 3)}, linear, (3,), (2,), 3),
    "linear, more units than entries": Variant(
        {"u": (1, 3), "v": (3, 1)}, linear, (1,), (1,), 5
    ),
    "deep linear": Variant(
        {"a": (2, 2), "b": (2, 2), "c": (2, 2)}, deep_linear, (2,), (2,), 6
    ),
    "deep ReLU": Variant(
        {"a": (2, 4), "ab": (2,), "b": (4, 4), "bb": (4,), "c": (4, 3), "cb": (4,)},
        deep_relu,
        (3,),
        (2,),
        8,
    ),
    # Behind two units only, units are off for all data near most starts.
    "deep ReLU, narrow": Variant(
        {"a": (2, 3), "ab": (2,), "b": (3, 2), "bb": (3,), "c": (2, 3), "cb": (2,)},
        deep_relu,
        (3,),
        (2,),
        5,
    ),
    "squared ReLU": Variant(TWO, two_layers(lambda z: relu(z) ** 2), (4,), (2,), 3),
    "GELU": Variant(TWO, two_layers(jax.nn.gelu), (4,), (2,), 0),
    "SiLU": Variant(TWO, two_layers(jax.nn.silu), (4,), (2,), 0),
    "residual blocks": Variant(
        {"a": (2, 3), "b": (3, 2), "c": (2, 2), "d": (2, 2)}, residual, (2,), (2,), 5
    ),
    "attention head": Variant(HEAD, attention, (3, 3), (3, 3), 6),
    "attention head, d > 2n": Variant(
        {"q": (3, 1), "k": (3, 1), "v": (3, 1), "o": (1, 3)},
        attention,
        (3, 1),
        (3, 1),
        10,
    ),
    "two heads": Variant(HEADS, two_heads, (3, 3), (3, 3), 12),
    "rotary attention, d = 4": Variant(
        HEADS, lambda p, x: attention(p, x, pairs_turned), (3, 3), (3, 3), 12
    ),
    "LayerNorm of a matrix": Variant(
        {"w": (3, 2)}, lambda p, x: normalised(p["w"] @ x), (2,), (3,), 3, sums=2
    ),
    "RMSNorm of a matrix": Variant(
        {"w": (3, 2)},
        lambda p, x: rms((p["w"] @ x)[None], jnp.ones(3), 0.0)[0],
        (2,),
        (3,),
        1,
    ),
    "LayerNorm, scale and shift, before maps": Variant(
        {"g": (3,), "s": (3,), "w": (2, 3), "b": (2,), "y": (2, 3)},
        read_norm,
        (3,),
        (4,),
        3,
    ),
    "RMSNorm, scale 1 + γ, before a map": Variant(
        {"g": (3,), "w": (2, 3)}, read_shifted_norm, (3,), (2,), 3
    ),
    "natural gradient of a ReLU network": Variant(
        TWO, two_layers(relu), (4,), (2,), 3, flow=NATURAL
    ),
    "nonnegative factorisation, entropy": Variant(
        {"u": (3, 2), "v": (3, 2)},
        matrix,
        (2,),
        (1,),
        2,
        sums=2,
        flow=MIRROR,
        tokens=3,
        positive=True,
    ),
    "input-convex net, its mirror flow": Variant(
        {"u": (1, 3), "v": (3, 2), "b": (3,)},
        convex,
        (2,),
        (1,),
        3,
        flow=CONVEX,
        positive=True,
    ),
    "sign flow of a ReLU network": Variant(
        TWO, two_layers(relu), (4,), (2,), 0, flow=SIGN
    ),
}

MOVING = {
    "linear": Variant({"u": (2, 3), "v": (3, 3)}, linear, (3,), (2,), 3, flow=HEAVY),
    "linear, one input and output": Variant(
        {"u": (1, 3), "v": (3, 1)}, linear, (1,), (1,), 6, flow=HEAVY
    ),
    "deep linear": Variant(
        {"a": (2, 2), "b": (2, 2), "c": (2, 2)}, deep_linear, (2,), (2,), 2, flow=HEAVY
    ),
    "ReLU": Variant(TWO, two_layers(relu), (4,), (2,), 0, flow=HEAVY),
    "input-convex net": Variant(
        {"u": (1, 3), "v": (3, 2), "b": (3,)}, convex, (2,), (1,), 0, flow=HEAVY
    ),
    "attention head": Variant(HEAD, attention, (3, 3), (3, 3), 2, flow=HEAVY),
    "softmax": Variant(
        SOFTMAX,
        lambda p, x: p["w"] @ x + p["b"],
        (2,),
        (3,),
        6,
        "softmax_cross_entropy",
        flow=HEAVY,
    ),
}
