"""Ranks of W at points, the laws that hold there, and what is concluded from both."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import final

import numpy as np

from ..polynomials import (
    Family,
    Polynomial,
    first_families,
    large_families,
    phase_families,
    simple_families,
)
from ..result import RankCertificate
from ..subject import Subject
from ._closure import FAINT, Tangent, closed, sampled
from ._fields import Fields
from ._places import anywhere, around, everywhere, near
from ._search import Search

_PRESENT = 1e-7
_DOUBLE = 1e-12
_MORE = 6
_WIDE = 1e3


@final
class Survey:
    """Ranks at points, and the laws that hold.

    **Arguments:**

    - `known`: gives laws to start from, which are tried as all are; called where a
        search for squares is not enough.
    - `given`: laws that come first, tried too.
    """

    def __init__(
        self,
        subject: Subject,
        random: np.random.Generator,
        degree: int,
        known: Callable[[], list[Polynomial]],
        given: Sequence[Polynomial] = (),
    ):
        self.subject, self.random, self.degree = subject, random, degree
        self.known, self._known = known, None
        self.given = given
        self.fields = Fields(subject)
        places = (near, near, anywhere, anywhere)
        self.tangents = [
            sampled(self.fields, random, place(self.fields, random)) for place in places
        ]
        search = self._searched(everywhere(self.fields, random), self.tangents)
        self.search = search

    @property
    def has_read(self) -> bool:
        """Whether `known` was called."""
        return self._known is not None

    def conclude(self) -> tuple[list[Polynomial], int | None, bool, list[str]]:
        """The laws, the upper bound, whether it is conclusive, and notes."""
        clear = [t for t in self.tangents if t.clear and t.closed]
        if len(clear) < 2:
            return self.search.laws, None, False, [self._unclear()]
        least = min(t.missing for t in clear)
        laws, notes = self.search.laws, []
        upper, agreed = least, sum(t.missing == least for t in clear) >= 2
        here, also = self.tangents[:2]
        settled = all(t.clear and t.closed for t in (here, also))
        regional = settled and here.missing == also.missing > len(laws)
        bounds = self._bounds_near(here) if regional and self.subject.kinks else []
        if bounds:
            every = [*(t.missing for t in clear), *bounds]
            upper = min(every)
            agreed = every.count(upper) >= 2
            notes.append(
                "near the start are several regions, since a small change of the "
                "parameters turns units on or off for good, as with biases of 0: there "
                f"is room for {sorted({here.missing, *bounds})} laws in them, and "
                "those given hold in all"
            )
        elif regional:
            search = self._searched(around(self.random, here.point), [here])
            if len(search.laws) > len(laws):
                notes.append(
                    f"{len(search.laws) - len(laws)} of the laws hold in the region of "
                    "the start only"
                )
                laws, self.search = search.laws, search
                upper, agreed = here.missing, True
            elif here.missing > least and self.subject.kinks:
                upper, agreed = here.missing, False
                notes.append(
                    "inconclusive: near the start W is smaller than elsewhere, and no "
                    "law was found for what is missing: saturated or dead units"
                )
        if len({t.missing for t in clear}) > 1:
            notes.append(
                "the points do not agree (two near the start, two anywhere): "
                f"{[t.missing for t in self.tangents]} laws"
            )
        if len(laws) > upper:
            agreed = False
            notes.append(
                f"inconclusive: {len(laws)} laws hold at random points, more than the "
                f"rank allows, {upper}: one of the two is round-off"
            )
        if not agreed and not any(note.startswith("inconclusive") for note in notes):
            notes.append(
                f"inconclusive: only one point has the least number, {upper}: try "
                "another seed"
            )
        if self.subject.precision > _DOUBLE:
            agreed = False
            notes.append(
                "inconclusive: the model computes in less than float64 by itself; what "
                "breaks a law by less than its round-off cannot be seen"
            )
        if agreed and len(laws) < upper:
            notes.append(self._incomplete(upper, len(laws)))
        if self.search.refused and not self.subject.homogeneous:
            notes.append(
                f"{len(self.search.refused)} laws that the gradients near the start "
                "show do not hold, or not to round-off, at all points that were tried"
            )
        return laws, upper, agreed, notes

    def _bounds_near(self, here: Tangent) -> list[int]:
        """Upper bounds on the number of laws at more points near the start, without
        brackets; none where W has one dimension at all of them."""
        places = (near(self.fields, self.random) for _ in range(_MORE))
        more = [sampled(self.fields, self.random, place) for place in places]
        differ = any(t.ranks[0] != here.ranks[0] for t in more if t.clear)
        return [t.missing for t in more if t.clear] if differ else []

    def _incomplete(self, upper: int, found: int) -> str:
        text = (
            f"{upper - found} of the {upper} laws were not found, with polynomials of "
            f"degree {self.degree} or less: {', '.join(self.search.tried)}"
        )
        if self.search.skipped:
            text += "; not tried, too large: " + ", ".join(self.search.skipped)
        return text

    def certificate(self) -> RankCertificate:
        """The ranks of the point that took the most levels."""
        deepest = max(self.tangents, key=lambda t: len(t.ranks))
        return RankCertificate(
            "orbit" if any(t.orbit for t in self.tangents) else "brackets",
            deepest.ranks,
            (
                min(t.gap[0] for t in self.tangents),
                max(t.gap[1] for t in self.tangents),
            ),
            tuple(t.missing for t in self.tangents),
            closed=all(t.closed for t in self.tangents),
        )

    def _searched(self, places: Iterator, tangents: list[Tangent]) -> Search:
        """Cheap families, the laws read off gradients, then brackets if need be, then
        all families; the simple ones before brackets where no law is known."""
        ranks = [t.ranks[0] for t in tangents if t.ranks]
        search = Search(self.fields, self.random, places, min(ranks, default=None))
        if not ranks:
            return search
        wanted = min(t.missing for t in tangents)
        search.take(self.given)
        simple: Iterable[Family] = ()
        if wanted:
            moves = self.subject.moves
            search.run(wanted, self._first(tangents), real=moves)
        if len(search.laws) < wanted:
            search.take(self._read_off())
            simple = chain(self._again(tangents), self._simple(tangents))
            if not search.laws:
                search.run(wanted, simple)
                simple = ()
        known = len(search.laws)
        for index, tangent in enumerate(self.tangents):
            if any(tangent is t for t in tangents):
                laws = search.gradients(tangent.point)
                deeper = closed(self.fields, self.random, tangent, laws)
                self.tangents[index] = deeper
                tangents = [deeper if t is tangent else t for t in tangents]
        wanted = min(t.missing for t in tangents)
        if known < wanted:
            search.run(wanted, chain(simple, self._large(tangents)))
        return search

    def _first(self, tangents: list[Tangent]) -> Iterable[Family]:
        layout, times = self.subject.layout, len(self.subject.clock)
        if times:
            return phase_families(layout, times, self.degree)
        return first_families(layout, self._used(tangents), self.degree)

    def _again(self, tangents: list[Tangent]) -> Iterable[Family]:
        """Families that were looked through for rational coefficients."""
        return () if self.subject.clock else self._first(tangents)

    def _simple(self, tangents: list[Tangent]) -> Iterable[Family]:
        if self.subject.clock:
            return ()
        return simple_families(self.subject.layout, self._used(tangents), self.degree)

    def _large(self, tangents: list[Tangent]) -> Iterable[Family]:
        if self.subject.clock:
            return ()
        used = self._used(tangents)
        blocks = _blocks(tangents, used)
        still = np.flatnonzero(np.all([t.still for t in tangents], axis=0)).tolist()
        return large_families(self.subject.layout, used, blocks, self.degree, still)

    def _read_off(self) -> list[Polynomial]:
        if self._known is None:
            self._known = self.known()
        return [law for law in self._known if law.degree <= self.degree]

    def _used(self, tangents: list[Tangent]) -> np.ndarray:
        """The entries that a normal vector at some point has."""
        weights = [np.sum(t.normals() ** 2, axis=0) for t in tangents]
        return np.max(weights, axis=0) > _PRESENT**2

    def _unclear(self) -> str:
        worst = [t for t in self.tangents if not t.clear]
        if worst and not worst[0].ranks:
            return "inconclusive: no gradient is finite on random data, near the start"
        if worst:
            kept, dropped = worst[0].gap
            if kept > max(_WIDE * dropped, FAINT):
                return (
                    "inconclusive: brackets of the fields at level "
                    f"{len(worst[0].ranks)} are round-off, or not finite"
                )
            return (
                f"inconclusive: the singular values have no gap (smallest kept "
                f"{kept:.1e}, largest dropped {dropped:.1e}); start from parameters of "
                "order 1, or compute the model in float64"
            )
        level = next(len(t.ranks) - 1 for t in self.tangents if not t.closed)
        return (
            f"inconclusive: the brackets of the fields had not closed at level {level}"
        )


def _blocks(tangents: list[Tangent], used: np.ndarray) -> list[list[int]]:
    """Entries that share a normal vector: the connected components of the pattern of
    the projector on the normal space, over all points."""
    joined = np.zeros((len(used),) * 2, bool)
    for tangent in tangents:
        rows = tangent.normals()
        joined |= np.abs(rows.T @ rows) > _PRESENT
    left, blocks = set(np.flatnonzero(used).tolist()), []
    while left:
        block, front = set(), {left.pop()}
        while front:
            block |= front
            reached = np.flatnonzero(joined[list(front)].any(axis=0)).tolist()
            front = set(reached) & left
            left -= front
        blocks.append(sorted(block))
    return blocks
