"""A solver of momentum flows in the variables in which their laws are quadratic."""

from collections.abc import Callable
from typing import Any, NamedTuple, final

import diffrax
import equinox as eqx
import jax.numpy as jnp
import jax.tree_util as jtu
from jaxtyping import Array, PyTree

from ..._errors import SolveError
from ..._typing import Scalar, ScalarLike, State
from ...flows import AbstractFlow, AbstractFriction, Phase
from ...problem import Problem
from .._constants import CONJUGATE_LEAST_LOG_UNIT
from ..protocol import (
    AbstractWrapper,
    AbstractWrapperState,
    Measure,
    SolverProperties,
    Stages,
)
from ._gauss_legendre import GaussLegendre


class ConjugateState(AbstractWrapperState):
    """The state of the solver inside, and the logarithm of the unit of its p."""

    inner: PyTree
    log_unit: Scalar


@final
class Conjugate(AbstractWrapper[ConjugateState]):
    """Another solver, on (θ, p) with p = μθ' in the place of (θ, θ'), μ' = τμ.

    θ'' + τθ' = F is θ' = p/μ, p' = μF: what the friction does is in μ, and a law
    μ⟨θ', Aθ⟩ is ⟨p, Aθ⟩, quadratic without time. Gauss–Legendre keeps quadratic
    invariants exactly, of fields that depend on time too (Cooper 1987), and so this
    keeps the rotation laws of momentum flows to round-off at any tolerance, whatever
    e^{∫τ} grows to. (In θ' the same method keeps them only to its order.)

    μ is measured in a unit, the last power of e that it passed: that changes no
    invariant, does not overflow, and leaves p about as large as θ', which the
    iteration inside needs. At t = 0 of Nesterov's flow μ = 0 and p = 0, and no stage
    lies there.

    **Attributes:**

    - `solver`: the solver inside; `GaussLegendre(4, exact_invariants=True)` by default.
    - `friction`: τ; `None`: `gfflow.solve` puts in its flow's.
    """

    solver: diffrax.AbstractSolver
    friction: AbstractFriction | None

    def __init__(
        self,
        solver: diffrax.AbstractSolver | None = None,
        friction: AbstractFriction | None = None,
    ):
        """**Raises:** `SolveError` for what is no solver, or one that is wrapped."""
        if solver is None:
            solver = GaussLegendre(4, exact_invariants=True)
        if not isinstance(solver, diffrax.AbstractSolver):
            raise SolveError(f"wanted a Diffrax solver; got {type(solver).__name__}")
        if isinstance(solver, diffrax.AbstractWrappedSolver):
            raise SolveError(
                f"Conjugate is put on a solver itself, not on {type(solver).__name__}"
            )
        self.solver = solver  # pyright: ignore
        self.friction = friction

    def fitted(
        self, flow: AbstractFlow, problem: Problem, rtol: ScalarLike
    ) -> "Conjugate":
        """This solver with the friction of a flow.

        **Raises:** `SolveError` for a flow without one, or of which μ is not known.
        """
        motion = flow.second_order
        if motion is None:
            raise SolveError(
                "Conjugate is for MomentumFlow; the flow is "
                f"{type(flow.base).__name__}",
                argument="solver",
            )
        if motion.friction.log_factor(1.0) is None:
            raise SolveError(
                "Conjugate needs μ = exp ∫τ: give the integrating factor, "
                "gfflow.flows.Friction(tau, mu)"
            )
        return Conjugate(self.solver, motion.friction)

    @property
    def properties(self) -> SolverProperties:
        """Those of the solver inside. If it keeps quadratic laws, those with μ in them
        (of degree "other") are kept by construction too."""
        inner = self.inside.properties
        exact = inner.exact_degrees
        if "quadratic" in exact:
            exact = exact | {"other"}
        return inner._replace(name=f"conjugate_{inner.name}", exact_degrees=exact)

    @property
    def interpolation_cls(self):  # pyright: ignore
        return _Interpolations(self.solver.interpolation_cls)

    def func(self, terms, t0, y0, args):
        return terms.vf(t0, y0, args)

    def init(self, terms, t0, t1, y0, args) -> "ConjugateState":
        scale = _Scale.at(self._known(), t0)
        start = scale.into(t0, y0)
        inner = self.solver.init(scale.terms(terms), t0, t1, start, args)
        return ConjugateState(inner, scale.log_unit)

    def _step(self, measure, terms, t0, t1, y0, args, solver_state, made_jump):
        scale = _Scale.at(self._known(), t0)
        start = scale.into(t0, y0)
        inner, other = solver_state.inner, scale.log_unit != solver_state.log_unit
        inner = self.inside.in_new_units(inner, other)
        made, measured = self._inner_step(
            None if measure is None else _InPhase(measure, scale),
            *(scale.terms(terms), t0, t1, start, args, inner, made_jump | other),
        )
        y1, error, dense, inner, result = made
        dense = dict(inner=dense, scale=scale)
        if error is not None:
            error = scale.back(t1, error)
        state = ConjugateState(inner, scale.log_unit)
        return (scale.back(t1, y1), error, dense, state, result), measured

    def _known(self) -> AbstractFriction:
        if self.friction is None:
            raise SolveError(
                "Conjugate needs a friction: Conjugate(solver, flow.friction)"
            )
        return self.friction


class _Scale(eqx.Module):
    """μ(t) e^{−log_unit}, and the change of variables by it."""

    friction: AbstractFriction
    log_unit: Scalar

    @classmethod
    def at(cls, friction: AbstractFriction, t0) -> "_Scale":
        log = friction.log_factor(t0)
        assert log is not None
        unit = jnp.maximum(jnp.floor(log), CONJUGATE_LEAST_LOG_UNIT)
        return cls(friction, unit.astype(float))

    def mu(self, t) -> Array:
        log = self.friction.log_factor(t)
        assert log is not None
        return jnp.exp(log - self.log_unit)

    def into(self, t, phase: Phase) -> Phase:
        """(θ, θ') → (θ, p)."""
        mu = self.mu(t)
        times = lambda v: mu.astype(v.dtype) * v
        return Phase(phase.model, jtu.tree_map(times, phase.velocity))

    def back(self, t, phase: Phase) -> Phase:
        """(θ, p) → (θ, θ'); p = 0 where μ = 0."""
        mu = self.mu(t)
        inverse = jnp.where(mu > 0, 1 / jnp.where(mu > 0, mu, 1), 0)
        times = lambda p: inverse.astype(p.dtype) * p
        return Phase(phase.model, jtu.tree_map(times, phase.velocity))

    def terms(self, terms) -> diffrax.ODETerm:
        """θ' = p/μ (less what decay there is), p' = μ(θ'' + τθ')."""

        def field(t, y: State, args: Any) -> State:
            phase = self.back(t, y)
            change = terms.vf(t, phase, args)
            return Phase(change.model, self._force(t, phase.velocity, change.velocity))

        return diffrax.ODETerm(field)  # pyright: ignore

    def _force(self, t, velocity, acceleration):
        mu = self.mu(t)
        late = mu > 0
        rate = jnp.where(late, self.friction(jnp.where(late, t, 1.0)), 0)
        force = lambda v, a: mu.astype(v.dtype) * (a + rate.astype(v.dtype) * v)
        return jtu.tree_map(force, velocity, acceleration)


class _InPhase(eqx.Module):
    """What is measured of (θ, θ'), for a step of (θ, p)."""

    measure: Measure
    scale: _Scale

    def __call__(self, stages: Stages, args: Any) -> PyTree[Array]:
        return self.measure(stages.seen_by(self.scale.back), args)


class _Interpolations(NamedTuple):
    """Makes the interpolant of a step; hashable, as Diffrax keeps it as structure."""

    inner: Callable[..., diffrax.AbstractLocalInterpolation]

    def __call__(self, *, t0, t1, inner, scale):
        return _Interpolation(t0, t1, self.inner(t0=t0, t1=t1, **inner), scale)


class _Interpolation(diffrax.AbstractLocalInterpolation):
    """The interpolant inside, in θ and θ'."""

    t0: Any
    t1: Any
    inner: diffrax.AbstractLocalInterpolation
    scale: _Scale

    def evaluate(self, t0, t1=None, left=True):
        if t1 is not None:
            late, early = self.evaluate(t1, left=left), self.evaluate(t0, left=left)
            return jtu.tree_map(jnp.subtract, late, early)
        return self.scale.back(t0, self.inner.evaluate(t0, left=left))
