"""Reading chains of linear layers, and the activations between them, off a model."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ..models import MLP, DeepLinear, identity
from ..problem import joined, named_leaves


class Layer(NamedTuple):
    """A linear layer of a chain: the paths of its arrays and what follows it."""

    weight: str
    bias: str | None
    activation: Callable


class Chain(NamedTuple):
    """Layers applied one after the other; `output` if they end at the model's."""

    layers: tuple[Layer, ...]
    output: bool


def chains(model: Any) -> list[Chain]:
    """The chains of `eqx.nn.Linear` layers in a model, at any depth.

    Read from `gfflow.models.MLP`, `DeepLinear`, `eqx.nn.MLP`, `eqx.nn.Sequential` of
    linear layers and elementwise functions, and a lone `eqx.nn.Linear`. Whatever the
    model does around a chain, the chain is a function of its own parameters, so its
    symmetries are the model's. What is inside `eqx.nn.Shared` is tied to something
    else, and is left out.
    """
    known = (MLP, DeepLinear, eqx.nn.MLP, eqx.nn.Sequential, eqx.nn.Linear)
    stop = lambda x: type(x) in known or isinstance(x, eqx.nn.Shared)
    found = []
    for prefix, part in named_leaves(model, is_leaf=stop):
        if type(part) in known:
            runs = _read(part, prefix)
            for layers in runs:
                if layers:
                    output = part is model and layers is runs[-1]
                    found.append(Chain(tuple(layers), output))
    return found


def neighbours(model: Any) -> list[tuple[Layer, Layer]]:
    """The pairs of layers of a model that follow one another in a chain."""
    return [
        pair for chain in chains(model) for pair in zip(chain.layers, chain.layers[1:])
    ]


def homogeneity(activation: Callable) -> float | None:
    """q if σ(λz) = λ^q σ(z) for all z and all λ > 0 (elementwise), else `None`.

    Euler's identity z σ'(z) = q σ(z) is tried at points from 10⁻³ to 10³ of both signs.
    """
    points = np.array([1e-3, 0.1, 0.7, 1.3, 3.1, 7.9, 50.0, 1e3])
    with jax.ensure_compile_time_eval():
        points = jnp.asarray(np.concatenate([-points[::-1], points]), float)
        try:
            value, each, slope = _tried(activation, points)
        except Exception:
            return None
    if value.shape != points.shape:
        return None
    tolerance = 1e3 * float(jnp.finfo(points.dtype).eps)
    value, each, slope, z = (np.asarray(a) for a in (value, each, slope, points))
    if not np.all(np.isfinite(value)) or not np.allclose(value, each, tolerance):
        return None
    live = np.abs(value) > 0
    if not live.any() or np.any(slope[~live] != 0):
        return None
    ratio = z[live] * slope[live] / value[live]
    q = float(np.round(ratio[0], 6))
    return q if q > 0 and np.all(np.abs(ratio - q) <= tolerance * max(1, q)) else None


@eqx.filter_jit
def _tried(activation: Callable, points: Array) -> tuple[Array, Array, Array]:
    """All values at once, each by itself, and each slope."""
    slope = jax.vmap(jax.grad(lambda z: activation(z)))(points)
    return activation(points), jax.lax.map(activation, points), slope


def is_linear(activation: Callable) -> bool:
    """Whether σ(z) = cz elementwise for one c ≠ 0."""
    if homogeneity(activation) != 1.0:
        return False
    with jax.ensure_compile_time_eval():
        one = jnp.asarray(1.0)
        return bool(activation(-one) == -activation(one))


def _read(part: Any, prefix: str) -> list[list[Layer]]:
    """The chains of a known module, the last of them at its output if not empty."""
    if isinstance(part, eqx.nn.Linear):
        return [[_layer(part, prefix, identity)]]
    if isinstance(part, eqx.nn.Sequential):
        return _read_sequential(part, prefix)
    last = len(part.layers) - 1
    layers = []
    for index, layer in enumerate(part.layers):
        if isinstance(part, DeepLinear):
            activation = identity
        else:
            activation = part.final_activation if index == last else part.activation
        layers.append(_layer(layer, joined(prefix, f"layers[{index}]"), activation))
    return [layers]


def _read_sequential(part: eqx.nn.Sequential, prefix: str) -> list[list[Layer]]:
    """Runs of Linear, each followed by functions; anything else ends a run."""
    runs: list[list[Layer]] = [[]]
    for index, layer in enumerate(part.layers):
        path = joined(prefix, f"layers[{index}]")
        if isinstance(layer, eqx.nn.Linear):
            runs[-1].append(_layer(layer, path, identity))
        elif isinstance(layer, eqx.nn.Lambda) and runs[-1]:
            before = runs[-1][-1]
            after = _compose(layer.fn, before.activation)
            runs[-1][-1] = before._replace(activation=after)
        elif not isinstance(layer, eqx.nn.Identity):
            runs.extend(_inside(layer, path))
            runs.append([])
    return runs


def _inside(layer: Any, path: str) -> list[list[Layer]]:
    return [
        [
            entry._replace(
                weight=joined(path, entry.weight),
                bias=entry.bias and joined(path, entry.bias),
            )
            for entry in chain.layers
        ]
        for chain in chains(layer)
    ]


def _compose(outer: Callable, inner: Callable) -> Callable:
    return outer if inner is identity else lambda x: outer(inner(x))


def _layer(layer: eqx.nn.Linear, path: str, activation: Callable) -> Layer:
    bias = joined(path, "bias") if layer.use_bias else None
    return Layer(joined(path, "weight"), bias, activation)
