"""Polynomial laws, by linear algebra on random points and fields."""

from collections.abc import Iterable, Iterator

import numpy as np

from ...laws import normal_space
from ..polynomials import Ansatz, Family, Layout, Polynomial, rational_basis, real_basis
from ._fields import Fields
from ._samples import Samples, joined, samples

_MOST_UNKNOWNS = 2200
_MOST_ENTRIES = 2_000_000
_RESIDUAL = 1e4
_FLOOR = 1e-280
_FIRST, _SMALL = 256, 1e-9
_NOISE, _KNOWN, _LEAST_KNOWN = 100.0, 1e-6, 0.05
_BROKEN = 1e-3
_POINTS = 8
_DRY, _MOST_ROWS = 64, 2048
_FRESH = 12
_INDEPENDENT = 1e-8


class Search:
    """Laws of a subject: h with ∇h(x)·v = 0 at all states and all v in W.

    Linear in the coefficients of h: the null space of one matrix, a row for each random
    (x, v). Each vector of it is made exact and then tried on points and fields that had
    no part in finding it.

    **Arguments:**

    - `places`: states at which laws must hold, as many as are asked for.
    - `rank`: of the fields at one of them, by and large; where it is small, as on few
        inputs, more places are looked at.
    """

    def __init__(
        self,
        fields: Fields,
        random: np.random.Generator,
        places: Iterator[np.ndarray],
        rank: int | None = None,
    ):
        self.fields, self.random = fields, random
        self._rank = max(1, fields.subject.size if rank is None else rank)
        self.layout: Layout = fields.subject.layout
        self.laws: list[Polynomial] = []
        self.tried: list[str] = []
        self.skipped: list[str] = []
        self.refused: list[Polynomial] = []
        self._samples = Samples(*(np.zeros((0, self.layout.size)),) * 3)
        self._points, self._dry = 0, False
        self._place = next(places)
        self._more = samples(fields, random, places)
        self._gradients = np.zeros((0, fields.subject.size))

    def run(self, wanted: int, families: Iterable[Family], real: bool = True) -> None:
        """Go on through the families until there are `wanted` independent laws; one
        with too many unknowns is passed over and noted in `skipped`.

        **Arguments:**

        - `real`: whether coefficients may be other than rational with small
            denominators.
        """
        for family in families:
            if len(self.laws) >= wanted:
                break
            if family.unknowns > _MOST_UNKNOWNS:
                self.skipped.append(f"{family.name} ({family.unknowns} unknowns)")
                continue
            if family.name not in self.tried:
                self.tried.append(family.name)
            ansatz = family.build()
            if not ansatz.unknowns:
                continue
            found = self._null_laws(ansatz, real)
            for law in sorted(found, key=_readable):
                self._add(law)

    def take(self, laws: Iterable[Polynomial]) -> None:
        """Those of known laws that hold here and say something new; the others are
        counted in `refused`."""
        candidates = list(self._in_parts(laws))
        fresh = self.fresh() if candidates else None
        for law in candidates:
            if fresh is not None and self.holds(law, fresh):
                self._add(law)
            else:
                self.refused.append(law)

    def holds(self, law: Polynomial, samples: Samples) -> bool:
        """Whether ∇h·v is round-off of the terms that it is the sum of, or of v, or of
        numbers too small for full precision; wherever v is known to six digits or
        more, which it must be at some of the samples.

        A part of v that is less than the precision of the largest is not known: a
        saturated softmax rounds what should cancel it to nothing.
        """
        left, allowed, size, known = self._rates(law, samples)
        moves = np.any(samples.along[:, law.support] != 0)
        if moves and np.sum(known) < _LEAST_KNOWN * np.sum(size > 0):
            return False
        return bool(np.all(left[known] <= allowed[known]))

    def breaks(self, law: Polynomial, decades: tuple[float, float]) -> bool:
        """Whether it is no law for inputs of these sizes, at one of the points: a part
        of its terms is left over that is not small, of a good part of the fields.

        Where a softmax is saturated, what is left of parts that are small to the field
        is round-off, and the same when z and the data move a little.
        """
        subject, z = self.fields.subject, self._place
        rows, noise = self.fields.with_noise(self.random, z, decades=decades)
        made = Samples(*subject.variables(z, rows), noise)
        left, allowed, size, known = self._rates(law, made)
        large = left > np.maximum(allowed, _BROKEN * size)
        return bool(np.sum(known & large) > _LEAST_KNOWN * len(left))

    def _rates(self, law: Polynomial, samples: Samples) -> tuple[np.ndarray, ...]:
        """|∇h·v|, what of it may be round-off, the size of its terms, and where v is
        known."""
        places = law.support
        number = {entry: n for n, entry in enumerate(places)}
        own = [tuple(number[i] for i in m) for m in law.terms]
        ansatz = Ansatz.of("", len(places), [[m] for m in own])
        theta, along, noise = (part[:, places] for part in samples)
        coefficients = np.array([float(c) for c in law.terms.values()])
        left = np.abs(ansatz.slopes(theta, along) @ coefficients)
        weighed = lambda v: ansatz.slopes(np.abs(theta), v) @ np.abs(coefficients)
        size = weighed(np.abs(along))
        precision = self.fields.subject.precision
        unsure = _NOISE * weighed(np.where(along == 0, 0, np.maximum(noise, precision)))
        allowed = np.maximum(_RESIDUAL * precision * size + unsure, _FLOOR)
        return left, allowed, size, (unsure <= _KNOWN * size) & (size > 0)

    def fresh(self) -> Samples:
        """At points that had no part in finding a law."""
        return self._gathered(_FRESH, 0)[1]

    def _some(self, known: Samples, rows: int) -> Samples:
        """So many of them, if there are more than that and than are made at a time."""
        most = max(rows, _MOST_ROWS)
        if len(known.theta) <= most:
            return known
        chosen = self.random.permutation(len(known.theta))[:most]
        return Samples(*(each[chosen] for each in known))

    def _gathered(self, points: int, rows: int) -> tuple[int, Samples]:
        """At so many points or more, and so many rows or more, of which there are none
        where nothing moves."""
        parts, count = [Samples(*(np.zeros((0, self.layout.size)),) * 3)], 0
        made, dry = 0, self._dry
        while count < points or made < rows and not (dry and made == 0):
            more, part = next(self._more)
            parts.append(part)
            count, made = count + more, made + len(part.theta)
            dry = dry or count >= _DRY
        self._dry = dry and made == 0
        return count, joined(parts)

    def _null_laws(self, ansatz: Ansatz, real: bool) -> list[Polynomial]:
        rows = ansatz.unknowns * 5 // 4 + 32
        known = self._some(self._enough(rows), 2 * rows)
        chunk = max(1, _MOST_ENTRIES // max(1, len(ansatz.factors)))
        parts = (
            ansatz.slopes(known.theta[i : i + chunk], known.along[i : i + chunk])
            for i in range(0, max(len(known.theta), 1), chunk)
        )
        matrix = np.concatenate(list(parts))
        matrix[:, self._of_nothing(ansatz, matrix, known)] = 0
        lengths = np.linalg.norm(matrix, axis=1)
        matrix = matrix[lengths > 0] / lengths[lengths > 0, None]
        if len(matrix) > rows:
            mix = self.random.standard_normal((rows, len(matrix)))
            matrix = mix @ matrix / len(matrix) ** 0.5
        scale = np.sqrt(np.sum(matrix**2, axis=0) / max(len(matrix), 1))
        scale = np.where(scale > 0, scale, 1.0)
        found = normal_space(matrix / scale, self.fields.subject.precision, None)
        null = self._narrowed(ansatz, scale, found.normal)
        if not len(null):
            return []
        vectors = np.linalg.qr((null / scale).T)[0].T
        size = self.layout.size
        fresh = self.fresh()

        def holding(basis):
            candidates = [ansatz.polynomial(c, size) for c in basis]
            return [law for law in self._in_parts(candidates) if self.holds(law, fresh)]

        kept = holding(rational_basis(vectors))
        if real and len(kept) < len(vectors):
            kept += holding(real_basis(vectors))
        return kept

    def _narrowed(
        self, ansatz: Ansatz, scale: np.ndarray, null: np.ndarray
    ) -> np.ndarray:
        """What of a null space, in coordinates c·`scale`, is one at fresh points too,
        drawn until nothing is lost.

        Where most units are dead the fields of a few points do not tell a polynomial
        from a constant; and with those that are none among them, a law shows in no
        vector of the echelon form.
        """
        while len(null):
            part = self._some(self.fresh(), 2 * len(null) + 64)
            matrix = ansatz.slopes(part.theta, part.along)
            matrix[:, self._of_nothing(ansatz, matrix, part)] = 0
            lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
            matrix = matrix / np.where(lengths > 0, lengths, 1) / scale
            inside, size = matrix @ null.T, max(len(matrix), 1) ** 0.5
            found = normal_space(inside, self.fields.subject.precision, size)
            if not found.rank:
                break
            null = found.normal @ null
        return null

    def _of_nothing(
        self, ansatz: Ansatz, matrix: np.ndarray, known: Samples
    ) -> np.ndarray:
        """The columns of the matrix that are round-off of what they are the sum of:
        groups that are laws by themselves."""
        first = slice(0, _FIRST)
        value = np.max(np.abs(matrix[first]), axis=0, initial=0.0)
        few = np.flatnonzero((value > 0) & (value <= _SMALL * np.max(value)))
        found = np.zeros(len(value), bool)
        if not len(few):
            return found
        x, v = (np.abs(part) for part in known[:2])
        size = ansatz.only(few).slopes(x, v)
        left = np.abs(matrix[:, few])
        least = _RESIDUAL * self.fields.subject.precision * size
        found[few] = np.all(left <= np.maximum(least, _FLOOR), axis=0)
        return found

    def _in_parts(self, laws: Iterable[Polynomial]) -> Iterable[Polynomial]:
        """Those that can be laws: the homogeneous parts where only these count."""
        if not self.fields.subject.homogeneous:
            return laws
        return (part for law in laws for part in law.parts())

    def _enough(self, rows: int) -> Samples:
        """At least so many rows, at eight points or more, and at so many that as many
        rows can be independent; where there is a drift, of which there is one at each
        point, at so many points."""
        moving = self.fields.subject.moves
        points = rows if moving else max(_POINTS, -(-rows // self._rank))
        count, more = self._gathered(
            points - self._points, rows - len(self._samples.theta)
        )
        self._points += count
        self._samples = joined([self._samples, more])
        return self._samples

    def gradients(self, z: np.ndarray) -> np.ndarray:
        """Those of the laws at a state, `(laws, S)`."""
        rows = [self._gradient(law, z) for law in self.laws]
        return np.reshape(rows, (-1, self.fields.subject.size))

    def _gradient(self, law: Polynomial, z: np.ndarray) -> np.ndarray:
        subject = self.fields.subject
        x = subject.variables(z, np.zeros((1, subject.size)))[0][0]
        gradient = law.slopes(x)
        if subject.clock:
            rates, count = subject.times(z[0])[1], len(subject.clock)
            gradient = np.append(gradient[:count] @ rates, gradient[count:])
        return gradient

    def _add(self, law: Polynomial) -> None:
        """If its gradient at a point is not in the span of those of the others."""
        gradient = self._gradient(law, self._place)
        length = np.linalg.norm(gradient)
        if length == 0:
            return
        gradient /= length
        for _ in range(2):
            gradient = gradient - self._gradients.T @ (self._gradients @ gradient)
        left = np.linalg.norm(gradient)
        if left > _INDEPENDENT:
            self._gradients = np.concatenate([self._gradients, gradient[None] / left])
            self.laws.append(law)


def _readable(law: Polynomial) -> tuple[bool, int]:
    """Whole coefficients before others, and few monomials before many."""
    return any(c.denominator > 1 for c in law.terms.values()), len(law.terms)
