"""The problems of the comparison: float64, of the same bits on every machine.

The softplus networks follow the scripts of MLPGradientFlow.jl (Brea et al. 2023): a
teacher of 4 units with standard normal weights and biases, standard normal inputs, a
student with one hidden layer.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from sklearn.datasets import load_digits

import gfflow as gf

Data = tuple[np.ndarray, np.ndarray]


class Case(NamedTuple):
    """A problem, how far it is integrated, and how its error is measured.

    **Attributes:**

    - `name`, `title`.
    - `problem`: builds it.
    - `horizons`: flow times T, increasing; each is a run of its own from t = 0.
    - `activation`, `loss`: their names, for the gradient in extended precision.
    - `error`: `"state"` is ‖θ − θ*‖/‖θ*‖; `"direction"` is the same of θ/‖θ‖.
    - `budget`: gradient equivalents after which a contestant is stopped.
    """

    name: str
    title: str
    problem: Callable[[], gf.Problem]
    horizons: tuple[float, ...]
    activation: str
    loss: str
    error: Literal["state", "direction"] = "state"
    budget: float = 1e5


def softplus_teacher(inputs: int, seed: int, samples: int = 1000) -> Data:
    """x `(samples, inputs)` and y `(samples, 1)` of a teacher of 4 softplus units."""
    random = np.random.default_rng(seed)
    x = random.standard_normal((samples, inputs))
    weight, bias = random.standard_normal((4, inputs)), random.standard_normal(4)
    outer, offset = random.standard_normal(4), random.standard_normal()
    y = np.logaddexp(0, x @ weight.T + bias) @ outer + offset
    return x, y[:, None]


def softplus33() -> gf.Problem:
    """2 inputs, 8 hidden units, 33 parameters; λ_max 13 to 14 along the flow."""
    return _mlp([2, 8, 1], "softplus", 0.5**0.5, 5, softplus_teacher(2, 5))


def softplus601() -> gf.Problem:
    """4 inputs, 100 hidden units, 601 parameters; λ_max 139 to 140 along the flow."""
    return _mlp([4, 100, 1], "softplus", 0.75, 1, softplus_teacher(4, 1))


def deep_linear() -> gf.Problem:
    """Widths 5-8-8-3 on 200 samples of a random linear map with noise."""
    random = np.random.default_rng(0)
    x = random.standard_normal((200, 5))
    y = x @ random.standard_normal((5, 3)) + 0.1 * random.standard_normal((200, 3))
    model = gf.models.DeepLinear([5, 8, 8, 3], init_scale=0.5, key=jax.random.key(0))
    return gf.Problem(model, "mse", (x, y))


def relu_digits() -> gf.Problem:
    """64 inputs, 8 ReLU units, 10 outputs, 610 parameters, 50 digits."""
    return _mlp([64, 8, 10], "relu", 1.0, 0, digits(50))


def relu_quickstart() -> gf.Problem:
    """`configs/quickstart.toml`: 64 inputs, 16 ReLU units, 10 outputs, 1210 parameters,
    1000 digits, pixels of mean 0 and variance 1."""
    return _mlp([64, 16, 10], "relu", 1.0, 0, gf.data.digits(samples=1000))


def relu_small() -> gf.Problem:
    """2 inputs, 20 ReLU units, 1 output, 81 parameters, 50 samples: the flow slides
    along many kinks at once."""
    random = np.random.default_rng(7)
    x = random.standard_normal((50, 2))
    y = np.sin(2 * x[:, :1]) * x[:, 1:]
    inner = random.standard_normal((20, 2))
    outer = random.standard_normal((1, 20)) * np.sqrt(0.1)
    model = gf.models.MLP([2, 20, 1], activation="relu", key=jax.random.key(0))
    model = eqx.tree_at(
        lambda m: [layer.weight for layer in m.layers],
        model,
        [jnp.asarray(inner), jnp.asarray(outer)],
    )
    return gf.Problem(model, "mse", (x, y))


def tanh_digits() -> gf.Problem:
    """64 inputs, 128 tanh units, 10 outputs, 9610 parameters, 500 digits."""
    return _mlp([64, 128, 10], "tanh", 0.5, 0, digits(500))


def logistic_separable() -> gf.Problem:
    """Logistic regression without bias on two clouds in 8 dimensions with a margin."""
    random = np.random.default_rng(0)
    x = random.standard_normal((400, 8))
    normal = random.standard_normal(8)
    height = x @ normal / np.linalg.norm(normal)
    x, height = x[np.abs(height) > 0.3], height[np.abs(height) > 0.3]
    y = np.where(height > 0, 1.0, -1.0)[:, None]
    model = gf.models.DeepLinear([8, 1], init_scale=0.1, key=jax.random.key(0))
    return gf.Problem(model, "logistic", (x, y))


def digits(samples: int) -> Data:
    """Pixels of scikit-learn's digits over 16 `(samples, 64)`, one-hot labels."""
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))[:samples]
    return x[order] / 16, np.eye(10)[y[order]]


def _mlp(widths, activation, scale, seed, data) -> gf.Problem:
    key = jax.random.key(seed)
    model = gf.models.MLP(
        widths, activation=activation, init="he", init_scale=scale, key=key
    )
    return gf.Problem(model, "mse", data)


CASES = {
    case.name: case
    for case in (
        Case(
            "softplus33",
            "softplus teacher–student, 33 parameters",
            softplus33,
            (5e3, 5e4),
            "softplus",
            "mse",
        ),
        Case(
            "softplus601",
            "softplus teacher–student, 601 parameters",
            softplus601,
            (2e2, 1e3),
            "softplus",
            "mse",
            budget=4e4,
        ),
        Case(
            "deep_linear",
            "deep linear 5-8-8-3, 128 parameters",
            deep_linear,
            (1e3,),
            "identity",
            "mse",
        ),
        Case(
            "relu_digits",
            "ReLU on digits, 610 parameters",
            relu_digits,
            (2.0, 20.0),
            "relu",
            "mse",
        ),
        Case(
            "relu_quickstart",
            "ReLU on digits, 1210 parameters",
            relu_quickstart,
            (1.0,),
            "relu",
            "mse",
            budget=5e4,
        ),
        Case(
            "relu_small",
            "ReLU 2-20-1, 81 parameters",
            relu_small,
            (2.0, 30.0, 100.0, 1000.0),
            "relu",
            "mse",
        ),
        Case(
            "tanh_digits",
            "tanh on digits, 9610 parameters",
            tanh_digits,
            (2e3,),
            "tanh",
            "mse",
            budget=2e4,
        ),
        Case(
            "logistic_separable",
            "logistic regression, separable, 8 parameters",
            logistic_separable,
            (1e4, 1e6, 1e8),
            "identity",
            "logistic",
            error="direction",
        ),
    )
}
