"""Small edits of one network, and what they do to its laws."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import gfflow as gf

from ..variants import variants
from .hand_written import Written, relu
from .test_known_laws import weigh

FLOW = gf.GradientFlow()
SHAPES = {
    "w1": (4, 3),
    "b1": (4,),
    "w2": (4, 4),
    "b2": (4,),
    "w3": (3, 4),
    "b3": (3,),
}


class Edit(NamedTuple):
    """- `fn`: logits of the arrays and a sample.
    - `laws`: 4 a hidden layer, 4 column sums and a sum at first, and what is left.
    """

    fn: Callable
    laws: int
    more: dict[str, tuple[int, ...]] = {}
    loss: Callable | str = "softmax_cross_entropy"
    options: dict = {}


def first(p, x):
    return relu(p["w1"] @ x + p["b1"])


def second(p, h, activation=relu):
    return activation(p["w2"] @ h + p["b2"])


def last(p, h):
    return p["w3"] @ h + p["b3"]


def plain(p, x):
    return last(p, second(p, first(p, x)))


def smoothed(logits, target):
    return optax.softmax_cross_entropy(logits, 0.9 * target + 0.1 / 3)


def of_layers():
    """Rates 1, 2, 5 of the three layers."""
    rates = {"1": 1.0, "2": 2.0, "3": 5.0}
    return {f"p['{name}']": rates[name[1]] for name in SHAPES}


EDITS = {
    "none": Edit(plain, 13),
    "one more bias": Edit(
        lambda p, x: last(p, second(p, relu(p["w1"] @ x + p["b1"] + p["c"]))),
        17,
        more={"c": (4,)},
    ),
    "another activation in one layer": Edit(
        lambda p, x: last(p, second(p, first(p, x), jnp.tanh)), 9
    ),
    # D₂ = D₁ for the units of all three layers that the one array is between.
    "a layer that is used twice": Edit(
        lambda p, x: last(p, second(p, second(p, first(p, x)))), 9
    ),
    # It adds to the logits what has no gradient: each current is as before.
    "a detached branch": Edit(
        lambda p, x: plain(p, x) + jnp.tanh(jax.lax.stop_gradient(first(p, x))[:3]), 13
    ),
    # The units of both layers are scaled together.
    "a scaled skip": Edit(
        lambda p, x: last(p, 0.5 * first(p, x) + second(p, first(p, x))), 9
    ),
    "a frozen layer": Edit(
        plain,
        5,
        options={"trainable": [f"p['{n}']" for n in ("w1", "b1", "w3", "b3")]},
    ),
    "rates by layer": Edit(plain, 13, options={"time_scale": of_layers()}),
    "label smoothing": Edit(plain, 13, loss=smoothed),
    # No loss sees a shift of clipped logits, and the hidden units are as before.
    "clipped logits": Edit(lambda p, x: jnp.clip(plain(p, x), -3.0, 3.0), 8),
    # ‖W₂‖² among the logits: no unit can be scaled, but all of both layers together.
    "a penalty on one layer": Edit(
        lambda p, x: plain(p, x) + jnp.array([1.0, 0, 0]) * jnp.sum(p["w2"] ** 2), 6
    ),
}
QUICK = ("a layer that is used twice", "clipped logits")


@pytest.mark.parametrize("name", variants(list(EDITS), slow=set(EDITS) - set(QUICK)))
def test_an_edit(name):
    edit = EDITS[name]
    random = np.random.default_rng(3)
    draw = lambda shape: jnp.asarray(random.standard_normal(shape))
    arrays = {n: draw(shape) for n, shape in (SHAPES | edit.more).items()}
    data = random.standard_normal((12, 3)), np.eye(3)[random.integers(0, 3, 12)]
    model = Written(arrays, edit.fn)
    problem = gf.Problem(model, edit.loss, data, **edit.options)
    laws = gf.known_laws(problem, FLOW)
    rank, off = weigh(problem, laws) if laws else (0, 0)
    assert rank == edit.laws and off < 1e-12
