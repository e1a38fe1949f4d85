"""Discovery in exact arithmetic: the result of `exact_laws` as a `Discovery`."""

import time
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from ..._errors import DiscoveryError
from ...flows import AbstractFlow, Clock
from ...problem import joined
from .. import exact
from ..polynomials import Layout, Polynomial
from ..result import Discovery, RankCertificate, presented
from ._compare import ModelComparison
from ._flow import friction_of, metric_of

_OF_PHI = "of phi alone: nothing is said of a model"
_SAMPLED = (
    "that the model is a function of phi, and near its parameters sees all of it, is "
    "not proved: compared in float64 at random parameters and inputs"
)


def exact_discovery(
    parametrisation: exact.Parametrisation,
    flow: AbstractFlow,
    seed: int,
    source: str = "",
    compared: ModelComparison | None = None,
    began: float | None = None,
) -> Discovery:
    """**Arguments:**

    - `source`, `compared`: where φ is from, and how it compared with a model, where
        there is one.
    - `began`: when the search for φ did, by `time.perf_counter`.

    **Raises:** `DiscoveryError` for a flow that exact mode does not know, or whose
    metric is not that of the parametrisation, or weight decay where a law is of several
    degrees.
    """
    began = time.perf_counter() if began is None else began
    _same_metric(parametrisation, flow)
    momentum = friction_of(flow)
    result = exact.exact_laws(parametrisation, momentum=momentum, seed=seed)
    layout, clock, laws = result.layout, (), list(result.laws)
    if momentum is not None:
        layout, clock, laws = _on_phase_space(result, flow)
    _homogeneous(laws, flow)
    notes = [] if compared is None or not compared.note else [compared.note]
    if not result.complete:
        notes.append(
            f"{result.upper_bound - result.lower_bound} of at most "
            f"{result.upper_bound} laws were not found: they are not polynomials of "
            "the families tried"
            + ("" if result.closed else ", or the brackets had not closed")
        )
    laws, expressions, supports = presented(laws, layout, flow, clock)
    return Discovery(
        laws=laws,
        expressions=expressions,
        supports=supports,
        verified={law.name: "identity" for law in laws},
        lower_bound=result.lower_bound,
        upper_bound=result.upper_bound,
        certificate=RankCertificate(
            "exact",
            result.ranks_per_level,
            None,
            result.points,
            result.primes,
            result.closed,
            exact.Proof(result, _about(parametrisation, flow, source, compared)),
        ),
        conclusive=result.closed and (compared is None or not compared.note),
        parameters=parametrisation.size,
        flow=type(flow).__name__,
        wall_s=time.perf_counter() - began,
        notes=tuple(notes),
    )


def _about(
    parametrisation: exact.Parametrisation,
    flow: AbstractFlow,
    source: str,
    compared: ModelComparison | None,
) -> dict[str, Any]:
    """What no document proves."""
    about: dict[str, Any] = {"phi": parametrisation.name, "flow": type(flow).__name__}
    if _decays(flow):
        about["weight_decay"] = (
            "proved of the flow without it; with it the laws, of one degree each, decay"
        )
    if compared is None:
        return about | {"model": _OF_PHI}
    return about | {"model": source, "sampled": _SAMPLED, **compared.to_json()}


def _same_metric(parametrisation: exact.Parametrisation, flow: AbstractFlow) -> None:
    metric = metric_of(flow, parametrisation.layout)
    if metric.any() and np.any(metric != parametrisation.metric):
        raise DiscoveryError(
            f"{type(flow).__name__} has another metric than {parametrisation.name}; "
            "say which arrays have the entropy's in from_sympy(mirror=...) or "
            "Parametrisation(metric=...)"
        )


def _homogeneous(laws: Sequence[Polynomial], flow: AbstractFlow) -> None:
    if _decays(flow) and any(len(law.degrees) > 1 for law in laws):
        raise DiscoveryError(
            "exact mode: under weight decay a law decays if all its monomials are of "
            "one degree, and some of these laws are not; leave `exact` out"
        )


def _decays(flow: AbstractFlow) -> bool:
    decay = flow.homogeneous_decay()
    return callable(decay) or float(decay) > 0


def _on_phase_space(
    result: exact.ExactResult, flow: AbstractFlow
) -> tuple[Layout, Clock, list[Polynomial]]:
    """Laws of (clock, θ, θ', τ) with τ put in, and the names that the flow's view has.

    The clock is t, or e^{τt} for a constant friction.
    """
    arrays = result.parametrisation.layout
    names = (
        *(joined("model", name) for name in arrays.names),
        *(joined("velocity", name) for name in arrays.names),
    )
    size = 1 + 2 * arrays.size
    motion = flow.second_order
    constant, _ = (motion and motion.friction.coefficients()) or (0.0, 0.0)
    clock = flow.clock()[-1:] if constant else flow.clock()[:1]
    value = Fraction(constant or 1).limit_denominator(10**9)
    laws = []
    for law in result.laws:
        terms: dict[tuple[int, ...], Fraction] = {}
        for monomial, coefficient in law.terms.items():
            kept = tuple(i for i in monomial if i < size)
            power = len(monomial) - len(kept)
            terms[kept] = terms.get(kept, Fraction(0)) + coefficient * value**power
        laws.append(Polynomial(terms))
    return Layout((clock[0][0], *names), ((), *arrays.shapes * 2)), clock, laws
