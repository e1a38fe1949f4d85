"""Variables of laws at random places, and their change along fields there."""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np

from ._fields import Fields

_AT_A_PLACE = 256
_PLACES = 32


class Samples(NamedTuple):
    """Variables of laws, their change along a field, and how much of that comes and
    goes when all that it is computed from moves by a few units in the last place:
    `(rows, variables)` each."""

    theta: np.ndarray
    along: np.ndarray
    noise: np.ndarray


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
        rows, noise = fields.with_noise(random, z)
        keep = random.permutation(len(rows))[:_AT_A_PLACE]
        yield 1, Samples(*subject.variables(z, rows[keep]), noise[keep])
    while True:
        at = np.stack(list(islice(places, _PLACES)))
        rows = fields.with_drift(random, at)
        each = zip(at, rows, *subject.times(at[:, 0]))
        found = [subject.variables(*one) for one in each]
        still = np.zeros_like
        yield _PLACES, joined([Samples(x, v, still(v)) for x, v in found])
