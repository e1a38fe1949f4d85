"""Layers of Equinox with weights by an initialiser."""

from collections.abc import Callable, Sequence

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from .._errors import ProblemError
from .._registry import lookup
from ._initialisers import Initialiser


def linear_layers(
    widths: Sequence[int],
    bias: bool,
    init: str | Initialiser,
    init_scale: float,
    key: PRNGKeyArray,
) -> tuple[eqx.nn.Linear, ...]:
    """Layers of shapes `widths[l] -> widths[l + 1]`; biases start at zero.

    **Raises:** `ProblemError` for fewer than two widths or one that is not positive.
    """
    if len(widths) < 2 or any(not isinstance(w, int) or w < 1 for w in widths):
        raise ProblemError(
            "widths are at least two positive integers, input first; "
            f"got {list(widths)!r}",
            argument="widths",
        )
    layers = []
    for weight in _initialiser(init)(key, widths, init_scale):
        out, into = weight.shape
        layer = eqx.filter_eval_shape(eqx.nn.Linear, into, out, use_bias=bias, key=key)
        layers.append(_filled(layer, weight))
    return tuple(layers)


def linear_layer(
    into: int,
    out: int,
    bias: bool,
    init: str | Initialiser,
    init_scale: float,
    key: PRNGKeyArray,
) -> eqx.nn.Linear:
    """One of them."""
    return linear_layers([into, out], bias, init, init_scale, key)[0]


def drawn(
    into: int,
    out: int,
    init: str | Initialiser,
    init_scale: float,
    key: PRNGKeyArray,
) -> Float[Array, "out in"]:
    """The weight of one."""
    return _initialiser(init)(key, [into, out], init_scale)[0]


def convolution(
    dimensions: int,
    into: int,
    out: int,
    init: str | Initialiser,
    init_scale: float,
    key: PRNGKeyArray,
    **options,
) -> eqx.nn.Conv:
    """An `eqx.nn.Conv` with these options, its kernel drawn as the matrix of the inputs
    that one output sees."""
    layer = eqx.filter_eval_shape(
        eqx.nn.Conv, dimensions, into, out, key=key, **options
    )
    shape = layer.weight.shape
    fan_in = layer.weight.size // out
    weight = drawn(fan_in, out, init, init_scale, key).reshape(shape)
    return _filled(layer, weight)


def function(activation: str | Callable) -> Callable:
    """The activation of a name, or a function as it is."""
    if isinstance(activation, str):
        return lookup("activations", activation)
    return activation


def _initialiser(init: str | Initialiser) -> Initialiser:
    return lookup("initialisers", init) if isinstance(init, str) else init


def _filled(layer, weight):
    layer = eqx.tree_at(lambda m: m.weight, layer, weight)
    if layer.bias is not None:
        zero = jnp.zeros(layer.bias.shape, weight.dtype)
        layer = eqx.tree_at(lambda m: m.bias, layer, zero)
    return layer
