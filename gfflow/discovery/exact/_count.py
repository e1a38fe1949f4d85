"""The number of laws, with a certificate."""

import time
from dataclasses import dataclass

import numpy as np

from ..._errors import DiscoveryError
from ..polynomials import Layout, Polynomial
from ._brackets import BracketRows, spanning_subset
from ._friction import PolynomialFriction
from ._gradient import GradientCase
from ._modular import PRIMES, PrimeField
from ._momentum import MomentumCase
from ._parametrisation import Parametrisation
from ._table import Table


@dataclass(frozen=True)
class ExactResult:
    """The laws of a flow and their number at a generic point.

    **Fields:**

    - `parametrisation`
    - `layout`: the variables of the laws: the arrays of θ; for momentum the clock, θ,
        θ' and, where τ is constant, τ.
    - `laws`: verified as identities over ℤ, functionally independent.
    - `lower_bound`: their number. Gradients that are independent mod p are independent
        over ℚ.
    - `upper_bound`: state dimension − dim Lie, the least of all points.
    - `ranks_per_level`: see `bracket_rows`, or `jet_ranks`. The last level adds nothing
        or leaves room for the known laws only.
    - `primes`, `points`: p, and the number at a random point mod p, for each point.
    - `states`, `rows`: these points, and vectors of the Lie algebra there.
    - `case`: the fields of the flow.
    """

    parametrisation: Parametrisation
    case: GradientCase | MomentumCase
    layout: Layout
    laws: list[Polynomial]
    lower_bound: int
    upper_bound: int
    ranks_per_level: tuple[int, ...]
    primes: tuple[int, ...]
    points: tuple[int, ...]
    states: tuple[np.ndarray, ...]
    rows: tuple[BracketRows, ...]
    wall_s: float

    @property
    def closed(self) -> bool:
        """Whether the Lie algebra is known to have no more dimensions."""
        return self.complete or self.ranks_per_level[-1:] == self.ranks_per_level[-2:-1]

    @property
    def complete(self) -> bool:
        """Whether the bounds are equal: a proof that there are no more laws."""
        return self.lower_bound == self.upper_bound


def exact_laws(
    parametrisation: Parametrisation,
    *,
    momentum: PolynomialFriction | None = None,
    seed: int = 0,
) -> ExactResult:
    """The laws of θ' = −diag(θ^a) ∇L, or of its momentum flow.

    Known laws are tried first; if they are not all, polynomials of degree 2 are
    searched for.

    **Arguments:**

    - `momentum`: `free`, `constant` or `nesterov(r)`; `None` for gradient flow.
    - `seed`: of the points and brackets. The bounds are true whatever it is.

    **Raises:** `DiscoveryError` for what is no parametrisation or no such friction.
    """
    if not isinstance(parametrisation, Parametrisation):
        raise DiscoveryError(
            f"exact_laws takes a Parametrisation; got {type(parametrisation).__name__}"
        )
    if not isinstance(momentum, PolynomialFriction | None):
        raise DiscoveryError(
            "momentum is gfflow.exact.free, constant or nesterov(r), or None; got "
            f"{momentum!r}"
        )
    began = time.perf_counter()
    rng = np.random.default_rng(seed)
    case = (
        GradientCase(parametrisation)
        if momentum is None
        else MomentumCase(parametrisation, momentum)
    )
    fields = [PrimeField(prime) for prime in PRIMES]
    points = [prime.random(rng, case.layout.size) for prime in fields]
    known = [law for law in case.known if case.is_law(law)]
    laws = _independent(case, known, fields[0], points[0])
    enough = case.dimension - len(laws)
    levels = [
        case.ranks(prime, point, rng, enough) for prime, point in zip(fields, points)
    ]
    ranks = [of_point for of_point, _ in levels]
    numbers = tuple(case.dimension - of_point[-1] for of_point in ranks)
    upper = min(numbers)
    if len(laws) < upper:
        for stage in case.candidates(fields[0], rng):
            found = [law for law in stage if case.is_law(law)]
            laws = _independent(case, laws + found, fields[0], points[0])
            if len(laws) == upper:
                break
    return ExactResult(
        parametrisation=parametrisation,
        case=case,
        layout=case.layout,
        laws=laws,
        lower_bound=len(laws),
        upper_bound=upper,
        ranks_per_level=ranks[int(np.argmin(numbers))],
        primes=PRIMES,
        points=numbers,
        states=tuple(points),
        rows=tuple(rows for _, rows in levels),
        wall_s=time.perf_counter() - began,
    )


def generic_span(
    parametrisation: Parametrisation, seed: int
) -> tuple[Parametrisation, int]:
    """A part of φ whose gradients span those of φ, and how many dimensions they span:
    rigorously at least so many, and at a generic θ with near certainty no more."""
    rng, prime = np.random.default_rng(seed), PrimeField(PRIMES[0])
    theta = prime.random(rng, parametrisation.size)
    size = parametrisation.size
    used, slopes = spanning_subset(parametrisation, prime, theta, rng, size)
    return parametrisation.taking(used), prime.rank(slopes)


def _independent(
    case: GradientCase | MomentumCase,
    laws: list[Polynomial],
    prime: PrimeField,
    point: np.ndarray,
) -> list[Polynomial]:
    """Those whose gradients by the state are not spanned by the ones before."""
    if not laws:
        return []
    rows = Table.of(laws).jacobian(prime, point)[:, : case.dimension]
    return [laws[i] for i in prime.independent(rows)]
