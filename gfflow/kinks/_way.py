"""Lines between random parameters, and what the kinks of a program are there."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple, Self

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jax.extend.core import jaxpr_as_fun
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, Float, Int, PyTree

from ..problem import Problem
from ._reading import Gates, KinkReading, frozen_of

# Places a call; one by one where there are so many numbers, kinks or parameters.
_PLACES, _LARGE = 32, 20_000
# LLVM's optimisations take longer than what they are for.
_QUICKLY = {
    "xla_backend_optimization_level": 0,
    "xla_cpu_parallel_codegen_split_count": 1,
}


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

        def pick(x):
            key = jnp.issubdtype(x.dtype, jax.dtypes.extended)
            return x[chosen] if key else np.asarray(x)[chosen]

        start, end = (jtu.tree_map(like, problem.parameters) for _ in range(2))
        inputs, targets = jtu.tree_map(pick, problem.present)
        return cls(start, end, frozen_of(problem), inputs, targets)


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

    def gradients(
        self, way: Way, s, n, gates: Bool[np.ndarray, "T G E"]
    ) -> tuple[Float[np.ndarray, "T G D"], Float[np.ndarray, "T D"]]:
        """Those by some gates, and those of the program itself."""
        parts = [self.sides(way, *part) for part in self._parts(s, n, gates)]
        held, own = (np.concatenate(x)[: len(s)] for x in zip(*parts))
        return held, own

    def _parts(self, *arrays):
        """So many at a time that all calls are of one program."""
        for start in range(0, len(arrays[0]), self.places):
            part = [x[start : start + self.places] for x in arrays]
            count = len(part[0])
            filled = np.arange(self.places) % count
            yield part if count == self.places else [x[filled] for x in part]


@lru_cache(maxsize=64)
def looks(reading: KinkReading) -> Looks:
    """Compiled; one for problems alike."""
    plain = jaxpr_as_fun(reading.program)

    def at(way, s, n):
        parameters = jtu.tree_map(lambda a, b: a + s * (b - a), way.start, way.end)
        pick = lambda tree: jtu.tree_map(lambda x: x[n], tree)
        return parameters, way.frozen, pick(way.inputs), pick(way.targets)

    def seen(way, s, n):
        seen = reading.see(at(way, s, n))
        return tuple(map(jnp.concatenate, (seen.margins, seen.bits)))

    def sides(way, s, n, flat):
        parameters, *rest = at(way, s, n)

        def held(row):
            gates = Gates(row[: reading.own], row[reading.own :])
            of = jax.grad(lambda p: reading.see((p, *rest), gates).loss)(parameters)
            return ravel_pytree(of)[0]

        own = jax.grad(lambda p: plain(*jtu.tree_leaves((p, *rest)))[0])(parameters)
        return jax.vmap(held)(flat), ravel_pytree(own)[0]

    count = reading.own + reading.shared
    inputs = [v.aval for v in reading.program.jaxpr.invars]
    count += sum(x.size for x in inputs)  # pyright: ignore
    if count > _LARGE:
        # Convolutions by many weights at once are slow.
        first = lambda tree: jtu.tree_map(lambda x: x[0], tree)
        single = lambda f: (
            lambda way, *rows: jtu.tree_map(lambda x: x[None], f(way, *first(rows)))
        )
        return Looks(1, jax.jit(single(seen)), jax.jit(single(sides)))
    several = lambda f: jax.jit(
        lambda way, *rows: jax.vmap(lambda row: f(way, *row))(rows),
        compiler_options=_QUICKLY,
    )
    return Looks(_PLACES, several(seen), several(sides))
