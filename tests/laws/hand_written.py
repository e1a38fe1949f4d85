"""Models as users write them, a dictionary of arrays and a function, with the number of
their laws by theory."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

relu, stop = jax.nn.relu, jax.lax.stop_gradient


FROZEN = jnp.asarray(np.random.default_rng(3).standard_normal((4, 3)))


class Written(eqx.Module):
    """A function of a dictionary of arrays and a sample."""

    p: dict[str, jax.Array]
    fn: Callable[..., Any] = eqx.field(static=True)

    def __call__(self, x):
        return self.fn(self.p, x)


class Case(NamedTuple):
    """- `shapes`: of the arrays.
    - `fn`: of them and a sample of `sample`, an array of `output`.
    - `laws`: how many there are for every data set and near every start.
    - `loss`, `trainable`: of the problem.
    """

    shapes: dict[str, tuple[int, ...]]
    fn: Callable[..., Any]
    sample: tuple[int, ...]
    output: tuple[int, ...]
    laws: int
    loss: str = "mse"
    trainable: tuple[str, ...] | None = None


def convolved(w, x):
    """`w` of shape (out, in, width), `x` of (in, length)."""
    return jax.lax.conv_general_dilated(x[None], w, (1,), "VALID")[0]


def turned(a):
    """Rotary positions of a sequence of vectors of two entries."""
    t = jnp.arange(len(a), dtype=a.dtype)[:, None] * 0.7
    c, s = jnp.cos(t), jnp.sin(t)
    first, second = a[:, :1], a[:, 1:]
    return jnp.concatenate([first * c - second * s, first * s + second * c], axis=1)


def attention(p, x, turn=lambda a: a):
    """One head, with the biases that there are."""
    q, k, v = (x @ p[n].T + row(p.get("b" + n)) for n in "qkv")
    weights = jax.nn.softmax(turn(q) @ turn(k).T, axis=-1)
    return weights @ v @ p["o"].T + row(p.get("bo"))


def row(b):
    """A bias for a sequence."""
    return 0.0 if b is None else b[None, :]


def normalised(z):
    """Mean 0 and mean square 1."""
    z = z - jnp.mean(z)
    return z / jnp.sqrt(jnp.mean(z**2))


def mean_free(p, x):
    """A residual block that reads without the mean what the last map reads with it."""
    z = p["e"] @ x
    return p["o"] @ (z + p["a"] @ relu(p["w"] @ normalised(z)))


def batch_normalised(p, x):
    """The samples of a batch are the rows of one x."""
    z = x @ p["w"].T + row(p["c"])
    z = (z - jnp.mean(z, 0, keepdims=True)) / jnp.std(z, 0, keepdims=True)
    return relu(row(p["g"]) * z + row(p["b"])) @ p["a"].T


def weight_normalised(p, x):
    """Each row of w has the length g."""
    lengths = jnp.sqrt(jnp.sum(p["w"] ** 2, axis=1))
    return p["a"] @ relu(p["g"] / lengths * (p["w"] @ x))


def heads(p, x):
    """Heads along an axis of their own; as many keys and values for groups of them."""
    q, k, v = (jnp.einsum("hdn,tn->htd", p[name], x) for name in "qkv")
    k, v = (jnp.repeat(a, len(q) // len(a), axis=0) for a in (k, v))
    weights = jax.nn.softmax(q @ jnp.swapaxes(k, 1, 2), axis=-1)
    return jnp.einsum("htd,hnd->tn", weights @ v, p["o"])


def flat_heads(p, x, of=4, groups=2, width=2):
    """The same, with heads and entries along one axis."""
    split = lambda a, n: a.reshape(n, width, -1)
    apart = {"q": of, "k": groups, "v": groups}
    p = {name: split(p[name], n) for name, n in apart.items()} | {"o": p["o"]}
    o = jnp.swapaxes(p["o"].reshape(-1, of, width), 0, 1)
    return heads(p | {"o": o}, x)


def fused(p, x):
    """Queries, keys and values of two heads by one matrix and one vector."""
    parts = jnp.split(x @ p["w"].T + row(p["b"]), 3, axis=1)
    q, k, v = (jnp.swapaxes(a.reshape(len(x), 2, 2), 0, 1) for a in parts)
    weights = jax.nn.softmax(q @ jnp.swapaxes(k, 1, 2), axis=-1)
    return jnp.swapaxes(weights @ v, 0, 1).reshape(len(x), 4) @ p["o"].T


def scanned(p, x):
    """Layers of one array, one after the other."""
    step = lambda h, layer: (relu(layer["w"] @ h + layer["b"]), None)
    h = jax.lax.scan(step, relu(p["v"] @ x), {"w": p["w"], "b": p["b"]})[0]
    return p["u"] @ h


def stream(p, x):
    """Two residual blocks between linear maps."""
    h = p["into"] @ x
    for name in "ab":
        h = h + p[name + "2"] @ relu(p[name + "1"] @ h)
    return p["out"] @ h


HEAD = {"q": (2, 3), "k": (2, 3), "v": (2, 3), "o": (3, 2)}
BIASES = {"bq": (2,), "bk": (2,), "bv": (2,), "bo": (3,)}
TWO = {"u": (2, 3), "v": (3, 4)}
LN = {"w": (4, 3), "g": (4,), "b": (4,), "a": (3, 4)}
GATED = {"a": (3, 2), "b": (2, 3), "c": (2, 3)}
BN = {"w": (2, 3), "c": (2,), "g": (2,), "b": (2,), "a": (3, 2)}
WN = {"w": (2, 3), "g": (2,), "a": (2, 2)}
ORDER = np.array([2, 0, 1])

TRUE = {
    "convolution": Case(
        {"w": (3, 1, 2), "b": (3, 1), "a": (1, 3, 2)},
        lambda p, x: convolved(p["a"], relu(convolved(p["w"], x) + p["b"])),
        (1, 5),
        (1, 3),
        3,
    ),
    "linear convolution": Case(
        {"w": (2, 2, 2), "a": (2, 2, 2)},
        lambda p, x: convolved(p["a"], convolved(p["w"], x)),
        (2, 5),
        (2, 3),
        3,
    ),
    "attention with biases": Case(HEAD | BIASES, attention, (3, 3), (3, 3), 8),
    "rotary attention": Case(
        HEAD, lambda p, x: attention(p, x, turned), (3, 3), (3, 3), 4
    ),
    "SwiGLU": Case(
        GATED,
        lambda p, x: p["a"] @ (jax.nn.silu(p["b"] @ x) * (p["c"] @ x)),
        (3,),
        (3,),
        2,
    ),
    "LayerNorm": Case(
        LN,
        lambda p, x: p["a"] @ relu(p["g"] * normalised(p["w"] @ x) + p["b"]),
        (3,),
        (3,),
        8,
    ),
    "BatchNorm": Case(BN, batch_normalised, (5, 3), (5, 3), 6),
    "weight normalisation": Case(WN, weight_normalised, (3,), (2,), 4),
    "difference of squares": Case(
        {"u": (3,), "v": (3,)},
        lambda p, x: jnp.sum((p["u"] ** 2 - p["v"] ** 2) * x)[None],
        (3,),
        (1,),
        3,
    ),
    "tensor of three factors": Case(
        {"a": (2, 2), "b": (2, 2), "c": (2, 3)},
        lambda p, x: jnp.sum((p["a"] @ x[:2]) * (p["b"] @ x[2:4]) * (p["c"] @ x[4:]))[
            None
        ],
        (7,),
        (1,),
        4,
    ),
    "units in another order": Case(
        TWO, lambda p, x: p["u"] @ relu(p["v"] @ x)[ORDER], (4,), (2,), 3
    ),
    "softmax": Case(
        {"w": (3, 2), "b": (3,)},
        lambda p, x: p["w"] @ x + p["b"],
        (2,),
        (3,),
        3,
        "softmax_cross_entropy",
    ),
    "low rank beside a frozen matrix": Case(
        {"w": (3, 4), "a": (2, 4), "b": (3, 2)},
        lambda p, x: p["w"] @ x + p["b"] @ (p["a"] @ x),
        (4,),
        (3,),
        3,
        trainable=("p['a']", "p['b']"),
    ),
    "grouped queries": Case(
        {"q": (4, 2, 3), "k": (2, 2, 3), "v": (2, 2, 3), "o": (4, 3, 2)},
        heads,
        (3, 3),
        (3, 3),
        12,
    ),
    "grouped queries along one axis": Case(
        {"q": (8, 3), "k": (4, 3), "v": (4, 3), "o": (3, 8)},
        flat_heads,
        (3, 3),
        (3, 3),
        12,
    ),
    "one matrix of queries, keys and values": Case(
        {"w": (12, 4), "b": (12,), "o": (4, 4)}, fused, (3, 4), (3, 4), 16
    ),
    "one matrix of a gate and what it gates": Case(
        {"w": (8, 3), "a": (3, 4)},
        lambda p, x: p["a"] @ (jax.nn.silu((p["w"] @ x)[:4]) * (p["w"] @ x)[4:]),
        (3,),
        (3,),
        4,
    ),
    "layers of one array": Case(
        {"v": (4, 3), "w": (2, 4, 4), "b": (2, 4), "u": (2, 4)},
        scanned,
        (3,),
        (2,),
        12,
    ),
    "linear layers of one array": Case(
        {"v": (3, 4), "w": (2, 3, 3), "u": (4, 3)},
        lambda p, x: p["u"] @ (p["w"][1] @ (p["w"][0] @ (p["v"] @ x))),
        (4,),
        (4,),
        18,
    ),
    "scales 1 + γ read by two maps": Case(
        {"g": (4,), "w": (3, 4), "u": (2, 4)},
        lambda p, x: jnp.concatenate(
            [
                p["w"] @ ((1 + p["g"]) * normalised(x)),
                jnp.tanh(p["u"] @ ((1 + p["g"]) * normalised(x))),
            ]
        ),
        (4,),
        (5,),
        4,
    ),
    "scales e^s": Case(
        {"s": (2,), "w": (2, 3)},
        lambda p, x: jnp.tanh(jnp.exp(p["s"]) * (p["w"] @ x)),
        (3,),
        (2,),
        2,
    ),
    "a sum of two matrices": Case(
        {"w": (3, 2), "v": (3, 2), "u": (2, 3)},
        lambda p, x: p["u"] @ jnp.tanh((p["w"] + p["v"]) @ x),
        (2,),
        (2,),
        6,
    ),
    "a product of two matrices, entry by entry": Case(
        {"w": (3, 2), "v": (3, 2), "u": (2, 3)},
        lambda p, x: p["u"] @ jnp.tanh((p["w"] * p["v"]) @ x),
        (2,),
        (2,),
        6,
    ),
    "half of the units are homogeneous": Case(
        {"v": (6, 3), "b": (6,), "u": (2, 6)},
        lambda p, x: (
            p["u"]
            @ jnp.where(
                np.arange(6) < 3,
                relu(p["v"] @ x + p["b"]),
                jnp.tanh(p["v"] @ x + p["b"]),
            )
        ),
        (3,),
        (2,),
        3,
    ),
    "linear residual layers": Case(
        {"w": (3, 3), "v": (3, 3)},
        lambda p, x: x + p["w"] @ x + p["v"] @ (x + p["w"] @ x),
        (3,),
        (3,),
        6,
    ),
    "a residual stream": Case(
        {
            "into": (3, 4),
            "a1": (4, 3),
            "a2": (3, 4),
            "b1": (4, 3),
            "b2": (3, 4),
            "out": (4, 3),
        },
        stream,
        (4,),
        (4,),
        14,
    ),
    # With FROZEN = PΣQᵀ the ‖U p_i‖² − ‖q_iᵀV‖², and U p in the kernel.
    "around a frozen matrix": Case(
        {"u": (2, 4), "v": (3, 3)},
        lambda p, x: p["u"] @ (FROZEN @ (p["v"] @ x)),
        (3,),
        (2,),
        5,
    ),
    "before a frozen matrix": Case(
        {"w": (4, 3)}, lambda p, x: FROZEN.T @ (p["w"] @ x), (3,), (3,), 3
    ),
    # u∘u − v∘v for the two rows of one array: u_i v_i.
    "rows of one array": Case(
        {"p": (2, 4)},
        lambda p, x: ((p["p"][0] ** 2 - p["p"][1] ** 2) @ x)[None],
        (4,),
        (1,),
        4,
    ),
    # The units, the sums of the rows that read the stream, and 1ᵀ(…)1 and the norms of
    # all arrays along it.
    "a stream that is read without its mean": Case(
        {"e": (4, 3), "w": (3, 4), "a": (4, 3), "o": (2, 4)},
        mean_free,
        (3,),
        (2,),
        8,
    ),
}

NONE = {
    "tanh": Case(TWO, lambda p, x: p["u"] @ jnp.tanh(p["v"] @ x), (4,), (2,), 0),
    "a penalty on the second layer": Case(
        TWO,
        lambda p, x: p["u"] @ relu(p["v"] @ x) + jnp.sum(p["u"] ** 2),
        (4,),
        (2,),
        0,
    ),
    "a head that reads the features too": Case(
        TWO | {"h": (2, 3)},
        lambda p, x: p["u"] @ relu(p["v"] @ x) + p["h"] @ jnp.tanh(p["v"] @ x),
        (4,),
        (2,),
        0,
    ),
    "a clamp": Case(
        TWO,
        lambda p, x: p["u"] @ jnp.clip(p["v"] @ x, -50.0, 50.0),
        (4,),
        (2,),
        0,
    ),
}


def model_of(case: Case) -> Written:
    """At random parameters."""
    random = np.random.default_rng(0)
    draw = lambda shape: jnp.asarray(random.standard_normal(shape))
    return Written({name: draw(shape) for name, shape in case.shapes.items()}, case.fn)
