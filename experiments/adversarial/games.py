"""Adversaries of a two-layer ReLU network, as a part of the parameters that ascends.

L is the cross-entropy, which the adversary maximises, without a penalty. What is said
of each law is proved in README.md.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import gfflow as gf

Claim = tuple[Callable[[dict[str, Any]], Any], str]
CONSERVED, BROKEN = "conserved", "broken"
STEP = 0.1


class Game(NamedTuple):
    """**Attributes:**

    - `fn`: of the arrays and a sample, an image and its number (or its label).
    - `adversary`: shapes of its arrays by the width of an image and the number of
        images, and hidden units.
    - `claims`: by name a function of the arrays, and its verdict by theory.
    """

    name: str
    adversary: Callable[[int, int, int], dict[str, tuple[int, ...]]]
    fn: Callable[..., Any]
    claims: dict[str, Claim]

    def flow(self) -> Any:
        """Descent, with ascent of the adversary where there is one."""
        paths = tuple(f"['{name}']" for name in self.adversary(1, 1, 1))
        return gf.SaddleFlow(paths) if paths else gf.GradientFlow()

    def problem(self, x, y, hidden: int, classes: int, seed: int = 0) -> gf.Problem:
        """On images `(N, width)` and labels; the adversary starts small."""
        random = np.random.default_rng(seed)
        samples, width = x.shape
        network = {
            "w1": random.standard_normal((hidden, width)) / np.sqrt(width),
            "b": 0.1 * random.standard_normal(hidden),
            "w2": random.standard_normal((classes, hidden)) / np.sqrt(hidden),
        }
        shapes = self.adversary(width, samples, hidden)
        start = {k: 0.05 * random.standard_normal(s) for k, s in shapes.items()}
        inputs = {"image": jnp.asarray(x), "number": jnp.arange(samples)}
        inputs["label"] = jnp.asarray(y)
        return gf.Problem.from_function(
            self.fn, network | start, "softmax_cross_entropy", (inputs, y)
        )


def _network(p, x):
    return p["w2"] @ jax.nn.relu(p["w1"] @ x + p["b"])


def _signed(p, sample):
    """FGSM: each image moved by the sign of the gradient of its own loss, and the
    derivative taken through that too."""
    loss = lambda x: -jax.nn.log_softmax(_network(p, x))[sample["label"]]
    return _network(
        p, sample["image"] + STEP * jnp.sign(jax.grad(loss)(sample["image"]))
    )


def _normalised(p, sample):
    """The same with g/√(|g|² + 0.01): its derivative is not 0."""
    loss = lambda x: -jax.nn.log_softmax(_network(p, x))[sample["label"]]
    g = jax.grad(loss)(sample["image"])
    return _network(p, sample["image"] + STEP * g / jnp.sqrt(g @ g + 0.01))


_units = lambda p: jnp.sum(p["w2"] ** 2, 0) - jnp.sum(p["w1"] ** 2, 1) - p["b"] ** 2
UNITS: dict[str, Claim] = {"‖w2[:,k]‖² − ‖w1[k,:]‖² − b_k²": (_units, CONSERVED)}
_upper = lambda s: s[jnp.triu_indices(len(s))]
_moved = lambda p: jnp.eye(len(p["a"])) + p["a"]
_pooled = lambda p: p["w1"].T @ p["w1"]

GAMES = [
    Game("none", lambda m, n, r: {}, lambda p, s: _network(p, s["image"]), UNITS),
    Game("FGSM inside of the loss", lambda m, n, r: {}, _signed, UNITS),
    Game("normalised gradient inside of it", lambda m, n, r: {}, _normalised, UNITS),
    Game(
        "a perturbation of each image",
        lambda m, n, r: {"d": (n, m)},
        lambda p, s: _network(p, s["image"] + p["d"][s["number"]]),
        UNITS,
    ),
    Game(
        "one perturbation of all images",
        lambda m, n, r: {"d": (m,)},
        lambda p, s: _network(p, s["image"] + p["d"]),
        UNITS,
    ),
    Game(
        "a linear map x + Ax",
        lambda m, n, r: {"a": (m, m)},
        lambda p, s: _network(p, s["image"] + p["a"] @ s["image"]),
        UNITS
        | {
            "W₁ᵀW₁ + (I + A)(I + A)ᵀ": (
                lambda p: _upper(_pooled(p) + _moved(p) @ _moved(p).T),
                CONSERVED,
            ),
            "W₁ᵀW₁ − (I + A)(I + A)ᵀ": (
                lambda p: _upper(_pooled(p) - _moved(p) @ _moved(p).T),
                BROKEN,
            ),
        },
    ),
    Game(
        "a ReLU network x + B relu(Ax)",
        lambda m, n, r: {"a": (r, m), "c": (m, r)},
        lambda p, s: _network(
            p, s["image"] + p["c"] @ jax.nn.relu(p["a"] @ s["image"])
        ),
        UNITS
        | {
            "‖B[:,k]‖² − ‖A[k,:]‖²": (
                lambda p: jnp.sum(p["c"] ** 2, 0) - jnp.sum(p["a"] ** 2, 1),
                CONSERVED,
            )
        },
    ),
    Game(
        "scales of the hidden units, 1 + s",
        lambda m, n, r: {"s": (r,)},
        lambda p, s: (
            p["w2"] @ ((1 + p["s"]) * jax.nn.relu(p["w1"] @ s["image"] + p["b"]))
        ),
        UNITS
        | {
            "‖w2[:,k]‖² + (1 + s_k)²": (
                lambda p: jnp.sum(p["w2"] ** 2, 0) + (1 + p["s"]) ** 2,
                CONSERVED,
            ),
            "‖w2[:,k]‖² − (1 + s_k)²": (
                lambda p: jnp.sum(p["w2"] ** 2, 0) - (1 + p["s"]) ** 2,
                BROKEN,
            ),
        },
    ),
    Game(
        "weights W₁ + P",
        lambda m, n, r: {"p": (r, m)},
        lambda p, s: p["w2"] @ jax.nn.relu((p["w1"] + p["p"]) @ s["image"] + p["b"]),
        {
            "W₁ + P": (lambda p: (p["w1"] + p["p"]).ravel(), CONSERVED),
            "W₁ − P": (lambda p: (p["w1"] - p["p"]).ravel(), BROKEN),
            "‖w2[:,k]‖² − ‖w1[k,:]‖² − b_k²": (_units, BROKEN),
            "the same with the weights in force, + ‖p[k,:]‖²": (
                lambda p: _units(p) + jnp.sum(p["p"] ** 2, 1),
                CONSERVED,
            ),
        },
    ),
]
