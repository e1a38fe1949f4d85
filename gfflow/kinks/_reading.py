"""The kinks of a problem's function, read off its program."""

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

from ..problem import Problem
from ._book import Book
from ._walk import Origin, walk

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
class Reading:
    """The loss of a sample as a program, and where it has kinks.

    Equal to one of the same program with the same kinks, so that compiled functions may
    close over it.

    **Attributes:**

    - `own`, `shared`: how many kinks each sample has, and how many all share.
    - `alike`: which kinks of the program are taken together; see `Book`.
    - `varying`: of each array of kinks, whether it depends on the sample.
    - `loops`: and the loops of the program that it is in.
    """

    program: ClosedJaxpr
    alike: Alike | None
    own: int
    shared: int

    def __init__(self, program, origins, alike: Alike | None = None):
        """**Raises:** `Unreadable` for kinks that have no gate."""
        self.program, self.alike = program, alike
        self._origins = origins
        self._shapes: list[tuple[int, ...]] = []
        self.varying: list[bool] = []
        self.loops: list[tuple[int, ...]] = []
        inputs = [
            jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype)
            for v in program.jaxpr.invars
        ]

        def run(*values):
            book = Book(alike)
            made, _ = walk(program, values, origins, book)
            self.varying, self.loops = book.varying, book.loops
            return made, book.margins

        _, margins = jax.eval_shape(run, *inputs)
        self._shapes = [x.shape for x in margins]
        sizes = [int(np.prod(shape)) for shape in self._shapes]
        self.own = sum(n for n, varies in zip(sizes, self.varying) if varies)
        self.shared = sum(sizes) - self.own

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Reading):
            return False
        return self.program is other.program and self.alike == other.alike

    def __hash__(self) -> int:
        return hash((id(self.program), self.alike))

    @classmethod
    def of(cls, problem: Problem) -> Self:
        """Every kink of a problem's function.

        **Raises:** `Unreadable` for kinks that have no gate.
        """
        arrays, rest = eqx.partition(problem, eqx.is_array)
        shapes = jtu.tree_map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), arrays)
        leaves, structure = jtu.tree_flatten((shapes, rest))
        try:
            return _shared(cls, tuple(leaves), structure)
        except TypeError:
            return _read(cls, leaves, structure)

    def with_alike(self, alike: Alike) -> Self:
        """With some of them left as the program has them, or taken together."""
        return type(self)(self.program, self._origins, alike)

    def see(self, arguments: PyTree[Array], gates: Gates | None = None) -> Seen:
        """A sample, its kinks taken by these gates, or as the program has them.

        **Arguments:**

        - `arguments`: parameters, frozen arrays, input and target, as `arguments_of`
            gives them, of one sample.
        """
        given = None if gates is None else self.split(gates)
        book = Book(self.alike, given)
        values = jtu.tree_leaves(arguments)
        (loss,), _ = walk(self.program, values, self._origins, book)
        return Seen(loss, self._joined(book.margins), self._joined(book.bits))

    def split(self, gates: Gates) -> list[Array]:
        """Array by array, as the program has them."""
        parts, places = [], {True: 0, False: 0}
        for shape, varies in zip(self._shapes, self.varying):
            flat, start = gates.own if varies else gates.shared, places[varies]
            stop = places[varies] = start + int(np.prod(shape))
            parts.append(flat[..., start:stop].reshape(*flat.shape[:-1], *shape))
        return parts

    def _joined(self, parts: Sequence[Array]) -> Gates:
        def of(which: bool) -> Array:
            flat = [x.ravel() for x, v in zip(parts, self.varying) if v == which]
            dtype = parts[0].dtype if parts else float
            return jnp.concatenate(flat) if flat else jnp.zeros(0, dtype)

        return Gates(of(True), of(False))

    def place(self, entry: int, shared: bool) -> tuple[int, tuple[int, ...]]:
        """The number of the kink in the program, and the index in its array."""
        start, kept = 0, [i for i, like in enumerate(self._alike) if like == (i, False)]
        for number, shape, varies in zip(kept, self._shapes, self.varying):
            size = int(np.prod(shape))
            if varies == shared:
                continue
            if entry < start + size:
                index = np.unravel_index(entry - start, shape)
                return number, tuple(int(i) for i in index)
            start += size
        raise IndexError(entry)

    @property
    def _alike(self) -> Alike:
        if self.alike is not None:
            return self.alike
        return tuple((i, False) for i in range(len(self._shapes)))


def arguments_of(problem: Problem, parameters: PyTree[Array], x, y) -> PyTree[Array]:
    """What the program of a sample is called on."""
    return parameters, eqx.filter(problem.frozen, eqx.is_array), x, y


def _read(cls, leaves, structure) -> Any:
    shapes, rest = jtu.tree_unflatten(structure, leaves)
    static = eqx.filter(rest.frozen, lambda x: x is not None)
    first = lambda tree: jtu.tree_map(
        lambda s: jax.ShapeDtypeStruct(s.shape[1:], s.dtype), tree
    )
    frozen = shapes.frozen

    def loss(parameters, arrays, x, y):
        model = eqx.combine(parameters, arrays, static)
        return rest.loss(model(x), y)

    given = shapes.parameters, frozen, first(shapes.inputs), first(shapes.targets)
    program = jax.make_jaxpr(loss)(*given)
    counts = [len(jtu.tree_leaves(part)) for part in given]
    kinds = Origin(True, False), Origin(), Origin(False, True), Origin(False, True)
    origins = [kind for kind, n in zip(kinds, counts) for _ in range(n)]
    return cls(program, origins)


_shared = lru_cache(maxsize=64)(_read)
