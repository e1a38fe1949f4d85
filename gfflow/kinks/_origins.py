"""What each number of a program depends on, and how many kinks it has."""

from collections.abc import Sequence
from typing import Any, NamedTuple, final

import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal

from .._jaxpr import dtype_of, equations
from ._comparisons import JUMPS, RULES, kinks_of
from ._unreadable import Unreadable

CALLS = frozenset(
    "jit pjit closed_call core_call remat remat2 checkpoint custom_jvp_call".split()
)


class Origin(NamedTuple):
    """What a number depends on: the parameters that flow, the sample."""

    parameters: bool = False
    sample: bool = False

    def joined(self, *others: "Origin") -> "Origin":
        """On what this or one of the others depends on."""
        parameters, sample = zip(self, *others)
        return Origin(any(parameters), any(sample))


class Looked(NamedTuple):
    """What comes out of a program or an equation.

    - `origins`: of each of its results.
    - `kinks`: how many arrays of kinks are met in it.
    """

    origins: tuple[Origin, ...]
    kinks: int


@final
class ProgramSurvey:
    """Programs, looked through without numbers; what was found is kept as long as the
    program is."""

    def __init__(self):
        self._kept: dict[Any, tuple[Jaxpr, Looked]] = {}

    def program(self, jaxpr: Jaxpr, origins: Sequence[Origin]) -> Looked:
        """Of a program that is called on such numbers.

        **Raises:** `Unreadable` for kinks or jumps that have no gate.
        """
        key = id(jaxpr), tuple(origins)
        if key not in self._kept:
            self._kept[key] = jaxpr, self._program(jaxpr, origins)
        return self._kept[key][1]

    def equation(self, equation: JaxprEqn, origins: Sequence[Origin]) -> Looked:
        """Of one equation.

        **Raises:** as above.
        """
        name, joined = equation.primitive.name, Origin().joined(*origins)
        alike = (joined,) * len(equation.outvars)
        programs = programs_of(equation)
        if not joined.parameters:
            return Looked(alike, 0)
        if programs:
            return self._programs(equation, programs, origins, alike)
        compared = origins[: equation.params["num_keys"]] if name == "sort" else origins
        if not Origin().joined(*compared).parameters:
            return Looked(alike, 0)
        if name in JUMPS and _real(equation) or _rounds(equation):
            raise Unreadable(f"{name!r} of what depends on the parameters")
        return Looked(alike, kinks_of(equation) if _compares(equation) else 0)

    def around(self, equation: JaxprEqn, origins: Sequence[Origin]) -> list[Origin]:
        """What goes into the body of a loop: it depends on what comes out of it."""
        (body,) = programs_of(equation)
        first, carried = equation.params["num_consts"], equation.params["num_carry"]
        return self._around(body.jaxpr, first, carried, origins)

    def _program(self, jaxpr: Jaxpr, origins: Sequence[Origin]) -> Looked:
        known: dict[Any, Origin] = dict.fromkeys(jaxpr.constvars, Origin())
        known.update(zip(jaxpr.invars, origins, strict=True))
        of = lambda v: Origin() if isinstance(v, Literal) else known[v]
        kinks = 0
        for equation in jaxpr.eqns:
            made = self.equation(equation, [of(v) for v in equation.invars])
            known.update(zip(equation.outvars, made.origins, strict=True))
            kinks += made.kinks
        return Looked(tuple(of(v) for v in jaxpr.outvars), kinks)

    def _programs(self, equation: JaxprEqn, programs, origins, alike) -> Looked:
        name, p = equation.primitive.name, equation.params
        if name in CALLS and len(programs) == 1:
            return self.program(programs[0].jaxpr, origins)
        if name == "scan":
            inside = self.around(equation, origins)
            return self.program(programs[0].jaxpr, inside)
        if name == "while":
            first, second = p["cond_nconsts"], p["body_nconsts"]
            body, test = p["body_jaxpr"].jaxpr, p["cond_jaxpr"].jaxpr
            carried = len(origins) - first - second
            inside = self._around(body, second, carried, origins[first:])
            looked = [
                self.program(body, inside),
                self.program(test, [*origins[:first], *inside[second:]]),
            ]
            if not looked[1].origins[0].parameters:
                alike = looked[0].origins
        elif name == "cond":
            looked = [self.program(x.jaxpr, origins[1:]) for x in programs]
            parts = zip(*(x.origins for x in looked))
            alike = tuple(origins[0].joined(*part) for part in parts)
        elif name == "custom_vjp_call" and len(programs) == 1:
            looked = [self.program(programs[0].jaxpr, origins)]
        else:
            looked = [Looked(alike, sum(map(_compares, _inside(programs))))]
        if any(x.kinks for x in looked):
            raise Unreadable(f"kinks inside of {name!r}")
        return Looked(alike, 0)

    def _around(self, body, first, carried, origins) -> list[Origin]:
        origins = list(origins)
        while True:
            found = self.program(body, origins).origins
            new = list(origins)
            for i in range(carried):
                new[first + i] = new[first + i].joined(found[i])
            if new == origins:
                return origins
            origins = new


def programs_of(equation: JaxprEqn) -> list[ClosedJaxpr]:
    """The programs that an equation runs, all of them."""
    found = jtu.tree_leaves(list(equation.params.values()), is_leaf=_is_program)
    return [
        x if isinstance(x, ClosedJaxpr) else ClosedJaxpr(x, ())
        for x in found
        if _is_program(x)
    ]


def _compares(equation: JaxprEqn) -> bool:
    """Whether an equation compares real numbers, not with one that is infinite."""
    if equation.primitive.name not in RULES or not _real(equation):
        return False
    bounds = [x.val for x in equation.invars if isinstance(x, Literal)]
    infinite = sum(not np.all(np.isfinite(bound)) for bound in bounds)
    return infinite < (2 if equation.primitive.name == "clamp" else 1)


def _real(equation: JaxprEqn) -> bool:
    dtype = dtype_of(equation.invars[0])
    return dtype is not None and jnp.issubdtype(dtype, jnp.floating)


def _rounds(equation: JaxprEqn) -> bool:
    """Whether it makes whole numbers of real ones."""
    name = equation.primitive.name
    if name not in ("convert_element_type", "bitcast_convert_type"):
        return False
    dtype = equation.params["new_dtype"]
    return _real(equation) and jnp.issubdtype(dtype, jnp.integer)


def _inside(programs: Sequence[ClosedJaxpr]) -> list[JaxprEqn]:
    return [equation for program in programs for equation in equations(program)]


def _is_program(value: Any) -> bool:
    return isinstance(value, Jaxpr | ClosedJaxpr)
