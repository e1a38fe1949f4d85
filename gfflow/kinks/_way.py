"""Lines between random parameters, and what the kinks of a program are there."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple, Self

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jax.extend.core import jaxpr_as_fun
from jaxtyping import Array, Bool, Float, Int, PyTree

from ..problem import Problem
from ._reading import Gates, Reading, frozen_of

# Numbers that a call may hold at once, of kinks and of parameters.
_ROOM = 2**21
_MOST = 32
# LLVM's optimisations take longer than what they are for.
_QUICKLY = {"xla_backend_optimization_level": 0}


class Way(NamedTuple):
    """A straight line between two random points, 0 ≤ s ≤ 1, on some samples."""

    start: PyTree[Array]
    end: PyTree[Array]
    frozen: PyTree[Array]
    inputs: PyTree[Array]
    targets: PyTree[Array]

    @classmethod
    def drawn(
        cls, problem: Problem, scale: float, samples: int, random: np.random.Generator
    ) -> Self:
        """Between parameters `scale` times as large as those of the problem, or as 1
        for those that are 0, on samples that count."""

        def like(x):
            x = np.asarray(x)
            size = float(np.sqrt(np.mean(x**2))) if x.size else 0.0
            draw = random.standard_normal(x.shape) * scale * (size or 1.0)
            return draw.astype(x.dtype)

        chosen = np.resize(random.permutation(problem.samples)[:samples], samples)
        pick = lambda tree: jtu.tree_map(lambda x: x[chosen], tree)
        ends = [jtu.tree_map(like, problem.parameters) for _ in range(2)]
        return cls(*ends, frozen_of(problem), *map(pick, problem.present))


class Sides(NamedTuple):
    """- `apart`: |a − b| of the gradients of two sides of a kink.
    - `size`: the larger of |a| and |b|.
    - `departs`: how far the gradient by the program's own gates is from the program's,
        relatively.
    """

    apart: Array
    size: Array
    departs: Array


class Looks(NamedTuple):
    """A reading, looked at on ways, some places a call."""

    places: int
    seen: Callable[..., Any]
    sides: Callable[..., Any]

    def bits(
        self, way: Way, s: Float[np.ndarray, " T"], n: Int[np.ndarray, " T"]
    ) -> tuple[Float[np.ndarray, "T E"], Bool[np.ndarray, "T E"]]:
        """Margins and bits at places s, of samples n."""
        parts = [self.seen(way, *part) for part in self._parts(s, n)]
        margins, bits = (np.concatenate(x)[: len(s)] for x in zip(*parts))
        return margins, bits

    def gradients(self, way: Way, s, n, gates: tuple[np.ndarray, ...]) -> Sides:
        """Those of the first two gates against each other, those of the third against
        the program; each of shape `(T, E)`."""
        parts = [self.sides(way, *part) for part in self._parts(s, n, *gates)]
        made = [np.concatenate(x)[: len(s)] for x in zip(*parts)]
        return Sides(*made)

    def _parts(self, *arrays):
        """So many at a time that all calls are of one program."""
        for start in range(0, len(arrays[0]), self.places):
            part = [x[start : start + self.places] for x in arrays]
            count = len(part[0])
            filled = np.arange(self.places) % count
            yield part if count == self.places else [x[filled] for x in part]


@lru_cache(maxsize=64)
def looks(reading: Reading) -> Looks:
    """Compiled; one for problems alike."""
    plain = jaxpr_as_fun(reading.program)

    def at(way, s, n):
        parameters = jtu.tree_map(lambda a, b: a + s * (b - a), way.start, way.end)
        pick = lambda tree: jtu.tree_map(lambda x: x[n], tree)
        return parameters, way.frozen, pick(way.inputs), pick(way.targets)

    def seen(way, s, n):
        seen = reading.see(at(way, s, n))
        return tuple(map(jnp.concatenate, (seen.margins, seen.bits)))

    def sides(way, s, n, before, after, here):
        parameters, *rest = at(way, s, n)

        def loss(p, flat):
            gates = Gates(flat[: reading.own], flat[reading.own :])
            return reading.see((p, *rest), gates).loss

        gates = jnp.stack([before, after, here])
        made = jax.lax.map(lambda g: jax.grad(loss)(parameters, g), gates)
        own = jax.grad(lambda p: plain(*jtu.tree_leaves((p, *rest)))[0])(parameters)
        one, other, held = (jtu.tree_map(lambda x: x[i], made) for i in range(3))
        size, length = jnp.maximum(_norm(one), _norm(other)), _norm(own)
        departs = _apart(held, own) / jnp.maximum(length, jnp.finfo(size.dtype).tiny)
        return Sides(_apart(one, other), size, departs)

    count = reading.own + reading.shared
    inputs = [v.aval for v in reading.program.jaxpr.invars]
    count += sum(x.size for x in inputs)  # pyright: ignore
    several = lambda f, axes: jax.jit(
        jax.vmap(f, in_axes=(None, *(0,) * axes)), compiler_options=_QUICKLY
    )
    places = max(1, min(_MOST, _ROOM // count))
    return Looks(places, several(seen, 2), several(sides, 5))


def _apart(a: PyTree[Array], b: PyTree[Array]) -> Array:
    return _norm(jtu.tree_map(jnp.subtract, a, b))


def _norm(tree: PyTree[Array]) -> Array:
    return jnp.sqrt(sum(jnp.sum(x**2) for x in jtu.tree_leaves(tree)))
