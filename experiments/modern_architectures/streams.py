"""Residual streams: two blocks z ↦ z + V relu(U z), with what may stand around them."""

import jax
import jax.numpy as jnp
from blocks import BROKEN, CONSERVED, Block, gram, layer_norm, relu, rms_norm

WIDTH, HIDDEN = 3, 2
SHAPES = {
    "u1": (HIDDEN, WIDTH),
    "v1": (WIDTH, HIDDEN),
    "u2": (HIDDEN, WIDTH),
    "v2": (WIDTH, HIDDEN),
}
ENDS = {"in": (WIDTH, 2), "out": (2, WIDTH)}
BIASES = {"b1": (WIDTH,), "b2": (WIDTH,)}
_units = lambda p: jnp.concatenate(
    [jnp.sum(p["v" + k] ** 2, 0) - jnp.sum(p["u" + k] ** 2, 1) for k in "12"]
)


def _stream(activation=relu, before=lambda z: z, last=lambda z: z):
    def fn(p, x):
        z = p["in"] @ x if "in" in p else x
        for k in "12":
            z = z + p["v" + k] @ activation(p["u" + k] @ before(z))
            z = z + (p["b" + k] if "b" + k in p else 0)
        z = last(z)
        return p["out"] @ z if "out" in p else z

    return fn


def _whole(p, blocks="12", ends=True):
    """in inᵀ − outᵀ out + Σ V Vᵀ − Uᵀ U over these blocks, its upper triangle."""
    writers = [p["in"]] * ends + [p["v" + k] for k in blocks]
    readers = [p["out"]] * ends + [p["u" + k] for k in blocks]
    return gram(jnp.concatenate(writers, axis=1), jnp.concatenate(readers))


def _sums(p):
    """What a final LayerNorm adds: column sums of all that writes to the stream, row
    sums of all that reads it."""
    writers = [jnp.sum(p[k], 0) for k in ("in", "v1", "v2")]
    readers = [jnp.sum(p[k], 1) for k in ("u1", "u2", "out")]
    biases = jnp.stack([jnp.sum(p["b1"]), jnp.sum(p["b2"])])
    return jnp.concatenate([*writers, *readers, biases])


def _what_norms_do_not_see(p):
    """Tr S and 1ᵀS1 for S = in inᵀ + Σ V Vᵀ + b bᵀ − outᵀ out, without the U."""
    writers = [p[k] for k in ("in", "v1", "v2")] + [p["b1"][:, None], p["b2"][:, None]]
    w = jnp.concatenate(writers, axis=1)
    s = w @ w.T - p["out"].T @ p["out"]
    return jnp.stack([jnp.trace(s), jnp.sum(s)])


_size = lambda p: sum(jnp.sum(p[k] ** 2) for k in ("in", "v1", "v2", "b1", "b2"))
_difference = lambda p: jnp.sum(p["b1"]) - jnp.sum(p["b2"])
_row_sums = lambda p: jnp.concatenate([jnp.sum(p[k], 1) for k in ("u1", "u2")])

STREAMS = [
    Block(
        "two residual ReLU blocks",
        "[C] 4.6",
        SHAPES,
        _stream(),
        (WIDTH,),
        (WIDTH,),
        4,
        {"each block's units": (_units, CONSERVED)},
    ),
    Block(
        "across one skip: V₁, U₂ alone",
        "[C] 4.7",
        SHAPES | ENDS,
        _stream(),
        (2,),
        (2,),
        0,
        {"V₁V₁ᵀ − U₂ᵀU₂": (lambda p: gram(p["v1"], p["u2"]), BROKEN)},
        only=("['v1']", "['u2']"),
    ),
    Block(
        "the same with linear maps in and out",
        "here",
        SHAPES | ENDS,
        _stream(),
        (2,),
        (2,),
        10,
        {
            "each block's units": (_units, CONSERVED),
            "the whole stream": (_whole, CONSERVED),
            "the stream without a block": (lambda p: _whole(p, "1"), BROKEN),
            "the blocks without in and out": (lambda p: _whole(p, ends=False), BROKEN),
        },
    ),
    Block(
        "the same, tanh",
        "here",
        SHAPES | ENDS,
        _stream(jnp.tanh),
        (2,),
        (2,),
        6,
        {
            "each block's units": (_units, BROKEN),
            "the whole stream": (_whole, CONSERVED),
        },
    ),
    Block(
        "LayerNorm before each block, biases",
        "here",
        SHAPES | ENDS | BIASES,
        _stream(before=layer_norm),
        (2,),
        (2,),
        11,
        {
            "each block's units": (_units, CONSERVED),
            "Tr S, 1ᵀS1": (_what_norms_do_not_see, CONSERVED),
            "U1, a row": (_row_sums, CONSERVED),
            "1ᵀ(b₁ − b₂)": (_difference, CONSERVED),
            "1ᵀb₁": (lambda p: jnp.sum(p["b1"]), BROKEN),
            "the whole stream": (_whole, BROKEN),
        },
    ),
    Block(
        "and before the map out",
        "here",
        SHAPES | ENDS | BIASES,
        _stream(before=layer_norm, last=layer_norm),
        (2,),
        (2,),
        19,
        {
            "each block's units": (_units, CONSERVED),
            "1ᵀ of all that writes, ·1 of all that reads": (_sums, CONSERVED),
            "‖in‖² + Σ‖V‖² + ‖b‖²": (_size, CONSERVED),
            "the same without a block": (
                lambda p: _size(p) - jnp.sum(p["v2"] ** 2) - jnp.sum(p["b2"] ** 2),
                BROKEN,
            ),
        },
    ),
]
EXPERTS = 3


def _mixture(gate):
    def fn(p, x):
        # As in a pre-norm block. (Of inputs of any size discovery sees gates that are
        # saturated, whose gradients are round-off, and counts a law too few.)
        x = rms_norm(x)
        experts = jnp.einsum("eoh,eh->eo", p["a"], relu(p["w"] @ x) + p["c"])
        return gate(p["g"] @ x) @ experts

    return fn


def _mixture_block(name, source, gate, number, verdict):
    shapes = {"g": (EXPERTS, 2), "a": (EXPERTS, 2, 2), "w": (EXPERTS, 2, 2)}
    return Block(
        name,
        source,
        shapes | {"c": (EXPERTS, 2)},
        _mixture(gate),
        (2,),
        (2,),
        number,
        {"1ᵀG": (lambda p: jnp.sum(p["g"], 0), verdict)},
        only=("['g']",),
    )


def normalised_sigmoid(z):
    s = jax.nn.sigmoid(z)
    return s / jnp.sum(s)


GATES = [
    _mixture_block("gate: softmax", "[M]", jax.nn.softmax, 2, CONSERVED),
    _mixture_block(
        "gate: sigmoid, normalised", "[M], disputed", normalised_sigmoid, 0, BROKEN
    ),
    _mixture_block("gate: sigmoid", "[M]", jax.nn.sigmoid, 0, BROKEN),
]
