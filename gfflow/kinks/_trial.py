"""Which kinks of a program are kinks of its gradient, found by crossing them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, PyTree

from ..problem import Problem
from ._reading import Alike, Reading, arguments_of
from ._unreadable import Unreadable

# Random parameters are so many times as large as those of the problem are, or as 1.
_SCALES = (0.3, 1.0, 3.0, 30.0)
_POINTS, _SAMPLES, _TRIES = 9, 4, 8
# Past a kink by this part of a piece of the way, the two sides are told apart.
_PAST = 0.02
# Gradients that differ by less, relatively, are the same.
_SAME = 1e-9
# Gradients smaller than this part of the largest one seen may be round-off.
_SATURATED = 1e-5


class _Way(NamedTuple):
    """A straight line between two random points, on some samples."""

    start: PyTree[Array]
    end: PyTree[Array]
    inputs: PyTree[Array]
    targets: PyTree[Array]


def tried(reading: Reading, problem: Problem, seed: int = 0) -> Reading:
    """A reading with only those kinks whose two sides have different gradients, those
    whose margins are the same function taken together.

    Random parameters are joined by straight lines, each change of a bit on the way is
    located, and just past it the gradients with the bits from before and from after are
    compared. A kink that is never crossed is left to the program, as are pairs that
    cancel, like those of log(eᵃ + eᵇ) written with a maximum and an absolute value.

    **Raises:** `Unreadable` if the program seen through gates has another gradient than
    the program itself, as one with a derivative rule of its own may.
    """
    random = np.random.default_rng(seed)
    program = _Program.of(reading, problem)
    parts: list[list[np.ndarray]] = []
    matters, largest = np.zeros(len(reading.loops), bool), 0.0
    for scale in _SCALES:
        way = _random_way(problem, scale, random)
        margins, bits = program.along(way)
        parts.append([np.asarray(x) for x in reading.split(margins)])
        which, apart, size = _crossed(reading, program, way, bits, matters)
        largest = max(largest, *size, 0.0)
        differ = ~(apart <= _SAME * np.maximum(size, _SATURATED * largest))
        matters[which[differ]] = True
        _compare(program, way)
    return reading.with_alike(_alike(reading, parts, matters))


class _Program(NamedTuple):
    """Compiled: margins and bits along a way, where bits change, gradients there."""

    along: Callable[..., Any]
    located: Callable[..., Any]
    sides: Callable[..., Any]
    both: Callable[..., Any]

    @classmethod
    def of(cls, reading: Reading, problem: Problem) -> "_Program":
        arrays, rest = eqx.partition(problem, eqx.is_array)

        def at(arrays, way, s, n):
            parameters = jtu.tree_map(lambda a, b: a + s * (b - a), way.start, way.end)
            pick = lambda tree: jtu.tree_map(lambda x: x[n], tree)
            whole = eqx.combine(arrays, rest)
            return whole, parameters, pick(way.inputs), pick(way.targets)

        def see(arrays, way, s, n):
            return reading.see(arguments_of(*at(arrays, way, s, n)))

        def along(arrays, way):
            grid, samples = jnp.linspace(0, 1, _POINTS), jnp.arange(_samples(way))
            one = lambda s, n: see(arrays, way, s, n)[1:]
            return jax.vmap(lambda s: jax.vmap(lambda n: one(s, n))(samples))(grid)

        def located(arrays, way, low, high, n, entry):
            """The bits just before and just after the bit of an entry changes."""

            def bit(s):
                bits = see(arrays, way, s, n).bits
                return jnp.concatenate([bits.own, bits.shared])

            first = bit(low)[entry]

            def halve(_, ends):
                middle = (ends[0] + ends[1]) / 2
                same = bit(middle)[entry] == first
                return jnp.where(same, middle, ends[0]), jnp.where(
                    same, ends[1], middle
                )

            low, high = jax.lax.fori_loop(0, 50, halve, (low, high))
            return low, high

        def gradient(arrays, way, s, n, gates):
            whole, parameters, x, y = at(arrays, way, s, n)
            loss = lambda p: reading.see(arguments_of(whole, p, x, y), gates).loss
            return jax.grad(loss)(parameters)

        def sides(arrays, way, low, high, n, past):
            before, after = (see(arrays, way, s, n).bits for s in (low, high))
            made = [gradient(arrays, way, past, n, gates) for gates in (before, after)]
            return _apart(*made)

        def both(arrays, way, s, n):
            whole, parameters, x, y = at(arrays, way, s, n)
            plain = lambda p: whole.loss(whole.model_at(p)(x), y)
            gates = see(arrays, way, s, n).bits
            numbers = jtu.tree_map(lambda b: b.astype(whole.dtype), gates)
            own, tiny = jax.grad(plain)(parameters), jnp.finfo(whole.dtype).tiny
            made = [gradient(arrays, way, s, n, g) for g in (gates, numbers)]
            apart, size = zip(*(_apart(g, own) for g in made))
            return jnp.maximum(*apart) / jnp.maximum(size[0], tiny)

        bind = lambda f: jax.jit(lambda *given: f(arrays, *given))
        several = lambda f, axes: bind(jax.vmap(f, in_axes=(None, None, *axes)))
        return cls(
            bind(along),
            several(located, (0, 0, 0, 0)),
            several(sides, (0, 0, 0, 0)),
            several(both, (0, 0)),
        )


def _crossed(reading, program, way, bits, known) -> tuple[np.ndarray, ...]:
    """Crossings on this way, of kinks not known to matter: the array that each is in,
    how far the gradients of its sides are apart, and their size."""
    which, tries, start = [], [], 0
    parts = reading.split(bits)
    for number in sorted(range(len(parts)), key=lambda i: not reading.varying[i]):
        flat = np.asarray(parts[number]).reshape(_POINTS, _SAMPLES, -1)
        if not known[number]:
            found = np.argwhere(flat[1:] != flat[:-1])
            if len(found) > _TRIES:
                found = found[np.linspace(0, len(found) - 1, _TRIES).astype(int)]
            which += [number] * len(found)
            tries += [(step, sample, start + entry) for step, sample, entry in found]
        start += flat.shape[-1]
    if not tries:
        return np.zeros(0, int), np.zeros(0), np.zeros(0)
    # So many at a time that all ways compile one program.
    size = _TRIES * len(known)
    filled = np.resize(np.asarray(tries), (size, 3))
    step, n, entry = (jnp.asarray(x) for x in filled.T)
    length = 1 / (_POINTS - 1)
    low, high = program.located(way, step * length, (step + 1) * length, n, entry)
    apart, sizes = program.sides(way, low, high, n, high + _PAST * length)
    count = len(which)
    return np.asarray(which), np.asarray(apart)[:count], np.asarray(sizes)[:count]


def _alike(reading: Reading, parts: list[list[np.ndarray]], matters) -> Alike:
    """Each kink that matters takes its own gate, or that of the first one like it."""
    found: list[tuple[int, bool] | None] = []
    for j, its in enumerate(zip(*parts)):
        if not matters[j]:
            found.append(None)
            continue
        like = (j, False)
        for i in range(j):
            if found[i] != (i, False) or reading.loops[i] != reading.loops[j]:
                continue
            other = [part[i] for part in parts]
            if other[0].shape != its[0].shape:
                continue
            if all(np.array_equal(a, b) for a, b in zip(its, other)):
                like = (i, False)
            elif all(np.array_equal(a, -b) for a, b in zip(its, other)):
                like = (i, True)
            if like[0] == i:
                break
        found.append(like)
    return tuple(found)


def _compare(program: _Program, way: _Way) -> None:
    samples = np.arange(_samples(way))
    s = np.linspace(0.1, 0.9, len(samples))
    apart = np.asarray(program.both(way, jnp.asarray(s), jnp.asarray(samples)))
    if np.median(apart) > _SAME:
        raise Unreadable(
            "with its kinks held the model has another gradient (a derivative rule of "
            "its own?)"
        )


def _random_way(problem: Problem, scale: float, random: np.random.Generator) -> _Way:
    def like(x):
        size = float(jnp.sqrt(jnp.mean(x**2))) if x.size else 0.0
        draw = random.standard_normal(x.shape) * scale * (size or 1.0)
        return jnp.asarray(draw, x.dtype)

    chosen = random.permutation(problem.samples)[:_SAMPLES]
    chosen = np.resize(chosen, _SAMPLES)
    pick = lambda tree: jtu.tree_map(lambda x: x[chosen], tree)
    ends = [jtu.tree_map(like, problem.parameters) for _ in range(2)]
    return _Way(*ends, *map(pick, problem.present))


def _samples(way: _Way) -> int:
    return len(jtu.tree_leaves((way.inputs, way.targets))[0])


def _apart(a: PyTree[Array], b: PyTree[Array]) -> tuple[Array, Array]:
    """|a − b| and the larger of |a| and |b|."""
    norm = lambda tree: jnp.sqrt(sum(jnp.sum(x**2) for x in jtu.tree_leaves(tree)))
    return norm(jtu.tree_map(jnp.subtract, a, b)), jnp.maximum(norm(a), norm(b))
