"""Polynomials that may be laws, from a null space over GF(p)."""

from collections.abc import Iterator
from itertools import combinations_with_replacement

import numpy as np

from ..polynomials import Monomial, Polynomial
from ._brackets import MARGIN
from ._modular import PrimeField
from ._nilpotent import Nilpotent
from ._parametrisation import Parametrisation

MOST_UNKNOWNS = 2000


def gradient_candidates(
    parametrisation: Parametrisation, prime: PrimeField, rng: np.random.Generator
) -> Iterator[list[Polynomial]]:
    """Linear; and diagonal quadratic; and pairs of entries of one array that differ in
    one index; and all quadratic if there are at most 2000 unknowns.

    A law is a null vector of ⟨∇h(θ), X_M(θ)⟩ at random (θ, M), one equation each
    (Marcotte et al. 2023, §2.5). Whoever takes a candidate verifies it.
    """
    size = parametrisation.size
    linear = [(i,) for i in range(size)]
    stages = [linear, linear + [(i, i) for i in range(size)]]
    stages.append(stages[-1] + _neighbours(parametrisation))
    stages.append(linear + list(combinations_with_replacement(range(size), 2)))
    done = 0
    for monomials in stages:
        if done < len(monomials) <= MOST_UNKNOWNS:
            done = len(monomials)
            vectors = null_vectors(
                _equations(parametrisation, monomials, prime, rng), prime
            )
            yield [
                Polynomial({monomials[i]: c for i, c in vector.items()})
                for vector in vectors
            ]


def sample_fields(
    parametrisation: Parametrisation, prime: PrimeField, number: int, rng
) -> tuple[np.ndarray, np.ndarray]:
    """X_M(θ) at `number` random (θ, M) and 8 more: θ, X, each [D, samples]."""
    number += MARGIN
    theta = prime.random(rng, (1, parametrisation.size, number))
    weights = prime.random(rng, (1, parametrisation.coordinates.count, number))
    field = parametrisation.field(Nilpotent(prime), theta, weights)
    return theta[0], field[0]


def null_vectors(equations: np.ndarray, prime: PrimeField) -> list[dict]:
    """{unknown: rational}, those of fewest entries first.

    A vector with an entry that is no small fraction is left out.
    """
    found = []
    for row in prime.kernel(equations):
        places = np.flatnonzero(row)
        vector = {int(i): prime.rational(int(row[i])) for i in places}
        if None not in vector.values():
            found.append(vector)
    return sorted(found, key=len)


def _neighbours(parametrisation: Parametrisation) -> list[Monomial]:
    """Pairs of entries of one array whose indices differ in one place."""
    layout = parametrisation.layout
    found = []
    for offset, size, shape in zip(layout.offsets, layout.sizes, layout.shapes):
        if size > MOST_UNKNOWNS:
            continue
        index = np.indices(shape).reshape(len(shape), size)
        differ = np.sum(index[:, :, None] != index[:, None, :], axis=0)
        first, second = np.nonzero(np.triu(differ == 1))
        found += zip((first + offset).tolist(), (second + offset).tolist())
    return found


def _equations(parametrisation, monomials, prime, rng) -> np.ndarray:
    """Rows ⟨∇monomial, X⟩, as many as the unknowns and 8."""
    theta, field = sample_fields(parametrisation, prime, len(monomials), rng)
    linear = [m[0] for m in monomials if len(m) == 1]
    pairs = np.array([m for m in monomials if len(m) == 2], int).reshape(-1, 2)
    i, j = pairs.T
    quadratic = prime.reduce(theta[i] * field[j] + theta[j] * field[i])
    return np.ascontiguousarray(np.concatenate([field[linear], quadratic]).T)
