"""Rules of primitives that move numbers and leave their values alone."""

import jax.numpy as jnp
from jax import lax
from jax.extend.core import JaxprEqn

from .. import pairs
from ..pairs import Pair
from ._evaluate import bound
from ._rules import rule
from ._values import Values, is_real


@rule(
    "broadcast_in_dim",
    "broadcast_to",
    "concatenate",
    "copy",
    "copy_p",
    "device_put",
    "dynamic_slice",
    "dynamic_update_slice",
    "expand_dims",
    "gather",
    "name",
    "optimization_barrier",
    "pad",
    "reshape",
    "rev",
    "scatter",
    "select_n",
    "sharding_constraint",
    "slice",
    "split",
    "squeeze",
    "stack",
    "stop_gradient",
    "tile",
    "transpose",
    "unstack",
)
def _moved(equation: JaxprEqn, values: Values) -> Values:
    """Both parts alike."""
    upper = bound(equation, [v.hi if isinstance(v, Pair) else v for v in values])
    lower = bound(equation, [v.lo if isinstance(v, Pair) else v for v in values])
    real = map(is_real, equation.outvars)
    return [Pair(a, b) if r else a for a, b, r in zip(upper, lower, real)]


@rule("iota")
def _iota(equation: JaxprEqn, values: Values) -> Values:
    return [pairs.exactly(jnp.asarray(x)) for x in bound(equation, [])]


@rule("sort")
def _sort(equation: JaxprEqn, values: Values) -> Values:
    """By the leading parts, then by the others."""
    keys = equation.params["num_keys"]
    parts = [list(v) if isinstance(v, Pair) else [v] for v in values]
    found = iter(
        lax.sort(
            [part for both in parts for part in both],
            dimension=equation.params["dimension"],
            is_stable=equation.params["is_stable"],
            num_keys=sum(map(len, parts[:keys])),
        )
    )
    return [
        Pair(next(found), next(found)) if len(p) == 2 else next(found) for p in parts
    ]
