"""A JAX program, run on pairs."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.tree_util as jtu
from jax.extend import source_info_util
from jax.extend.core import ClosedJaxpr, JaxprEqn, Literal
from jax.interpreters import partial_eval
from jaxtyping import Array

from ..._errors import SolveError
from ..pairs import Pair
from ._rules import is_always_ruled, rule_of
from ._values import Value, Values, array_of, as_value, is_real


def on_pairs(function: Callable[..., Any], *arguments: Any) -> Any:
    """`function(*arguments)` with every float64 number on the way a pair.

    The program that JAX has of the function is run in double-double arithmetic. Each
    constant in it is taken as the float64 number that it is, such as 2/√π in the
    derivative of erf.

    **Arguments:**

    - `arguments`: pytrees of pairs.

    **Returns:** what the function returns, its float64 arrays as pairs.

    **Raises:** `SolveError` for a primitive that has no rule, or a number that is
    neither float64 nor whole.
    """
    shapes = jtu.tree_map(_shape, arguments, is_leaf=_is_pair)
    program, out = jax.make_jaxpr(function, return_shape=True)(*shapes)
    leaves = jtu.tree_leaves(arguments, is_leaf=_is_pair)
    return jtu.tree_unflatten(jtu.tree_structure(out), evaluate(_used(program), leaves))


def _used(program: ClosedJaxpr) -> ClosedJaxpr:
    """The program without what no result depends on, such as the loss beside its
    gradient."""
    outputs = [True] * len(program.jaxpr.outvars)
    jaxpr, _ = partial_eval.dce_jaxpr(program.jaxpr, outputs, instantiate=True)
    return ClosedJaxpr(jaxpr, program.consts)


def evaluate(program: ClosedJaxpr, arguments: Sequence[Value]) -> Values:
    """What comes out of a program that gets these values."""
    jaxpr = program.jaxpr
    known: dict[Any, Value] = {}

    def read(variable):
        literal = isinstance(variable, Literal)
        return as_value(variable, variable.val) if literal else known[variable]

    inputs = [*jaxpr.constvars, *jaxpr.invars]
    for variable, value in zip(inputs, [*program.consts, *arguments], strict=True):
        known[variable] = as_value(variable, value)
    for equation in jaxpr.eqns:
        results = _apply(equation, [read(variable) for variable in equation.invars])
        known.update(zip(equation.outvars, results, strict=True))
    return [read(variable) for variable in jaxpr.outvars]


def bound(equation: JaxprEqn, values: Sequence[Array]) -> list[Array]:
    """What the primitive itself makes of arrays."""
    primitive = equation.primitive
    results = primitive.bind(*values, **equation.params)
    return list(results) if primitive.multiple_results else [results]


def _apply(equation: JaxprEqn, values: Values) -> Values:
    name = equation.primitive.name
    real = any(map(is_real, [*equation.invars, *equation.outvars]))
    if not real and not is_always_ruled(name):
        return bound(equation, [array_of(value) for value in values])
    found = rule_of(name)
    if found is None:
        where = source_info_util.summarize(equation.source_info)
        raise SolveError(
            f"extended precision has no rule for the primitive {name!r}, used at "
            f"{where}; write the model, the loss or the law without it, or solve in "
            "float64 with gfflow.solve"
        )
    return found(equation, values)


def _is_pair(value: Any) -> bool:
    return isinstance(value, Pair)


def _shape(value: Pair) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(value.shape, "float64")
