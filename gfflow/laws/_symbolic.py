"""Laws written as expressions over named parameters."""

import ast
import operator
from collections.abc import Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import sympy
from jaxtyping import Array

from .._errors import LawError
from .._registry import suggest
from .._typing import ScalarLike
from ..problem import Path, aliases, named_parameters, parse_path, path_of
from ._grammar import (
    Degree,
    degree_name,
    degree_of,
    integer,
    is_coefficient,
    names_a_key,
    parse,
)
from ._law import Law

_BINARY = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.MatMult: operator.matmul,
    ast.Pow: operator.pow,
}
_CALLS = {
    "sum": jnp.sum,
    "trace": jnp.trace,
    "diag": jnp.diag,
    "squared_norm": lambda x: jnp.sum(x * x),
    "abs": jnp.abs,
    "sqrt": jnp.sqrt,
    "exp": jnp.exp,
    "log": jnp.log,
    "sin": jnp.sin,
    "cos": jnp.cos,
    "tanh": jnp.tanh,
}


def symbolic(
    expression: str | sympy.Expr,
    name: str | None = None,
    *,
    names: Mapping[str, str] | None = None,
    degree: Degree | None = None,
    decay_rate: ScalarLike | None = None,
    source: str = "user",
) -> Law:
    """A law from an expression such as `"sum(W1[0,:]**2) - sum(W2[:,0]**2)"`.

    **Arguments:**

    - `expression`: in the grammar of `gfflow.laws`: numbers, `t`, parameters
        by path (`layers[0].weight`) or alias (`W1`, `b1`, …, numbered in the order of
        the model) with indices and `.T`, `+ - * / @ **`, and the functions sum, trace,
        diag, squared_norm, abs, sqrt, exp, log, sin, cos, tanh. Or a SymPy expression
        in `t` and entries of `sympy.IndexedBase("W1")`.
    - `names`: a user's own aliases, alias → parameter path.
    - `degree`: read off the expression unless it is given.

    **Raises:** `LawError` for what is not in the grammar, at once; for a name that the
    model does not have, when the law meets the model.
    """
    names = dict(names or {})
    if isinstance(expression, sympy.Expr):
        function = _SymPy(expression, names)
        degree = degree or function.degree
        return Law(
            function,
            name or str(expression),
            degree=degree,
            decay_rate=decay_rate,
            source=source,
        )
    tree = parse(expression)
    found = degree_of(tree)
    absolute = None
    if found != "other":
        absolute = _Expression(expression, names, absolute=True)
    return Law(
        _Expression(expression, names, absolute=False),
        name or expression,
        degree=degree or found,
        absolute=absolute,
        decay_rate=decay_rate,
        source=source,
    )


class _Expression(eqx.Module):
    """Evaluates the tree; with `absolute`, every sign and coefficient made positive."""

    text: str = eqx.field(static=True)
    names: tuple[tuple[str, str], ...] = eqx.field(static=True)
    absolute: bool = eqx.field(static=True)

    def __init__(self, text: str, names: Mapping[str, str], absolute: bool):
        self.text = text
        self.names = tuple(names.items())
        self.absolute = absolute

    def __call__(self, t: ScalarLike, view: Any) -> Array:
        table = _table(view, dict(self.names))
        return jnp.asarray(self._value(parse(self.text), table, t), float)

    def _value(self, node: ast.expr, table: "_Table", t: ScalarLike) -> Any:
        if self.absolute and is_coefficient(node):
            plain = _Expression(self.text, dict(self.names), absolute=False)
            return jnp.abs(jnp.asarray(plain._value(node, table, t), float))
        again = lambda other: self._value(other, table, t)
        spelled = ast.unparse(node)
        if (found := table.find(path_of(node))) is not None:
            return found
        match node:
            case ast.Name(id="t"):
                return t
            case ast.Constant(value=value):
                return value
            case ast.Attribute(value=value, attr="T"):
                return again(value).T
            case ast.Subscript(value=value, slice=index):
                if names_a_key(index):
                    raise table.unknown(self.text, spelled)
                return self._index(again(value), index, spelled)
            case ast.UnaryOp(op=op, operand=operand):
                negative = isinstance(op, ast.USub) and not self.absolute
                return -again(operand) if negative else again(operand)
            case ast.BinOp(left=left, op=op, right=right):
                kind = type(op)
                if self.absolute and kind is ast.Sub:
                    kind = ast.Add
                if kind is ast.Pow:
                    return again(left) ** integer(right, self.text)
                return _BINARY[kind](again(left), again(right))
            case ast.Call(func=ast.Name(id=function), args=[argument]):
                return _CALLS[function](again(argument))
        raise table.unknown(self.text, spelled)

    def _index(self, value, index: ast.expr, spelled: str):
        parts = index.elts if isinstance(index, ast.Tuple) else [index]
        shape = jnp.shape(value)
        if len(parts) > len(shape):
            raise LawError(
                f"law {self.text!r}: {spelled} has {len(parts)} indices; the array has "
                f"shape {shape}"
            )
        key = []
        for size, part in zip(shape, parts):
            if isinstance(part, ast.Slice):
                what, found = "slice", self._slice(part, size)
            else:
                what, found = "index", self._number(part, size)
            if found is None:
                raise LawError(
                    f"law {self.text!r}: {what} {ast.unparse(part)} in {spelled} is "
                    f"outside an axis of length {size} (counted from 0)"
                )
            key.append(found)
        return value[tuple(key)]

    def _number(self, part: ast.expr, size: int) -> int | None:
        """An index; `None` if it is outside."""
        number = integer(part, self.text)
        return number if -size <= number < size else None

    def _slice(self, part: ast.Slice, size: int) -> slice | None:
        """`None` if an end of it is outside, or nothing is inside."""
        start, stop, step = (
            None if end is None else integer(end, self.text)
            for end in (part.lower, part.upper, part.step)
        )
        if step == 0:
            raise LawError(f"law {self.text!r}: the step of a slice is not 0")
        found = slice(start, stop, step)
        outside = any(end is not None and abs(end) > size for end in (start, stop))
        return None if outside or not range(size)[found] else found


class _SymPy(eqx.Module):
    """A SymPy expression compiled by `sympy.lambdify`."""

    text: str = eqx.field(static=True)
    entries: tuple = eqx.field(static=True)
    names: tuple[tuple[str, str], ...] = eqx.field(static=True)
    degree: Degree = eqx.field(static=True)
    compiled: Any = eqx.field(static=True)

    def __init__(self, expression: sympy.Expr, names: Mapping[str, str]):
        self.text = str(expression)
        self.names = tuple(names.items())
        entries: list[Any] = sorted(expression.atoms(sympy.Indexed), key=str)
        time = sympy.Symbol("t")
        rest = expression.free_symbols - {time}
        rest -= set().union(*(e.free_symbols for e in entries)) if entries else set()
        if rest or not entries:
            raise LawError(
                f"SymPy law {self.text!r}: wanted an expression in t and entries of "
                f"sympy.IndexedBase; got free symbols {sorted(map(str, rest))}"
            )
        dummies = [sympy.Dummy(f"p{i}") for i in range(len(entries))]
        replaced: Any = expression.xreplace(dict(zip(entries, dummies)))
        self.entries = tuple(
            (str(e.base), tuple(int(i) for i in e.indices)) for e in entries
        )
        self.compiled = sympy.lambdify(
            [time, *dummies], replaced, modules="jax", cse=True
        )
        polynomial = replaced.as_poly(*dummies)
        self.degree = degree_name(polynomial and polynomial.total_degree())

    def __call__(self, t: ScalarLike, view: Any) -> Array:
        table = _table(view, dict(self.names))
        values = []
        for base, index in self.entries:
            array = table.find(parse_path(base))
            if array is None:
                raise table.unknown(self.text, base)
            if len(index) != array.ndim or any(
                not 0 <= i < n for i, n in zip(index, array.shape)
            ):
                raise LawError(
                    f"law {self.text!r}: {base}{list(index)} is no entry of an array "
                    f"of shape {array.shape} (counted from 0)"
                )
            values.append(array[index])
        return self.compiled(t, *values)


class _Table(NamedTuple):
    """The arrays that an expression may name."""

    names: tuple[str, ...]
    arrays: Mapping[Path | None, Array]

    def find(self, path: Path | None) -> Array | None:
        return None if path is None else self.arrays.get(path)

    def unknown(self, text: str, name: str) -> LawError:
        return LawError(
            f"law {text!r}: no parameter of name {name!r}{suggest(name, self.names)}; "
            f"there are: {', '.join(self.names)}"
        )


def _table(view: Any, names: Mapping[str, str]) -> _Table:
    """A user's aliases go before paths, and those before the aliases `W1`, `b1`, …"""
    named = named_parameters(view)
    short = aliases(list(named))
    arrays: dict[Path | None, Array] = {}
    arrays |= {parse_path(alias): named[path] for alias, path in short.items()}
    arrays |= {parse_path(path): array for path, array in named.items()}
    for alias, path in names.items():
        fitting = [p for p in named if parse_path(p) == parse_path(path)]
        if not fitting:
            raise LawError(
                f"alias {alias!r} names no parameter: {path!r}{suggest(path, named)}; "
                f"there are: {', '.join(named)}"
            )
        arrays[parse_path(alias)] = named[fitting[0]]
    return _Table(tuple(dict.fromkeys((*named, *short, *names))), arrays)
