"""Twenty small smooth problems, in two precisions, and four with kinks.

Each is stated once.

A formula is written with the functions of `arithmetic`, so that JAX and heyoka read
the same lines. Float64, of the same bits on every machine.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from arithmetic import Arithmetic, Floats
from jaxtyping import Array

import gfflow as gf

SINGLE = " (float32)"
TUNED = (
    *("linear2", "tanh_long", "softplus", "gelu", "sigmoid", "logistic", "separable"),
    *("factorisation", "quadratic", "classifier", "normalised", "decay", "relu"),
)
Formula = Callable[[Any, Any, Arithmetic], Any]


class Case(NamedTuple):
    """A problem and how far it is integrated.

    **Attributes:**

    - `name`: and `about`, what it is.
    - `formula`: `(parameters, x, arithmetic) -> prediction` of one sample.
    - `criterion`: `(prediction, y, arithmetic) -> loss` of one sample.
    - `start`: name → array of parameters.
    - `data`: x and y, the samples leading.
    - `t1`: flow time.
    - `decay`: λ of the weight decay.
    - `friction`: τ of a heavy ball; `None` for gradient flow.
    """

    name: str
    about: str
    formula: Formula
    criterion: Formula
    start: dict[str, np.ndarray]
    data: tuple[np.ndarray, np.ndarray]
    t1: float
    decay: float = 0.0
    friction: float | None = None

    @property
    def tuned(self) -> bool:
        """Whether the certificate's form and constants were set on it."""
        return self.name.removesuffix(SINGLE) in TUNED

    @property
    def flow(self) -> gf.flows.AbstractFlow:
        """The flow to integrate."""
        if self.friction is None:
            return gf.GradientFlow(weight_decay=self.decay)
        return gf.MomentumFlow(self.friction, weight_decay=self.decay)

    @property
    def single(self) -> "Case":
        """The same in single precision, with start and data rounded to it."""
        start = {name: np.float32(value) for name, value in self.start.items()}
        data = tuple(np.float32(values) for values in self.data)
        return self._replace(name=self.name + SINGLE, start=start, data=data)

    def problem(self) -> gf.Problem:
        """For gfflow."""
        loss = lambda prediction, y: self.criterion(prediction, y, Floats)
        return gf.Problem(Written(self.start, self.formula), loss, self.data)


class Written(eqx.Module):
    """A model by its formula."""

    parameters: dict[str, Array]
    formula: Formula = eqx.field(static=True)

    def __init__(self, start, formula):
        self.parameters = {name: jnp.asarray(value) for name, value in start.items()}
        self.formula = formula

    def __call__(self, x):
        return self.formula(self.parameters, x, Floats)


def squares(z, y, f):
    """½|z − y|²."""
    return 0.5 * f.sum((z - y) ** 2)


def logistic(z, y, f):
    """log(1 + exp(−yz)), y = ±1."""
    return f.sum(f.softplus(-y * z))


def cross_entropy(z, y, f):
    """log Σ exp(z) − y·z, y one-hot."""
    return f.log(f.sum(f.exp(z))) - f.sum(y * z)


def network(*activations: str) -> Formula:
    """Layers W, b with these activations between; b where there is one."""

    def formula(p, x, f):
        for layer in range(len(activations) + 1):
            x = p[f"W{layer}"] @ x
            if f"b{layer}" in p:
                x = x + p[f"b{layer}"]
            if layer < len(activations):
                x = ACTIVATIONS[activations[layer]](x, f)
        return x

    return formula


ACTIVATIONS: dict[str, Callable[[Any, Arithmetic], Any]] = {
    "identity": lambda z, f: z,
    "square": lambda z, f: z**2,
    "tanh": lambda z, f: f.tanh(z),
    "sigmoid": lambda z, f: f.sigmoid(z),
    "softplus": lambda z, f: f.softplus(z),
    "sine": lambda z, f: f.sin(z),
    "gelu": lambda z, f: 0.5 * z * (1.0 + f.erf(z * 0.7071067811865476)),
    "relu": lambda z, f: f.relu(z),
}


def attention(p, x, f):
    """One head on four scalar tokens, mean output."""
    query, key = p["query"] * x, p["key"] * x
    rows = [f.exp(query[i] * key) for i in range(4)]
    heads = [f.sum(row * (p["value"] * x)) / f.sum(row) for row in rows]
    return p["out"] * (heads[0] + heads[1] + heads[2] + heads[3]) / 4.0


def normalised(p, x, f):
    """g w·x/|w| + b."""
    return p["g"] * (f.sum(p["w"] * x) / f.sqrt(f.sum(p["w"] ** 2))) + p["b"]


def layers(widths, seed, scale=1.0, bias=True) -> dict[str, np.ndarray]:
    """Normal weights of variance scale²/inputs, biases of a tenth of that."""
    random = np.random.default_rng(seed)
    found = {}
    for layer, (into, out) in enumerate(zip(widths, widths[1:])):
        weight = random.standard_normal((out, into))
        found[f"W{layer}"] = scale * weight / into**0.5
        if bias:
            found[f"b{layer}"] = 0.1 * scale * random.standard_normal(out)
    return found


def cloud(samples, inputs, outputs, seed, noise=0.1) -> tuple[np.ndarray, np.ndarray]:
    """x `(samples, inputs)`, and y of sines of it with noise."""
    random = np.random.default_rng(1000 + seed)
    x = random.standard_normal((samples, inputs))
    y = np.sin(x @ random.standard_normal((inputs, outputs)))
    return x, y + noise * random.standard_normal(y.shape)


def labelled(samples, inputs, seed, noise) -> tuple[np.ndarray, np.ndarray]:
    """y = ±1 by the side of a plane, and by a margin of 0.3 where there is no noise."""
    random = np.random.default_rng(2000 + seed)
    x = random.standard_normal((samples, inputs))
    side = x[:, 0] + noise * random.standard_normal(samples)
    y = np.where(side > 0, 1.0, -1.0)
    if not noise:
        x[:, 0] += 0.3 * y
    return x, y[:, None]


def classes(samples, inputs, seed) -> tuple[np.ndarray, np.ndarray]:
    """Three classes at random, one-hot."""
    random = np.random.default_rng(3000 + seed)
    x = random.standard_normal((samples, inputs))
    return x, np.eye(3)[random.integers(0, 3, samples)]


def _attention_data(seed):
    random = np.random.default_rng(seed)
    x = random.standard_normal((8, 4))
    return x, x.max(axis=1)


def _normal(seed, **shapes):
    random = np.random.default_rng(seed)
    return {name: random.standard_normal(shape) for name, shape in shapes.items()}


def _smooth() -> tuple[Case, ...]:
    basis = np.eye(4)
    small = {k: 1e-3 * v for k, v in layers([4, 2, 4], 13, 1.0, bias=False).items()}
    spread = np.diag(10.0 ** np.linspace(-2, 1, 6)) * 6**0.5
    plane = _normal(9, W0=(1, 5), b0=(1,))
    return (
        Case(
            "linear2",
            "two linear layers",
            network("identity"),
            squares,
            layers([3, 4, 2], 1, bias=False),
            cloud(8, 3, 2, 1),
            5.0,
        ),
        Case(
            "linear3",
            "three linear layers",
            network("identity", "identity"),
            squares,
            layers([3, 3, 3, 2], 2, 0.5, bias=False),
            cloud(8, 3, 2, 2),
            30.0,
        ),
        Case(
            "tanh_short",
            "tanh, a short time",
            network("tanh"),
            squares,
            layers([2, 6, 1], 3),
            cloud(8, 2, 1, 3),
            1.0,
        ),
        Case(
            "tanh_long",
            "tanh, a long time",
            network("tanh"),
            squares,
            layers([2, 4, 1], 4),
            cloud(6, 2, 1, 4),
            300.0,
        ),
        Case(
            "softplus",
            "softplus",
            network("softplus"),
            squares,
            layers([2, 6, 1], 5),
            cloud(8, 2, 1, 5),
            100.0,
        ),
        Case(
            "gelu",
            "GELU (erf)",
            network("gelu"),
            squares,
            layers([2, 5, 1], 6),
            cloud(6, 2, 1, 6),
            10.0,
        ),
        Case(
            "sigmoid",
            "sigmoid, two hidden layers",
            network("sigmoid", "sigmoid"),
            squares,
            layers([2, 3, 3, 1], 7, 3.0),
            cloud(6, 2, 1, 7),
            50.0,
        ),
        Case(
            "sine",
            "sine",
            network("sine"),
            squares,
            layers([1, 6, 1], 8, 2.0),
            cloud(8, 1, 1, 8),
            5.0,
        ),
        Case(
            "logistic",
            "logistic regression, a minimum",
            network(),
            logistic,
            plane,
            labelled(20, 5, 9, 1.0),
            30.0,
        ),
        Case(
            "separable",
            "logistic regression, separable",
            network(),
            logistic,
            plane,
            labelled(12, 5, 10, 0.0),
            1e3,
        ),
        Case(
            "softmax",
            "softmax regression",
            network(),
            cross_entropy,
            _normal(11, W0=(3, 3), b0=(3,)),
            classes(12, 3, 11),
            50.0,
        ),
        Case(
            "phase",
            "squared units (phase retrieval)",
            network("square"),
            squares,
            layers([3, 4, 1], 12, bias=False),
            cloud(10, 3, 1, 12),
            10.0,
        ),
        Case(
            "factorisation",
            "matrix factorisation from a small start",
            network("identity"),
            squares,
            small,
            (basis, np.random.default_rng(13).standard_normal((4, 4))),
            60.0,
        ),
        Case(
            "quadratic",
            "quadratic of condition 1e6",
            network(),
            squares,
            _normal(14, W0=(1, 6)),
            (spread, np.zeros((6, 1))),
            1e3,
        ),
        Case(
            "attention",
            "softmax attention, d = 1",
            attention,
            squares,
            {
                k: np.array(v)
                for k, v in (("query", 0.7), ("key", 0.9), ("value", 0.5), ("out", 1.1))
            },
            _attention_data(15),
            50.0,
        ),
        Case(
            "normalised",
            "a normalised linear model",
            normalised,
            squares,
            _normal(16, w=(5,)) | {"g": np.array(0.5), "b": np.array(0.1)},
            tuple(
                a.reshape(8, -1)[:, 0] if i else a
                for i, a in enumerate(cloud(8, 5, 1, 16))
            ),
            20.0,
        ),
        Case(
            "heavy_ball",
            "heavy ball, tanh",
            network("tanh"),
            squares,
            layers([2, 4, 1], 17),
            cloud(6, 2, 1, 17),
            20.0,
            friction=0.25,
        ),
        Case(
            "decay",
            "weight decay, softplus",
            network("softplus"),
            squares,
            layers([2, 5, 1], 18),
            cloud(8, 2, 1, 18),
            20.0,
            decay=0.125,
        ),
        Case(
            "saddle",
            "past a saddle",
            network("identity"),
            squares,
            {"W0": np.array([[1.0], [0.5]]), "W1": np.array([[-1.0 + 1e-4, -0.5]])},
            (np.ones((1, 1)), np.full((1, 1), 1.0)),
            15.0,
        ),
        Case(
            "classifier",
            "tanh, cross-entropy",
            network("tanh"),
            cross_entropy,
            layers([2, 4, 3], 20),
            classes(8, 2, 20),
            100.0,
        ),
    )


def _with_kinks() -> tuple[Case, ...]:
    """Of seeds at which no kink holds the flow, so that there is a reference."""
    return (
        Case(
            "relu",
            "ReLU",
            network("relu"),
            squares,
            layers([2, 5, 1], 38),
            cloud(6, 2, 1, 38),
            20.0,
        ),
        Case(
            "relu_wide",
            "ReLU, more units",
            network("relu"),
            squares,
            layers([2, 8, 1], 26),
            cloud(8, 2, 1, 26),
            10.0,
        ),
        Case(
            "relu_deep",
            "ReLU, two hidden layers",
            network("relu", "relu"),
            squares,
            layers([2, 4, 4, 1], 27),
            cloud(6, 2, 1, 27),
            2.0,
        ),
        Case(
            "relu_decay",
            "ReLU, weight decay",
            network("relu"),
            logistic,
            layers([2, 5, 1], 29),
            labelled(8, 2, 29, 1.0),
            6.0,
            decay=0.02,
        ),
    )


SMOOTH = {case.name: case for case in _smooth()}
WITH_KINKS = {case.name: case for case in _with_kinks()}
IN_SINGLE = {case.single.name: case.single for case in SMOOTH.values()}
CASES = SMOOTH | WITH_KINKS | IN_SINGLE
