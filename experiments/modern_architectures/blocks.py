"""The blocks of the table as functions of a dictionary of arrays, the number of their
laws by theory, and the statements about them that are put to the test."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import gfflow as gf

SAMPLES = 12
CONSERVED, BROKEN = "conserved", "broken"
relu, silu, softmax, sigmoid = (
    jax.nn.relu,
    jax.nn.silu,
    jax.nn.softmax,
    jax.nn.sigmoid,
)
Claim = tuple[Callable[[dict[str, Any]], Any], str]


class Block(NamedTuple):
    """**Attributes:**

    - `source`: [C] Marcotte, Gribonval & Peyré 2025, [M] Conservation Laws for Modern
        Neural Architectures 2026, or here.
    - `shapes`: of the arrays; `fn`: of them and a sample of shape `sample`.
    - `number`: of laws, by theory; `only`: of a part of the arrays.
    - `claims`: by name, a function of the arrays and its verdict by theory.
    """

    name: str
    source: str
    shapes: dict[str, tuple[int, ...]]
    fn: Callable[..., Any]
    sample: tuple[int, ...]
    output: tuple[int, ...]
    number: int
    claims: dict[str, Claim]
    only: tuple[str, ...] | None = None
    loss: str = "mse"

    def problem(self, scale: float = 0.7, seed: int = 0) -> gf.Problem:
        """At random parameters, on random data."""
        random = np.random.default_rng(seed)
        draw = random.standard_normal
        params = {k: scale * draw(shape) for k, shape in self.shapes.items()}
        x = draw((SAMPLES, *self.sample))
        y = draw((SAMPLES, *self.output))
        if self.loss == "softmax_cross_entropy":
            y = random.integers(0, self.output[0], SAMPLES)
        return gf.Problem.from_function(self.fn, params, self.loss, (x, y))


def law(name: str, claim: Claim) -> gf.Law:
    """A claim as a law."""
    return gf.Law(lambda model: claim[0](model.params), name)


def gram(a, b=None):
    """A symmetric matrix as a vector: its upper triangle."""
    s = a @ a.T if b is None else a @ a.T - b.T @ b
    return s[jnp.triu_indices(len(s))]


def layer_norm(z):
    z = z - jnp.mean(z, -1, keepdims=True)
    return z / jnp.sqrt(jnp.mean(z**2, -1, keepdims=True))


def rms_norm(z):
    return z / jnp.sqrt(jnp.mean(z**2, -1, keepdims=True))


def batch_norm(z):
    z = z - jnp.mean(z, 0)
    return z / jnp.sqrt(jnp.mean(z**2, 0))


def _convolution(p, x):
    window = lambda z: jnp.stack([jnp.roll(z, k, axis=-1) for k in range(2)])
    hidden = relu(jnp.einsum("ock,kcs->os", p["a"], window(x)))
    return jnp.einsum("ock,kcs->os", p["b"], window(hidden))


def _head(q, k, v, o, x):
    scores = softmax((x @ q.T) @ (x @ k.T).T, axis=-1)
    return scores @ (x @ v.T) @ o


def _heads(p, x):
    return sum(_head(*(p[a + h] for a in "qkvo"), x) for h in ("", "2") if "q" + h in p)


def _rotary(p, x):
    angle = jnp.arange(len(x))
    c, s = jnp.cos(angle)[:, None], jnp.sin(angle)[:, None]
    turn = lambda z: jnp.concatenate(
        [c * z[:, :1] - s * z[:, 1:], s * z[:, :1] + c * z[:, 1:]], axis=1
    )
    scores = softmax(turn(x @ p["q"].T) @ turn(x @ p["k"].T).T, axis=-1)
    return scores @ (x @ p["v"].T) @ p["o"]


def _two_layers(activation):
    return lambda p, x: p["a"] @ activation(p["w"] @ x)


def _swiglu(p, x):
    return p["a"] @ (silu(p["b"] @ x) * (p["c"] @ x))


def _norm_block(norm, shift):
    def fn(p, x):
        n = p["g"] * norm(x) + (p["s"] if shift else 0)
        return p["a"] @ relu(p["w"] @ n)

    return fn


def _batch_norm_block(p, x):
    return relu(p["g"] * batch_norm(x @ p["w"].T) + p["s"]) @ p["a"].T


HEAD = {a: (2, 3) for a in "qkvo"}
_norm2 = lambda a, axis: jnp.sum(a**2, axis)
_heads_law = lambda p: jnp.concatenate([gram(p["q"], p["k"].T), gram(p["v"], p["o"].T)])
_units = lambda p: _norm2(p["a"], 0) - _norm2(p["w"], 1)

BLOCKS = [
    Block(
        "ReLU convolution, 2 channels",
        "[C] 3.6",
        {"a": (2, 1, 2), "b": (1, 2, 2)},
        _convolution,
        (1, 5),
        (1, 5),
        2,
        {
            "‖b[:,k]‖² − ‖a[k]‖²": (
                lambda p: _norm2(p["b"], (0, 2)) - _norm2(p["a"], (1, 2)),
                CONSERVED,
            )
        },
    ),
    Block(
        "attention, d = 2, n = 3",
        "[C] 3.9",
        HEAD,
        _heads,
        (4, 3),
        (4, 3),
        6,
        {"QQᵀ − KKᵀ, VVᵀ − OOᵀ": (_heads_law, CONSERVED)},
    ),
    Block(
        "attention, two heads",
        "[C] 3.10",
        HEAD | {a + "2": (2, 3) for a in "qkvo"},
        _heads,
        (4, 3),
        (4, 3),
        12,
        {
            "Q₁Q₁ᵀ − K₁K₁ᵀ, V₁V₁ᵀ − O₁O₁ᵀ": (_heads_law, CONSERVED),
            "across heads: Q₁Q₂ᵀ − K₁K₂ᵀ": (
                lambda p: p["q"] @ p["q2"].T - p["k"] @ p["k2"].T,
                BROKEN,
            ),
        },
    ),
    Block(
        "softmax layer, cross-entropy",
        "[C] 3.11",
        {"w": (3, 3)},
        lambda p, x: p["w"] @ x,
        (3,),
        (3,),
        3,
        {"1ᵀW": (lambda p: jnp.sum(p["w"], 0), CONSERVED)},
        loss="softmax_cross_entropy",
    ),
    Block(
        "GELU",
        "[M]",
        {"w": (3, 2), "a": (2, 3)},
        _two_layers(jax.nn.gelu),
        (2,),
        (2,),
        0,
        {"‖A[:,k]‖² − ‖W[k,:]‖²": (_units, BROKEN)},
    ),
    Block(
        "SwiGLU",
        "[M]",
        {"a": (2, 3), "b": (3, 2), "c": (3, 2)},
        _swiglu,
        (2,),
        (2,),
        3,
        {
            "‖A[:,k]‖² − ‖C[k,:]‖²": (
                lambda p: _norm2(p["a"], 0) - _norm2(p["c"], 1),
                CONSERVED,
            ),
            "‖A[:,k]‖² − ‖B[k,:]‖² − ‖C[k,:]‖²": (
                lambda p: _norm2(p["a"], 0) - _norm2(p["b"], 1) - _norm2(p["c"], 1),
                BROKEN,
            ),
        },
    ),
    Block(
        "attention, rotary, d = 2",
        "[M]",
        HEAD,
        _rotary,
        (4, 3),
        (4, 3),
        4,
        {
            "‖Q‖² − ‖K‖², VVᵀ − OOᵀ": (
                lambda p: jnp.append(
                    gram(p["v"], p["o"].T), jnp.sum(p["q"] ** 2 - p["k"] ** 2)
                ),
                CONSERVED,
            ),
            "QQᵀ − KKᵀ": (lambda p: gram(p["q"], p["k"].T), BROKEN),
        },
    ),
    Block(
        "LayerNorm, scale and shift, ReLU block",
        "here",
        {"g": (3,), "s": (3,), "w": (3, 3), "a": (2, 3)},
        _norm_block(layer_norm, True),
        (3,),
        (2,),
        6,
        {
            "units; γ² + β² − ‖W[:,i]‖²": (
                lambda p: jnp.append(
                    _units(p), p["g"] ** 2 + p["s"] ** 2 - _norm2(p["w"], 0)
                ),
                CONSERVED,
            )
        },
    ),
    Block(
        "RMSNorm, scale, ReLU block",
        "here",
        {"g": (3,), "w": (3, 3), "a": (2, 3)},
        _norm_block(rms_norm, False),
        (3,),
        (2,),
        6,
        {
            "units; γ² − ‖W[:,i]‖²": (
                lambda p: jnp.append(_units(p), p["g"] ** 2 - _norm2(p["w"], 0)),
                CONSERVED,
            )
        },
    ),
    Block(
        "BatchNorm between two maps",
        "here",
        {"w": (2, 3), "g": (2,), "s": (2,), "a": (3, 2)},
        _batch_norm_block,
        (8, 3),
        (8, 3),
        4,
        {
            "‖W[k,:]‖², γ² + β² − ‖A[:,k]‖²": (
                lambda p: jnp.append(
                    _norm2(p["w"], 1), p["g"] ** 2 + p["s"] ** 2 - _norm2(p["a"], 0)
                ),
                CONSERVED,
            ),
            "‖A[:,k]‖² − ‖W[k,:]‖²": (_units, BROKEN),
        },
    ),
]
