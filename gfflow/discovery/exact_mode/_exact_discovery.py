"""Discovery in exact arithmetic: the result of `exact_laws` as a `Discovery`."""

import time
from fractions import Fraction

from ..._errors import DiscoveryError
from ...flows import (
    AbstractFlow,
    ConstantFriction,
    MirrorFlow,
    MomentumFlow,
    Nesterov,
)
from ...problem import joined
from .. import exact
from ..polynomials import Layout, Polynomial
from ..result import Discovery, RankCertificate, presented
from ..subject import Clock


def exact_discovery(
    parametrisation: exact.Parametrisation, flow: AbstractFlow, seed: int
) -> Discovery:
    """**Raises:** `DiscoveryError` for a flow that exact mode does not know."""
    known = isinstance(flow.base, MomentumFlow | MirrorFlow)
    if not (flow.stays_in_span or known):
        raise DiscoveryError(
            "exact mode knows gradient, natural gradient, momentum and mirror flow; "
            f"got {type(flow).__name__}. Leave `exact` out"
        )
    began = time.perf_counter()
    result = exact.exact_laws(parametrisation, momentum=_friction(flow), seed=seed)
    layout, clock, laws = result.layout, (), list(result.laws)
    if isinstance(flow.base, MomentumFlow):
        layout, clock, laws = _phase(result, flow.base)
    notes = []
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
        ),
        conclusive=result.closed,
        parameters=parametrisation.size,
        flow=type(flow).__name__,
        wall_s=time.perf_counter() - began,
        notes=tuple(notes),
    )


def _friction(flow: AbstractFlow) -> exact.PolynomialFriction | None:
    base = flow.base
    if not isinstance(base, MomentumFlow):
        return None
    motion = flow.second_order
    assert motion is not None
    if motion.coupled or motion.decoupled:
        raise DiscoveryError("exact mode: momentum without weight decay only")
    friction = base.friction
    if isinstance(friction, ConstantFriction):
        return exact.constant if float(friction.value) else exact.free
    if isinstance(friction, Nesterov) and float(friction.rate).is_integer():
        return exact.nesterov(int(friction.rate))
    raise DiscoveryError(
        "exact mode knows the frictions 0, a constant, and r/t with a whole r; got "
        f"{friction}"
    )


def _phase(
    result: exact.ExactResult, flow: MomentumFlow
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
    clock: Clock = (("t", lambda t: t),)
    value = Fraction(1)
    if isinstance(flow.friction, ConstantFriction) and float(flow.friction.value):
        clock = ((flow.friction.factor_name, flow.friction.factor),)
        value = Fraction(float(flow.friction.value)).limit_denominator(10**9)
    laws = []
    for law in result.laws:
        terms: dict[tuple[int, ...], Fraction] = {}
        for monomial, coefficient in law.terms.items():
            kept = tuple(i for i in monomial if i < size)
            power = len(monomial) - len(kept)
            terms[kept] = terms.get(kept, Fraction(0)) + coefficient * value**power
        laws.append(Polynomial(terms))
    return Layout((clock[0][0], *names), ((), *arrays.shapes * 2)), clock, laws
