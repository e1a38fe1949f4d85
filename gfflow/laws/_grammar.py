"""The grammar of symbolic laws, and their degree. No JAX.

    expression := number | t | parameter | expression[index, ...] | expression.T
                | −e | e + e | e − e | e * e | e / e | e @ e | e ** integer
                | function(e)
    parameter  := a path (`layers[0].weight`, `args[0]['params']['Dense_0']['kernel']`;
                  `gfflow.problem` has their grammar) or an alias (`W1`, `b1`, a
                  user's own)
    index      := integer | slice | :
    function   := sum, trace, diag, squared_norm (polynomial)
                | abs, sqrt, exp, log, sin, cos, tanh

Integers in an index may be negative. `W1` is the weight of the first layer in the order
of the model, `b1` its bias, and so on.
"""

import ast
from typing import Literal

from .._errors import LawError
from .._registry import suggest
from ..problem import path_of

Degree = Literal["linear", "quadratic", "polynomial", "other"]
POLYNOMIAL_FUNCTIONS = ("sum", "trace", "diag", "squared_norm")
OTHER_FUNCTIONS = ("abs", "sqrt", "exp", "log", "sin", "cos", "tanh")
FUNCTIONS = POLYNOMIAL_FUNCTIONS + OTHER_FUNCTIONS
_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.MatMult, ast.Pow)


def parse(expression: str) -> ast.expr:
    """The syntax tree of a symbolic law.

    **Raises:** `LawError` with the column of what is not in the grammar.
    """
    try:
        tree = ast.parse(expression.strip(), mode="eval").body
    except SyntaxError as error:
        raise LawError(
            f"law {expression!r}, column {error.offset or 1}: {error.msg}"
        ) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise LawError(f"law {expression[:80]!r} cannot be read: {error}") from None
    _validate(tree, expression)
    return tree


def _validate(node: ast.expr, text: str) -> None:
    match node:
        case ast.Constant(value=bool()):
            _refuse(node, text, "a truth value")
        case ast.Constant(value=int() | float()):
            pass
        case ast.expr() if path_of(node) is not None:
            pass
        case ast.Attribute(value=value):
            _validate(value, text)
        case ast.Subscript(value=value, slice=index):
            _validate(value, text)
            entries = index.elts if isinstance(index, ast.Tuple) else [index]
            for entry in entries:
                _validate_index(entry, text)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            _validate(operand, text)
        case ast.BinOp(left=left, op=op, right=right) if isinstance(op, _OPERATORS):
            _validate(left, text)
            _validate(right, text)
            if isinstance(op, ast.Pow):
                integer(right, text, "an exponent that is not a whole number")
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]):
            if name not in FUNCTIONS:
                _refuse(node, text, f"the function {name!r}{suggest(name, FUNCTIONS)}")
            _validate(argument, text)
        case ast.Call():
            _refuse(node, text, "a call that is not of one function on one argument")
        case _:
            _refuse(node, text, type(node).__name__)


def _validate_index(node: ast.expr, text: str) -> None:
    if isinstance(node, ast.Slice):
        for part in (node.lower, node.upper, node.step):
            if part is not None:
                integer(part, text)
    else:
        integer(node, text)


def integer(
    node: ast.expr,
    text: str,
    what: str = "an index that is not a whole number or a slice",
) -> int:
    """The value of a literal whole number, with its sign.

    **Raises:** `LawError` with `what` for anything else.
    """
    match node:
        case ast.Constant(value=int() as value) if not isinstance(value, bool):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -integer(operand, text, what)
    _refuse(node, text, what)
    raise AssertionError


def _refuse(node: ast.expr, text: str, what: str) -> None:
    raise LawError(
        f"law {text!r}, column {node.col_offset + 1}: {what} is not in the grammar of "
        f"laws: numbers, t, parameters with indices and .T, + - * / @ **, and "
        f"{', '.join(FUNCTIONS)}"
    )


def degree_of(tree: ast.expr) -> Degree:
    """`"linear"`, `"quadratic"`, `"polynomial"` or `"other"`.

    An upper bound: terms that cancel are counted. Functions that are not polynomial,
    division by a parameter, and negative powers of one make `"other"`.
    """
    return degree_name(_degree(tree))


def degree_name(degree: int | None) -> Degree:
    """The name of the degree of a polynomial; `"other"` for none, or a constant."""
    if degree is None or degree < 1:
        return "other"
    if degree > 2:
        return "polynomial"
    return "linear" if degree == 1 else "quadratic"


def is_coefficient(node: ast.expr) -> bool:
    """Whether it is a number at each time: no parameter enters."""
    return _degree(node) == 0


def names_a_key(index: ast.expr) -> bool:
    """Whether a text is among the indices: it is part of a path then."""
    return any(
        isinstance(node, ast.Constant) and isinstance(node.value, str)
        for node in ast.walk(index)
    )


def _degree(node: ast.expr) -> int | None:
    match node:
        case ast.Constant() | ast.Name(id="t"):
            return 0
        case ast.expr() if path_of(node) is not None:
            return 1
        case ast.Attribute(value=value) | ast.Subscript(value=value):
            return _degree(value)
        case ast.UnaryOp(operand=operand):
            return _degree(operand)
        case ast.BinOp(left=left, op=op, right=right):
            return _binary(_degree(left), op, right)
        case ast.Call(func=ast.Name(id=name), args=[argument]):
            inner = _degree(argument)
            if inner == 0:
                return 0
            if inner is None or name not in POLYNOMIAL_FUNCTIONS:
                return None
            return 2 * inner if name == "squared_norm" else inner
    return None


def _binary(left: int | None, op: ast.operator, right: ast.expr) -> int | None:
    if isinstance(op, ast.Pow):
        power = integer(right, "")
        if left == 0:
            return 0
        return None if left is None or power < 0 else left * power
    other = _degree(right)
    if left is None or other is None:
        return None
    if isinstance(op, ast.Add | ast.Sub):
        return max(left, other)
    if isinstance(op, ast.Div):
        return left if other == 0 else None
    return left + other
