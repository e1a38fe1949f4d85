"""Spectral collocation for gradient flows: what Gauss–Legendre and Radau IIA share."""

from collections.abc import Callable
from typing import ClassVar, Literal

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, Float

from ..._typing import RealScalarLike
from .._constants import (
    EASY_STAGE_ITERATIONS,
    ERROR_SHARPENING,
    LARGEST_ACCEPTED_ERROR,
    LARGEST_EXPECTED_CONTRACTION,
    NEWTON_TOLERANCE_FRACTION,
    REPORTED_SAFETY,
    STAGE_ITERATION_LIMIT,
    UNSOLVED_STEP_SHRINK,
)
from ..protocol import (
    ACCURACY_BOUND,
    AbstractMeasured,
    AbstractSolverState,
    SolverProperties,
    Spent,
    Stages,
    controlled_root_finder,
    runge_kutta_stages,
    traced_once,
)
from ._arguments import Tolerances
from ._attempts import attempts
from ._interpolation import LegendreInterpolation
from ._jacobian import Jacobian
from ._prediction import extrapolated
from ._quadrature import Family, Quadrature, quadrature
from ._stage_iteration import Iterate, iterate
from ._stage_system import StageSystem


class CollocationState(AbstractSolverState):
    """What is remembered from step to step; D entries a state, s stages, k vectors.

    - `slope`: f at the current state.
    - `slopes`: K of the last step; `step` is its size, 0 before the first one.
    - `jacobian`: its stiff directions.
    - `contraction`: of the last step's stage equations; `solved` whether they were.
    - `compensation`: what rounding took from the state (Kahan 1965).
    - `spent`: the cost so far.
    """

    slope: Float[Array, " D"]
    slopes: Float[Array, "s D"]
    step: Float[Array, ""]
    jacobian: Jacobian
    contraction: Float[Array, ""]
    solved: Bool[Array, ""]
    compensation: Float[Array, " D"]
    spent: Spent


class AbstractCollocation(
    diffrax.AbstractImplicitSolver[CollocationState],
    AbstractMeasured[CollocationState],
):
    """K_i = f(y₀ + h Σ a_ij K_j), y₁ = y₀ + h Σ b_i K_i, solved matrix-free.

    The Jacobian in Newton's iteration is replaced by J ≈ Wᵀ Q on a few stiff directions
    Q (`_deflation`), taken at the step's middle and changing along the step as it did
    since the last one (`_stage_system`): a small system and thin products, no system of
    s·D unknowns. What Q does not hold is treated by
    fixed-point iteration, which converges where h times the rest of the spectrum is
    small, and by Anderson's acceleration (`_stage_iteration`). The first guess is
    extrapolated in logarithmic time (`_prediction`).

    The error estimate is that of order s, filtered by (1 − hγJ)⁻¹. On a smooth
    trajectory the endpoint has nearly twice that order, so that an estimate E, relative
    to the state, stands for an error of about E^{3/2} (measured); so much is reported,
    unless the Legendre coefficients of the slopes decay more slowly than such an error
    would need, as they do across a kink.
    """

    root_finder: Tolerances
    stages: int = eqx.field(static=True)
    vectors: int | Literal["dense"] = eqx.field(static=True)
    memory: int = eqx.field(static=True)
    stage_chunk: int | None = eqx.field(static=True)

    family: eqx.AbstractClassVar[Family]
    registered: eqx.AbstractClassVar[str]
    exact_degrees: eqx.AbstractClassVar[frozenset[str]]
    to_round_off: eqx.AbstractVar[bool]

    term_structure: ClassVar = diffrax.AbstractTerm
    interpolation_cls: ClassVar[Callable[..., LegendreInterpolation]] = (
        LegendreInterpolation
    )
    root_find_max_steps: ClassVar[int] = STAGE_ITERATION_LIMIT

    @property
    def properties(self) -> SolverProperties:
        """What `gfflow.solve` and `gfflow.check` must know."""
        return SolverProperties(
            name=f"{self.registered}({self.stages})",
            order=self.order(None),  # pyright: ignore[reportArgumentType]
            gradients_a_step=None,
            gradients_at_start=1,
            exact_degrees=self.exact_degrees,
            tells=True,
            control=ACCURACY_BOUND,
            imex=False,
            tells_stages=True,
        )

    def controlled(self, rtol, atol, norm):
        return controlled_root_finder(self, rtol, atol, norm)

    def in_new_units(self, state: CollocationState, changed) -> CollocationState:
        kept = jnp.where(changed, 0, state.compensation)
        return eqx.tree_at(lambda s: s.compensation, state, kept)

    @property
    def quadrature(self) -> Quadrature:
        """The coefficients."""
        return quadrature(self.family, self.stages)

    def error_order(self, terms) -> float:
        return (self.stages + 1) * self._sharpening

    @property
    def _sharpening(self) -> float:
        return ERROR_SHARPENING if self.stages >= 3 else 1.0

    def func(self, terms, t0, y0, args):
        return terms.vf(t0, y0, args)

    def init(self, terms, t0, t1, y0, args) -> CollocationState:
        flat, unravel = ravel_pytree(y0)
        size, stages = flat.size, self.stages
        field = _flat_field(terms, unravel, args)
        return CollocationState(
            slope=field(t0, flat),
            slopes=jnp.zeros((stages, size), flat.dtype),
            step=jnp.zeros((), flat.dtype),
            jacobian=Jacobian.none(
                size,
                None if self.vectors == "dense" else self.vectors,
                stages,
                flat.dtype,
                jnp.asarray(t0),
            ),
            contraction=jnp.zeros((), flat.dtype),
            solved=jnp.asarray(True),
            compensation=jnp.zeros_like(flat),
            spent=Spent.zero().plus(gradients=1, sequential=1),
        )

    @traced_once
    def _step(self, measure, terms, t0, t1, y0, args, solver_state, made_jump):
        old, table = solver_state, self.quadrature
        flat, unravel = ravel_pytree(y0)
        dtype = flat.dtype
        field = _flat_field(terms, unravel, args)
        h = jnp.asarray(terms.contr(t0, t1), dtype)
        times = t0 + jnp.asarray(table.nodes, jnp.result_type(t0)) * (t1 - t0)
        constant = lambda x: jnp.asarray(x, dtype)
        slope, spent = _slope(field, t0, flat, old, made_jump)
        matrix, weights = constant(table.matrix), constant(table.weights)

        scale = self._scale(flat)
        guess = self._guess(old, slope, scale, h, made_jump)
        steady = jax.lax.stop_gradient(h)
        stages_at = lambda slopes: flat[None] + h * (matrix @ slopes)
        middle = (self.stages - 1) // 2
        where = jax.lax.stop_gradient(stages_at(guess)[middle])

        def drift_at(deflation):
            return deflation.weights(times, t0, steady, old.step).astype(dtype)

        ahead = jnp.max(jnp.abs(drift_at(old.jacobian.deflation)))

        def residual(slopes):
            return self._at_stages(field, times, stages_at(slopes)) - slopes

        made = attempts(
            guess,
            old.jacobian.deflation,
            lambda afresh: old.jacobian.at(
                field,
                times[middle],
                where,
                jax.lax.stop_gradient(slope),
                jnp.abs(steady),
                ahead,
                afresh,
            ),
            lambda deflation: StageSystem.of(
                deflation, drift_at(deflation), steady * matrix
            ),
            lambda correction: iterate(
                guess,
                residual,
                correction,
                lambda change: self._change(h * (matrix @ change), scale, flat),
                steady / scale,
                expected=old.contraction,
                memory=self.memory,
                limit=self._limit,
                to_round_off=self.to_round_off,
                sees=measure is not None,
            ),
            sees=measure is not None,
        )
        system, last, deflation = made.system, made.last, made.system.deflation
        slopes = last.slopes
        increment = h * (weights @ slopes) - old.compensation
        y1 = flat + increment
        compensation = jax.lax.stop_gradient((y1 - flat) - increment)
        end = slopes[-1] if self.family == "radau" else field(t1, y1)
        ends = 0 if self.family == "radau" else 1

        estimate = h * (
            constant(table.error_stages) @ slopes + constant(table.error_start) * slope
        )
        estimate = system.filtered(
            jax.lax.stop_gradient(estimate), steady * table.filter
        )
        y_error = self._reported(estimate, flat, y1, last, slopes)

        counted = spent.gradients.dtype
        rounds, chain = made.rounds.astype(counted), made.chain.astype(counted)
        jacobian = old.jacobian.after(
            deflation, made.fresh, jnp.abs(steady), last.iterations, last.residual
        )
        new = CollocationState(
            slope=end,
            slopes=slopes,
            step=h,
            jacobian=jacobian,
            contraction=jnp.clip(jnp.abs(last.contraction), 1e-12, 0.9),
            solved=last.converged,
            compensation=compensation,
            spent=spent.plus(
                gradients=rounds * self.stages + ends,
                hvps=made.products.astype(counted),
                sequential=rounds * self._chain + chain + ends,
            ),
        )
        dense = dict(
            y0=y0,
            coefficients=jax.vmap(unravel)(constant(table.dense) @ slopes),
            step=h,
        )
        made = unravel(y1), unravel(y_error), dense, new, diffrax.RESULTS.successful
        if measure is None:
            return made, None
        assert last.seen is not None
        stages = self._stages(t0, t1, h, flat, *last.seen)
        return made, measure(stages.seen_by(lambda t, y: unravel(y)), args)

    def _stages(self, t0, t1, h, start, slopes, field) -> Stages:
        """Where f was evaluated last, one correction before the stages of the step:
        there its slope is known to round-off."""
        table = self.quadrature
        return runge_kutta_stages(
            t0,
            t1,
            start,
            table.nodes,
            h * jnp.asarray(table.matrix, start.dtype),
            table.weights,
            slopes,
            field,
        )

    @property
    def _limit(self) -> int:
        return 2 * STAGE_ITERATION_LIMIT if self.to_round_off else STAGE_ITERATION_LIMIT

    @property
    def _chain(self) -> int:
        """Gradients one after another in one evaluation of all stages."""
        if self.stage_chunk is None:
            return 1
        return -(-self.stages // self.stage_chunk)

    def _at_stages(self, field, times, states):
        if self.stage_chunk is None:
            return jax.vmap(field)(times, states)
        pairs = times, states
        return jax.lax.map(lambda p: field(*p), pairs, batch_size=self.stage_chunk)

    def _guess(self, old: CollocationState, slope, scale, h, made_jump):
        """The slopes extrapolated from the last step; constant at the start.

        Its stages come first, the last one leading; after them the slope at its end,
        where that is no stage. Gauss–Legendre turns the sign of what is stiff at each
        step and does not damp it: then that slope is no part of a smooth curve, and
        coming last, its term alone is cut off.
        """
        nodes = np.asarray(self.quadrature.nodes)
        past, anchors = old.slopes[::-1], nodes[::-1]
        if self.family == "gauss":
            past = jnp.concatenate([past, slope[None]])
            anchors = np.append(anchors, 1.0)
        known = (old.step != 0) & ~jnp.asarray(made_jump)
        ratio = jnp.where(known, h / jnp.where(known, old.step, 1), 1)
        constant = lambda x: jnp.asarray(x, slope.dtype)
        size = lambda x: self.root_finder.norm(x / scale)
        ahead = extrapolated(past, constant(anchors), constant(nodes), ratio, size)
        return jnp.where(known, ahead, slope[None])

    def _scale(self, y):
        """The size of one unit of tolerance, per component."""
        where = self.root_finder
        rtol, atol = jnp.asarray(where.rtol, y.dtype), jnp.asarray(where.atol, y.dtype)
        return jax.lax.stop_gradient(atol + rtol * jnp.abs(y))

    def _change(self, change, scale, y):
        """The largest change of a stage, in units of what the iteration must reach."""
        eps = jnp.finfo(y.dtype).eps
        if self.to_round_off:
            size = jnp.max(jnp.abs(y))
            return jnp.max(jnp.abs(change)) / (eps * jnp.where(size > 0, size, 1))
        norm = self.root_finder.norm
        least = 2 * eps * norm(y / scale)
        allowed = jnp.maximum(NEWTON_TOLERANCE_FRACTION, least)
        return jnp.max(jax.vmap(norm)(change / scale[None])) / allowed

    def _reported(self, estimate, y0, y1, last: Iterate, slopes):
        """The error estimate that the step-size controller sees.

        A step whose stage equations were not solved reports an error that makes it
        shrink. One whose stage equations took n iterations that contracted by θ each
        reports an error that lets it grow to 8/n times its size at most (16/n to
        round-off), and to 1/(4θ) times, or not at all where that is less: θ grows like
        h (Gustafsson 1994), and where it is near 1 they fail.
        """
        norm, order = self.root_finder.norm, self.error_order(None)
        scale = self._scale(jnp.maximum(jnp.abs(y0), jnp.abs(y1)))
        error = norm(estimate / scale)
        power = self._sharpening - 1
        if power:
            relative = error * jnp.asarray(self.root_finder.rtol, y0.dtype)
            smooth = _decay(self.quadrature, slopes, scale, norm) ** (self.stages + 1)
            sharp = jnp.minimum(jnp.maximum(relative, smooth), 1) ** power
            estimate, error = estimate * sharp, error * sharp
        iterations = last.iterations.astype(error.dtype)
        easy = EASY_STAGE_ITERATIONS * self._limit // STAGE_ITERATION_LIMIT
        contraction = jnp.where(iterations > 1, jnp.abs(last.contraction), 0)
        hard = jnp.minimum(contraction / LARGEST_EXPECTED_CONTRACTION, 1)
        slow = jnp.maximum(iterations / easy, hard)
        slow = jnp.minimum((REPORTED_SAFETY * slow) ** order, LARGEST_ACCEPTED_ERROR)
        wanted = jnp.maximum(error, slow)
        grown = jnp.where(error > 0, wanted / jnp.where(error > 0, error, 1), 1)
        unit = scale / norm(jnp.ones_like(scale))
        shrink = (REPORTED_SAFETY / UNSOLVED_STEP_SHRINK) ** order
        return jnp.where(last.failed, shrink * unit, grown * estimate)


def _flat_field(terms, unravel, args) -> Callable[[RealScalarLike, Array], Array]:
    return lambda t, y: ravel_pytree(terms.vf(t, unravel(y), args))[0]


def _slope(field, t0, y, old: CollocationState, made_jump):
    """f(y₀) and the cost so far: known from the last step, unless y₀ has jumped."""
    if isinstance(made_jump, bool | np.bool_):
        if not made_jump:
            return old.slope, old.spent
        return field(t0, y), old.spent.plus(gradients=1, sequential=1)
    slope = jax.lax.cond(made_jump, lambda: field(t0, y), lambda: old.slope)
    once = jnp.where(made_jump, 1.0, 0.0)
    return slope, old.spent.plus(gradients=once, sequential=once)


def _decay(table: Quadrature, slopes, scale, norm):
    """The factor from one Legendre coefficient of the slopes to the next, at their end.

    Two neighbours are taken together, since every other one may vanish by symmetry. It
    is the geometric mean of the last factor, which alone goes up and down from step to
    step where the slopes oscillate, and of the mean factor from the first on, which
    alone would take a kink for smoother than it is.
    """
    coefficients = jnp.asarray(table.legendre, slopes.dtype) @ slopes
    sizes = jax.lax.stop_gradient(jax.vmap(norm)(coefficients / scale[None]))
    last = _quotient(sizes[-1] + sizes[-2], sizes[-2] + sizes[-3])
    if len(sizes) == 3:
        return last
    mean = _quotient(sizes[-1] + sizes[-2], sizes[1] + sizes[2])
    return jnp.sqrt(last * mean ** (1 / (len(sizes) - 3)))


def _quotient(above, below):
    return jnp.where(below > 0, above / jnp.where(below > 0, below, 1), 0)
