"""Whether a derivative of a polynomial is zero as a polynomial, over ℤ."""

from collections import defaultdict
from typing import NamedTuple, final

import numpy as np

from ._table import Table

LARGEST = 2**62


class Derivatives(NamedTuple):
    """Terms of ∂_slot of polynomials, of one degree d.

    **Fields:** `owner` int[N]; `slot` int[N]; `coefficient` [N]; `entries` int[N, d].
    """

    owner: np.ndarray
    slot: np.ndarray
    coefficient: np.ndarray
    entries: np.ndarray

    def times(self, coefficient: int, *entries) -> "Derivatives":
        """Times coefficient · Π θ[entries], each an index for each term or for all."""
        columns = [np.broadcast_to(i, self.slot.shape)[:, None] for i in entries]
        return self._replace(
            coefficient=self.coefficient * coefficient,
            entries=np.concatenate([self.entries, *columns], axis=1),
        )

    def where(self, kept: np.ndarray) -> "Derivatives":
        return Derivatives(*(column[kept] for column in self))


def derivatives(table: Table) -> list[Derivatives]:
    """Of all polynomials by all their entries; a power is met once for each factor."""
    return [
        Derivatives(owner, entries[:, k], coefficient, np.delete(entries, k, axis=1))
        for owner, coefficient, entries in table.terms
        for k in range(entries.shape[1])
    ]


@final
class Contraction:
    """Σ_j left_j ∂_j φ_i for all polynomials φ_i of a table."""

    sorted: list[Derivatives]
    starts: list[np.ndarray]
    bound: int

    def __init__(self, table: Table, slots: int):
        """**Arguments:** `slots`: an upper bound of the entries."""
        self.sorted, self.starts = [], []
        for group in derivatives(table):
            order = np.argsort(group.slot, kind="stable")
            self.sorted.append(group.where(order))
            found = np.searchsorted(group.slot[order], np.arange(slots + 1))
            self.starts.append(found)
        self.bound = _largest(self.sorted)

    def vanishes(self, left: list[Derivatives]) -> bool:
        """Whether it is zero for every i: all terms cancel, exactly."""
        bound = self.bound * _largest(left)
        products = defaultdict(list)
        for one in left:
            for group, starts in zip(self.sorted, self.starts):
                product = _joined(one, group, starts, bound)
                products[product[2].shape[1]].append(product)
        return all(
            _cancel(*(np.concatenate(column) for column in zip(*same)))
            for same in products.values()
        )


def cancels(terms: list[Derivatives]) -> bool:
    """Whether Σ coefficient · Π θ[entries] is zero, whatever the slots."""
    products = defaultdict(list)
    for term in terms:
        owner = np.zeros(len(term.slot), int)
        row = np.sort(term.entries, axis=1)
        products[row.shape[1]].append((owner, term.coefficient.astype(object), row))
    return all(
        _cancel(*(np.concatenate(column) for column in zip(*same)))
        for same in products.values()
    )


def _largest(groups: list[Derivatives]) -> int:
    """A bound on the sum of the sizes of the coefficients."""
    return sum(
        int(np.abs(group.coefficient).max()) * len(group.slot)
        for group in groups
        if len(group.slot)
    )


def _joined(one: Derivatives, group: Derivatives, starts, bound: int):
    """The products of the terms with equal slots: (owner, coefficient, entries)."""
    first = starts[one.slot]
    count = starts[one.slot + 1] - first
    left = np.repeat(np.arange(len(count)), count)
    right = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    right += np.repeat(first, count)
    a, b = one.coefficient[left], group.coefficient[right]
    coefficient = a * b if bound < LARGEST else a.astype(object) * b.astype(object)
    entries = np.concatenate([one.entries[left], group.entries[right]], axis=1)
    return group.owner[right], coefficient, np.sort(entries, axis=1)


def _cancel(owner, coefficient, entries) -> bool:
    """Whether the coefficients of each (owner, monomial) sum to 0."""
    if not len(owner):
        return True
    base = int(entries.max(initial=0)) + 1
    key, largest = owner, int(owner.max())
    for column in entries.T:
        if (largest + 1) * base >= LARGEST:
            values, key = np.unique(key, return_inverse=True)
            largest = len(values) - 1
        key = key * base + column
        largest = largest * base + base - 1
    order = np.argsort(key, kind="stable")
    starts = np.flatnonzero(np.diff(key[order], prepend=-1))
    return not np.any(np.add.reduceat(coefficient[order], starts))
