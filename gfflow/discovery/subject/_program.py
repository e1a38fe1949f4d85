"""What kinds of operation a model is made of, read off its JAX program."""

import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, JaxprEqn, Literal

from ..._jaxpr import dtype_of, equations

_COMPARISONS = frozenset("max min abs sign select_n gt ge lt le clamp sort".split())
_TRANSCENDENTAL = frozenset(
    "exp exp2 expm1 log log1p logistic tanh sinh cosh sin cos tan asin acos atan atan2 "
    "asinh acosh atanh erf erfc erf_inv lgamma digamma sqrt rsqrt cbrt pow custom_root "
    "custom_linear_solve while".split()
)


def compares(program: ClosedJaxpr) -> bool:
    """Whether the program compares numbers, so that it may have kinks."""
    return any(
        equation.primitive.name in _COMPARISONS for equation in equations(program)
    )


def is_polynomial_in_pieces(program: ClosedJaxpr) -> bool:
    """Whether no operation keeps the result from being a polynomial, between kinks."""
    return not any(map(_is_transcendental, equations(program)))


def _is_transcendental(equation: JaxprEqn) -> bool:
    name = equation.primitive.name
    if name == "div":
        return not isinstance(equation.invars[1], Literal)
    if name == "abs":
        dtype = dtype_of(equation.invars[0])
        return dtype is not None and jnp.issubdtype(dtype, jnp.complexfloating)
    if name == "integer_pow":
        return equation.params["y"] < 0
    return name in _TRANSCENDENTAL
