"""From the end of a flow to the critical point near it, by second-order steps."""

from typing import NamedTuple, final

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Int

from .._checks import is_traced, positive
from .._errors import ProblemError, SolveError
from .._typing import BoolScalar, IntScalarLike, Parameters, Scalar, ScalarLike
from ..problem import Problem

_DENSE = 512
_KRYLOV = 96
_WINDOW = 6
_SHORT = 1e-4
_BEYOND = 12


class Ending(eqx.Enumeration):
    """How a search for a critical point ended."""

    going_on = "The search goes on."
    converged = "A critical point to within the threshold, and no descent from it."
    not_attained = (
        "Small gradient, but Newton steps that do not get shorter: the loss seems to "
        "have its infimum at infinity."
    )
    round_off = "Round-off in the gradient is above the threshold: raise that."
    max_iterations_reached = "Raise `max_iterations`."
    non_finite = "The loss or its gradient is not finite at the start."


@final
class CriticalPoint(eqx.Module):
    """**Attributes:**

    - `parameters`: like `Problem.parameters`.
    - `loss`: L there, without the weight decay.
    - `gradient_norm`: |∇V|₂ there; V is L without weight decay.
    - `curvature`: the smallest eigenvalue of ∇²V there (dense), or the smallest Ritz
        value, an upper bound of it.
    - `newton_step`: the length of the Newton step from there, along directions in which
        the gradient is above round-off: an estimate of the distance left.
    - `iterations`, `gradients`, `hvps`: steps tried, and what all of it cost.
    - `ending`: an `Ending`.
    """

    parameters: Parameters
    loss: Scalar
    gradient_norm: Scalar
    curvature: Scalar
    newton_step: Scalar
    iterations: Int[Array, ""]
    gradients: Int[Array, ""]
    hvps: Int[Array, ""]
    ending: Ending

    @property
    def converged(self) -> BoolScalar:
        """Whether it is a critical point, at the end of a descent, to the threshold."""
        return self.ending == Ending.converged


def critical_point(
    problem: Problem,
    parameters: Parameters | None = None,
    *,
    weight_decay: ScalarLike = 0.0,
    gradient_norm: ScalarLike | None = None,
    max_iterations: IntScalarLike = 5000,
    dense: bool | None = None,
) -> CriticalPoint:
    """A local minimum down from `parameters`, by a trust-region Newton method.

    With rates s and weight decay λ the flow is θ' = −s ∘ ∇L − λθ = −s ∘ ∇V,
    V(θ) = L(θ) + ½λ Σ θ²/s, whose Hessian is symmetric: V is what is minimised, and
    |∇V|₂ ≤ `gradient_norm` is what is asked for.

    Each step minimises the quadratic model of V in a ball about θ (Nocedal & Wright,
    Numerical Optimization, ch. 4), of 0.1·|θ| at the start, so that it stays near the
    end of the flow. A Hessian is singular wherever a network has a symmetry:
    eigenvalues under round-off are lifted to it, and slopes under round-off along them
    are left alone. A critical point with a direction of negative curvature (more than
    √ε of the largest) is left along it. Where the decrease that the model promises is
    under the round-off in V, a step is taken if it makes the gradient smaller.

    A point under the threshold is not called converged if the last six Newton steps
    were taken in full and did not get shorter. Towards a minimum like that of θ^{2m}
    they do, by (2m − 2)/(2m − 1) each time; towards an infimum at infinity, such as
    that of separable logistic regression, they do not.

    Works inside `jit` and `vmap`; another threshold compiles nothing.

    **Arguments:**

    - `parameters`: where to start; the problem's own by default.
    - `weight_decay`: λ ≥ 0.
    - `gradient_norm`: the threshold, 1e-13 by default in double precision, 5e-5 in
        single.
    - `max_iterations`: bounds the steps tried.
    - `dense`: whether to take the whole Hessian (D products) at each new point, or its
        restriction to 96 directions; by default up to 512 parameters.

    **Returns:** a `CriticalPoint`; nothing is raised where none was found.

    **Raises:** `SolveError` for a number out of range, `ProblemError` for parameters
    that are not of the problem's shapes.
    """
    start = problem.parameters if parameters is None else parameters
    shapes = lambda tree: jtu.tree_map(lambda x: (jnp.shape(x), x.dtype), tree)
    if shapes(start) != shapes(problem.parameters):
        raise ProblemError("critical_point wants parameters like Problem.parameters")
    if gradient_norm is None:
        gradient_norm = 1e-13 if jnp.finfo(problem.dtype).bits >= 64 else 5e-5
    positive("gradient_norm", gradient_norm)
    positive("max_iterations", max_iterations)
    if not is_traced(weight_decay) and not float(weight_decay) >= 0:
        raise SolveError(f"weight_decay must be at least 0; got {weight_decay!r}")
    number = lambda x: jnp.asarray(x, problem.dtype)
    return _search(
        problem,
        start,
        number(weight_decay),
        number(gradient_norm),
        jnp.asarray(max_iterations, int),
        problem.size <= _DENSE if dense is None else dense,
    )


class _Landscape(eqx.Module):
    """V on flat parameters; `inverse` is λ/s."""

    problem: Problem
    inverse: Float[Array, " D"]
    like: Parameters

    def unravel(self, theta) -> Parameters:
        return ravel_pytree(self.like)[1](theta)

    def value_and_gradient(self, theta) -> tuple[Scalar, Array]:
        value, gradient = self.problem.value_and_gradient(self.unravel(theta))
        value = value + jnp.sum(self.inverse * theta**2) / 2
        return value, ravel_pytree(gradient)[0] + self.inverse * theta

    def product(self, theta, direction) -> Array:
        image = self.problem.hvp(self.unravel(theta), self.unravel(direction))
        return ravel_pytree(image)[0] + self.inverse * direction


class _Model(NamedTuple):
    """The quadratic model at a point, on k orthonormal directions.

    - `basis`: Ritz vectors of the Hessian as columns; all eigenvectors if k = D.
    - `values`: their Ritz values, least first.
    - `slopes`: the components of the gradient along them, which it is the sum of.
    - `top`: the largest of their sizes; `hvps`: products that it took.
    - `newton`: the length of the Newton step, infinite where there is none.
    """

    basis: Float[Array, "D k"]
    values: Float[Array, " k"]
    slopes: Float[Array, " k"]
    top: Scalar
    newton: Scalar
    hvps: Array


class _Place(NamedTuple):
    """Where the search is, and what it remembers."""

    theta: Array
    value: Scalar
    gradient: Array
    model: _Model
    radius: Scalar
    steps: Float[Array, " window"]
    beyond: Array
    iterations: Array
    gradients: Array
    hvps: Array
    ending: Ending


@eqx.filter_jit
def _search(problem, start, weight_decay, threshold, limit, dense) -> CriticalPoint:
    ones, theta = jtu.tree_map(jnp.ones_like, start), ravel_pytree(start)[0]
    inverse = weight_decay / ravel_pytree(problem.scaled(ones))[0]
    land = _Landscape(problem, inverse, start)
    value, gradient = land.value_and_gradient(theta)
    finite = jnp.isfinite(value) & jnp.all(jnp.isfinite(gradient))
    ending = Ending.where(finite, Ending.going_on, Ending.non_finite)
    model = _modelled(land, theta, gradient, dense)
    extent = jnp.linalg.norm(theta)
    radius = jnp.where(extent > 0, extent / 10, 1)
    steps, zero = jnp.zeros(_WINDOW, theta.dtype), jnp.asarray(0)
    counts = zero, zero, zero + 1, model.hvps
    place = _Place(theta, value, gradient, model, radius, steps, *counts, ending)
    judged = lambda place: _judged(place, threshold, limit)
    going = lambda place: place.ending == Ending.going_on
    body = lambda place: judged(_stepped(land, place, threshold, dense))
    place = jax.lax.while_loop(going, body, judged(place))
    return CriticalPoint(
        parameters=land.unravel(place.theta),
        loss=place.value - jnp.sum(inverse * place.theta**2) / 2,
        gradient_norm=jnp.linalg.norm(place.gradient),
        curvature=place.model.values[0],
        newton_step=place.model.newton,
        iterations=place.iterations,
        gradients=place.gradients,
        hvps=place.hvps,
        ending=place.ending,
    )


def _stepped(land, place: _Place, threshold, dense) -> _Place:
    """One trial step, taken or not."""
    model, eps = place.model, jnp.finfo(place.theta.dtype).eps
    step, promised, bounded = _trust_step(model, place.radius)
    length = jnp.linalg.norm(step)
    far = jnp.isfinite(model.newton) & ~_short(model, place.theta)
    steps = jnp.where(far, jnp.append(place.steps[1:], model.newton), place.steps)
    steps = jnp.where(bounded, 0, steps)
    theta = place.theta + step
    value, gradient = land.value_and_gradient(theta)
    old, new = jnp.linalg.norm(place.gradient), jnp.linalg.norm(gradient)
    noise = 10 * eps * jnp.abs(place.value) + _noise(model.top, place.theta) * length
    blind = promised <= noise
    gained = place.value - value
    enough = (new < old) & (gained >= -noise)
    taken = jnp.where(blind, enough, gained > 1e-4 * promised) & jnp.isfinite(new)
    good = jnp.where(blind, new < old / 2, gained > 0.75 * promised) & bounded
    poor = ~blind & (gained < 0.25 * promised)
    radius = place.radius * jnp.where(good, 2, 1)
    radius = jnp.where(taken, jnp.where(poor, length / 2, radius), length / 4)
    model = jax.lax.cond(
        taken,
        lambda: _modelled(land, theta, gradient, dense),
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


def _judged(place: _Place, threshold, limit) -> _Place:
    """Whether the search is over. The first reason in this order counts."""
    model, eps = place.model, jnp.finfo(place.theta.dtype).eps
    extent = jnp.linalg.norm(place.theta)
    critical = jnp.linalg.norm(place.gradient) <= threshold
    minimum = model.values[0] >= -(eps**0.5) * model.top
    full = place.steps[0] > 0
    escaping = full & (place.steps[-1] > 0.6 * place.steps[0])
    settled = (full | _short(model, place.theta)) & ~escaping
    stuck = place.radius <= 4 * eps * extent
    found = critical & minimum & (settled | stuck | (place.beyond >= _BEYOND))
    ending = place.ending
    for reason, name in (
        (found & escaping, Ending.not_attained),
        (found, Ending.converged),
        (stuck, Ending.round_off),
        (place.iterations >= limit, Ending.max_iterations_reached),
    ):
        ending = Ending.where((ending == Ending.going_on) & reason, name, ending)
    return place._replace(ending=ending)


def _short(model, theta) -> BoolScalar:
    return model.newton <= _SHORT * jnp.maximum(jnp.linalg.norm(theta), 1)


def _noise(top, theta) -> Scalar:
    """The round-off in the gradient: at least that of θ itself, |∇²V| ε|θ|."""
    return 4 * jnp.finfo(theta.dtype).eps * top * jnp.linalg.norm(theta)


def _lifted(values, top) -> tuple[Array, Scalar]:
    """The eigenvalues that a step divides by, of which none is near 0, and the least.

    Slight negative ones count by their size: the step is then still one of descent.
    """
    eps = jnp.finfo(values.dtype).eps
    least = jnp.maximum(10 * len(values) * eps * top, jnp.finfo(eps.dtype).tiny ** 0.5)
    slight = jnp.abs(values) <= eps**0.5 * top
    values = jnp.where(slight, jnp.abs(values), values)
    return jnp.where(jnp.abs(values) < least, least, values), least


def _trust_step(model: _Model, radius) -> tuple[Array, Scalar, BoolScalar]:
    """The minimiser of the model in the ball, what it promises, whether it is at the
    boundary.

    In the eigenbasis z_i = −c_i/(λ_i + μ), with the least μ ≥ 0 for which all λ_i + μ ≥
    0 and |z| ≤ radius (Moré & Sorensen 1983, Lemma 2.3): |z| falls with μ, and μ is
    found by bisection. Where λ₁ < 0 and c₁ = 0, |z| may be less than the radius even at
    μ = −λ₁; then z goes on to the boundary along the first eigenvector.
    """
    slopes, (values, _) = model.slopes, _lifted(model.values, model.top)
    saddle = values[0] < 0
    at = lambda shift: -slopes / (values + shift)
    base = jnp.where(saddle, -values[0] * (1 + 1e-6), 0)
    inside = jnp.linalg.norm(at(base)) <= radius

    def halve(_, bounds):
        low, high = bounds
        middle = (low + high) / 2
        out = jnp.linalg.norm(at(middle)) > radius
        return jnp.where(out, middle, low), jnp.where(out, high, middle)

    high = base + jnp.linalg.norm(slopes) / radius
    _, shift = jax.lax.fori_loop(0, 80, halve, (base, high))
    z = at(jnp.where(inside, base, shift))
    rest = jnp.sqrt(jnp.maximum(radius**2 - jnp.sum(z**2), 0))
    sign = jnp.where(z[0] < 0, -1, 1).astype(z.dtype)
    z = z.at[0].add(jnp.where(saddle & inside, sign * rest, 0))
    promised = -(slopes @ z + z**2 @ model.values / 2)
    return model.basis @ z, promised, saddle | ~inside


def _modelled(land: _Landscape, theta, gradient, dense: bool) -> _Model:
    product = lambda direction: land.product(theta, direction)
    if dense:
        basis = jnp.eye(theta.size, dtype=theta.dtype)
        matrix = jax.lax.map(product, basis, batch_size=min(64, theta.size))
    else:
        basis, matrix = _krylov(product, gradient)
    matrix = jnp.where(jnp.all(jnp.isfinite(matrix)), matrix, 0)
    values, vectors = jnp.linalg.eigh((matrix + matrix.T) / 2)
    basis = basis.T @ vectors
    slopes = basis.T @ gradient
    top = jnp.max(jnp.abs(values))
    lifted, least = _lifted(values, top)
    heard = jnp.abs(slopes) > _noise(top, theta)
    newton = jnp.linalg.norm(jnp.where(heard, slopes / lifted, 0))
    return _Model(
        basis=basis,
        values=values,
        slopes=jnp.where((lifted <= least) & ~heard, 0, slopes),
        top=top,
        newton=jnp.where(lifted[0] > 0, newton, jnp.inf),
        hvps=jnp.asarray(len(values)),
    )


def _krylov(product, gradient):
    """Orthonormal directions as rows, and the Hessian on them.

    Two thirds span the Krylov space of the gradient, in which the step is found
    (Gould, Lucidi, Roma & Toint 1999), the others that of a random vector, which sees
    curvature where there is no slope. Each is orthogonalised twice against all before.
    """
    count = min(_KRYLOV, gradient.size)

    def orthogonal(vector, basis):
        for _ in range(2):
            vector = vector - basis.T @ (basis @ vector)
        return vector

    def step(carry, index):
        basis, matrix, image = carry
        rest = orthogonal(image, basis)
        size, least = jnp.linalg.norm(rest), 100 * jnp.finfo(image.dtype).eps
        fresh = size <= least * jnp.linalg.norm(image)
        fresh = fresh | (index == 2 * count // 3)
        key = jax.random.fold_in(jax.random.key(0), index)
        random = jax.random.normal(key, image.shape, image.dtype)
        vector = jnp.where(fresh, orthogonal(random, basis), rest)
        vector = vector / jnp.linalg.norm(vector)
        basis = basis.at[index].set(vector)
        image = product(vector)
        column = basis @ image
        matrix = matrix.at[index].set(column).at[:, index].set(column)
        return (basis, matrix, image), None

    basis = jnp.zeros((count, gradient.size), gradient.dtype)
    matrix = jnp.zeros((count, count), gradient.dtype)
    carry, _ = jax.lax.scan(step, (basis, matrix, gradient), jnp.arange(count))
    return carry[:2]
