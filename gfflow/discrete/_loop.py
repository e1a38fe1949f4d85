"""The compiled loop of a discrete optimiser: one program a number of saved rows."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jaxtyping import Array, Bool, Int, PyTree

from .._typing import Parameters, Scalar
from ..flows import Phase
from ..laws import Law
from ..problem import Problem
from ._base import AbstractDiscreteFlow
from ._extra_arguments import updated
from ._residual import Identity, OptimiserStep


class Iteration(NamedTuple):
    """Iterate k, with the loss and scaled gradient that step k starts from."""

    step: Int[Array, ""]
    t: Scalar
    parameters: Parameters
    update: Parameters
    learning_rate: Scalar
    loss: Scalar
    gradient: Parameters
    optimiser: PyTree
    samples: Int[Array, " B"] | None
    order: Int[Array, " N"] | None
    crosses: dict[str, Array]
    worst: dict[str, Array]
    going: Bool[Array, ""]


class SavedStep(NamedTuple):
    """What is saved at one step."""

    step: Int[Array, ""]
    t: Scalar
    loss: Scalar
    gradient_norm: Scalar
    learning_rate: Scalar
    laws: dict[str, Array]
    residuals: dict[str, Array]
    parameters: Parameters


class Loop(eqx.Module):
    """What is run, on what, from which velocity, with which laws and identities."""

    discrete: AbstractDiscreteFlow
    problem: Problem
    laws: dict[str, Law]
    identities: dict[str, Identity]
    velocity: Parameters | None

    def run(
        self, t0: Scalar, targets: Int[Array, " rows"]
    ) -> tuple[SavedStep, Iteration]:
        """SavedSteps at the steps `targets`, which increase from 0; the last carry.

        A run that stops between two targets has its last iterate in the row of the
        second; the rows after that, and that row if nothing moved, are NaN.
        """
        observe = lambda carry: self._observe(carry)
        first = self._start(t0)
        shapes = jax.eval_shape(observe, first)
        nothing = jtu.tree_map(_nothing, shapes)

        def to_target(carry, target):
            before = carry.step
            worst = jtu.tree_map(jnp.zeros_like, carry.worst)
            carry = jax.lax.while_loop(
                lambda c: c.going & (c.step < target),
                lambda c: self._advance(c, t0),
                carry._replace(worst=worst),
            )
            new = (carry.step > before) | (target == 0)
            return carry, jax.lax.cond(new, observe, lambda _: nothing, carry)

        last, rows = jax.lax.scan(to_target, first, targets)
        return rows, last

    def _start(self, t0: Scalar) -> Iteration:
        problem, discrete = self.problem, self.discrete
        zero = jnp.zeros((), int)
        eta = discrete.rate(zero, problem.dtype)
        batches, count = discrete.batches, problem.samples
        samples, order = batches.draw(count, zero, batches.first_order(count))
        batch = batches.part(problem, samples)
        loss, gradient = batch.value_and_gradient(problem.parameters)
        with _lenient():
            state = discrete.optimiser.transformation(eta).init(problem.parameters)
        update = jtu.tree_map(jnp.zeros_like, problem.parameters)
        if self.velocity is not None:
            span = discrete.step_time(eta)
            update = jtu.tree_map(lambda v: v * span, self.velocity)
            state = discrete.optimiser.moving(state, update, eta)
        known = self.identities.items()
        crosses = {name: one.first_cross(problem, update) for name, one in known}
        return Iteration(
            step=zero,
            t=t0,
            parameters=problem.parameters,
            update=update,
            learning_rate=eta,
            loss=loss,
            gradient=problem.scaled(gradient),
            optimiser=jtu.tree_map(jnp.asarray, state),
            samples=samples,
            order=order,
            crosses=crosses,
            worst=jtu.tree_map(jnp.zeros_like, crosses),
            going=_is_finite(loss, gradient),
        )

    def _advance(self, carry: Iteration, t0: Scalar) -> Iteration:
        """One step, taken back if the loss or the gradient after it is not finite."""
        problem, discrete = self.problem, self.discrete
        eta = discrete.rate(carry.step, problem.dtype)
        batches = discrete.batches
        here = batches.part(problem, carry.samples)
        extra = dict(
            value=carry.loss,
            grad=carry.gradient,
            value_fn=here.value,
            grad_fn=lambda parameters, *_: problem.scaled(here.gradient(parameters)),
        )
        with _lenient():
            update, state = updated(
                discrete.optimiser.transformation(eta),
                carry.gradient,
                carry.optimiser,
                carry.parameters,
                extra,
            )
        like = lambda new, old: jtu.tree_map(lambda a, b: a.astype(b.dtype), new, old)
        update, state = (
            like(update, carry.parameters),
            like(jtu.tree_map(jnp.asarray, state), carry.optimiser),
        )
        after = jtu.tree_map(jnp.add, carry.parameters, update)
        samples, order = batches.draw(problem.samples, carry.step + 1, carry.order)
        batch = batches.part(problem, samples)
        loss, gradient = batch.value_and_gradient(after)
        step = OptimiserStep(
            carry.parameters,
            after,
            carry.gradient,
            update,
            carry.update,
            eta,
            eta / carry.learning_rate,
        )
        crosses, worst = {}, {}
        for name, identity in self.identities.items():
            residual, crosses[name] = identity.residual(
                step, carry.crosses[name], discrete.optimiser, problem
            )
            worst[name] = jnp.maximum(carry.worst[name], residual)
        moved = Iteration(
            step=carry.step + 1,
            t=discrete.time_after(carry.step, carry.t, t0, eta),
            parameters=after,
            update=update,
            learning_rate=eta,
            loss=loss,
            gradient=problem.scaled(gradient),
            optimiser=state,
            samples=samples,
            order=order,
            crosses=crosses,
            worst=worst,
            going=carry.going,
        )
        good = _is_finite(loss, gradient, after)
        kept = jtu.tree_map(lambda a, b: jnp.where(good, a, b), moved, carry)
        return kept._replace(going=good)

    def _observe(self, carry: Iteration) -> SavedStep:
        problem, discrete = self.problem, self.discrete
        loss, gradient = problem.value_and_gradient(carry.parameters)
        square = sum(jnp.sum(g * g) for g in jtu.tree_leaves(gradient))
        view = problem.model_at(carry.parameters)
        if discrete.second_order:
            span = discrete.step_time(carry.learning_rate)
            velocity = jtu.tree_map(lambda v: v / span, carry.update)
            view = Phase(view, velocity)
        return SavedStep(
            step=carry.step,
            t=carry.t,
            loss=loss,
            gradient_norm=jnp.sqrt(square),
            learning_rate=discrete.rate(carry.step, problem.dtype),
            laws={name: law(carry.t, view) for name, law in self.laws.items()},
            residuals=carry.worst,
            parameters=carry.parameters,
        )


def _lenient():
    """JAX's own rules of promotion, which Optax is written for."""
    return jax.numpy_dtype_promotion("standard")


def _is_finite(*trees: PyTree) -> Bool[Array, ""]:
    leaves = jtu.tree_leaves(trees)
    return jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in leaves]))


def _nothing(x: jax.ShapeDtypeStruct) -> Array:
    inexact = jnp.issubdtype(x.dtype, jnp.inexact)
    return jnp.full(x.shape, jnp.nan if inexact else -1, x.dtype)
