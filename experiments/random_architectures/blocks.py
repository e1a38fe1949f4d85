"""Blocks of random width, as plain functions of dictionaries of arrays.

Each kind takes a random generator and the shape of what comes in, `(n,)` or
`(length, n)`, and acts on the last axis where it does not mix positions.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

relu, gelu, silu = jax.nn.relu, jax.nn.gelu, jax.nn.silu
stop = jax.lax.stop_gradient

ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "relu": relu,
    "leaky": lambda z: jax.nn.leaky_relu(z, 0.1),
    "gelu": gelu,
    "tanh": jnp.tanh,
    "linear": lambda z: z,
    "relu²": lambda z: relu(z) ** 2,
}
GATES = {"silu": silu, "gelu": gelu, "relu": relu, "bilinear": lambda z: z}
SCALES = "1", "½ skip", "trained skip", "trained branch", "channels"
WIDTHS, SHARES = (1, 2, 3, 4), (0.15, 0.35, 0.3, 0.2)


class Block(NamedTuple):
    """- `shapes`: of its arrays by name.
    - `fn`: (arrays, x) → what comes out, of the shape `out`.
    - `words`: what it is.
    """

    shapes: dict[str, tuple[int, ...]]
    fn: Callable[[dict[str, Any], Any], Any]
    out: tuple[int, ...]
    words: str


def chance(random: np.random.Generator, of: float = 0.5) -> bool:
    return bool(random.random() < of)


def one_of(random: np.random.Generator, some):
    """Any of them, whatever they are."""
    some = list(some)
    return some[int(random.integers(len(some)))]


def width(random: np.random.Generator) -> int:
    return int(random.choice(WIDTHS, p=SHARES))


def affine(p, x, w: str = "w", b: str = "b"):
    """x Wᵀ + b, if there is a b."""
    z = x @ p[w].T
    return z + jnp.broadcast_to(p[b], z.shape) if b in p else z


def dense(random, shape, frozen: bool = False) -> Block:
    m, n = width(random), shape[-1]
    name = one_of(random, ACTIVATIONS)
    act, bias = ACTIVATIONS[name], chance(random)
    hold = stop if frozen else lambda p: p
    return Block(
        {"w": (m, n)} | ({"b": (m,)} if bias else {}),
        lambda p, x: act(affine(hold(p), x)),
        (*shape[:-1], m),
        f"{'frozen ' * frozen}dense {m}{' + b' * bias}, {name}",
    )


def residual(random, shape) -> Block:
    """x + s·V σ(Ux + b) + c; or with a trained scale, of the skip or the branch."""
    m, n = width(random), shape[-1]
    name, bias = one_of(random, ACTIVATIONS), chance(random)
    act = ACTIVATIONS[name]
    shapes = {"u": (m, n), "v": (n, m)} | ({"b": (m,), "c": (n,)} if bias else {})
    branch = lambda p, x: affine(p, act(affine(p, x, "u")), "v", "c")
    scale = one_of(random, SCALES)
    fns = {
        "1": lambda p, x: x + branch(p, x),
        "½ skip": lambda p, x: 0.5 * x + branch(p, x),
        "trained skip": lambda p, x: p["s"] * x + branch(p, x),
        "trained branch": lambda p, x: x + p["s"] * branch(p, x),
        "channels": lambda p, x: x + rows(p["s"], x) * branch(p, x),
    }
    if scale in ("trained skip", "trained branch"):
        shapes["s"] = ()
    if scale == "channels":
        shapes["s"] = (n,)
    words = f"residual {m}{' + b' * bias}, {name}, scale {scale}"
    return Block(shapes, fns[scale], shape, words)


def rows(a, x):
    """A vector along the last axis of x."""
    return jnp.broadcast_to(a, x.shape)


def normalised(x, centred: bool, epsilon: float):
    x = x - jnp.mean(x, -1, keepdims=True) if centred else x
    return x / jnp.sqrt(jnp.mean(x**2, -1, keepdims=True) + epsilon)


def norm(random, shape) -> Block:
    n, centred = shape[-1], chance(random)
    epsilon = one_of(random, (0.0, 1e-5))
    scaled, shifted = chance(random, 0.7), chance(random)
    shapes = ({"g": (n,)} if scaled else {}) | ({"s": (n,)} if shifted else {})

    def fn(p, x):
        z = normalised(x, centred, epsilon)
        z = rows(p["g"], z) * z if scaled else z
        return z + rows(p["s"], z) if shifted else z

    words = "LayerNorm" if centred else "RMSNorm"
    words += " γ" * scaled + " β" * shifted + f", ε = {epsilon:g}"
    return Block(shapes, fn, shape, words)


def convolution(random, shape) -> Block:
    length, n = shape
    m, size = width(random), int(random.integers(1, min(3, length) + 1))
    padding, name = one_of(random, ("SAME", "VALID")), one_of(random, ACTIVATIONS)
    bias, act = chance(random), ACTIVATIONS[name]

    def fn(p, x):
        z = jax.lax.conv_general_dilated(x.T[None], p["w"], (1,), padding)[0].T
        return act(z + rows(p["b"], z) if bias else z)

    after = length if padding == "SAME" else length - size + 1
    return Block(
        {"w": (m, n, size)} | ({"b": (m,)} if bias else {}),
        fn,
        (after, m),
        f"convolution {m}×{size}{' + b' * bias}, {name}",
    )


def attention(random, shape) -> Block:
    """Heads along an axis of their own, or along rows with the entries."""
    n, of, d = shape[1], int(random.integers(1, 3)), int(random.integers(1, 3))
    bias, causal, skip = (chance(random, share) for share in (0.4, 0.5, 0.5))
    apart = of > 1 and chance(random)
    inside, outside = ((of, d, n), (n, of * d)) if apart else ((of * d, n), (n, of * d))
    shapes: dict[str, tuple[int, ...]] = {name: inside for name in "qkv"}
    shapes["o"] = outside
    if bias:
        shapes |= {"b" + name: inside[:-1] for name in "qkv"} | {"bo": (n,)}

    def read(p, x, name):
        w = p[name].reshape(of, d, n)
        z = jnp.einsum("hdn,tn->htd", w, x)
        return z + p["b" + name].reshape(of, 1, d) if bias else z

    def fn(p, x):
        q, k, v = (read(p, x, name) for name in "qkv")
        scores = q @ jnp.swapaxes(k, 1, 2) / np.sqrt(d)
        if causal:
            scores = jnp.where(np.tril(np.ones(scores.shape, bool)), scores, -jnp.inf)
        z = jax.nn.softmax(scores, axis=-1) @ v
        z = affine(p, jnp.swapaxes(z, 0, 1).reshape(len(x), of * d), "o", "bo")
        return x + z if skip else z

    words = f"attention {of}×{d}{' + b' * bias}{', causal' * causal}{', skip' * skip}"
    return Block(shapes, fn, shape, words + ", heads apart" * apart)


def gated(random, shape) -> Block:
    """A (σ(Gx) ∘ Bx)."""
    h, m, n = width(random), width(random), shape[-1]
    name, bias = one_of(random, GATES), chance(random, 0.3)
    act = GATES[name]
    shapes = {"G": (h, n), "B": (h, n), "A": (m, h)}
    shapes |= {"gb": (h,), "bb": (h,)} if bias else {}

    def fn(p, x):
        z = act(affine(p, x, "G", "gb")) * affine(p, x, "B", "bb")
        return z @ p["A"].T

    words = f"gated {h} to {m}{' + b' * bias}, {name}"
    return Block(shapes, fn, (*shape[:-1], m), words)


def low_rank(random, shape) -> Block:
    """σ(W₀x + U V x), W₀ of numbers or trained too."""
    m, n, r = width(random), shape[-1], int(random.integers(1, 3))
    name, trained = one_of(random, ACTIVATIONS), chance(random, 0.3)
    act, base = ACTIVATIONS[name], random.standard_normal((m, n))
    shapes = {"u": (m, r), "v": (r, n)} | ({"w": (m, n)} if trained else {})

    def fn(p, x):
        w = p["w"] if trained else base
        return act(x @ w.T + x @ p["v"].T @ p["u"].T)

    words = f"low rank {r} beside {m}{' trained' * trained}, {name}"
    return Block(shapes, fn, (*shape[:-1], m), words)


def tied(random, shape) -> Block:
    """Wᵀσ(Wx + b) + c, or σ(Wσ(Wx + b) + b)."""
    n, twice, bias = shape[-1], chance(random), chance(random)
    name, m = one_of(random, ACTIVATIONS), n if twice else width(random)
    act = ACTIVATIONS[name]
    shapes = {"w": (m, n)} | ({"b": (m,)} if bias else {})
    if bias and not twice:
        shapes["c"] = (n,)

    def fn(p, x):
        z = act(affine(p, x))
        if twice:
            return act(affine(p, z))
        z = z @ p["w"]
        return z + rows(p["c"], z) if bias else z

    words = "layer used twice" if twice else "tied encoder and decoder"
    return Block(shapes, fn, shape, f"{words} {m}{' + b' * bias}, {name}")


BLOCKS: dict[str, Callable[..., Block]] = {
    "dense": dense,
    "residual": residual,
    "norm": norm,
    "gated": gated,
    "low rank": low_rank,
    "tied": tied,
    "frozen": partial(dense, frozen=True),
    "convolution": convolution,
    "attention": attention,
}
VECTORS = tuple(BLOCKS)[:-2]
SEQUENCES = (*BLOCKS, "attention")
