"""An architecture, a loss, data and a flow from a seed."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from blocks import BLOCKS, SEQUENCES, VECTORS, Block, affine, chance, one_of, width

import gfflow as gf

MOST_PARAMETERS, SAMPLES = 100, 8


class Architecture(NamedTuple):
    """- `kinds`: of its blocks; `words`: block by block, loss and flow."""

    problem: gf.Problem
    flow: gf.flows.AbstractFlow
    kinds: tuple[str, ...]
    words: str


def smoothed(logits, label):
    """Cross-entropy with a tenth of a label spread over all classes, the last axis."""
    classes = logits.shape[-1]
    wanted = 0.9 * jax.nn.one_hot(label, classes, dtype=logits.dtype) + 0.1 / classes
    return -jnp.mean(jnp.sum(wanted * jax.nn.log_softmax(logits, axis=-1), axis=-1))


def architecture(seed: int) -> Architecture:
    """The first that the seed gives of at most a hundred parameters, and some."""
    random = np.random.default_rng(seed)
    while True:
        kinds, blocks, inputs, tokens, tie = _composed(random)
        size = sum(int(np.prod(s)) for b in blocks for s in b.shapes.values())
        if 2 <= size <= MOST_PARAMETERS:
            break
    params = {
        f"{n}": {name: _start(random, shape) for name, shape in block.shapes.items()}
        for n, block in enumerate(blocks)
        if block.shapes
    }
    loss, targets, loss_words = _loss(random, blocks[-1].out)
    flow, rates, flow_words = _flow(random, params)
    problem = gf.Problem.from_function(
        _function(blocks, tie), params, loss, (inputs, targets), time_scale=rates
    )
    what = f"tokens of {tokens}" if tokens else f"{inputs.shape[1:]}"
    words = [what, *(b.words for b in blocks), loss_words, flow_words]
    return Architecture(problem, flow, tuple(kinds), "; ".join(filter(None, words)))


def _composed(random):
    """Kinds, blocks, inputs, the number of tokens, and the block whose table reads."""
    what = one_of(random, ("vector", "vector", "sequence", "sequence", "tokens"))
    n, length = width(random), int(random.integers(2, 4))
    shape = (n,) if what == "vector" else (length, n)
    inputs, tokens, kinds, blocks = None, 0, [], []
    if what == "tokens":
        tokens = int(random.integers(3, 5))
        kinds.append("embedding")
        blocks.append(_embedding(random, tokens, shape))
        inputs = random.integers(0, tokens, (SAMPLES, length))
    else:
        inputs = random.standard_normal((SAMPLES, *shape))
    for _ in range(int(random.integers(1, 4))):
        kinds.append(one_of(random, VECTORS if what == "vector" else SEQUENCES))
        blocks.append(BLOCKS[kinds[-1]](random, shape))
        shape = blocks[-1].out
    tie = tokens and shape[-1] == n and chance(random)
    if tie:
        kinds.append("tied head")
        blocks.append(Block({}, lambda p, x: x, (*shape[:-1], tokens), "tied head"))
    elif chance(random, 0.8):
        kinds.append("head")
        blocks.append(_head(random, shape))
    return kinds, blocks, inputs, tokens, bool(tie)


def _function(blocks: list[Block], tie: bool) -> Callable[[Any, Any], Any]:
    """(arrays, x) → block after block; a head that is tied reads by the first table."""

    def apply(p, x):
        for n, block in enumerate(blocks):
            x = block.fn(p.get(f"{n}", {}), x)
        return x @ p["0"]["e"].T if tie else x

    return apply


def _embedding(random, tokens: int, shape: tuple[int, int]) -> Block:
    """Rows of a table by a look-up, or by one-hot vectors; with positions or not."""
    length, n = shape
    hot, placed = chance(random), chance(random, 0.4)

    def fn(p, x):
        x = x % tokens
        z = jax.nn.one_hot(x, tokens, dtype=p["e"].dtype) @ p["e"] if hot else p["e"][x]
        return z + p["p"] if placed else z

    shapes: dict[str, tuple[int, ...]] = {"e": (tokens, n)}
    shapes |= {"p": (length, n)} if placed else {}
    words = f"embedding {n}{' by one-hot' * hot}{', positions' * placed}"
    return Block(shapes, fn, shape, words)


def _head(random, shape) -> Block:
    """A linear map, of each position, of their mean, or of all of them together."""
    m, bias = width(random), chance(random)
    way = one_of(random, ("each", "mean", "flat")) if len(shape) == 2 else "each"
    gather = {
        "each": lambda x: x,
        "mean": lambda x: jnp.mean(x, axis=0),
        "flat": lambda x: x.ravel(),
    }[way]
    n = int(np.prod(shape)) if way == "flat" else shape[-1]
    return Block(
        {"w": (m, n)} | ({"b": (m,)} if bias else {}),
        lambda p, x: affine(p, gather(x)),
        (*(shape[:-1] if way == "each" else ()), m),
        f"head {m}{' + b' * bias}" + (f" of {way}" if len(shape) == 2 else ""),
    )


def _loss(random, out: tuple[int, ...]):
    """The loss, targets for it, and its name."""
    classes = out[-1]
    labels = random.integers(0, classes, (SAMPLES, *out[:-1]))
    if classes == 1 or chance(random, 0.55):
        return "mse", random.standard_normal((SAMPLES, *out)), "mse"
    if chance(random, 0.3):
        return smoothed, labels, "smoothed labels"
    name = "softmax_cross_entropy" if len(out) == 1 else "sequence_cross_entropy"
    return name, labels, "cross-entropy"


def _flow(random, params):
    """A flow, the rates of the parameters, and what these are called."""
    draw = random.random()
    if draw < 0.7:
        return gf.GradientFlow(), 1.0, ""
    if draw < 0.85:
        paths = [f"['{n}']['{name}']" for n in params for name in params[n]]
        chosen = [path for path in paths if chance(random, 0.4)] or paths[:1]
        rates = {path: one_of(random, (0.5, 2.0, 3.0)) for path in chosen}
        return gf.GradientFlow(), rates, "rates by array"
    return gf.flows.WeightDecay(gf.GradientFlow(), 0.1), 1.0, "weight decay"


def _start(random, shape):
    return 0.7 * random.standard_normal(shape)
