"""Which kinks of a program are kinks of its gradient, found by crossing them."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from ..problem import Problem
from ._reading import Alike, KinkReading
from ._unreadable import Unreadable
from ._way import Looks, Way, looks

# Random parameters are so many times as large as those of the problem are, or as 1.
_SCALES = (0.3, 1.0, 3.0, 30.0)
# Points on a way, samples, and crossings of each array of kinks, then of those not
# known to matter; for programs with many kinks a sample.
_COUNTS, _FEW, _MANY = (9, 4, (8, 32)), (3, 2, (1, 3)), 50_000
# A crossing is located by so many halvings of a piece of the way.
_LEAST_HALVINGS, _HALVINGS = 16, 40
# Past a kink by this part of a piece of the way, the two sides are told apart.
_PAST = 0.02
# Gradients that differ by less, relatively, are the same; in units of the precision.
_SAME, _LEAST = 1e4, 1e-9
# Gradients smaller than this part of the largest one seen may be round-off.
_SATURATED = 1e-5


class _Tries(NamedTuple):
    """Changes of a bit: the array of kinks, the place in the vector of all, the sample,
    and the piece of the way."""

    array: Int[np.ndarray, " T"]
    entry: Int[np.ndarray, " T"]
    sample: Int[np.ndarray, " T"]
    low: Float[np.ndarray, " T"]
    high: Float[np.ndarray, " T"]


def tried(reading: KinkReading, problem: Problem, seed: int = 0) -> KinkReading:
    """A reading with only those kinks whose two sides have different gradients, those
    whose margins are the same function taken together.

    Random parameters are joined by straight lines, each change of a bit on the way is
    located, and just past it the gradients with the bits from before and from after are
    compared. A kink that is never crossed is left to the program, as are pairs that
    cancel, like those of log(eᵃ + eᵇ) written with a maximum and an absolute value,
    and one that only happens to be crossed with another, like that of the maximum of
    max(a, 0) and max(b, 0).
    Where a gradient is not finite nothing is learned.

    What is found depends on the data and on the arrays that do not flow, so that it is
    found anew for each problem; what is compiled for it is kept for problems alike.

    **Arguments:**

    - `problem`: that of the reading; its arrays are not traced.

    **Raises:** `Unreadable` if the program seen through gates has another gradient than
    the program itself, as one with a derivative rule of its own may.
    """
    if not reading.ranges:
        return reading
    random, look = np.random.default_rng(seed), looks(reading)
    points, samples, rounds = _COUNTS
    if reading.own + reading.shared > _MANY:
        points, samples, rounds = _FEW
    same = max(_SAME * float(np.finfo(problem.dtype).eps), _LEAST)
    matters, largest = np.zeros(len(reading.ranges), bool), 0.0
    crossed = np.zeros_like(matters)
    margins, departs, ways = [], [], []
    for scale in _SCALES:
        way = Way.drawn(problem, scale, samples, random)
        s = np.repeat(np.linspace(0, 1, points), samples).astype(problem.dtype)
        seen, bits = look.bits(way, s, np.tile(np.arange(samples), points))
        margins.append(seen[: _COUNTS[1] * 2])
        bits = bits.reshape(points, samples, -1)
        crossed |= _changes(reading, bits)
        for most in rounds:
            matters |= _joined(reading, matters) & crossed
            tries = _tries(reading, bits, matters, most, problem.dtype)
            if not len(tries.array):
                break
            past, *sides = _crossed(reading, look, way, tries, 1 / (points - 1))
            ways.append((way, past, tries.sample))
            apart, size, depart = _compared(look, way, past, tries.sample, sides)
            known = np.isfinite(apart) & np.isfinite(size)
            largest = max([largest, *size[known]])
            least = same * np.maximum(size, _SATURATED * largest)
            matters[tries.array[known & (apart > least)]] = True
            departs.append(depart)
    matters |= _joined(reading, matters) & crossed
    made = reading.with_alike(_alike(reading, np.concatenate(margins), matters))
    if _is_another(departs, same) and _departs(made, ways, same):
        raise Unreadable(
            "with its kinks held the model has another gradient (a derivative rule of "
            "its own?)"
        )
    return made


def _tries(
    reading: KinkReading, bits: Bool[np.ndarray, "P S E"], known, most: int, dtype
) -> _Tries:
    """Some changes of a bit of each array not known to matter."""
    found = []
    points = len(bits)
    for number, (start, stop) in enumerate(reading.ranges):
        if known[number]:
            continue
        part = bits[:, :, start:stop]
        where = np.argwhere(part[1:] != part[:-1])
        if len(where) > most:
            where = where[np.linspace(0, len(where) - 1, most).astype(int)]
        found += [(number, start + entry, n, i) for i, n, entry in where]
    array, entry, sample, step = np.asarray(found, int).reshape(-1, 4).T
    low, high = ((step + i) / (points - 1) for i in range(2))
    return _Tries(array, entry, sample, low.astype(dtype), high.astype(dtype))


def _changes(reading: KinkReading, bits: Bool[np.ndarray, "P S E"]) -> np.ndarray:
    """Which arrays have a bit that changes on the way."""
    change = np.any(bits[1:] != bits[:-1], axis=(0, 1))
    return np.asarray([np.any(change[start:stop]) for start, stop in reading.ranges])


def _joined(reading: KinkReading, matters: Bool[np.ndarray, " K"]) -> np.ndarray:
    """Those of operations one of whose arrays matters.

    The first rounds of a maximum of many numbers matter as the last one does, but few
    of their crossings tell.
    """
    units = {unit for unit, its in zip(reading.units, matters) if its}
    return np.asarray([unit in units for unit in reading.units])


def _crossed(
    reading: KinkReading, look: Looks, way: Way, tries: _Tries, piece: float
) -> list[np.ndarray]:
    """Places just past each crossing, and all bits before, after, after it but for the
    array that is tried, and there.

    It is located until no array has another bit before than after but that of the try,
    nor is likely to have had one in between.
    """
    n, low, high = tries.sample, tries.low.copy(), tries.high.copy()
    (_, before), (_, after) = (look.bits(way, s, n) for s in (low, high))
    starts, stops = np.asarray(reading.ranges).T
    place = np.arange(before.shape[1])
    inside = place >= starts[tries.array, None]
    inside &= place < stops[tries.array, None]
    for number in range(_HALVINGS):
        unclear = np.any((before != after) & ~inside, axis=1)
        (on,) = np.nonzero(unclear | (number < _LEAST_HALVINGS))
        if not len(on):
            break
        middle, entry = (low[on] + high[on]) / 2, tries.entry[on]
        _, bits = look.bits(way, middle, n[on])
        rows = np.arange(len(on))
        first = bits[rows, entry] == before[on, entry]
        up, down = on[first], on[~first]
        low[up], before[up] = middle[first], bits[first]
        high[down], after[down] = middle[~first], bits[~first]
    past = high + np.asarray(_PAST * piece, high.dtype)
    others = np.where(inside, before, after)
    return [past, before, after, others, look.bits(way, past, n)[1]]


def _compared(look: Looks, way: Way, s, n, sides) -> tuple[np.ndarray, ...]:
    """How far the gradients of the first two sides are apart, also where only the array
    that is tried changes its side; the larger of them; and how far that of the last is
    from the program's own, relatively."""
    held, own = look.gradients(way, s, n, np.stack(sides, axis=1))
    before, after, others, here = np.moveaxis(held, 1, 0)
    with np.errstate(all="ignore"):
        norm = lambda x: np.linalg.norm(x.astype(float), axis=1)
        size, length = np.maximum(norm(before), norm(after)), norm(own)
        tiny = np.finfo(float).tiny
        apart = np.minimum(norm(before - after), norm(others - after))
        return apart, size, norm(here - own) / np.maximum(length, tiny)


def _alike(
    reading: KinkReading,
    margins: Float[np.ndarray, "T E"],
    matters: Bool[np.ndarray, " K"],
) -> Alike:
    """Each kink that matters takes its own gate, or that of the first one like it."""
    found: list[tuple[int, bool] | None] = []
    first: dict[tuple, int] = {}
    for number, (start, stop) in enumerate(reading.ranges):
        part = margins[:, start:stop] + 0.0  # −0 is 0
        place = reading.loops[number], reading.shapes[number]
        key, turned = (*place, part.tobytes()), (*place, (0.0 - part).tobytes())
        if not matters[number]:
            found.append(None)
        elif key in first:
            found.append((first[key], False))
        elif turned in first:
            found.append((first[turned], True))
        else:
            first[key] = number
            found.append((number, False))
    return tuple(found)


def _departs(reading: KinkReading, ways, same: float) -> bool:
    """Whether the gradient of the reading is another one, where it was tried."""
    look, departs = looks(reading), []
    for way, s, n in ways:
        _, bits = look.bits(way, s, n)
        departs.append(_compared(look, way, s, n, (bits,) * 4)[2])
    return _is_another(departs, same)


def _is_another(departs, same: float) -> bool:
    """Whether gradients differ, in the middle of those that are finite."""
    every = np.concatenate([np.zeros(0), *departs])
    finite = every[np.isfinite(every)]
    return len(finite) > 0 and bool(np.median(finite) > same)
