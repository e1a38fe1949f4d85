"""The integration between two saved times: pure, traceable, resumable at any step."""

import dataclasses

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jaxtyping import Array

from .._errors import SolveError
from .._typing import Scalar, ScalarLike, State
from ..flows import AbstractFlow
from ..laws import Law
from ..problem import Problem, second_order
from ..solvers import Accounted, adapted
from ._carry import Carry
from ._controller import ControllerState, GuardedController
from ._last_places import counted_at_once
from ._law_rates import LawMeasure, LawRate, no_rates
from ._norms import global_norm, root_mean_square
from ._real_states import real_states
from ._record import Row
from ._settings import Settings
from ._status import Status

_HIGHEST = 8
told_of_products = second_order(
    SolveError,
    "; or take a solver that needs gradients only, such as tsit5, dopri5 or dopri8",
)


class Core(eqx.Module):
    """A flow of a problem under a solver, with the laws to record, at the saved times
    and, if `law_rates`, at the stages of every accepted step."""

    flow: AbstractFlow
    problem: Problem
    solver: diffrax.AbstractSolver
    adjoint: diffrax.AbstractAdjoint
    laws: dict[str, Law]
    law_rates: bool = eqx.field(static=True, default=False)

    @property
    def without_laws(self) -> "Core":
        """The same steps: one program serves for them, whatever is recorded."""
        return dataclasses.replace(self, laws={}, law_rates=False)

    @property
    def records_rates(self) -> bool:
        """Whether the rates of laws are asked for, and the solver shows its stages."""
        tells = adapted(self.solver).properties.tells_stages
        return self.law_rates and bool(self.laws) and tells

    @property
    def of_the_steps(self) -> "Core":
        """What the steps depend on, and what is recorded of each."""
        return self if self.records_rates else self.without_laws

    def no_rates(self, carry: Carry) -> LawRate | None:
        """What is recorded of the rates of laws before the first step, if anything."""
        if not self.records_rates:
            return None
        return no_rates(self.flow, self.problem, self.laws, carry.t, carry.state)

    @told_of_products
    def start(self, t0: Scalar, dt0: Scalar | None, settings: Settings) -> Carry:
        """The state at t0, with the first step by Hairer's rule unless it is given."""
        state = self.flow.initial_state(self.problem)
        order = adapted(self.solver).properties.order
        if dt0 is None:
            dt0 = self._first_step(t0, state, settings, order)
        dt0 = jax.lax.stop_gradient(jnp.asarray(dt0, t0.dtype))
        solver_state = self.solver.init(self._terms, t0, t0 + dt0, state, self.problem)
        solver_state = jtu.tree_map(jnp.asarray, solver_state)
        spent = adapted(self.solver).spent_at_start(solver_state)
        controller = ControllerState.first(dt0, spent)
        return Carry(t0, state, controller, solver_state, Status.successful)

    @real_states()
    @told_of_products
    @counted_at_once()
    def advance(
        self, carry: Carry, t_end: Scalar, pause_after: Array, settings: Settings
    ) -> tuple[Carry, Array]:
        """From `carry` to `t_end`, or to an early stop; whether it only paused."""
        controller = GuardedController(
            settings.rtol,
            settings.atol,
            t_end,
            settings.max_steps,
            pause_after,
            carry.controller,
            adapted(self.solver).properties.control,
        )
        solver = adapted(self.solver).controlled(
            settings.rtol, settings.atol, controller.norm
        )
        measure = LawMeasure(self.flow, self.laws) if self.records_rates else None
        event = None
        if settings.stop_gradient_norm is not None or settings.stop_loss is not None:
            event = diffrax.Event(_Stop(self.flow, settings))
        solution = diffrax.diffeqsolve(
            self._terms,
            Accounted(solver, measure),
            carry.t,
            t_end,
            None,
            carry.state,
            self.problem,
            saveat=diffrax.SaveAt(t1=True, solver_state=True, controller_state=True),
            stepsize_controller=controller,
            solver_state=carry.solver_state,
            controller_state=carry.controller,
            adjoint=self.adjoint,
            event=event,
            max_steps=None,
            throw=False,
        )
        new = solution.controller_state
        assert new is not None and solution.ts is not None
        count = new.accepted + new.rejected
        exhausted = solution.result == diffrax.RESULTS.max_steps_reached
        paused = exhausted & (count < settings.max_steps)
        status = Status.promote(solution.result)
        status = Status.where(paused, Status.successful, status)
        status = Status.where(
            (status == Status.dt_min_reached) & new.non_finite,
            Status.non_finite,
            status,
        )
        return Carry(
            t=solution.ts[-1],
            state=jtu.tree_map(lambda y: y[-1], solution.ys),
            controller=new,
            solver_state=solution.solver_state,
            status=status,
        ), paused

    def observe(self, carry: Carry, settings: Settings) -> tuple[Carry, Row]:
        """Loss, gradient norm and laws at the carry; an event is named by them."""
        parameters = self.flow.parameters(carry.state)
        loss, gradient = self.problem.value_and_gradient(parameters)
        norm = global_norm(gradient)
        status = carry.status
        reason = Status.stopped_loss
        if settings.stop_gradient_norm is not None:
            reason = Status.where(
                norm <= settings.stop_gradient_norm,
                Status.stopped_gradient_norm,
                Status.stopped_loss,
            )
        status = Status.where(status == Status.event_occurred, reason, status)
        finite = jnp.isfinite(loss) & jnp.isfinite(norm)
        status = Status.where(
            (status == Status.successful) & ~finite, Status.non_finite, status
        )
        view = self.flow.view(carry.state, self.problem)
        values = {name: law(carry.t, view) for name, law in self.laws.items()}
        rates = carry.controller.law_rates
        return carry.with_status(status), Row(carry.t, loss, norm, values, rates)

    @property
    def _terms(self):
        field = diffrax.ODETerm(self.flow.vector_field)  # pyright: ignore
        if adapted(self.solver).properties.imex:
            return diffrax.MultiTerm(field, diffrax.ODETerm(_zero_field))  # pyright: ignore
        return field

    def _first_step(self, t0, state, settings, order) -> Scalar:
        """Hairer, Nørsett & Wanner, Solving ODEs I, §II.4, on the bare field.

        The rule knows two derivatives, and gives steps that are several times too long
        for orders over 8: they get a quarter of what it gives order 8.
        """
        field = lambda t, y: self.flow.vector_field(t, y, self.problem)
        size = jtu.tree_map(
            lambda y: (
                settings.atol.astype(y.dtype)
                + settings.rtol.astype(y.dtype) * jnp.abs(y)
            ),
            state,
        )
        norm = lambda y: root_mean_square(jtu.tree_map(jnp.divide, y, size))
        slope = field(t0, state)
        d0, d1 = norm(state), norm(slope)
        h0 = jnp.where((d0 < 1e-5) | (d1 < 1e-5), 1e-6, 0.01 * d0 / d1)
        ahead = jtu.tree_map(lambda y, f: y + h0.astype(y.dtype) * f, state, slope)
        other = field(t0 + h0, ahead)
        d2 = norm(jtu.tree_map(jnp.subtract, other, slope)) / h0
        top = jnp.maximum(d1, d2)
        h1 = jnp.where(
            top <= 1e-15,
            jnp.maximum(1e-6, 1e-3 * h0),
            (0.01 / top) ** (1 / (min(order, _HIGHEST) + 1)),
        )
        dt = jnp.minimum(100 * h0, h1 if order <= _HIGHEST else h1 / 4)
        usable = jnp.isfinite(dt) & (dt > 0)
        return jnp.where(usable, dt, 1e-6).astype(t0.dtype)


class _Stop(eqx.Module):
    flow: AbstractFlow
    settings: Settings

    def __call__(self, t, y, args, **_):
        problem = args
        parameters = self.flow.parameters(y)
        reached = jnp.asarray(False)
        if self.settings.stop_gradient_norm is None:
            loss = problem.value(parameters)
        else:
            loss, gradient = problem.value_and_gradient(parameters)
            reached = global_norm(gradient) <= self.settings.stop_gradient_norm
        if self.settings.stop_loss is not None:
            reached = reached | (loss <= self.settings.stop_loss)
        return reached


def _zero_field(t: ScalarLike, y: State, args: Problem) -> State:
    return jtu.tree_map(jnp.zeros_like, y)
