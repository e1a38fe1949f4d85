"""What is kept of an integration: its rows, and the whole state at some of them."""

from collections.abc import Sequence
from typing import Any, NamedTuple, final

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int, PyTree

from .._typing import Scalar
from ._carry import Carry
from ._law_rates import LawRate, by_law


class Row(eqx.Module):
    """What is saved at one time, or with one more leading axis at T of them.

    The rates of laws are those of all laws in one row of n components.
    """

    t: Float[Array, "*T"]
    loss: Float[Array, "*T"]
    gradient_norm: Float[Array, "*T"]
    laws: dict[str, Float[Array, "..."]]
    law_rates: LawRate | None = None

    @property
    def rates_by_law(self) -> dict[str, LawRate] | None:
        """The rates of each law in the shape of its value, if they are recorded."""
        return None if self.law_rates is None else by_law(self.law_rates, self.laws)


class Record(NamedTuple):
    """**Attributes:**

    - `rows`: each array with a leading axis of T.
    - `state_ts`: `(K,)`, where a whole state was kept; an increasing part of the times
        of the rows.
    - `states`: those states, each array with a leading axis of K.
    """

    rows: Row
    state_ts: Float[Array, " K"]
    states: PyTree[Array]

    @classmethod
    def of(cls, rows: Sequence[Row], states: Sequence[tuple[Scalar, Any]], like: Any):
        """From single rows and `(t, state)`; `like` has the structure of a state.

        Rows, of any number, are joined on the host, where nothing is compiled for it.
        """
        on_host = lambda *leaves: jnp.asarray(np.stack(leaves))
        none = lambda leaf: jnp.zeros((0, *leaf.shape), leaf.dtype)
        table = jtu.tree_map(on_host, *rows)
        if not states:
            return cls(table, none(rows[0].t), jtu.tree_map(none, like))
        ts, kept = zip(*states)
        stack = lambda *leaves: jnp.stack(leaves)
        return cls(table, on_host(*ts), jtu.tree_map(stack, *kept))

    def followed_by(self, other: "Record") -> "Record":
        """The two, one after the other."""
        return jtu.tree_map(lambda a, b: jnp.concatenate([a, b]), self, other)

    def first(self, count: int) -> "Record":
        """The first rows, and the states among them."""
        rows = jtu.tree_map(lambda x: x[:count], self.rows)
        states = int(jnp.sum(self.state_ts <= rows.t[-1]))
        cut = lambda x: x[:states]
        return Record(rows, cut(self.state_ts), jtu.tree_map(cut, self.states))

    @property
    def last(self) -> Row:
        """The last row."""
        return jtu.tree_map(lambda x: x[-1], self.rows)


@jax.jit
def taken(table: PyTree[Array], rows: Int[ArrayLike, "..."]) -> PyTree[Array]:
    """A row, or some rows, of arrays with one leading axis: by one program, and where
    the arrays are."""
    return jtu.tree_map(lambda x: x[rows], table)


def kept_rows(count: int, every: int) -> list[int]:
    """At which of `count` rows the whole state is kept: the first, the last, and every
    n-th unless `every` is 0."""
    return sorted({0, count - 1, *(range(0, count, every) if every else ())})


@final
class Recorder:
    """Takes the rows of an integration as they come, on the host.

    It keeps the state with the row of an early stop too. What is taken from it, to be
    written to disk, it holds no longer.

    **Attributes:**

    - `count`: rows that came, those taken included.
    - `last`: the last of them.
    """

    def __init__(self, total: int, every: int, before: Record | None = None, count=0):
        """**Arguments:**

        - `total`: how many rows there will be at most.
        - `every`: as for `kept_rows`.
        - `before`: the last of the rows that came earlier, not taken yet.
        - `count`: how many came earlier, those of `before` included.
        """
        self._kept = frozenset(kept_rows(total, every))
        self._before = before
        self._earlier = count
        self._rows: list[Row] = []
        self._states: dict[int, tuple[Scalar, Any]] = {}
        self._like: Any = None
        self._last = None if before is None else before.last

    @property
    def count(self) -> int:
        return self._earlier + len(self._rows)

    @property
    def last(self) -> Row:
        row = self._rows[-1] if self._rows else self._last
        assert row is not None
        return row

    def add(self, carry: Carry, row: Row) -> None:
        """The next row, and the carry after it."""
        if self.count in self._kept or not carry.going:
            self._states[self.count] = (carry.t, carry.state)
        self._like = carry.state
        self._rows.append(row)

    def held(self) -> Record | None:
        """What came and was not taken; `None` if that is nothing."""
        if not self._rows:
            return self._before
        new = Record.of(self._rows, list(self._states.values()), self._like)
        return new if self._before is None else self._before.followed_by(new)

    def forget(self) -> None:
        """Hold no longer what came so far."""
        self._last, self._earlier = self.last, self.count
        self._before, self._rows, self._states = None, [], {}
