"""A stack of `eqx.nn.Linear` layers with given weights."""

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

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
    initialise = lookup("initialisers", init) if isinstance(init, str) else init
    layers = []
    for weight in initialise(key, widths, init_scale):
        out, into = weight.shape
        layer = eqx.filter_eval_shape(eqx.nn.Linear, into, out, use_bias=bias, key=key)
        layer = eqx.tree_at(lambda m: m.weight, layer, weight)
        if bias:
            layer = eqx.tree_at(lambda m: m.bias, layer, jnp.zeros(out, weight.dtype))
        layers.append(layer)
    return tuple(layers)
