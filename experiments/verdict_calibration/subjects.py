"""Models written by hand, their laws, and a way to make each law false by ε.

Every subject is one set of compiled programs: ε, the parameters and the data are
arrays.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import gfflow as gf

SAMPLES = 16


class Net(eqx.Module):
    """Named arrays, a function of them and x, and an ε that no gradient moves."""

    arrays: dict[str, jax.Array]
    eps: jax.Array
    function: Callable[..., jax.Array] = eqx.field(static=True)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.function(x, self.eps, **self.arrays)


class Value(eqx.Module):
    """T + εF of the arrays and the time; T is a law where ε of the model is 0."""

    true: Callable[..., jax.Array] = eqx.field(static=True)
    other: Callable[..., jax.Array] = eqx.field(static=True)
    eps: jax.Array

    def __call__(self, t: Any, model: Net) -> jax.Array:
        law = self.true(**model.arrays)
        return law + self.eps * self.other(t, law, model.arrays)


class Subject(NamedTuple):
    """A kind of model with one law.

    - `shapes`: of its arrays; `inputs`, `outputs`: of one sample.
    - `function`: of (x, ε, arrays); with ε ≠ 0 the law is false by about ε.
    - `law`: T, of the arrays; `term`: a term of it, to leave out or to scale.
    - `loss`: with an ε of its own where `broken_loss`.
    """

    shapes: dict[str, tuple[int, ...]]
    inputs: tuple[int, ...]
    outputs: int
    function: Callable[..., jax.Array]
    law: Callable[..., jax.Array]
    term: Callable[..., jax.Array]
    loss: str = "mse"


def _relu(x, eps, A, b, B):
    z = A @ x + b
    return B @ (jax.nn.relu(z) + eps * jnp.tanh(z))


def _deep(x, eps, A, B, C):
    leaky = lambda z: jax.nn.leaky_relu(z, 0.2) + eps * jnp.tanh(z)
    return C @ leaky(B @ leaky(A @ x))


def _normalised(x, eps, W, R):
    z = W @ x
    z = z - jnp.mean(z)
    return R @ (z / jnp.sqrt(jnp.mean(z**2) + eps))


def _rms(x, eps, W, R):
    z = W @ x
    return R @ (z / jnp.sqrt(jnp.mean(z**2) + eps))


def _attention(x, eps, q, k, v, p, c):
    scores = jnp.outer(x @ q + p, x @ k + c)
    scores = scores + eps * jnp.tanh(x @ k)[None]
    return (jax.nn.softmax(scores, axis=-1) @ (x @ v))[:2]


def _convolution(x, eps, K, R):
    z = jnp.convolve(x, K, mode="valid")
    return R @ (jax.nn.relu(z) + eps * jnp.tanh(z))


def _swiglu(x, eps, A, B, C):
    return A @ (jax.nn.silu(B @ x) * (C @ x + eps * jnp.tanh(C @ x)))


def _logits(x, eps, W, b):
    z = W @ x + b
    return z + eps * z**2


square = lambda a: jnp.sum(a**2)

SUBJECTS = {
    "ReLU with biases": Subject(
        {"A": (3, 3), "b": (3,), "B": (2, 3)},
        (3,),
        2,
        _relu,
        lambda A, b, B: square(B[:, 0]) - square(A[0]) - b[0] ** 2,
        lambda A, b, B: b[0] ** 2,
    ),
    "leaky ReLU, three layers": Subject(
        {"A": (3, 3), "B": (3, 3), "C": (2, 3)},
        (3,),
        2,
        _deep,
        lambda A, B, C: jnp.sum(B**2, 0) - jnp.sum(A**2, 1),
        lambda A, B, C: jnp.sum(A**2, 1),
    ),
    "LayerNorm": Subject(
        {"W": (5, 3), "R": (2, 5)},
        (3,),
        2,
        _normalised,
        lambda W, R: square(W),
        lambda W, R: square(W[0]),
    ),
    "RMSNorm": Subject(
        {"W": (4, 3), "R": (2, 4)},
        (3,),
        2,
        _rms,
        lambda W, R: square(W),
        lambda W, R: square(W[0]),
    ),
    "attention with biases": Subject(
        {"q": (3,), "k": (3,), "v": (3,), "p": (), "c": ()},
        (4, 3),
        2,
        _attention,
        lambda q, k, v, p, c: square(q) + p**2 - square(k),
        lambda q, k, v, p, c: p**2,
    ),
    "convolution": Subject(
        {"K": (3,), "R": (2, 5)},
        (7,),
        2,
        _convolution,
        lambda K, R: square(R) - square(K),
        lambda K, R: square(K),
    ),
    "SwiGLU": Subject(
        {"A": (2, 4), "B": (4, 3), "C": (4, 3)},
        (3,),
        2,
        _swiglu,
        lambda A, B, C: jnp.sum(A**2, 0) - jnp.sum(C**2, 1),
        lambda A, B, C: jnp.sum(C**2, 1),
    ),
    "softmax regression": Subject(
        {"W": (3, 3), "b": (3,)},
        (3,),
        3,
        _logits,
        lambda W, b: jnp.sum(W, 0),
        lambda W, b: W[0],
        "softmax_cross_entropy",
    ),
}


def problem_of(subject: Subject, seed: int, eps: float, dtype: str) -> gf.Problem:
    """Random parameters and data."""
    random = np.random.default_rng(seed)
    draw = lambda *shape: jnp.asarray(random.standard_normal(shape), dtype)
    arrays = {name: draw(*shape) for name, shape in subject.shapes.items()}
    model = Net(arrays, jnp.asarray(eps, dtype), subject.function)
    targets = draw(SAMPLES, subject.outputs)
    if subject.loss != "mse":
        targets = jnp.asarray(random.integers(0, subject.outputs, SAMPLES))
    data = draw(SAMPLES, *subject.inputs), targets
    weights = np.ones(SAMPLES, dtype)
    trainable = lambda net: net.arrays
    return gf.Problem(model, subject.loss, data, weights=weights, trainable=trainable)
