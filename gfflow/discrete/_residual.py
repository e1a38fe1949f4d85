"""How far one step is from the identity that it obeys in exact arithmetic."""

from typing import Any, Literal, NamedTuple, final

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jaxtyping import Array, Float

from .._checks import is_traced
from .._typing import Parameters, Scalar
from ..flows import Phase
from ..laws import Law, law_scale
from ..problem import Problem
from ._identities import (
    heavy_ball_cross,
    linear_after_step,
    quadratic_after_heavy_ball,
    quadratic_after_sgd,
    rotation_after_heavy_ball,
)
from ._optimisers import Family, Optimiser

Kind = Literal["linear", "quadratic", "rotation"]
_KNOWN: tuple[Family, ...] = ("sgd", "heavy_ball")


class OptimiserStep(NamedTuple):
    """One step from θ_k to θ_{k+1}.

    - `before`, `after`: θ_k, θ_{k+1}.
    - `gradient`: g_k, with the time scale.
    - `update`, `previous`: θ_{k+1} − θ_k, and that of the step before.
    - `learning_rate`: η_k; `ratio`: η_k/η_{k−1}.
    """

    before: Parameters
    after: Parameters
    gradient: Parameters
    update: Parameters
    previous: Parameters
    learning_rate: Scalar
    ratio: Scalar


@final
class Identity(eqx.Module):
    """The identity of one law, whose h(t, ·) is taken at t = 1 throughout."""

    law: Law
    kind: Kind = eqx.field(static=True)

    def first_cross(
        self, problem: Problem, velocity: Parameters
    ) -> Float[Array, "..."]:
        """c_{−1} = θ_0ᵀAv_0 − h(v_0): 0 at rest."""
        cross = self._cross(problem, problem.parameters, velocity)
        return cross - self._value(problem, velocity, velocity)

    def residual(
        self,
        step: OptimiserStep,
        cross: Float[Array, "..."],
        optimiser: Optimiser,
        problem: Problem,
    ) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        """|h_{k+1} − what the identity says| over the sum of the absolute terms.

        **Arguments:**

        - `cross`: c_{k−1}.

        **Returns:** the residual, of the shape of h, and c_k.
        """
        dtype = problem.dtype
        eta, momentum = step.learning_rate, optimiser.momentum.astype(dtype)
        decay = optimiser.weight_decay.astype(dtype)
        value = lambda x, v: self._value(problem, x, v)
        size = lambda x, v: self._size(problem, x, v)
        before, after = (step.before, step.previous), (step.after, step.update)
        gradient = (step.before, step.gradient)
        momentum = momentum * step.ratio
        if self.kind == "rotation":
            said = rotation_after_heavy_ball(value(*before), momentum)
            terms = momentum * size(*before) + eta * size(*gradient)
        else:
            single = lambda f, x: f(x, x)
            update, was = (single(value, x) for x in (step.update, step.previous))
            now = value(*before)
            terms = size(*before) + single(size, step.update)
            if self.kind == "linear":
                said = linear_after_step(now, was, momentum, eta, decay)
                terms = terms + eta * single(size, step.gradient)
            elif optimiser.family == "sgd":
                of_gradient = single(value, step.gradient)
                said = quadratic_after_sgd(now, of_gradient, eta, decay)
                terms = terms + eta**2 * single(size, step.gradient)
            else:
                said = heavy_ball_cross(cross, was, momentum, now, eta, decay)
                said = quadratic_after_heavy_ball(now, said, update)
                cross = self._cross(problem, step.before, step.update)
        terms = terms + size(*after)
        gap = jnp.abs(value(*after) - said)
        return jnp.where(gap > 0, gap / jnp.where(terms > 0, terms, 1), 0), cross

    def _view(self, problem: Problem, parameters: Parameters, velocity: Parameters):
        model = problem.model_at(parameters)
        return Phase(model, velocity) if self.kind == "rotation" else model

    def _value(self, problem, parameters, velocity):
        one = jnp.ones((), problem.dtype)
        value = self.law(one, self._view(problem, parameters, velocity))
        return value.astype(problem.dtype)

    def _size(self, problem, parameters, velocity):
        rotation = self.kind == "rotation"
        state = (parameters, velocity) if rotation else (parameters,)
        view = lambda s: self._view(problem, s[0], s[-1])
        one = jnp.ones((), problem.dtype)
        return law_scale(self.law, view, one, state).astype(problem.dtype)

    def _cross(self, problem, parameters, direction):
        """θᵀAv = ½ Dh(θ)·v."""
        value = lambda x: self._value(problem, x, x)
        return jax.jvp(value, (parameters,), (direction,))[1] / 2


def identities(
    laws: dict[str, Law], optimiser: Optimiser, problem: Problem, second_order: bool
) -> dict[str, Identity]:
    """Those of the laws that obey one under this optimiser.

    A law counts as quadratic (linear) if it says so and h(2x) = 4h(x) (2h(x)) at a
    random x: frozen parameters, or lower terms, would break that. On the axis of the
    momentum flow it is a rotation law if it is skew and bilinear at random points.
    Inside `jit` the degree is taken at its word, and no law is one of rotation.
    """
    if optimiser.family not in _KNOWN:
        return {}
    found = {name: _identity(law, problem, second_order) for name, law in laws.items()}
    if second_order and optimiser.family != "heavy_ball":
        return {}
    return {name: one for name, one in found.items() if one is not None}


def _identity(law: Law, problem: Problem, second_order: bool) -> Identity | None:
    if law.degree not in ("linear", "quadratic"):
        return None
    traced = is_traced(law, problem)
    if second_order:
        identity = Identity(law, "rotation")
        return identity if not traced and _is_skew(identity, problem) else None
    identity = Identity(law, law.degree)
    return identity if traced or _is_homogeneous(identity, problem) else None


def _is_homogeneous(identity: Identity, problem: Problem) -> bool:
    power = 4 if identity.kind == "quadratic" else 2
    with jax.ensure_compile_time_eval():
        x = _random(problem, 0)
        double = jtu.tree_map(lambda a: 2 * a, x)
        value = lambda a: identity._value(problem, a, a)
        gap = value(double) - power * value(x)
        return _is_zero(gap, identity._size(problem, x, x), problem)


def _is_skew(identity: Identity, problem: Problem) -> bool:
    value = lambda a, b: identity._value(problem, a, b)
    twice = lambda a: jtu.tree_map(lambda leaf: 2 * leaf, a)
    with jax.ensure_compile_time_eval():
        x, v = _random(problem, 0), _random(problem, 1)
        gaps = (
            value(x, v) + value(v, x),
            value(twice(x), v) - 2 * value(x, v),
            value(x, twice(v)) - 2 * value(x, v),
        )
        size = identity._size(problem, x, v)
        return all(_is_zero(gap, size, problem) for gap in gaps)


def _is_zero(gap: Array, size: Array, problem: Problem) -> bool:
    return bool(jnp.all(jnp.abs(gap) <= 64 * jnp.finfo(problem.dtype).eps * size))


def _random(problem: Problem, seed: int) -> Any:
    leaves, structure = jtu.tree_flatten(problem.parameters)
    keys = jax.random.split(jax.random.key(seed), len(leaves))
    draw = [jax.random.normal(k, x.shape, x.dtype) for k, x in zip(keys, leaves)]
    return jtu.tree_unflatten(structure, draw)
