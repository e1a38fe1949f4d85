"""From the end of a flow to the critical point near it, by second-order steps."""

from typing import final

import equinox as eqx
import jax.numpy as jnp
import jax.tree_util as jtu
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, Int

from .._checks import is_traced, positive
from .._errors import ProblemError, SolveError
from .._typing import IntScalarLike, Parameters, Scalar, ScalarLike
from ..problem import Problem, second_order
from ._ending import Ending
from ._potential import Potential
from ._search import search

_DENSE = 512


@final
class CriticalPoint(eqx.Module):
    """**Attributes:**

    - `parameters`: like `Problem.parameters`.
    - `loss`: L there, without the weight decay.
    - `gradient_norm`: |∇V|₂ there; V is L without weight decay.
    - `curvature`: the smallest eigenvalue of ∇²V there (dense), or the smallest Ritz
        value, an upper bound of it.
    - `undecided`: in how many of the directions that were looked at (eigenvectors, or
        Ritz vectors) the curvature is within √ε of the largest of 0, so that only
        derivatives beyond the second, which are not looked at, tell a minimum from a
        saddle. A network with a symmetry has some at every minimum; at a degenerate
        saddle, such as three or more linear layers of zeros, all are. With none, a
        point that converged is a strict minimum.
    - `newton_step`: the length of the Newton step from there, along directions in which
        the gradient is above round-off: an estimate of the distance left.
    - `iterations`, `gradients`, `hvps`: steps tried, and what all of it cost.
    - `ending`: an `Ending`.
    """

    parameters: Parameters
    loss: Scalar
    gradient_norm: Scalar
    curvature: Scalar
    undecided: Int[Array, ""]
    newton_step: Scalar
    iterations: Int[Array, ""]
    gradients: Int[Array, ""]
    hvps: Int[Array, ""]
    ending: Ending

    @property
    def converged(self) -> Bool[Array, "..."]:
        """Whether it is a critical point to the threshold, at the end of a descent, and
        no descent from it is left at second order (see `undecided`)."""
        return self.ending == Ending.converged


@second_order(ProblemError)
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
    √ε of the largest) is left along it, from however near. Where the decrease that the
    model promises is under the round-off in V, a step is taken if it makes the gradient
    smaller, or, along negative curvature, if the gradients at its ends point down it.

    A minimum is claimed at second order only: a critical point that is a saddle by
    higher derivatives alone, like 0 of w³, is not told from one (`undecided`).

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
    that are not of the problem's shapes, or a model without Hessian-vector products.
    """
    start = problem.parameters if parameters is None else parameters
    kinds = lambda leaves: [(jnp.shape(x), x.dtype) for x in leaves]
    shapes = lambda tree: (jtu.tree_structure(tree), kinds(jtu.tree_leaves(tree)))
    if shapes(start) != shapes(problem.parameters):
        raise ProblemError("critical_point wants parameters like Problem.parameters")
    if gradient_norm is None:
        gradient_norm = 1e-13 if jnp.finfo(problem.dtype).bits >= 64 else 5e-5
    positive("gradient_norm", gradient_norm)
    positive("max_iterations", max_iterations)
    if not is_traced(weight_decay) and not float(weight_decay) >= 0:
        raise SolveError(f"weight_decay must be at least 0; got {weight_decay!r}")
    number = lambda x: jnp.asarray(x, problem.dtype)
    return _found(
        problem,
        start,
        number(weight_decay),
        number(gradient_norm),
        jnp.asarray(max_iterations, int),
        problem.size <= _DENSE if dense is None else dense,
    )


@eqx.filter_jit
def _found(problem, start, weight_decay, threshold, limit, dense) -> CriticalPoint:
    potential = Potential(problem, start, weight_decay)
    place = search(potential, ravel_pytree(start)[0], threshold, limit, dense)
    return CriticalPoint(
        parameters=potential.unravel(place.theta),
        loss=place.value - potential.decay(place.theta),
        gradient_norm=jnp.linalg.norm(place.gradient),
        curvature=place.model.values[0],
        undecided=place.model.undecided(),
        newton_step=place.model.newton,
        iterations=place.iterations,
        gradients=place.gradients,
        hvps=place.hvps,
        ending=place.ending,
    )
