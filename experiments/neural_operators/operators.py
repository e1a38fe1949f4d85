"""Two networks that learn operators between functions, with data and statements."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import gfflow as gf

Claim = tuple[Callable[[Any], Any], str]
CONSERVED, BROKEN = "conserved", "broken"
KEY = jax.random.key(0)


class Operator(NamedTuple):
    """**Attributes:**

    - `problem`: with data, of a size to train; `small`: of a size for discovery; the
        Fourier operator's, which takes minutes, is in zoo_laws.
    - `number`: of laws of the small one, by theory.
    - `claims`: by name a function of the model, and its verdict by theory.
    """

    name: str
    problem: Callable[[], gf.Problem]
    small: Callable[[], gf.Problem] | None
    number: int
    claims: dict[str, Claim]


def _upper(s):
    return s[jnp.triu_indices(len(s))]


def _random(model, shape) -> gf.Problem:
    random = np.random.default_rng(0)
    x = random.standard_normal((12, *shape))
    y = jax.eval_shape(jax.vmap(model), jnp.asarray(x))
    problem = gf.Problem(model, "mse", (x, random.standard_normal(y.shape)))
    # Biases that start at zero are not generic.
    draw = lambda a: 0.7 * jnp.asarray(random.standard_normal(a.shape))
    start = jax.tree_util.tree_map(draw, problem.parameters)
    return problem.with_parameters(start)


def _deeponet(activation: str):
    def problem():
        model = gf.models.DeepONet(
            [20, 16, 8], [1, 16, 8], activation=activation, key=KEY
        )
        return gf.Problem(model, "mse", gf.data.antiderivative(samples=100))

    def small():
        model = gf.models.DeepONet([2, 2, 2], [2, 2, 2], activation=activation, key=KEY)
        return _random(model, (4,))

    return problem, small


def _fourier(activation: str):
    def problem():
        # From f to the solution at time 0.1 of the heat equation on a circle.
        random, points, waves = np.random.default_rng(1), 32, 5
        spectrum = np.zeros((100, points // 2 + 1), complex)
        draw = random.standard_normal((2, 100, waves))
        spectrum[:, :waves] = (draw[0] + 1j * draw[1]) * points / 4
        spectrum[:, 0] = spectrum[:, 0].real
        later = spectrum * np.exp(-0.1 * np.arange(points // 2 + 1) ** 2)
        f, u = (np.fft.irfft(s, n=points)[:, None] for s in (spectrum, later))
        model = gf.models.FourierOperator(6, 5, 2, activation=activation, key=KEY)
        return gf.Problem(model, "mse", (f, u))

    return problem, None


def _product(m):
    ends = [
        jnp.concatenate([net.layers[-1].weight, net.layers[-1].bias[:, None]], axis=1)
        for net in (m.branch, m.trunk)
    ]
    return _upper(ends[0] @ ends[0].T - ends[1] @ ends[1].T)


def _units(m):
    parts = []
    for net in (m.branch, m.trunk):
        first, last = net.layers
        into = jnp.sum(first.weight**2, 1) + first.bias**2
        parts.append(jnp.sum(last.weight**2, 0) - into)
    return jnp.concatenate(parts)


def _no_bias(m):
    b, t = m.branch.layers[-1].weight, m.trunk.layers[-1].weight
    return _upper(b @ b.T - t @ t.T)


def _lift(m):
    first = m.layers[0]
    reads = [first.local, *first.real, *first.imaginary]
    return _upper(m.lift @ m.lift.T - sum(a.T @ a for a in reads))


def _lift_alone(m):
    return _upper(m.lift @ m.lift.T - m.layers[0].local.T @ m.layers[0].local)


def _channels(m):
    parts = []
    for k, layer in enumerate(m.layers):
        made = [layer.local, *layer.real, *layer.imaginary]
        reads = [m.project]
        if k + 1 < len(m.layers):
            after = m.layers[k + 1]
            reads = [after.local, *after.real, *after.imaginary]
        total = lambda arrays, axis: sum(jnp.sum(a**2, axis) for a in arrays)
        parts.append(total(reads, 0) - total(made, 1) - layer.bias**2)
    return jnp.concatenate(parts)


def _deeponet_claims(homogeneous: bool) -> dict[str, Claim]:
    return {
        "BBᵀ + bbᵀ − TTᵀ − ccᵀ": (_product, CONSERVED),
        "BBᵀ − TTᵀ": (_no_bias, BROKEN),
        "hidden units": (_units, CONSERVED if homogeneous else BROKEN),
    }


def _fourier_claims(homogeneous: bool) -> dict[str, Claim]:
    return {
        "PPᵀ − WᵀW − Σ RᵀR": (_lift, CONSERVED),
        "PPᵀ − WᵀW": (_lift_alone, BROKEN),
        "channels": (_channels, CONSERVED if homogeneous else BROKEN),
    }


OPERATORS = [
    Operator("DeepONet, ReLU", *_deeponet("relu"), 7, _deeponet_claims(True)),
    Operator("DeepONet, tanh", *_deeponet("tanh"), 3, _deeponet_claims(False)),
    Operator("Fourier operator, ReLU", *_fourier("relu"), 5, _fourier_claims(True)),
    Operator("Fourier operator, GELU", *_fourier("gelu"), 3, _fourier_claims(False)),
]
