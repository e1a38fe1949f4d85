"""Which whole numbers a user's data could hold, as far as a problem tells."""

import weakref
from collections.abc import Sequence
from typing import Any, final

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, Bool

from ._acceptance import Acceptance, Leaves
from ._problem import Problem
from ._whole_range import RangeSearch, WholeRange

# Samples of the data, and random ones, that are looked at.
_KNOWN, _TRIED = 64, 32
_MADE: dict[int, "WholeNumbers"] = {}


@final
class WholeNumbers:
    """What random data hold in the place of whole numbers.

    These are integer and boolean arrays, and real ones at positions where all data are
    whole and the model or the loss reads nothing else. Every number of the data is
    taken. Beyond the largest and the least of them are those

    - for which every index lies in its array, and prediction and loss are finite;
    - but for a last one, from which on all are alike to model and loss, unless it
      reaches a parameter that numbers of the data do not. Such are the classes beyond
      the last of a one-hot code, and padding that is masked;
    - up to twice the largest, or twice the longest axis of an array of the model.

    What lies between numbers that are taken is taken for one too. Samples that are not
    taken as a whole, as are masks of nothing, get the numbers of one of the data.
    """

    def __init__(self, problem: Problem):
        inputs, targets = problem.present
        leaves = jtu.tree_leaves((inputs, targets))
        self._inputs = len(jtu.tree_leaves(inputs))
        self._ranges: list[WholeRange | None] = [None] * len(leaves)
        self._flags = [leaf.dtype == bool for leaf in leaves]
        self._sure = True
        where = [_whole(leaf) for leaf in leaves]
        if not any(map(np.any, [*where, *self._flags])):
            return
        self._acceptance = Acceptance(problem)
        real = [jnp.issubdtype(leaf.dtype, jnp.floating) for leaf in leaves]
        if any(np.any(at) for at, is_real in zip(where, real) if is_real):
            casts = self._acceptance.casts
            where = [
                np.asarray(at & (casts or not is_real))
                for at, is_real in zip(where, real)
            ]
        if any(map(np.any, [*where, *self._flags])):
            self._search([_on_host(leaf) for leaf in leaves], where, real, problem)

    def _search(self, leaves: Leaves, where, real, problem: Problem) -> None:
        rows = _rows(leaves)
        first = [leaf[rows] for leaf in leaves]
        response = self._acceptance.ask(first)
        self._outside = not np.all(response.inside)
        good = np.flatnonzero(response.inside & response.finite)
        self._known = [leaf[good] for leaf in first] if len(good) else first
        most = _longest(problem)
        for n, at in enumerate(where):
            args = self._acceptance, self._known, n, most, self._outside
            search = RangeSearch(*args)
            if real[n] and np.any(at):
                at = search.only_whole(at)
            if np.any(at):
                self._ranges[n] = search.range(leaves[n], at)
        random = np.random.default_rng(0)
        rows = random.choice(len(self._known[0]), _TRIED)
        tried = self._drawn(random, [leaf[rows] for leaf in self._known], 0)
        self._sure = bool(np.all(self._takes(tried)))

    def put_in(
        self, random: np.random.Generator, leaves: Sequence[Array], targets: bool
    ) -> list[Array]:
        """In the random arrays of inputs, or of targets."""
        first = self._inputs if targets else 0
        some = slice(first, first + len(leaves))
        changes = any(self._flags[some]) or any(self._ranges[some])
        if not changes:
            return list(leaves)
        drawn = self._drawn(random, [_on_host(leaf) for leaf in leaves], first)
        if not self._sure:
            rows = random.integers(0, len(self._known[0]), len(leaves[0]))
            known = [leaf[rows] for leaf in self._known]
            taken = self._takes([*known[:first], *drawn, *known[some.stop :]])
            for n, (one, other) in enumerate(zip(drawn, known[some])):
                of = self._ranges[first + n]
                if of is not None or self._flags[first + n]:
                    mine = True if of is None else of.where
                    kept = taken.reshape(-1, *(1,) * (one.ndim - 1)) | ~np.array(mine)
                    drawn[n] = np.where(kept, one, other)
        return [jnp.asarray(leaf) for leaf in drawn]

    def _drawn(self, random: np.random.Generator, leaves: Leaves, first: int):
        made = list(leaves)
        for n, leaf in enumerate(made):
            of = self._ranges[first + n]
            if of is not None:
                made[n] = of.put_in(random, leaf)
            elif self._flags[first + n]:
                made[n] = random.integers(0, 2, leaf.shape).astype(bool)
        return made

    def _takes(self, leaves: Leaves) -> Bool[np.ndarray, " c"]:
        response = self._acceptance.ask(leaves)
        return response.finite & (response.inside | self._outside)


def whole_numbers(problem: Problem) -> WholeNumbers:
    """Those of a problem, looked for once."""
    key = id(problem)
    if key not in _MADE:
        _MADE[key] = WholeNumbers(problem)
        weakref.finalize(problem, _MADE.pop, key, None)
    return _MADE[key]


def _rows(leaves: Leaves) -> np.ndarray:
    """The first samples, and for each array one of its largest and its least number."""
    rows = list(range(min(_KNOWN, len(leaves[0]))))
    for leaf in leaves:
        if leaf.size and jnp.issubdtype(leaf.dtype, jnp.integer):
            values = leaf.reshape(len(leaf), -1)
            rows += [int(np.argmin(values.min(1))), int(np.argmax(values.max(1)))]
    return np.unique(rows)


def _on_host(leaf: Array) -> Any:
    key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return leaf if key else np.asarray(leaf)


def _whole(leaf: Array) -> Bool[np.ndarray, "..."]:
    """At which positions of a sample all data are whole numbers."""
    if jnp.issubdtype(leaf.dtype, jnp.integer):
        return np.full(leaf.shape[1:], bool(leaf.size))
    if not jnp.issubdtype(leaf.dtype, jnp.floating) or not leaf.size:
        return np.zeros(leaf.shape[1:], bool)
    values = np.asarray(leaf)
    return np.asarray(np.all(values == np.round(values), axis=0))


def _longest(problem: Problem) -> int:
    """The longest axis of an array of the model."""
    model = jtu.tree_leaves((problem.parameters, problem.frozen))
    arrays = [a for a in model if isinstance(a, jax.Array | np.ndarray)]
    return max((max(a.shape, default=1) for a in arrays), default=1)
