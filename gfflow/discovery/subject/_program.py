"""What kinds of operation a model is made of, read off its JAX program."""

from collections.abc import Iterator
from typing import Any

import jax.tree_util as jtu
from jax.extend.core import Literal

_COMPARISONS = frozenset("max min abs sign select_n gt ge lt le clamp sort".split())
_TRANSCENDENTAL = frozenset(
    "exp exp2 expm1 log log1p logistic tanh sinh cosh sin cos tan asin acos atan atan2 "
    "asinh acosh atanh erf erfc erf_inv lgamma digamma sqrt rsqrt cbrt pow custom_root "
    "custom_linear_solve while".split()
)


def compares(jaxpr: Any) -> bool:
    """Whether the program compares numbers, so that it may have kinks."""
    return any(equation.primitive.name in _COMPARISONS for equation in _all(jaxpr))


def is_polynomial_in_pieces(jaxpr: Any) -> bool:
    """Whether no operation keeps the result from being a polynomial, between kinks."""
    return not any(map(_is_transcendental, _all(jaxpr)))


def _is_transcendental(equation: Any) -> bool:
    name = equation.primitive.name
    if name == "div":
        return not isinstance(equation.invars[1], Literal)
    if name == "integer_pow":
        return equation.params["y"] < 0
    return name in _TRANSCENDENTAL


def _all(jaxpr: Any) -> Iterator[Any]:
    """The equations, those of inner programs too."""
    for equation in jaxpr.eqns:
        yield equation
        for value in jtu.tree_leaves(
            list(equation.params.values()), is_leaf=lambda v: hasattr(v, "eqns")
        ):
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                yield from _all(inner)
