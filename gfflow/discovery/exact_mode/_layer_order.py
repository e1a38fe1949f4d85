"""Orders in which the arrays of a model may be the layers of a chain."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, final

import numpy as np

from ._hypothesis import Link


@final
class Weight(NamedTuple):
    """A matrix of a layer: an array of one or two axes, a vector being one column.

    **Attributes:**

    - `out`: the axis of the units that it leads to.
    """

    array: str
    out: int


@final
class LayerOrder(NamedTuple):
    """Layers applied one after the other.

    **Attributes:**

    - `weights`, `biases`: of each layer; `None` where it has no bias.
    - `links`: of the hidden layers, `None` for one of a single unit.
    """

    weights: tuple[Weight, ...]
    biases: tuple[str | None, ...]
    links: tuple[Link | None, ...]

    def matrix(self, layer: int, numbers: np.ndarray) -> np.ndarray:
        """An array like that of the weight, as (out, in)."""
        numbers = numbers if numbers.ndim == 2 else numbers.reshape(-1, 1)
        return numbers.T if self.weights[layer].out else numbers

    def widths(self, shapes: Mapping[str, tuple[int, ...]]) -> list[int]:
        """(input, hidden, …, output)."""
        ends = [_pair(shapes[w.array])[1 - w.out] for w in self.weights[:1]]
        return ends + [_pair(shapes[w.array])[w.out] for w in self.weights]


def orders(
    shapes: Mapping[str, tuple[int, ...]], links: Sequence[Link]
) -> Iterator[LayerOrder]:
    """All that every array is part of, once; a layer of one unit may have any array
    with an axis of length 1 behind it."""
    if any(len(shape) > 2 for shape in shapes.values()):
        return
    for array in shapes:
        for out in (0, 1):
            start = LayerOrder((Weight(array, out),), (), ())
            yield from _grown(start, shapes, links, set(shapes) - {array})


def _grown(
    chain: LayerOrder,
    shapes: Mapping[str, tuple[int, ...]],
    links: Sequence[Link],
    rest: set[str],
) -> Iterator[LayerOrder]:
    """The chains that begin with this one, whose last layer has no bias yet."""
    last = chain.weights[-1]
    width = _pair(shapes[last.array])[last.out]
    vectors = [a for a in sorted(rest) if len(shapes[a]) < 2]
    if not rest:
        yield chain._replace(biases=(*chain.biases, None))
    if len(rest) == len(vectors) == 1 and _pair(shapes[vectors[0]])[0] == width:
        yield chain._replace(biases=(*chain.biases, vectors[0]))
    for bias, after, link in _next(last, shapes, links, rest, width):
        longer = LayerOrder(
            (*chain.weights, after), (*chain.biases, bias), (*chain.links, link)
        )
        yield from _grown(longer, shapes, links, rest - {bias, after.array})


def _next(
    last: Weight, shapes, links: Sequence[Link], rest: set[str], width: int
) -> Iterator[tuple[str | None, Weight, Link | None]]:
    for link in links:
        end = (last.array, last.out)
        others = [array for array, _ in link.into if array != last.array]
        array, axis = link.out
        vectors = all(len(shapes[a]) == 1 for a in others)
        if end in link.into and vectors and {array, *others} <= rest:
            yield (others or [None])[0], Weight(array, 1 - axis), link
    if width == 1:
        single = [a for a in sorted(rest) if _pair(shapes[a]) == (1, 1)]
        biases = [None, *(a for a in single if len(shapes[a]) < 2)]
        for array in sorted(rest):
            for axis in (0, 1):
                if _pair(shapes[array])[axis] == 1:
                    for bias in biases:
                        if bias != array:
                            yield bias, Weight(array, 1 - axis), None


def _pair(shape: tuple[int, ...]) -> tuple[int, int]:
    rows, columns = (*shape, 1, 1)[:2]
    return rows, columns
