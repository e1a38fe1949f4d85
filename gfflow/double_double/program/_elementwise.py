"""Rules of elementwise primitives."""

from collections.abc import Callable
from math import frexp

import jax.numpy as jnp
import numpy as np
from jax.extend.core import JaxprEqn, Literal

from ..._errors import SolveError
from .. import pairs
from ..pairs import Pair
from ._rules import rule
from ._values import Values, is_real, pair_of, spread_pairs

_SAME_SHAPE: dict[str, Callable[..., Pair]] = {
    "abs": pairs.absolute,
    "add": pairs.add,
    "add_any": pairs.add,
    "atan": pairs.arc_tangent,
    "cbrt": pairs.cube_root,
    "cos": pairs.cosine,
    "cosh": pairs.hyperbolic_cosine,
    "erf": pairs.error_function,
    "erfc": pairs.complementary_error_function,
    "exp": pairs.exponential,
    "exp2": pairs.exponential_to_base_two,
    "expm1": pairs.exponential_less_one,
    "log": pairs.logarithm,
    "log1p": pairs.logarithm_of_one_plus,
    "logistic": pairs.logistic,
    "max": pairs.maximum,
    "min": pairs.minimum,
    "neg": pairs.negative,
    "sin": pairs.sine,
    "sinh": pairs.hyperbolic_sine,
    "sqrt": pairs.square_root,
    "square": lambda x: pairs.multiply(x, x),
    "sub": pairs.subtract,
    "tan": lambda x: pairs.divide(pairs.sine(x), pairs.cosine(x)),
    "tanh": pairs.hyperbolic_tangent,
}


@rule(*_SAME_SHAPE)
def _same_shape(equation: JaxprEqn, values: Values) -> Values:
    return [_SAME_SHAPE[equation.primitive.name](*spread_pairs(equation, values))]


@rule("mul")
def _mul(equation: JaxprEqn, values: Values) -> Values:
    a, b = spread_pairs(equation, values)
    for variable, other in zip(equation.invars, (b, a)):
        factor = _power_of_two(variable)
        if factor is not None:
            return [pairs.scaled(other, factor)]
    return [pairs.multiply(a, b)]


@rule("div")
def _div(equation: JaxprEqn, values: Values) -> Values:
    a, b = spread_pairs(equation, values)
    divisor = _power_of_two(equation.invars[1])
    return [pairs.scaled(a, 1 / divisor) if divisor else pairs.divide(a, b)]


def _power_of_two(variable) -> float | None:
    """The value of a literal that is ±2^k or 0, by which a product is exact."""
    if not isinstance(variable, Literal):
        return None
    value = float(variable.val)
    return value if value == 0 or abs(frexp(value)[0]) == 0.5 else None


@rule("rsqrt")
def _rsqrt(equation: JaxprEqn, values: Values) -> Values:
    (x,) = spread_pairs(equation, values)
    return [pairs.divide(_one(x), pairs.square_root(x))]


@rule("integer_pow")
def _integer_pow(equation: JaxprEqn, values: Values) -> Values:
    (x,) = spread_pairs(equation, values)
    power = equation.params["y"]
    found, square, left = None, x, abs(power)
    while left:
        if left & 1:
            found = square if found is None else pairs.multiply(found, square)
        left >>= 1
        if left:
            square = pairs.multiply(square, square)
    found = _one(x) if found is None else found
    return [pairs.divide(_one(x), found) if power < 0 else found]


@rule("pow")
def _pow(equation: JaxprEqn, values: Values) -> Values:
    base, power = values
    if not isinstance(power, Pair):
        power = pairs.exactly(power.astype(jnp.float64))
    x, y = spread_pairs(equation, [base, power])
    size = pairs.power(pairs.absolute(x), y)
    whole = (y.lo == 0) & (jnp.floor(y.hi) == y.hi)
    odd = whole & (jnp.floor(0.5 * y.hi) != 0.5 * y.hi)
    signed = pairs.select(odd, pairs.negative(size), size)
    nothing = pairs.exactly(jnp.full_like(x.hi, jnp.nan))
    return [pairs.select(x.hi >= 0, size, pairs.select(whole, signed, nothing))]


@rule("sign")
def _sign(equation: JaxprEqn, values: Values) -> Values:
    return [pairs.exactly(jnp.sign(pair_of(values[0]).hi))]


@rule("clamp")
def _clamp(equation: JaxprEqn, values: Values) -> Values:
    low, x, high = spread_pairs(equation, values)
    return [pairs.minimum(pairs.maximum(x, low), high)]


@rule("is_finite")
def _is_finite(equation: JaxprEqn, values: Values) -> Values:
    return [jnp.isfinite(pair_of(values[0]).hi)]


@rule("eq", "ne", "lt", "le", "gt", "ge")
def _compared(equation: JaxprEqn, values: Values) -> Values:
    a, b = spread_pairs(equation, values)
    known = ~(jnp.isnan(a.hi) | jnp.isnan(b.hi))
    found = {
        "eq": lambda: pairs.equal(a, b),
        "ne": lambda: ~pairs.equal(a, b),
        "lt": lambda: pairs.less(a, b),
        "le": lambda: known & ~pairs.less(b, a),
        "gt": lambda: pairs.less(b, a),
        "ge": lambda: known & ~pairs.less(a, b),
    }
    return [found[equation.primitive.name]()]


@rule("convert_element_type")
def _convert(equation: JaxprEqn, values: Values) -> Values:
    (value,) = values
    dtype = equation.params["new_dtype"]
    if is_real(equation.outvars[0]):
        if isinstance(value, Pair):
            return [value]
        upper = value.astype(np.float64)
        if not jnp.issubdtype(value.dtype, jnp.integer):
            return [pairs.exactly(upper)]
        rest = value - upper.astype(value.dtype)
        return [Pair(upper, rest.astype(np.float64))]
    x = pair_of(value)
    if dtype == np.bool_:
        return [x.hi != 0]
    toward_zero = pairs.select(
        x.hi < 0,
        pairs.negative(pairs.rounded_down(pairs.negative(x))),
        pairs.rounded_down(x),
    )
    return [toward_zero.hi.astype(dtype) + toward_zero.lo.astype(dtype)]


@rule("reduce_precision")
def _reduce_precision(equation: JaxprEqn, values: Values) -> Values:
    if equation.params["mantissa_bits"] < 52 or equation.params["exponent_bits"] < 11:
        raise SolveError(
            "extended precision takes programs in float64; this one rounds numbers "
            "with jax.lax.reduce_precision"
        )
    return values


def _one(x: Pair) -> Pair:
    return pairs.exactly(jnp.ones_like(x.hi))
