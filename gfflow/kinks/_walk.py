"""A program, run with its kinks held open or closed."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal

from .._jaxpr import equations
from ._book import Book
from ._comparisons import JUMPS, RULES
from ._gates import Mixed, of_mixed
from ._unreadable import Unreadable

_CALLS = frozenset(
    "jit pjit closed_call core_call remat checkpoint custom_jvp_call".split()
)


class Origin(NamedTuple):
    """What a number depends on: the parameters that flow, the sample."""

    parameters: bool = False
    sample: bool = False

    def joined(self, other: "Origin") -> "Origin":
        return Origin(self.parameters or other.parameters, self.sample or other.sample)


Origins = list[Origin]


def walk(
    program: ClosedJaxpr, values: Sequence[Any], origins: Sequence[Origin], book: Book
) -> tuple[list[Any], Origins]:
    """What comes out of a program for these values, kinks taken as the book says, and
    what it depends on.

    **Raises:** `Unreadable` for kinks or jumps that have no gate.
    """
    jaxpr = program.jaxpr
    known: dict[Any, tuple[Any, Origin]] = {}

    def read(variable):
        if isinstance(variable, Literal):
            return np.asarray(variable.val, variable.aval.dtype), Origin()  # pyright: ignore
        return known[variable]

    for variable, value in zip(jaxpr.constvars, program.consts, strict=True):
        known[variable] = value, Origin()
    for variable, *given in zip(jaxpr.invars, values, origins, strict=True):
        known[variable] = given[0], given[1]
    for equation in jaxpr.eqns:
        given = [read(variable) for variable in equation.invars]
        came, sources = [x for x, _ in given], [origin for _, origin in given]
        made, origin = _apply(equation, came, sources, book)
        known.update(zip(equation.outvars, zip(made, origin), strict=True))
    made = [read(variable) for variable in jaxpr.outvars]
    return [x for x, _ in made], [origin for _, origin in made]


def _apply(
    equation: JaxprEqn, values: list[Any], origins: Origins, book: Book
) -> tuple[list[Any], Origins]:
    name, inside = equation.primitive.name, _program_in(equation)
    origin = _all(origins)
    if inside is not None and origin.parameters and _kinked(inside):
        return _inside(equation, inside, values, origins, book)
    if inside is None and origin.parameters and any(map(_kinked, _programs(equation))):
        raise Unreadable(f"kinks inside of {name!r}")
    if any(isinstance(x, Mixed) for x in values):
        if inside is not None and name in _CALLS:
            return walk(inside, values, origins, book)
        return [of_mixed(equation, values)], [origin]
    if origin.parameters and _compares(equation):
        if name in JUMPS:
            raise Unreadable(f"{name!r} of what depends on the parameters")
        ask = lambda margin, bit: book.gate(margin, bit, origin.sample)
        arrays = [jnp.asarray(x) for x in values]
        made = RULES[name](equation, arrays, ask)
        if made is not None:
            made = made if equation.primitive.multiple_results else [made]
            return made, [origin] * len(made)
    made = _bound(equation, values)
    return made, [origin] * len(made)


def _inside(
    equation: JaxprEqn,
    inside: ClosedJaxpr,
    values: list[Any],
    origins: Origins,
    book: Book,
) -> tuple[list[Any], Origins]:
    """An equation that runs a program with kinks in it."""
    name = equation.primitive.name
    mixed = any(isinstance(x, Mixed) for x in values)
    shapes = [_shape(x) for x in values]
    if name == "scan":
        origins = _around(equation, inside, shapes, origins)
        shapes = [
            *shapes[: _outside(equation)],
            *map(_slice, shapes[_outside(equation) :]),
        ]
    count = _count(inside, shapes, origins)
    if not mixed and book.passes(count):
        made = _bound(equation, values)
        return made, [_all(origins)] * len(made)
    if name in _CALLS:
        return walk(inside, values, origins, book)
    if name == "scan" and not mixed:
        return _scan(equation, inside, values, origins, count, book)
    raise Unreadable(f"kinks inside of {name!r}")


def _count(program: ClosedJaxpr, shapes: list[Any], origins: Origins) -> int:
    """How many kinks are met in a program."""
    met = 0

    def run(*values):
        nonlocal met
        book = Book()
        made, _ = walk(program, values, origins, book)
        met = book.met
        return made

    jax.eval_shape(run, *shapes)
    return met


def _around(
    equation: JaxprEqn, inside: ClosedJaxpr, shapes: list[Any], origins: Origins
) -> Origins:
    """What goes into the body of a loop depends on what comes out of it."""
    first, carried = equation.params["num_consts"], equation.params["num_carry"]
    parts = [*shapes[: first + carried], *map(_slice, shapes[first + carried :])]
    while True:
        found: Origins = []

        def run(*values):
            nonlocal found
            made, found = walk(inside, values, origins, Book())
            return made

        jax.eval_shape(run, *parts)
        new = list(origins)
        for i in range(carried):
            new[first + i] = new[first + i].joined(found[i])
        if new == origins:
            return origins
        origins = new


def _scan(
    equation: JaxprEqn,
    inside: ClosedJaxpr,
    values: list[Any],
    origins: Origins,
    count: int,
    book: Book,
) -> tuple[list[Any], Origins]:
    p = equation.params
    first, carried = p["num_consts"], p["num_carry"]
    consts, carry = values[:first], values[first : first + carried]
    _, own = book.inner(count)
    gates = book.gates_of(own)
    met, out_origins = Book(), []

    def body(carry, part):
        nonlocal met, out_origins
        xs, gates = part
        inner, _ = book.inner(count)
        inner.gates = gates
        made, out_origins = walk(inside, [*consts, *carry, *xs], origins, inner)
        met = inner
        return made[:carried], (made[carried:], inner.margins, inner.bits)

    xs = values[first + carried :]
    carry, (ys, margins, bits) = jax.lax.scan(
        body, carry, (xs, gates), length=p["length"], reverse=p["reverse"]
    )
    book.add(met, margins, bits)
    return [*carry, *ys], out_origins


def _compares(equation: JaxprEqn) -> bool:
    """Whether an equation compares real numbers, none of them infinite for ever."""
    name = equation.primitive.name
    if name not in RULES and name not in JUMPS:
        return False
    real = all(
        jnp.issubdtype(x.aval.dtype, jnp.floating)  # pyright: ignore
        for x in equation.invars[:1]
    )
    infinite = any(
        isinstance(x, Literal) and not np.all(np.isfinite(x.val))
        for x in equation.invars
    )
    return real and not infinite


def _kinked(program: ClosedJaxpr) -> bool:
    return any(map(_compares, equations(program)))


def _programs(equation: JaxprEqn) -> list[ClosedJaxpr]:
    """The programs that an equation runs, all of them."""
    found = jtu.tree_leaves(list(equation.params.values()), is_leaf=_is_program)
    return [
        x if isinstance(x, ClosedJaxpr) else ClosedJaxpr(x, ())
        for x in found
        if _is_program(x)
    ]


def _program_in(equation: JaxprEqn) -> ClosedJaxpr | None:
    """The program that an equation runs, once or in a loop, if it is just one."""
    found = _programs(equation)
    known = equation.primitive.name in (*_CALLS, "scan", "custom_vjp_call")
    return found[0] if known and len(found) == 1 else None


def _is_program(value: Any) -> bool:
    return isinstance(value, Jaxpr | ClosedJaxpr)


def _bound(equation: JaxprEqn, values: Sequence[Any]) -> list[Any]:
    primitive = equation.primitive
    made = primitive.bind(*values, **primitive.get_bind_params(equation.params))
    return list(made) if primitive.multiple_results else [made]


def _all(origins: Origins) -> Origin:
    joined = Origin()
    for origin in origins:
        joined = joined.joined(origin)
    return joined


def _outside(equation: JaxprEqn) -> int:
    return equation.params["num_consts"] + equation.params["num_carry"]


def _shape(value: Any) -> jax.ShapeDtypeStruct:
    array = value.weight if isinstance(value, Mixed) else value
    return jax.ShapeDtypeStruct(jnp.shape(array), jnp.result_type(array))


def _slice(shape: jax.ShapeDtypeStruct) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape.shape[1:], shape.dtype)
