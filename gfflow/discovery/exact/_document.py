"""A certificate as a document, from which anybody can recompute it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import lcm
from typing import Any, NamedTuple, final

import numpy as np

from ..._errors import DiscoveryError
from ..polynomials import Polynomial
from ._brackets import BracketRows
from ._count import ExactResult
from ._modular import PrimeField
from ._table import Table

FORMAT = "gfflow certificate of conservation laws, 1"
_STATEMENT = (
    "The first N = `state` variables move, the others are numbers. G_0 is `drift`, "
    "given as (variable, rate), and G_n belongs to coordinate n - 1 of phi: the sum "
    "over `directions` (j, i, factor) of factor * d(coordinate)/d(variable j) along "
    "variable i. A law is constant along ds/dt = G_0 + sum m_n(t) G_n, whatever the "
    "m_n. Proved: each polynomial of `laws` is one, as an identity over the integers; "
    "their gradients are independent modulo the first prime at its point, so there are "
    "at least `lower_bound`; near a generic state there are at most `upper_bound` "
    "independent ones, N - the rank modulo a prime of vectors of the Lie algebra of "
    "the G. A recipe [c_0, ..., c_k] is the vector [X_ck, [..., [X_c1, X_c0]]] with "
    "X_c = sum c**n G_n and [X, Y] = DY X - DX Y; of the coordinates those in `used` "
    "count, all if null."
)
Terms = list[tuple[int, list[int]]]


@final
class Proof(NamedTuple):
    """What a document is made of.

    **Attributes:**

    - `result`.
    - `about`: what is not proved by it: whose φ this is, and how that is known.
    """

    result: ExactResult
    about: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The document; `experiments/certificate_checker` verifies it.

        A polynomial is a list of (coefficient, variables), a variable as often as its
        power; the variables are the entries of `arrays`, in C order.

        **Raises:** `DiscoveryError` where the bound is from jets, whose vectors have no
        short recipe: brackets of more than five fields would be needed.
        """
        result, case = self.result, self.result.case
        bound = case.dimension - max(len(rows.vectors) for rows in result.rows)
        if bound > result.upper_bound:
            raise DiscoveryError(
                f"there is no document for this flow of {case.parametrisation.name}: "
                f"brackets of up to five fields show that there are at most {bound} "
                f"laws; that there are at most {result.upper_bound} is from Taylor "
                "series, which no document holds"
            )
        layout, first = case.layout, PrimeField(result.primes[0])
        slopes = Table.of(result.laws).jacobian(first, result.states[0])
        return {
            "format": FORMAT,
            "statement": _STATEMENT,
            "about": dict(self.about),
            "arrays": [
                {"name": name, "shape": list(shape)}
                for name, shape in zip(layout.names, layout.shapes)
            ],
            "variables": layout.size,
            "state": case.dimension,
            "drift": [(i, _terms(p)) for i, p in case.drift],
            "directions": [(i, j, _terms(p)) for i, j, p in case.directions],
            "coordinates": case.coordinates.count,
            "phi": _listed(case.coordinates),
            "laws": [_terms(law) for law in result.laws],
            "law_columns": _pivots(first, slopes[:, : case.dimension]),
            "ranks": [
                _rank(PrimeField(prime), state, rows)
                for prime, state, rows in zip(result.primes, result.states, result.rows)
            ],
            "ranks_per_level": list(result.ranks_per_level),
            "lower_bound": result.lower_bound,
            "upper_bound": result.upper_bound,
            "complete": result.complete,
        }


def _rank(prime: PrimeField, state: np.ndarray, rows: BracketRows) -> dict[str, Any]:
    columns = _pivots(prime, rows.vectors)
    minor = np.ascontiguousarray(rows.vectors[:, columns])
    return {
        "prime": prime.prime,
        "point": state.tolist(),
        "used": None if rows.used is None else rows.used.tolist(),
        "recipes": [list(recipe) for recipe in rows.recipes],
        "columns": columns,
        "determinant": int(prime.matrix(minor).det()) if columns else 1,
    }


def _pivots(prime: PrimeField, rows: np.ndarray) -> list[int]:
    """The columns of a minor that is not 0, of independent rows."""
    return [int(np.flatnonzero(row)[0]) for row in prime.basis(rows)]


def _terms(polynomial: Polynomial) -> Terms:
    """Of the polynomial times its least common denominator."""
    scale = lcm(*(c.denominator for c in polynomial.terms.values()))
    return [(int(c * scale), list(m)) for m, c in polynomial.terms.items()]


def _listed(table: Table) -> Sequence[Terms]:
    found: list[dict[tuple[int, ...], int]] = [
        defaultdict(int) for _ in range(table.count)
    ]
    for owners, coefficients, entries in table.terms:
        each = zip(
            owners.tolist(), coefficients.tolist(), np.sort(entries, axis=1).tolist()
        )
        for owner, coefficient, monomial in each:
            found[owner][tuple(monomial)] += coefficient
    return [[(c, list(m)) for m, c in terms.items() if c] for terms in found]
