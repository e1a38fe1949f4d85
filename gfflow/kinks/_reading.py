"""The kinks of a problem's function, read off its program."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Self, final

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jax.extend.core import ClosedJaxpr
from jaxtyping import Array, Float, PyTree

from .._jaxpr import equations
from ..problem import Problem
from ._book import Book
from ._origins import Origin, ProgramSurvey
from ._walk import walk

Alike = tuple[tuple[int, bool] | None, ...]


class Gates(NamedTuple):
    """A gate for each kink, truth values or numbers in [0, 1].

    - `own`: of the kinks that depend on the sample, shape `(m,)` for one sample.
    - `shared`: of those that depend on the parameters alone, shape `(k,)`.
    """

    own: Array
    shared: Array


class Seen(NamedTuple):
    """One sample, seen through gates.

    - `loss`: of it.
    - `margins`: of each kink, those before it in the program taken by their gates.
    - `bits`: which side the program takes itself.
    """

    loss: Float[Array, ""]
    margins: Gates
    bits: Gates


@final
class KinkReading:
    """The loss of a sample as a program, and where it has kinks.

    Equal to one of the same program with the same kinks, so that compiled functions may
    close over it.

    **Attributes:**

    - `program`: the loss of one sample, on the leaves of what `arguments_of` gives.
    - `own`, `shared`: how many kinks each sample has, and how many all share.
    - `alike`: which kinks of the program are taken together; see `Book`.
    - `varying`: of each array of kinks that has its own gates, whether it depends on
        the sample.
    - `loops`: and the loops of the program that it is in.
    - `units`: and the operation that makes it.
    - `shapes`: the shape of each such array.
    - `ranges`: and where it is in the vector of a sample's own kinks and then those
        that are shared.
    """

    program: ClosedJaxpr
    alike: Alike | None
    own: int
    shared: int

    def __init__(self, program, origins, alike: Alike | None = None, survey=None):
        """**Raises:** `Unreadable` for kinks that have no gate."""
        self.program, self.alike = program, alike
        self._origins, self._survey = origins, survey or ProgramSurvey()
        self._others: dict[Alike, KinkReading] = {}
        stops = (e.primitive.name == "stop_gradient" for e in equations(program))
        self._stops = any(stops)
        self._survey.program(program.jaxpr, origins)
        inputs = [
            jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype)
            for v in program.jaxpr.invars
        ]
        book = self._book(None)

        def run(gates, *values):
            nonlocal book
            book = self._book(gates)
            walk(program, values, origins, book)
            return book.margins

        margins = jax.eval_shape(run, None, *inputs)
        self.varying, self.loops = book.varying, book.loops
        self.units = list(zip(book.loops, book.units))
        if margins:
            # Numbers as gates have no meaning for some uses of a comparison.
            jax.eval_shape(run, margins, *inputs)
        self.shapes = [x.shape for x in margins]
        sizes = [math.prod(shape) for shape in self.shapes]
        self.own = sum(n for n, varies in zip(sizes, self.varying) if varies)
        self.shared = sum(sizes) - self.own
        places, self.ranges = {True: 0, False: self.own}, []
        for size, varies in zip(sizes, self.varying):
            start, places[varies] = places[varies], places[varies] + size
            self.ranges.append((start, start + size))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, KinkReading):
            return False
        return self.program is other.program and self.alike == other.alike

    def __hash__(self) -> int:
        return hash((id(self.program), self.alike))

    @classmethod
    def of(cls, problem: Problem) -> Self:
        """Every kink of a problem's function; one reading for problems alike, where
        what they are made of besides arrays can be hashed.

        Also of a problem whose arrays are traced.

        **Raises:** `Unreadable` for kinks that have no gate.
        """
        frozen, static = eqx.partition((problem.frozen, problem.loss), eqx.is_array)
        shape = lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype)
        first = lambda x: jax.ShapeDtypeStruct(x.shape[1:], x.dtype)
        shapes = (
            *jtu.tree_map(shape, (problem.parameters, frozen)),
            *jtu.tree_map(first, (problem.inputs, problem.targets)),
        )
        leaves, structure = jtu.tree_flatten((shapes, static))
        key = tuple((type(leaf), leaf) for leaf in leaves)
        try:
            hash(key)
        except TypeError:
            return _read(cls, key, structure)
        return _shared(cls, key, structure)

    def with_alike(self, alike: Alike) -> "KinkReading":
        """With some of them left as the program has them, or taken together; the same
        one each time."""
        if alike not in self._others:
            made = type(self)(self.program, self._origins, alike, self._survey)
            self._others[alike] = made
        return self._others[alike]

    def see(self, arguments: PyTree[Array], gates: Gates | None = None) -> Seen:
        """A sample, its kinks taken by these gates, or as the program has them.

        **Arguments:**

        - `arguments`: parameters, frozen arrays, input and target, as `arguments_of`
            gives them, of one sample.
        - `gates`: `own` of shape `(own,)`, `shared` of shape `(shared,)`.
        """
        given = None if gates is None else self.split(gates)
        book, values = self._book(given), jtu.tree_leaves(arguments)
        (loss,) = walk(self.program, values, self._origins, book)
        if self._stops and book.margins:
            # What is not differentiated moves nevertheless, and its kinks with it.
            book = self._book(given)
            book.flowing = True
            walk(self.program, values, self._origins, book)
        dtype = loss.dtype
        margins = [margin.astype(dtype) for margin in book.margins]
        return Seen(loss, self._joined(margins, dtype), self._joined(book.bits, bool))

    def split(self, gates: Gates) -> list[Array]:
        """Array by array, as the program has them; leading axes stay."""
        parts = []
        for shape, varies, (start, stop) in zip(self.shapes, self.varying, self.ranges):
            flat, before = (gates.own, 0) if varies else (gates.shared, self.own)
            part = flat[..., start - before : stop - before]
            parts.append(part.reshape(*flat.shape[:-1], *shape))
        return parts

    def _book(self, gates: Sequence[Array] | None) -> Book:
        return Book(self.alike, gates, self._survey)

    def _joined(self, parts: Sequence[Array], dtype) -> Gates:
        def of(which: bool) -> Array:
            flat = [x.ravel() for x, v in zip(parts, self.varying) if v == which]
            return jnp.concatenate(flat) if flat else jnp.zeros(0, dtype)

        return Gates(of(True), of(False))

    def place(self, entry: int, shared: bool) -> tuple[int, tuple[int, ...]]:
        """The number of the kink in the program, and the index in its array."""
        wanted = entry + (self.own if shared else 0)
        kept = [i for i, like in enumerate(self._alike) if like == (i, False)]
        for number, shape, varies, (start, stop) in zip(
            kept, self.shapes, self.varying, self.ranges
        ):
            if varies != shared and start <= wanted < stop:
                index = np.unravel_index(wanted - start, shape)
                return number, tuple(int(i) for i in index)
        raise IndexError(entry)

    @property
    def _alike(self) -> Alike:
        if self.alike is not None:
            return self.alike
        return tuple((i, False) for i in range(len(self.shapes)))


def arguments_of(problem: Problem, parameters: PyTree[Array], x, y) -> PyTree[Array]:
    """What the program of a sample is called on."""
    return parameters, frozen_of(problem), x, y


def frozen_of(problem: Problem) -> PyTree[Array]:
    """The arrays of the model, and of the loss, that do not flow."""
    return eqx.filter((problem.frozen, problem.loss), eqx.is_array)


def _read(cls, key, structure) -> Any:
    shapes, static = jtu.tree_unflatten(structure, [leaf for _, leaf in key])

    def loss(parameters, arrays, x, y):
        frozen, of = eqx.combine(arrays, static)
        return of(eqx.combine(parameters, frozen)(x), y)

    program = jax.make_jaxpr(loss)(*shapes)
    counts = [len(jtu.tree_leaves(part)) for part in shapes]
    kinds = Origin(True, False), Origin(), Origin(False, True), Origin(False, True)
    origins = [kind for kind, n in zip(kinds, counts) for _ in range(n)]
    return cls(program, origins)


_shared = lru_cache(maxsize=64)(_read)
