"""What the stabilised explicit Runge–Kutta methods share."""

import abc
from collections.abc import Callable
from typing import Any, ClassVar, Literal, NamedTuple

import diffrax
import equinox as eqx
import equinox.internal as eqxi
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jaxtyping import Array, PyTree

from .._constants import (
    ROCK_LONGEST_PATIENCE,
    ROCK_OTHER_RADIUS,
    ROCK_RADIUS_SAFETY,
    ROCK_SAME_RADIUS,
)
from ..protocol import (
    STABILITY_BOUND,
    AbstractFlowSolver,
    AbstractSolverState,
    SolverProperties,
    Spent,
    Stages,
    traced_once,
)
from ._radius import combine, norm, top, widest
from ._table import RockTable


class StabilisedState(AbstractSolverState):
    """What is remembered from step to step.

    - `slope`: f at the current state.
    - `radius`: a bound on the spectrum of −J, per unit of flow time.
    - `direction`: the vector that it was found with.
    - `age`: accepted steps since then; `patience` after how many it is found anew.
    - `estimates`: how often it was.
    - `spent`: the cost so far.
    """

    slope: PyTree[Array]
    radius: Array
    direction: PyTree[Array]
    age: Array
    patience: Array
    estimates: Array
    spent: Spent

    @property
    def solved(self) -> Array:
        """There are no implicit equations."""
        return jnp.asarray(True)


class StageStep(NamedTuple):
    """A step from y0 by h, as the methods see it.

    - `field`: (abscissa in units of the step, state) ↦ slope.
    - `start`, `slope`: y0 and f(y0).
    - `h`: signed as the terms sign it.
    """

    field: Callable[[Any, PyTree[Array]], PyTree[Array]]
    start: PyTree[Array]
    slope: PyTree[Array]
    h: Array


class Recurrence(NamedTuple):
    """Where the recurrence of the stages ended.

    - `stage`, `slope`: the last g and f(g).
    - `sums`: Σ weights f_k, one for each of the method's `columns`.
    - `tail`: the coefficients after the recurrence, shape `(m,)`.
    """

    stage: PyTree[Array]
    slope: PyTree[Array]
    sums: tuple[PyTree[Array], ...]
    tail: Array


class _Trial(NamedTuple):
    end: PyTree[Array]
    slope: PyTree[Array]
    error: PyTree[Array]
    radius: Array
    direction: PyTree[Array]
    fresh: Array
    fast: Array
    again: Array
    estimates: Array
    spent: Spent


class AbstractStabilised(AbstractFlowSolver[StabilisedState]):
    """Explicit methods for stiff flows whose Jacobian has a real negative spectrum.

    With s stages they are stable up to hλ ~ s², so that a step of h costs about
    √(hλ) gradients instead of hλ: no linear algebra and a fixed number of copies of
    the state. The number of stages is chosen for each step from h times a bound on the
    spectrum of −J, which is 1.05 (θ + residual) of the largest Ritz value θ of a few
    Jacobian-vector products (`_radius`). It is found again after 1 to 25 accepted
    steps, depending on how much it changed; at once when a trial step is not finite or
    has seen ‖f₁ − f₀‖ > radius ‖y₁ − y₀‖, in which case the step is repeated if the
    new bound asks for more stages.

    A step that needs more stages than there are is not taken, and one that is not
    finite is not trusted: their error estimates are infinite, so that any controller
    shrinks the step. The round-off that the stages amplify is added to the estimate, so
    that a tight tolerance gets fewer stages and smaller steps.

    The number of stages depends on the state: reverse-mode differentiation needs
    `loop="checkpointed"` (with Diffrax's `RecursiveCheckpointAdjoint`) or `"bounded"`
    (`DirectAdjoint`); forward mode needs `"lax"` or `"bounded"`. The number of stages
    and the bound count as constants.
    """

    max_stages: eqx.AbstractVar[int]
    loop: eqx.AbstractVar[Literal["lax", "checkpointed", "bounded"]]

    registered: eqx.AbstractClassVar[str]
    carried_order: eqx.AbstractClassVar[int]
    columns: eqx.AbstractClassVar[tuple[int, ...]]

    term_structure: ClassVar = diffrax.AbstractTerm
    interpolation_cls: ClassVar[
        Callable[..., diffrax.ThirdOrderHermitePolynomialInterpolation]
    ] = diffrax.ThirdOrderHermitePolynomialInterpolation

    @abc.abstractmethod
    def _finish(
        self, step: StageStep, stages: Recurrence
    ) -> tuple[PyTree[Array], PyTree[Array], PyTree[Array], int]:
        """The new state, its slope, the error estimate, and the gradients of these."""

    @property
    def properties(self) -> SolverProperties:
        """What `gfflow.solve` and `gfflow.check` must know."""
        return SolverProperties(
            name=self.registered,
            order=self.carried_order,
            gradients_a_step=None,
            gradients_at_start=1,
            exact_degrees=frozenset({"linear"}),
            tells=True,
            control=STABILITY_BOUND,
            imex=False,
            tells_stages=True,
        )

    def order(self, terms) -> int:
        return self.carried_order

    def func(self, terms, t0, y0, args):
        return terms.vf(t0, y0, args)

    def init(self, terms, t0, t1, y0, args) -> StabilisedState:
        slope = terms.vf(t0, y0, args)
        count = lambda: jnp.asarray(0)
        return StabilisedState(
            slope=slope,
            radius=jnp.zeros((), widest(slope)),
            direction=jtu.tree_map(jnp.zeros_like, slope),
            age=count() + 1,
            patience=count() + 1,
            estimates=count(),
            spent=Spent.zero().plus(gradients=1, sequential=1),
        )

    @traced_once
    def step(self, terms, t0, t1, y0, args, solver_state, made_jump):
        old = solver_state
        h = jnp.asarray(terms.contr(t0, t1))
        slope, spent = _slope(terms, t0, y0, args, old, made_jump)

        def field(abscissa, y):
            length = jnp.asarray(t1 - t0)
            return terms.vf(t0 + jnp.asarray(abscissa, length.dtype) * length, y, args)

        step = StageStep(field, y0, slope, h)
        due = (old.age >= old.patience) | made_jump
        seek = _seeker(terms, t0, y0, args, h)
        radius, direction, products = seek(
            due, old.radius, old.direction, old.estimates
        )

        def attempt(trial: _Trial) -> _Trial:
            end, slope_there, error, fast, count = self._try(step, trial.radius)
            alarmed = fast & ~trial.fresh
            radius, direction, products = seek(
                alarmed, trial.radius, trial.direction, trial.estimates
            )
            return _Trial(
                end,
                slope_there,
                error,
                radius,
                direction,
                fresh=trial.fresh | alarmed,
                fast=fast,
                again=alarmed & (radius > trial.radius),
                estimates=trial.estimates + jnp.where(alarmed, 1, 0),
                spent=trial.spent.plus(count, products, count + products),
            )

        trial = eqxi.while_loop(
            lambda trial: trial.again,
            attempt,
            _Trial(
                end=y0,
                slope=slope,
                error=jtu.tree_map(jnp.zeros_like, y0),
                radius=radius,
                direction=direction,
                fresh=due,
                fast=jnp.asarray(False),
                again=jnp.asarray(True),
                estimates=old.estimates + jnp.where(due, 1, 0),
                spent=spent.plus(hvps=products, sequential=products),
            ),
            max_steps=2,
            kind=self.loop,
        )
        new = StabilisedState(
            slope=trial.slope,
            radius=trial.radius,
            direction=trial.direction,
            age=jnp.where(trial.fresh, 0, old.age) + 1,
            patience=_patience(old, due, radius, trial.fast),
            estimates=trial.estimates,
            spent=trial.spent,
        )
        dense_info = dict(
            y0=y0,
            y1=trial.end,
            k0=combine((slope,), (h,)),
            k1=combine((trial.slope,), (h,)),
        )
        return trial.end, trial.error, dense_info, new, diffrax.RESULTS.successful

    def step_measured(self, measure, terms, t0, t1, y0, args, solver_state, made_jump):
        """By the two ends, whose slopes are known: the trapezoidal rule, of order 2 as
        the method. The stages of the recurrence are not kept."""
        made = self.step(terms, t0, t1, y0, args, solver_state, made_jump)
        _, _, dense, _, _ = made
        h = jnp.asarray(terms.contr(t0, t1))
        ends = [dense["y0"], dense["y1"]], [dense["k0"], dense["k1"]]
        pair = lambda join: tuple(jtu.tree_map(join, *both) for both in ends)
        length, either = jnp.asarray(t1) - t0, lambda i: lambda a, b: jnp.where(i, b, a)
        stages = Stages(
            jnp.stack([t0, t1]),
            jnp.stack([length, length]) / 2,
            h,
            lambda i: pair(either(i)),
            lambda: pair(lambda a, b: jnp.stack([a, b])),
        )
        return made, measure(stages, args)

    def _try(self, step: StageStep, radius):
        """One attempt: end, slope there, error, whether to doubt the radius, cost."""
        dtype = widest(step.start)
        table = RockTable.stored().up_to(self.max_stages)
        h = jax.lax.stop_gradient(step.h)
        stiffness = jnp.abs(h).astype(dtype) * radius
        index = jnp.searchsorted(jnp.asarray(table.intervals, dtype), stiffness)
        possible = index < len(table.degrees)
        index = jnp.minimum(index, len(table.degrees) - 1)
        stages, count = self._recur(step, table, index, possible, dtype)
        end, slope, error, more = self._finish(step, stages)

        finite = _all_finite((end, slope, error))
        change = norm(combine((end, step.start), (1.0, -1.0)), dtype)
        turn = norm(combine((slope, step.slope), (1.0, -1.0)), dtype)
        least = jnp.finfo(dtype).eps ** 0.5 * norm(step.start, dtype)
        seen = (turn > radius * change) & (jnp.abs(h).astype(dtype) * turn > least)
        fast = possible & (seen | ~finite)
        amplified = jnp.asarray(table.amplification, dtype)[index]

        def total(e, y):
            round_off = amplified.astype(e.dtype) * jnp.finfo(e.dtype).eps * jnp.abs(y)
            return jnp.where(
                possible & finite,
                jnp.where(e < 0, e - round_off, e + round_off),
                jnp.inf,
            )

        error = jtu.tree_map(total, error, end)
        return end, slope, error, fast, count + more

    def _recur(self, step: StageStep, table: RockTable, index, possible, dtype):
        """The stages of the degree at `index`, none if impossible; their number."""
        rows = jnp.asarray(table.rows, dtype)
        ends = [*table.offsets[1:], len(table.rows)]
        begin = jnp.asarray(table.offsets)[index]
        last = jnp.asarray(ends)[index] - 1
        count = jnp.where(possible, last - begin, 0)
        start, first = step.start, step.slope

        def another(carry):
            k, before, here, slope, sums = carry
            row = rows[begin + k]
            scaled = step.h * row[3:5].astype(step.h.dtype)
            parts = start, here, before, slope, first
            stage = combine(parts, (*row[:3], *scaled))
            slope = step.field(row[5], stage)
            return k + 1, here, stage, slope, add(sums, slope, row)

        def add(sums, slope, row):
            pairs = zip(sums, self.columns, strict=True)
            return tuple(combine((s, slope), (1.0, row[i])) for s, i in pairs)

        nothing = jtu.tree_map(jnp.zeros_like, first)
        sums = add((nothing,) * len(self.columns), first, rows[begin])
        carry = (jnp.ones_like(count), start, start, first, sums)
        carry = eqxi.while_loop(
            lambda carry: carry[0] <= count,
            another,
            carry,
            max_steps=int(table.degrees[-1]),
            kind=self.loop,
        )
        tail = jnp.asarray(table.tails, dtype)[index]
        return Recurrence(*carry[2:], tail), count


def _seeker(terms, t0, y0, args, h):
    """(needed, radius, direction, seed) ↦ the radius and direction now, products."""
    terms, t0, y0, args, h = jtu.tree_map(
        lambda x: jax.lax.stop_gradient(x) if eqx.is_inexact_array(x) else x,
        (terms, t0, y0, args, h),
    )

    def product(vector):
        slope = lambda y: terms.vf(t0, y, args)
        image = jax.jvp(slope, (y0,), (vector,))[1]
        return combine((image,), (-jnp.sign(h),))

    def seek(needed, radius, direction, seed):
        needed = jnp.asarray(needed)
        found = top(product, direction, seed, needed)
        bound = ROCK_RADIUS_SAFETY * jnp.maximum(found.bound, 0)
        choose = lambda new, past: jnp.where(needed, new, past)
        return (
            choose(bound.astype(radius.dtype), radius),
            jtu.tree_map(choose, found.direction, direction),
            found.products,
        )

    return seek


def _slope(terms, t0, y0, args, old: StabilisedState, made_jump):
    if isinstance(made_jump, bool) and not made_jump:
        return old.slope, old.spent
    again = lambda: terms.vf(t0, y0, args)
    slope = jax.lax.cond(made_jump, again, lambda: old.slope)
    once = jnp.where(made_jump, 1, 0)
    return slope, old.spent.plus(gradients=once, sequential=once)


def _patience(old: StabilisedState, due, radius, fast):
    """Doubled when the radius hardly changed, halved when it changed much."""
    change = jnp.abs(radius - old.radius) / jnp.where(radius > 0, radius, 1)
    doubled = jnp.minimum(2 * old.patience, ROCK_LONGEST_PATIENCE)
    halved = jnp.maximum(old.patience // 2, 1)
    found = jnp.where(change > ROCK_OTHER_RADIUS, halved, old.patience)
    found = jnp.where(change < ROCK_SAME_RADIUS, doubled, found)
    return jnp.where(fast, 1, jnp.where(due, found, old.patience))


def _all_finite(tree: PyTree[Array]) -> Array:
    parts = [jnp.all(jnp.isfinite(leaf)) for leaf in jtu.tree_leaves(tree)]
    return jnp.all(jnp.stack(parts))
