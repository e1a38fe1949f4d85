"""A program, run with its kinks held open or closed."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, JaxprEqn, Literal, jaxpr_as_fun

from ._book import Book
from ._comparisons import RULES
from ._gates import Mixed, mixed, of_mixed
from ._origins import CALLS, Origin, programs_of
from ._unreadable import Unreadable


def walk(
    program: ClosedJaxpr, values: Sequence[Any], origins: Sequence[Origin], book: Book
) -> list[Any]:
    """What comes out of a program for these values, kinks taken as the book says.

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
        after = book.survey.equation(equation, sources)
        made = _made(equation, came, sources, after.kinks, book)
        known.update(zip(equation.outvars, zip(made, after.origins), strict=True))
    return [read(variable)[0] for variable in jaxpr.outvars]


def _made(
    equation: JaxprEqn,
    values: list[Any],
    origins: list[Origin],
    kinks: int,
    book: Book,
) -> list[Any]:
    name, programs = equation.primitive.name, programs_of(equation)
    if book.flowing and name == "stop_gradient":
        return values
    if not _any_mixed(values):
        flows = book.flowing and name in ("jit", "pjit")
        if not flows and book.passes(kinks):
            return _bound(equation, values)
        if not programs:
            book.unit = book.met
            varies = Origin().joined(*origins).sample
            ask = lambda margin, bit: book.gate(margin, bit, varies)
            made = RULES[name](equation, [jnp.asarray(x) for x in values], ask)
            return list(made) if equation.primitive.multiple_results else [made]
    elif not programs:
        return [of_mixed(equation, values)]
    if name in CALLS and len(programs) == 1:
        return walk(programs[0], values, origins, book)
    if name == "scan":
        return _scan(equation, values, origins, kinks, book)
    if name == "cond" and len(programs) == 2 and not _any_mixed(values[1:]):
        return _both(equation, programs, values)
    raise Unreadable(f"the result of a comparison goes into {name!r}")


def _scan(
    equation: JaxprEqn,
    values: list[Any],
    origins: list[Origin],
    kinks: int,
    book: Book,
) -> list[Any]:
    """A loop, its kinks with a leading axis for its rounds."""
    p, (inside,) = equation.params, programs_of(equation)
    first, carried = p["num_consts"], p["num_carry"]
    consts, carry = values[:first], values[first : first + carried]
    origins = book.survey.around(equation, origins)
    _, own = book.inner(kinks)
    gates = book.gates_of(own)
    met = Book()

    def body(carry, part):
        nonlocal met
        xs, gates = part
        inner, _ = book.inner(kinks)
        inner.gates = gates
        made = walk(inside, [*consts, *carry, *xs], origins, inner)
        if _any_mixed([*carry, *made[:carried]]):
            raise Unreadable("a loop carries the result of a comparison")
        met = inner
        return made[:carried], (made[carried:], inner.margins, inner.bits)

    xs = values[first + carried :]
    carry, (ys, margins, bits) = jax.lax.scan(
        body, carry, (xs, gates), length=p["length"], reverse=p["reverse"]
    )
    book.add(met, margins, bits)
    return [*carry, *ys]


def _both(
    equation: JaxprEqn, programs: Sequence[ClosedJaxpr], values: list[Any]
) -> list[Any]:
    """A choice between two programs that is a number."""
    sides = [jaxpr_as_fun(program)(*values[1:]) for program in programs]
    return [mixed(values[0].weight, one, zero) for zero, one in zip(*sides)]


def _any_mixed(values: Sequence[Any]) -> bool:
    return any(isinstance(x, Mixed) for x in values)


def _bound(equation: JaxprEqn, values: Sequence[Any]) -> list[Any]:
    primitive = equation.primitive
    made = primitive.bind(*values, **primitive.get_bind_params(equation.params))
    return list(made) if primitive.multiple_results else [made]
