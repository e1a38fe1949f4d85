"""The whole numbers that a problem takes at positions of one of its arrays."""

from collections.abc import Callable
from typing import NamedTuple, final

import numpy as np
from jaxtyping import Bool

from ._acceptance import Acceptance, Leaves

# Samples that are asked about one number; numbers that are looked at.
_ASKED, _VALUES, _SEEN = 4, 32, 14
# Positions that are looked at one by one, and the largest number that is asked about.
_POSITIONS, _LARGEST = 256, 2**40


class WholeRange(NamedTuple):
    """Whole numbers at some positions of a sample.

    - `data`: the array of all samples.
    - `where`: the positions, a mask.
    - `common`: the values of the data, where each of the positions takes them all.
    - `least`, `most`: what a position takes, in the shape of a sample.
    """

    data: np.ndarray
    where: Bool[np.ndarray, "..."]
    common: np.ndarray | None
    least: np.ndarray
    most: np.ndarray

    def put_in(self, random: np.random.Generator, drawn: np.ndarray) -> np.ndarray:
        """Into random samples, half of them values of the data."""
        if self.common is not None:
            near = random.choice(self.common, drawn.shape)
        else:
            rows = random.integers(0, len(self.data), drawn.shape)
            near = np.take_along_axis(self.data, rows, axis=0)
        far = random.integers(self.least, self.most, drawn.shape, endpoint=True)
        whole = np.where(random.random(drawn.shape) < 0.5, near, far)
        return np.where(self.where, whole.astype(drawn.dtype), drawn)


@final
class RangeSearch:
    """What a problem takes in the place of one array of whole numbers.

    **Attributes:**

    - `number`: of the array among those of a sample; `where`: a mask of positions.
    - `known`: samples of the data.
    - `longest`: the longest axis of the arrays of the model.
    - `outside`: whether the data have indices that lie in no array.
    """

    def __init__(
        self,
        acceptance: Acceptance,
        known: Leaves,
        number: int,
        longest: int,
        outside: bool,
    ):
        self._acceptance, self._known, self._number = acceptance, known, number
        self._longest, self._outside = longest, outside
        self._random = np.random.default_rng(number)

    def range(self, data: np.ndarray, where: Bool[np.ndarray, "..."]) -> WholeRange:
        """Of all positions together, or where they take different numbers of each."""
        ends = (np.where(where, f(data, axis=0), 0) for f in (np.min, np.max))
        least, most = (np.asarray(end, np.int64) for end in ends)
        values = np.unique(data[:, where]).astype(np.int64)
        some = values[np.unique(np.linspace(0, len(values) - 1, _VALUES).astype(int))]
        whole = where[None]
        taken = np.array([self._takes(whole, np.array([v]))[0] for v in some])
        if np.all(taken) or (self._outside and np.any(taken)):
            ends = some[taken][[0, -1]]
            low, high = self._beyond(whole, ends[:1], ends[1:])
            least, most = np.where(where, low[0], 0), np.where(where, high[0], 0)
            return WholeRange(data, where, values, least, most)
        if not self._outside and np.sum(where) <= _POSITIONS:
            ends = self._beyond(_each(where), least[where], most[where])
            least[where], most[where] = ends
        return WholeRange(data, where, None, least, most)

    def only_whole(self, where: np.ndarray) -> np.ndarray:
        """Of positions whose data are real numbers and whole, those that the model
        reads nothing else of: what they hold besides makes no difference."""
        groups = _each(where) if np.sum(where) <= _POSITIONS else where[None]
        plain = self._samples(groups, None)
        shifted = list(plain)
        at = np.repeat(groups, _ASKED, axis=0)
        moved = plain[self._number] + np.where(plain[self._number] < 0, -0.25, 0.25)
        shifted[self._number] = np.where(at, moved, plain[self._number])
        same = self._acceptance.alike(plain, shifted).reshape(-1, _ASKED)
        chosen = groups[np.all(same, axis=1)]
        return np.asarray(np.any(chosen, axis=0))

    def _beyond(self, groups, least, most) -> tuple[np.ndarray, np.ndarray]:
        """From where to where numbers are taken, of each group of positions."""
        dtype = self._known[self._number].dtype
        largest = int(np.max(np.abs([least, most])))
        top = min(max(2 * largest + 10, 2 * self._longest + 2), _LARGEST)
        info = np.iinfo(dtype) if np.issubdtype(dtype, np.integer) else None
        high = top if info is None else min(top, int(info.max))
        low = -top if info is None else max(-top, int(info.min))
        most = self._last(groups, most, np.maximum(high - most, 0), 1)
        return self._last(groups, least, np.maximum(least - low, 0), -1), most

    def _last(self, groups, ends, steps, way: int) -> np.ndarray:
        """The last numbers that are taken, from the ends on one way, of steps at most;
        without those that are alike to all later ones and reach nothing new."""
        taken = lambda k: self._takes(groups, ends + way * k)
        found = _furthest(taken, steps)
        last = ends + way * found
        same = lambda k: self._alike(groups, ends + way * (found - k), last)
        # How many steps back from the last number all is as it is there.
        flat = np.where(found > 0, _furthest(same, found), 0)
        tail = flat > 0
        for part in self._random.random((4, len(ends))):
            tail &= same((part * flat).astype(np.int64))
        for n in np.flatnonzero(tail):
            before = found[n] - flat[n] - 1
            if before >= 0 and self._is_new(groups[n], last[n]):
                before += 1
            last[n] = ends[n] + way * max(before, 0)
        return last

    def _takes(self, groups, values) -> np.ndarray:
        """Whether every index lies in its array, and something is finite."""
        response = self._acceptance.ask(self._samples(groups, values))
        inside, finite = (part.reshape(-1, _ASKED) for part in response[:2])
        return np.all(inside, axis=1) & np.any(finite, axis=1)

    def _alike(self, groups, one, other) -> np.ndarray:
        samples = self._samples(groups, one), self._samples(groups, other)
        return np.all(self._acceptance.alike(*samples).reshape(-1, _ASKED), axis=1)

    def _is_new(self, group, value) -> bool:
        """Whether a number reaches a parameter that those of the data do not."""
        seen = np.unique(self._known[self._number][:, group]).astype(np.int64)
        seen = np.concatenate([seen[[0, -1]], self._random.choice(seen, _SEEN)])
        groups = np.repeat(group[None], len(seen), axis=0)
        before = self._acceptance.reached(self._samples(groups, seen))
        now = self._samples(group[None], np.array([value]))
        return bool(np.any(self._acceptance.reached(now) & ~before))

    def _samples(self, groups: np.ndarray, values: np.ndarray | None) -> Leaves:
        """Several of the data for each group, with its value at all of its positions in
        the first, and at about half of them in the others."""
        rows = np.arange(len(groups) * _ASKED) % len(self._known[0])
        leaves = [leaf[rows] for leaf in self._known]
        if values is None:
            return leaves
        random = np.random.default_rng(0)
        at = np.repeat(groups, _ASKED, axis=0)
        half = at & (random.random(at.shape) < 0.5)
        whole = ~np.any(half, axis=tuple(range(1, at.ndim))) if at.ndim > 1 else ~half
        whole[::_ASKED] = True
        whole = whole.reshape(-1, *(1,) * (at.ndim - 1))
        given = np.repeat(values, _ASKED).reshape(whole.shape)
        own = leaves[self._number]
        given = given.astype(own.dtype)
        leaves[self._number] = np.where(np.where(whole, at, half), given, own)
        return leaves


def _each(where: np.ndarray) -> np.ndarray:
    """A mask for each position of one."""
    index = np.argwhere(where)
    alone = np.zeros((len(index), *where.shape), bool)
    alone[(np.arange(len(index)), *index.T)] = True
    return alone


def _furthest(holds: Callable, most: np.ndarray) -> np.ndarray:
    """The largest k up to `most` such that it holds from 0, where it does, to k, for
    several at once: doubled until it does not hold, then halved."""
    good = np.zeros_like(most)
    bad = most + 1
    step = np.ones_like(most)
    while np.any(bad - good > 1):
        ahead = np.where(step > 0, good + step, (good + bad) // 2)
        ahead = np.where(bad - good > 1, np.minimum(ahead, bad - 1), good)
        does = holds(ahead)
        good, bad = np.where(does, ahead, good), np.where(does, bad, ahead)
        step = np.where(does, 2 * step, 0)
    return good
