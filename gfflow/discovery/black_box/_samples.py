"""Variables of laws at random places, and their change along fields there."""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np

from ._fields import Fields

_AT_A_PLACE = 256
_PLACES = 32


class Samples(NamedTuple):
    """Variables of laws, and their change along a field: `(rows, variables)` twice."""

    theta: np.ndarray
    along: np.ndarray


def joined(parts: list[Samples]) -> Samples:
    """All rows."""
    return Samples(*(np.concatenate(each) for each in zip(*parts)))


def samples(
    fields: Fields, random: np.random.Generator, places: Iterator[np.ndarray]
) -> Iterator[tuple[int, Samples]]:
    """How many places, and the samples there: many fields at one; or where there is a
    drift, of which each place has one, a few fields and the drift at many."""
    subject = fields.subject
    while not subject.moves:
        z = next(places)
        rows = fields.rows(random, z, 1)
        keep = random.permutation(len(rows))[:_AT_A_PLACE]
        yield 1, Samples(*subject.variables(z, rows[keep]))
    while True:
        at = np.stack(list(islice(places, _PLACES)))
        rows = fields.with_drift(random, at)
        each = zip(at, rows, *subject.times(at[:, 0]))
        yield _PLACES, joined([Samples(*subject.variables(*one)) for one in each])
