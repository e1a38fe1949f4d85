"""From `[laws]` to laws."""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp

from ..._errors import ConfigError
from ..._registry import lookup
from ...flows import AbstractFlow
from ...laws import KnownLaws, Law, known_laws, symbolic
from ...problem import Problem
from ..config import CustomLaw, LawsSection, load_target
from ._where import Where, at


class BuiltLaws(NamedTuple):
    """The laws of a config, the names of those that must hold, and what says of those
    that were read off the model whether there may be more."""

    laws: list[Law]
    must_hold: frozenset[str]
    known: KnownLaws


def build_laws(
    section: LawsSection, problem: Problem, flow: AbstractFlow, t0: float, where: Where
) -> BuiltLaws:
    """The laws of the families, then the user's own.

    **Arguments:**

    - `t0`: a flow time at which each is tried.

    **Raises:** `ConfigError` for a law that cannot be evaluated, a family that finds
    nothing in the model, or a name that a law of the model has already.
    """
    laws: dict[str, Law] = {}
    must_hold, known = set(), KnownLaws()
    for family in section.families:
        if family == "known":
            known = known_laws(problem, flow)
        found = known if family == "known" else _family(family, problem, flow, where)
        for law in found:
            laws.setdefault(law.name, law)
    if section.must_hold:
        must_hold |= set(laws)
    for law in laws.values():
        with at(where, "laws.families"):
            _try(law, problem, flow, t0)
    for index, custom in enumerate(section.custom):
        key = f"laws.custom.{index}"
        source = "function" if custom.expression is None else "expression"
        if custom.name in laws:
            raise ConfigError(
                [
                    f"{where(f'{key}.name')}: the model has a law of this name: give "
                    "yours another, or leave that one out of laws.families; "
                    f"got {custom.name!r}"
                ]
            )
        with at(where, f"{key}.{source}"):
            law = _custom(custom, section.names)
            _try(law, problem, flow, t0)
        laws[law.name] = law
        if section.must_hold if custom.must_hold is None else custom.must_hold:
            must_hold.add(law.name)
    return BuiltLaws(list(laws.values()), frozenset(must_hold), known)


def _family(
    family: str, problem: Problem, flow: AbstractFlow, where: Where
) -> list[Law]:
    with at(where, "laws.families"):
        found = list(lookup("laws", family)(problem, flow))
    if not found:
        raise ConfigError(
            [
                f"{where('laws.families')}: {family!r} finds no layers in this "
                "model; it wants matrices that fit together, all of which train"
            ]
        )
    return found


def _custom(custom: CustomLaw, names: dict[str, str]) -> Law:
    if custom.expression is not None:
        return symbolic(
            custom.expression, custom.name, names=names, degree=custom.degree
        )
    assert custom.function is not None
    return Law(
        load_target(custom.function), custom.name, degree=custom.degree or "other"
    )


def _try(law: Law, problem: Problem, flow: AbstractFlow, t0: float) -> None:
    """Evaluate its shapes at the start."""
    t = jnp.asarray(t0, problem.dtype)
    state = flow.initial_state(problem)
    eqx.filter_eval_shape(lambda s: law(t, flow.view(s, problem)), state)
