"""Steps that end at kinks."""

from collections.abc import Callable
from typing import Any, ClassVar, final

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, Float

from ..._checks import is_traced
from ..._errors import SolveError
from ..._typing import Scalar, ScalarLike
from ...flows import AbstractFlow
from ...kinks import KinkReading, Pieces, Unreadable, tried
from ...problem import Problem
from ..collocation import LegendreInterpolation, legendre_values
from ..explicit import ExplicitStep, explicit_step, tableaus
from ..protocol import (
    ACCURACY_BOUND,
    AbstractMeasured,
    AbstractSolverState,
    MetKink,
    SolverProperties,
    Spent,
    adapted,
    runge_kutta_stages,
    traced_once,
)
from ._contact import settle
from ._held import Held
from ._late import Lateness, Step
from ._leaving import leaving
from ._log import CLOSED, HELD, LEFT, OPENED, Log
from ._meeting import meeting, slack_of
from ._slots import Slots
from ._underivable import underivable

# Kinks that can hold the flow at once.
_SLOTS = 32
# What slides is drawn back to its kink by so much a step; where that is chosen anew.
_PULL, _LEAST_PULL, _MOST_PULL = 0.2, 0.02, 1.0
# Gradients of one sample that a gradient takes for each kink that holds the flow: those
# of two of Newton's iterations.
_SINGLES = 12
_WORDS = {CLOSED: "closed", OPENED: "opened", HELD: "held", LEFT: "left"}


class KinkState(AbstractSolverState):
    """**Attributes:**

    - `bits`, `margins`: of all kinks, at the end of the last step.
    - `slack`: how far each kink may be on the wrong side: 0 but for those that are
        there, to the tolerance, since they have slid, and go back. It is twice as far
        as they are, since on the dense output they may seem to go the other way for a
        while, and each step that ends for that must be longer than the last.
    - `slots`: the kinks that the flow slides along.
    - `slope`: the field there.
    - `pull`: how fast what slides is drawn back to its kink, in units of one over time.
    - `end`: the time at which the last step ended.
    - `log`: what kinks were met.
    - `solved`, `spent`: as for every solver of gfflow.
    """

    bits: Bool[Array, " E"]
    margins: Float[Array, " E"]
    slack: Float[Array, " E"]
    slots: Slots
    slope: Float[Array, " D"]
    pull: Scalar
    end: Scalar
    log: Log
    solved: Bool[Array, ""]
    spent: Spent


@final
class KinkResolved(AbstractMeasured[KinkState]):
    """An explicit solver of piecewise smooth flows, such as those of ReLU networks,
    each step of which is made on one smooth piece.

    With the sides of all kinks held, ReLU units on or off, the field is smooth, and
    goes on smoothly past a kink. A step is made with them held, the kinks that change
    their side are located on its dense output, and what the change of side does to the
    flow is added to second order: the step ends where the next order would be felt at
    the tolerance, just after its first kink or after many (see `_late.py`). No step is
    rejected for a kink. Where the field on both sides points to the kink, the flow goes
    on along it in Filippov's sense (Filippov, Differential Equations with Discontinuous
    Righthand Sides, 1988, §4): the gate of the kink takes the value in (0, 1) that
    keeps it there, until that leaves [0, 1].

    Laws of gradient flow hold through all of this, and along kinks: each field is that
    of a model with gates for kinks, and a unit u·γz with any gate γ has the laws of
    u·max(z, 0). They hold to the accuracy of the solver inside.

    The kinks are read off the program of the model (`gfflow.kinks`), whatever it is
    made of: maxima, absolute values, choices by comparison, max pooling, sorting. A
    step ends at its first kink where the flow slides, or is not affine in the gradient,
    and at a kink that all samples share. Only `gfflow.solve` knows how to make its
    steps. It has no derivatives.

    **Attributes:**

    - `solver`: the solver inside, an explicit Runge–Kutta method of Diffrax;
        `diffrax.Tsit5()` by default, whose dense output is as accurate as its steps.
    - `flow`, `reading`: what `gfflow.solve` puts in.
    """

    solver: diffrax.AbstractSolver
    flow: AbstractFlow | None
    reading: KinkReading | None = eqx.field(static=True)
    rtol: Scalar | float
    atol: Scalar | float

    term_structure: ClassVar = diffrax.AbstractTerm
    interpolation_cls: ClassVar[Callable[..., LegendreInterpolation]] = (
        LegendreInterpolation
    )

    def __init__(
        self,
        solver: diffrax.AbstractSolver | None = None,
        flow: AbstractFlow | None = None,
        reading: KinkReading | None = None,
    ):
        """**Raises:** `SolveError` for what is no explicit Runge–Kutta method of
        Diffrax with an error estimate."""
        self.solver = diffrax.Tsit5() if solver is None else solver
        properties = adapted(self.solver).properties
        if not properties.tells_stages or properties.gradients_a_step is None:
            raise SolveError(
                "KinkResolved is put on an explicit Runge–Kutta method of Diffrax, as "
                f"diffrax.Tsit5(); got {type(solver).__name__}",
                argument="solver",
            )
        self.flow, self.reading = flow, reading
        self.rtol = self.atol = 1e-6

    def fitted(
        self, flow: AbstractFlow, problem: Problem, rtol: ScalarLike
    ) -> diffrax.AbstractAdaptiveSolver:
        """With the kinks of a problem; the solver inside where it has none.

        Inside a user's `jit` kinks of which the gradient knows nothing, such as the
        maximum in a softmax, are not told from others: they cost, and change nothing.

        **Raises:** `SolveError` for a flow that reads the model by more than its
        gradient, and for a model whose kinks cannot be read.
        """
        if not flow.by_gradient:
            raise SolveError(
                "KinkResolved is for flows that know the model by the gradient of its "
                f"loss alone; {type(flow.base).__name__} does not. Take auto",
                argument="solver",
            )
        try:
            reading = KinkReading.of(problem)
            if not is_traced(problem):
                reading = tried(reading, problem)
        except Unreadable as error:
            raise SolveError(
                f"the kinks of the model cannot be read: {error}. Take another solver, "
                "such as auto, which finds them by its error estimate",
                argument="solver",
            ) from None
        if reading.own + reading.shared == 0:
            return self.solver  # pyright: ignore[reportReturnType]
        return KinkResolved(self.solver, flow, reading)

    def controlled(self, rtol, atol, norm):
        return eqx.tree_at(lambda s: (s.rtol, s.atol), self, (rtol, atol))

    @property
    def properties(self) -> SolverProperties:
        inner = adapted(self.solver).properties
        return inner._replace(
            name=f"kink_resolved_{inner.name}",
            gradients_a_step=None,
            control=ACCURACY_BOUND,
            carries_slope=False,
        )

    def order(self, terms) -> int:
        return self.solver.order(terms)  # pyright: ignore[reportReturnType]

    def error_order(self, terms):
        return self.solver.error_order(terms)  # pyright: ignore

    def func(self, terms, t0, y0, args):
        return terms.vf(t0, y0, args)

    def init(self, terms, t0, t1, y0, args) -> KinkState:
        y, unravel = ravel_pytree(y0)
        held = self._held(args, unravel)
        bits, none = held.bits(y), Slots.none(_SLOTS, y.dtype)
        margins = held.margins(y, bits, none)
        pull = jnp.asarray(_PULL / (t1 - t0), y.dtype)
        met = meeting(margins, bits, none, jnp.asarray(-1))
        slope, bits, slots = settle(held, t0, y, bits, met, pull)
        return KinkState(
            bits=bits,
            margins=margins,
            slack=jnp.zeros_like(margins),
            slots=slots,
            slope=slope,
            pull=pull,
            end=jnp.asarray(t0),
            log=Log.empty(jnp.result_type(t0)),
            solved=jnp.asarray(True),
            spent=Spent.zero().plus(1, 0, 1, 2),
        )

    @traced_once
    def _step(self, measure, terms, t0, t1, y0, args, solver_state, made_jump):
        old, (y, unravel) = solver_state, ravel_pytree(y0)
        held = self._held(args, unravel)
        h = jnp.asarray(terms.contr(t0, t1), y.dtype)
        slope = lambda t, y: held.slope(t, y, old.bits, old.slots, old.pull)
        made = explicit_step(
            lambda t, y: slope(t, y)[0],
            t0,
            t1,
            h,
            y,
            old.slope,
            jnp.asarray(True),
            0,
            self._methods,
        )

        def ended():
            return self._ended(held, old, made, slope, y, t0, t1, h)

        def rejected():
            return made.y1, eqx.tree_at(lambda s: s.end, old, jnp.asarray(t1))

        y1, state = jax.lax.cond(self._good(made, y), ended, rejected)
        sliding = jnp.sum(old.slots.sliding).astype(float)
        each = 1 + _SINGLES / held.shape[0] * sliding
        count = made.gradients.astype(float)
        spent = state.spent.plus(count * each, 0, count)
        state = eqx.tree_at(lambda s: s.spent, state, spent)
        measured = None
        if measure is not None:
            stages = self._stages(made, t0, t1, state.end, h, y)
            measured = measure(stages.seen_by(lambda t, y: unravel(y)), args)
        dense = dict(y0=y0, coefficients=jax.vmap(unravel)(made.coefficients), step=h)
        y1, error = underivable(unravel(y1)), unravel(made.error)
        return (y1, error, dense, state, diffrax.RESULTS.successful), measured

    def _ended(self, held: Held, old: KinkState, made, slope, y, t0, t1, h):
        """The end of a step, at a kink or after some: state of flow and solver."""
        slots, order = old.slots, len(made.coefficients)
        values = lambda c: legendre_values(2 * c - 1, order)
        path = lambda c: y + h * (values(c) @ made.coefficients)

        def velocity(c):
            rates = jax.jvp(values, (c,), (jnp.ones_like(c),))[1]
            return rates @ made.coefficients

        boundary = float(tableaus(self._methods).boundaries[0])
        step = Step(
            path,
            velocity,
            t0,
            h,
            old.bits,
            slots,
            old.margins,
            old.slack,
            made.stiffness * boundary / h,
            self._scale(made, y),
        )
        passing = ~jnp.any(slots.sliding) & self._lets_pass(held)
        late = Lateness(held, step, passing).end()
        time = lambda c: t0 + c * (t1 - t0)
        gates = lambda c: slope(time(c), path(c))[1]
        leaves, looks = leaving(gates, slots, late.part)
        away = leaves < late.part
        whole = (late.changes.number == 0) & (late.contact < 0) & ~away
        whole = whole & (late.part >= 1)
        y1 = jnp.where(whole, made.y1, jnp.where(away, path(leaves), late.y))
        end = jnp.where(whole, t1, time(jnp.minimum(leaves, late.part)))
        margins = jax.lax.cond(
            away, lambda: held.margins(y1, old.bits, slots), lambda: late.margins
        )
        fits = (h * old.pull > _LEAST_PULL) & (h * old.pull < _MOST_PULL)
        pull = jnp.where(fits, old.pull, _PULL / h)
        log = old.log.with_changes(time(late.changes.at), late.changes.entry, late.bits)

        def contact():
            entry = jnp.where(away, -1, late.contact)
            met = meeting(margins, late.bits, slots, entry)
            slope, bits, slid = settle(held, end, y1, late.bits, met, pull)
            log1 = log.with_contact(end, met, slid, late.bits, bits)
            return slope, bits, slid, log1, slack_of(old.slack, margins, bits, met)

        anew = ~whole | (~fits & jnp.any(slots.sliding))
        slope1, bits1, slots1, log, slack = jax.lax.cond(
            anew, contact, lambda: (made.slope, late.bits, slots, log, old.slack)
        )
        took = late.gradients + jnp.where(anew, 1.0, 0.0) + looks.astype(float)
        state = KinkState(
            bits=bits1,
            margins=margins,
            slack=slack,
            slots=slots1,
            slope=slope1,
            pull=jnp.where(anew, pull, old.pull),
            end=end,
            log=log,
            solved=jnp.asarray(True),
            spent=old.spent.plus(took, 0, took, late.passes + jnp.where(away, 1, 0)),
        )
        return y1, state

    def _lets_pass(self, held: Held) -> bool:
        """Whether kinks can change their sides within a step: the field is affine in
        the gradient, and no kink is shared by all samples."""
        assert self.flow is not None
        return self.flow.affine and held.shape[2] == 0

    def _stages(self, made: ExplicitStep, t0, t1, end, h, y):
        """The quadrature of the dense output at the end of the step."""
        table = tableaus(self._methods)
        part = (end - t0) / (t1 - t0)
        rows = jnp.asarray(table.dense[0], y.dtype)
        weights = legendre_values(2 * part.astype(y.dtype) - 1, len(rows)) @ rows
        whole = jnp.asarray(table.weights[0], y.dtype)
        return runge_kutta_stages(
            t0,
            t1,
            y,
            table.nodes[0],
            h * jnp.asarray(table.matrix[0], y.dtype),
            jnp.where(part < 1, weights, whole),
            made.slopes,
            made.slopes,
            used=np.arange(int(table.stages[0])),
        )

    def _good(self, made: ExplicitStep, y) -> Bool[Array, ""]:
        """Whether the control will keep the step."""
        ratio = made.error / self._scale(made, y)
        return jnp.all(jnp.isfinite(made.y1)) & (jnp.sqrt(jnp.mean(ratio**2)) < 1)

    def _scale(self, made: ExplicitStep, y) -> Float[Array, " D"]:
        """The tolerance of each entry of the state."""
        return self.atol + self.rtol * jnp.maximum(jnp.abs(y), jnp.abs(made.y1))

    def _held(self, problem: Problem, unravel: Callable[[Array], Any]) -> Held:
        if self.flow is None or self.reading is None:
            raise SolveError(
                "KinkResolved is for gfflow.solve, which gives it the kinks"
            )
        return Held(self.flow, Pieces(self.reading, problem), unravel)

    @property
    def _methods(self) -> tuple[type]:
        return (type(self.solver),)

    def end_of_step(self, state: KinkState, t1) -> Array:
        return state.end

    def forward_pass(self, problem: Problem):
        def margins(parameters):
            pieces = Pieces(self.reading, problem)  # pyright: ignore
            return pieces.margins(parameters, pieces.bits(parameters))

        return margins

    def kinks(self, state: KinkState) -> tuple[MetKink, ...]:
        log, reading = state.log, self.reading
        assert reading is not None
        own, samples = reading.own, (state.bits.shape[0] - reading.shared)
        found = []
        times, entries, kinds = (
            np.asarray(x) for x in (log.times, log.entries, log.kinds)
        )
        for t, entry, kind in zip(times, entries, kinds[: int(log.total)]):
            shared = int(entry) >= samples
            sample = None if shared else int(entry) // own
            within = int(entry) - samples if shared else int(entry) % own
            kink, index = reading.place(within, shared)
            found.append(MetKink(float(t), _WORDS[int(kind)], sample, kink, index))
        return tuple(found)

    def events(self, state: KinkState) -> tuple[tuple[float, str], ...]:
        """How many kinks were met up to the end."""
        t, crossed, held = float(state.end), int(state.log.crossed), int(state.log.held)
        met = f"{crossed} kinks crossed" + (f", {held} held the flow" if held else "")
        return ((t, met),)
