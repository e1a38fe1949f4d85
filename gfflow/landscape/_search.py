"""The trust-region search for a critical point: its state, its steps, its end."""

from typing import Any, NamedTuple, final

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._typing import Scalar
from ._ending import Ending
from ._potential import Potential
from ._quadratic_model import QuadraticModel, quadratic_model
from ._trust_region import trust_step

_WINDOW = 6
_BEYOND = 12


@final
class Place(NamedTuple):
    """Where the search is, and what it remembers.

    - `steps`: the last six Newton lengths, oldest first; 0 after a step that was cut.
    - `beyond`: how many steps in a row ended under the threshold.
    - `iterations`, `gradients`, `hvps`: steps tried, and what all of it cost.
    """

    theta: Float[Array, " D"]
    value: Scalar
    gradient: Float[Array, " D"]
    model: QuadraticModel
    radius: Scalar
    steps: Float[Array, " window"]
    beyond: Array
    iterations: Array
    gradients: Array
    hvps: Array
    ending: Any


def search(
    potential: Potential,
    theta: Float[Array, " D"],
    threshold: Scalar,
    limit: Array,
    dense: bool,
) -> Place:
    """The last place of a search from θ."""
    judged = lambda place: _judged(place, threshold, limit)
    going = lambda place: place.ending == Ending.going_on
    body = lambda place: judged(_stepped(potential, place, threshold, dense))
    return jax.lax.while_loop(going, body, judged(_first(potential, theta, dense)))


def _first(potential: Potential, theta, dense) -> Place:
    """A tenth of |θ| is the radius, and 1 where that is 0 or its square underflows."""
    value, gradient = potential.value_and_gradient(theta)
    finite = jnp.isfinite(value) & jnp.all(jnp.isfinite(gradient))
    model = quadratic_model(potential, theta, gradient, dense)
    radius, zero = jnp.linalg.norm(theta) / 10, jnp.asarray(0)
    least = 100 * jnp.finfo(theta.dtype).tiny ** 0.5
    return Place(
        theta,
        value,
        gradient,
        model,
        radius=jnp.where(radius > least, radius, 1),
        steps=jnp.zeros(_WINDOW, theta.dtype),
        beyond=zero,
        iterations=zero,
        gradients=zero + 1,
        hvps=model.hvps,
        ending=Ending.where(finite, Ending.going_on, Ending.non_finite),
    )


def _stepped(potential: Potential, place: Place, threshold, dense) -> Place:
    """One trial step, taken or not.

    Where the promise is under the round-off in V, the gradients decide: towards a
    minimum the new one must be smaller; along negative curvature, where it grows, the
    decrease is −(g + g')·s/2, the trapezoidal rule (compare the approximate Wolfe
    conditions of Hager & Zhang 2005).
    """
    model, eps = place.model, jnp.finfo(place.theta.dtype).eps
    step, promised, bounded = trust_step(model, place.radius)
    length = jnp.linalg.norm(step)
    far = jnp.isfinite(model.newton) & ~model.short(place.theta)
    steps = jnp.where(far, jnp.append(place.steps[1:], model.newton), place.steps)
    steps = jnp.where(bounded, 0, steps)
    theta = place.theta + step
    value, gradient = potential.value_and_gradient(theta)
    old, new = jnp.linalg.norm(place.gradient), jnp.linalg.norm(gradient)
    noise = 10 * eps * jnp.abs(place.value) + model.noise(place.theta) * length
    unmeasured = promised <= noise
    blind, downhill = unmeasured & ~model.descends(), unmeasured & model.descends()
    gained = place.value - value
    enough = (new < old) & (gained >= -noise)
    by_slopes = -(place.gradient + gradient) @ step / 2
    gained = jnp.where(downhill, by_slopes, gained)
    taken = jnp.where(blind, enough, gained > 1e-4 * promised) & jnp.isfinite(new)
    good = jnp.where(blind, new < old / 2, gained > 0.75 * promised) & bounded
    poor = ~blind & (gained < 0.25 * promised)
    radius = place.radius * jnp.where(good, 2, 1)
    radius = jnp.where(taken, jnp.where(poor, length / 2, radius), length / 4)
    model = jax.lax.cond(
        taken,
        lambda: quadratic_model(potential, theta, gradient, dense),
        lambda: model._replace(hvps=jnp.zeros_like(model.hvps)),
    )
    keep = lambda a, b: jnp.where(taken, a, b)
    return place._replace(
        theta=keep(theta, place.theta),
        value=keep(value, place.value),
        gradient=keep(gradient, place.gradient),
        model=model,
        radius=radius,
        steps=keep(steps, place.steps),
        beyond=jnp.where(keep(new, old) <= threshold, place.beyond + 1, 0),
        iterations=place.iterations + 1,
        gradients=place.gradients + 1,
        hvps=place.hvps + model.hvps,
    )


def _judged(place: Place, threshold, limit) -> Place:
    """Whether the search is over. The first reason in this order counts."""
    model, eps = place.model, jnp.finfo(place.theta.dtype).eps
    extent = jnp.linalg.norm(place.theta)
    critical = jnp.linalg.norm(place.gradient) <= threshold
    full = place.steps[0] > 0
    escaping = full & (place.steps[-1] > 0.6 * place.steps[0])
    settled = (full | model.short(place.theta)) & ~escaping
    stuck = place.radius <= 4 * eps * extent
    over = settled | stuck | (place.beyond >= _BEYOND)
    found = critical & ~model.descends() & over
    ending = place.ending
    for reason, name in (
        (found & escaping, Ending.not_attained),
        (found, Ending.converged),
        (stuck, Ending.round_off),
        (place.iterations >= limit, Ending.max_iterations_reached),
    ):
        ending = Ending.where((ending == Ending.going_on) & reason, name, ending)
    return place._replace(ending=ending)
