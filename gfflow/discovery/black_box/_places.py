"""Where laws are looked for: near the start, and anywhere."""

import itertools
from collections.abc import Iterator

import numpy as np

from ..subject import Subject
from ._fields import Fields

_NUDGE = 0.1
_WIDE = (0.5, 1.0, 1.0, 2.0)
_LOCAL = 0.01


def near(fields: Fields, random: np.random.Generator) -> np.ndarray:
    """The start with a tenth of noise: generic, and most often of the same region."""
    subject = fields.subject
    sizes = _sizes(subject)
    noise = _NUDGE * sizes * random.standard_normal(len(sizes))
    return _placed(fields, random, subject.start + noise)


def anywhere(fields: Fields, random: np.random.Generator) -> np.ndarray:
    """Gaussian, each array of about its size at the start."""
    sizes = _sizes(fields.subject) * random.choice(_WIDE)
    return _placed(fields, random, sizes * random.standard_normal(len(sizes)))


def everywhere(fields: Fields, random: np.random.Generator) -> Iterator[np.ndarray]:
    """Near the start, then anywhere twice, and so on: a law that holds in half of space
    passes a dozen with a chance of 2⁻⁸."""
    for place in itertools.cycle((near, anywhere, anywhere)):
        yield place(fields, random)


def around(random: np.random.Generator, point: np.ndarray) -> Iterator[np.ndarray]:
    """A hundredth away from a point, no entry of another sign."""
    while True:
        noise = np.clip(random.standard_normal(len(point)), -3, 3)
        yield point * (1 + _LOCAL * noise)


def _placed(fields: Fields, random: np.random.Generator, z) -> np.ndarray:
    """In the domain, at a time between 1 and 2."""
    z = fields.inside(z)
    if fields.subject.clock:
        z = np.concatenate([[random.uniform(1, 2)], z[1:]])
    return z


def _sizes(subject: Subject) -> np.ndarray:
    """The root mean square of each array, that of all of them where it is 0."""
    start = subject.start
    overall = float(np.sqrt(np.mean(start**2))) if len(start) else 0.0
    overall = overall or 1.0
    timed = bool(subject.clock)
    sizes, first = [np.ones(int(timed))], int(timed)
    for count in subject.layout.sizes[len(subject.clock) :]:
        part = start[first : first + count]
        size = float(np.sqrt(np.mean(part**2))) if count else 1.0
        sizes.append(np.full(count, size or overall))
        first += count
    return np.concatenate(sizes)
