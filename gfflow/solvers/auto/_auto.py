"""The solver that chooses: explicit, collocation or stabilised, step by step."""

import os
from collections.abc import Callable
from typing import ClassVar, final

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, Float, PyTree

from ..._checks import is_traced
from ..._errors import SolveError
from ..._typing import ScalarLike
from ...flows import AbstractFlow
from ...problem import Problem
from .._constants import (
    AUTO_CALM_BELOW,
    AUTO_FRUGAL_VECTORS,
    AUTO_MOST_STAGES,
    AUTO_OTHER_COPIES,
    AUTO_STAGES,
    AUTO_STAGES_WITHOUT_TOLERANCE,
    AUTO_STIFF_FROM,
    AUTO_SWITCHES_ON_RECORD,
)
from ..collocation import (
    AbstractCollocation,
    CollocationState,
    LegendreInterpolation,
    RadauIIA,
    from_hermite,
    other_stages,
)
from ..explicit import KINKED, explicit_stages, explicit_step, tableaus
from ..protocol import (
    ACCURACY_BOUND,
    AbstractMeasured,
    AbstractSolverState,
    SolverProperties,
    Spent,
    adapted,
    controlled_root_finder,
    traced_once,
)
from ..rock import ROCK2
from ._decision import STIFF, decide
from ._kinks import Kinks

_NAMES = ("explicit (Dormand–Prince 8)", "explicit (Bogacki–Shampine 3)")


class AutoState(AbstractSolverState):
    """**Attributes:**

    - `mode`: 0 explicit, 1 explicit across kinks, 2 stiff.
    - `slope`, `known`: f at the current state, if known.
    - `stiff`: the state of the stiff solver; `moved` whether the state has gone on
        without it.
    - `votes`: steps in a row that spoke for leaving the mode.
    - `kinks`: what the steps say of the smoothness of the field.
    - `switches`, `switch_times`, `switch_modes`: how many so far, and the first 32.
    - `solved`, `spent`: as for every solver of gfflow.
    """

    mode: Array
    slope: Float[Array, " D"]
    known: Bool[Array, ""]
    stiff: PyTree
    moved: Bool[Array, ""]
    votes: Array
    kinks: Kinks
    switches: Array
    switch_times: Array
    switch_modes: Array
    solved: Bool[Array, ""]
    spent: Spent


@final
class Auto(diffrax.AbstractImplicitSolver[AutoState], AbstractMeasured[AutoState]):
    """Explicit through the transient, collocation once stability bounds the step.

    - It starts with Dormand–Prince 8(7), and goes to Bogacki–Shampine 3(2) while steps
        keep running into kinks of the field, where no higher order exists.
    - After four steps in a row at more than 3 % of the explicit method's stability
        boundary (80 % across kinks; Hairer & Wanner, Solving ODEs II, §IV.2) it goes to
        the stiff solver: at tight tolerances the error of the stiff components bounds
        the step long before the boundary does. It returns after eight steps with h
        times the largest known eigenvalue under 0.05.
    - The stiff solver is `RadauIIA(stages)`: of 3 stages at tolerances from 3·10⁻⁴ on,
        of 7 under 3·10⁻⁸ and of 5 between, where `gfflow.solve` knows the tolerance
        (it does not while it is traced), and of 5 in Diffrax alone, unless `stages`
        is given. Where its copies of the state do not fit into `memory_limit`, first
        without Anderson's memory and one stage at a time, and else `ROCK2`.

    So a solve under another tolerance is one of three programs: within the range of one
    number of stages nothing is compiled anew.

    Every switch is kept in the state, and `gfflow.solve` lists them as events.
    """

    stiff: RadauIIA
    memory_limit: int | None = eqx.field(static=True)
    by_tolerance: bool = eqx.field(static=True)

    term_structure: ClassVar = diffrax.AbstractTerm
    interpolation_cls: ClassVar[Callable[..., LegendreInterpolation]] = (
        LegendreInterpolation
    )
    root_find_max_steps: ClassVar[int] = RadauIIA.root_find_max_steps

    def __init__(self, stages: int | None = None, *, memory_limit: int | None = None):
        """**Arguments:**

        - `stages`: of the collocation method, from 3 to 9; by the tolerance without.
        - `memory_limit`: bytes for the solver's copies of the state; half of the
            device's memory by default.

        **Raises:** `SolveError` for a number out of range.
        """
        self.by_tolerance = stages is None
        stages = AUTO_STAGES_WITHOUT_TOLERANCE if stages is None else stages
        if not isinstance(stages, int) or stages < 3:
            raise SolveError(
                f"Auto wants 3 to 9 stages; got {stages!r}", argument="stages"
            )
        if memory_limit is not None and not memory_limit > 0:
            raise SolveError(f"memory_limit is a number of bytes; got {memory_limit!r}")
        self.stiff = RadauIIA(stages)
        self.memory_limit = memory_limit

    def for_tolerance(self, rtol: float) -> "Auto":
        """With the stages that suit a tolerance, unless they were given."""
        if not self.by_tolerance:
            return self
        stages = next(
            (s for least, s in AUTO_STAGES if rtol >= least), AUTO_MOST_STAGES
        )
        return Auto(stages, memory_limit=self.memory_limit)

    def fitted(self, flow: AbstractFlow, problem: Problem, rtol: ScalarLike) -> "Auto":
        """With the stages that suit the tolerance, where that is known."""
        return self if is_traced(rtol) else self.for_tolerance(float(rtol))

    def finer(self) -> "Auto":
        return Auto(other_stages(self.stiff.stages))

    def controlled(self, rtol, atol, norm):
        return controlled_root_finder(self, rtol, atol, norm)

    @property
    def root_finder(self):
        return self.stiff.root_finder

    @property
    def properties(self) -> SolverProperties:
        """What `gfflow.solve` and `gfflow.check` must know."""
        return self.stiff.properties._replace(
            name="auto", gradients_at_start=0, control=ACCURACY_BOUND
        )

    def order(self, terms) -> int:
        return self.stiff.order(terms)

    def error_order(self, terms) -> float:
        return self.stiff.error_order(terms)

    def func(self, terms, t0, y0, args):
        return terms.vf(t0, y0, args)

    def stiff_solver(self, y0: PyTree[Array]) -> diffrax.AbstractAdaptiveSolver:
        """The stiff solver for a state of this size."""
        size = sum(leaf.size * leaf.dtype.itemsize for leaf in jtu.tree_leaves(y0))
        limit = _memory() // 2 if self.memory_limit is None else self.memory_limit
        full = self.stiff
        if size * copies(full) <= limit:
            return full
        finder = full.root_finder
        frugal = RadauIIA(
            full.stages, vectors=AUTO_FRUGAL_VECTORS, memory=0, stage_chunk=1
        )
        frugal = eqx.tree_at(
            lambda s: s.root_finder, frugal, finder, is_leaf=lambda x: x is finder
        )
        return frugal if size * copies(frugal) <= limit else ROCK2()

    def init(self, terms, t0, t1, y0, args) -> AutoState:
        flat, _ = ravel_pytree(y0)
        no, none = jnp.asarray(False), jnp.asarray(0)
        state = eqx.filter_eval_shape(
            self.stiff_solver(y0).init, terms, t0, t1, y0, args
        )
        empty = jtu.tree_map(lambda x: jnp.zeros(x.shape, x.dtype), state)
        return AutoState(
            mode=none,
            slope=jnp.zeros_like(flat),
            known=no,
            stiff=empty,
            moved=jnp.asarray(True),
            votes=none,
            kinks=Kinks.none(flat.dtype),
            switches=none,
            switch_times=jnp.zeros(AUTO_SWITCHES_ON_RECORD, jnp.result_type(t0)),
            switch_modes=jnp.zeros(AUTO_SWITCHES_ON_RECORD, none.dtype),
            solved=jnp.asarray(True),
            spent=Spent.zero(),
        )

    @traced_once
    def _step(self, measure, terms, t0, t1, y0, args, solver_state, made_jump):
        old, jumped = solver_state, jnp.asarray(made_jump)
        step = terms, t0, t1, y0, args, old, jumped
        explicit = lambda: self._explicit(measure, *step)
        stiff = lambda: self._stiffly(measure, *step)
        trial = jax.lax.cond(old.mode == STIFF, stiff, explicit)
        y1, y_error, coefficients, new, pressed, measured = trial
        h = jnp.asarray(terms.contr(t0, t1))
        size = self._size(y_error, y0, y1)
        kinks = old.kinks.after(jnp.abs(h), size, self.error_order(None))
        new = eqx.tree_at(lambda s: s.kinks, new, kinks)
        new = _switched(new, old.mode, pressed, t1)
        dense = dict(y0=y0, coefficients=coefficients, step=h)
        return (y1, y_error, dense, new, diffrax.RESULTS.successful), measured

    def _explicit(self, measure, terms, t0, t1, y0, args, old: AutoState, jumped):
        flat, unravel = ravel_pytree(y0)
        field = lambda t, y: ravel_pytree(terms.vf(t, unravel(y), args))[0]
        h = jnp.asarray(terms.contr(t0, t1), flat.dtype)
        method = jnp.minimum(old.mode, KINKED)
        made = explicit_step(
            field, t0, t1, h, flat, old.slope, old.known & ~jumped, method
        )
        y1, error = unravel(made.y1), made.error
        own = jnp.asarray(tableaus().orders, flat.dtype)[method]
        size = self._size(unravel(error), y0, y1).astype(flat.dtype)
        power = self.error_order(None) / own - 1
        error = error * jnp.clip(size, 1e-4, 1e4) ** power
        new = eqx.tree_at(
            lambda s: (s.slope, s.known, s.moved, s.solved, s.spent),
            old,
            (
                made.slope,
                jnp.asarray(True),
                jnp.asarray(True),
                jnp.asarray(True),
                old.spent.plus(made.gradients, 0, made.gradients),
            ),
        )
        pressed = made.stiffness > jnp.asarray(AUTO_STIFF_FROM, flat.dtype)[method]
        degree = self._degree
        rows = jnp.pad(made.coefficients, ((0, degree + 1 - 9), (0, 0)))
        measured = None
        if measure is not None:
            stages = explicit_stages(made, t0, t1, h, flat, method)
            measured = measure(stages.seen_by(lambda t, y: unravel(y)), args)
        return y1, unravel(error), jax.vmap(unravel)(rows), new, pressed, measured

    def _stiffly(self, measure, terms, t0, t1, y0, args, old: AutoState, jumped):
        solver = self.stiff_solver(y0)
        step, measured = (terms, t0, t1, y0, args, old.stiff, jumped | old.moved), None
        if measure is None:
            made = solver.step(*step)
        else:
            made, measured = adapted(solver).step_measured(measure, *step)
        y1, y_error, dense, state, _ = made
        h = jnp.asarray(terms.contr(t0, t1))
        if isinstance(solver, AbstractCollocation):
            rows = dense["coefficients"]
            sizes = jnp.linalg.norm(state.jacobian.deflation.images, axis=1)
            radius, solved = jnp.max(sizes), state.solved
        else:
            rows = from_hermite(dense, h)
            y_error = jtu.tree_map(self._sharper(solver, y0, y1, y_error), y_error)
            radius, solved = state.radius, jnp.asarray(True)
        missing = self._degree + 1 - jtu.tree_leaves(rows)[0].shape[0]
        pad = lambda r: jnp.pad(r, ((0, missing), *((0, 0),) * (r.ndim - 1)))
        spent = jtu.tree_map(jnp.subtract, state.spent, old.stiff.spent)
        new = eqx.tree_at(
            lambda s: (s.known, s.stiff, s.moved, s.solved, s.spent),
            old,
            (
                jnp.asarray(False),
                state,
                jnp.asarray(False),
                solved,
                old.spent.plus(*spent),
            ),
        )
        pressed = jnp.abs(h).astype(radius.dtype) * radius < AUTO_CALM_BELOW
        return y1, y_error, jtu.tree_map(pad, rows), new, pressed, measured

    def _sharper(self, solver, y0, y1, y_error):
        """Raises an error estimate to the order that this solver states."""
        size = self._size(y_error, y0, y1)
        power = self.error_order(None) / solver.error_order(None) - 1
        factor = jnp.clip(size, 1e-4, 1e4) ** power
        return lambda e: e * factor.astype(e.dtype)

    def _size(self, y_error, y0, y1):
        """The error estimate in units of the tolerance."""
        finder = self.root_finder

        def ratio(e, a, b):
            rtol, atol = (jnp.asarray(x, e.dtype) for x in (finder.rtol, finder.atol))
            return e / (atol + rtol * jnp.maximum(jnp.abs(a), jnp.abs(b)))

        return jax.lax.stop_gradient(finder.norm(jtu.tree_map(ratio, y_error, y0, y1)))

    @property
    def _degree(self) -> int:
        return max(8, self.stiff.stages)

    def events(self, state: AutoState) -> tuple[tuple[float, str], ...]:
        """The switches so far, `(t, what)`; on the host."""
        stiff = self.stiff.properties.name
        collocated = isinstance(state.stiff, CollocationState)
        names = [*_NAMES, stiff if collocated else "rock2"]
        count = min(int(state.switches), AUTO_SWITCHES_ON_RECORD)
        found = [
            (float(t), f"switched to {names[int(mode)]}")
            for t, mode in zip(state.switch_times[:count], state.switch_modes)
        ]
        missing = int(state.switches) - count
        if missing:
            found.append((found[-1][0], f"{missing} more switches after this one"))
        return tuple(found)


def copies(solver: AbstractCollocation) -> int:
    """How many copies of the state a collocation solver holds at once."""
    slopes = solver.stages * (5 + 2 * solver.memory)
    vectors = 0 if solver.vectors == "dense" else 3 * solver.vectors
    return slopes + vectors + AUTO_OTHER_COPIES


def _switched(new: AutoState, mode, pressed, t1) -> AutoState:
    """The state with its next mode, and the switch on record if there is one."""
    kinked = new.kinks.many(mode == KINKED)
    following, votes = decide(mode, new.votes, pressed, kinked)
    changed = following != mode
    slot = jnp.minimum(new.switches, AUTO_SWITCHES_ON_RECORD - 1)
    record = changed & (new.switches < AUTO_SWITCHES_ON_RECORD)
    write = lambda log, value: log.at[slot].set(jnp.where(record, value, log[slot]))
    return eqx.tree_at(
        lambda s: (s.mode, s.votes, s.switches, s.switch_times, s.switch_modes),
        new,
        (
            following,
            votes,
            new.switches + jnp.where(changed, 1, 0),
            write(new.switch_times, t1),
            write(new.switch_modes, following),
        ),
    )


def _memory() -> int:
    """Bytes of memory of the default device, of this machine where it does not tell."""
    chosen = jax.config.jax_default_device  # pyright: ignore[reportAttributeAccessIssue]
    device = chosen or jax.devices()[0]
    stats = getattr(device, "memory_stats", lambda: None)()
    if stats and "bytes_limit" in stats:
        return stats["bytes_limit"]
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
