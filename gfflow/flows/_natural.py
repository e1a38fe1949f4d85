"""Natural gradient flow: gradient flow in the Gauss–Newton or Fisher metric."""

from typing import Literal, final

import equinox as eqx
import jax.numpy as jnp
import jax.tree_util as jtu
import optax
from jax.scipy.sparse.linalg import cg

from .. import losses
from .._errors import SolveError
from .._typing import Parameters, Scalar, ScalarLike, State
from ..problem import Problem
from ._base import AbstractFlow
from ._gauss_newton import gauss_newton_product
from ._gradient import GradientFlow
from ._number import number

Metric = Literal["gauss-newton", "fisher"]
_METRICS = ("gauss-newton", "fisher")
_LIKELIHOODS = (
    losses.mse,
    losses.half_squared_error,
    losses.softmax_cross_entropy,
    losses.logistic,
    optax.softmax_cross_entropy,
    optax.softmax_cross_entropy_with_integer_labels,
)


@final
class NaturalGradientFlow(AbstractFlow):
    """θ' = −(S F(θ) + δI)⁻¹ S ∇L(θ), S the diagonal of the problem's rates.

    F = Σ_n w_n J_nᵀ H_n J_n / Σ_n w_n is the Gauss–Newton matrix of the problem's data,
    J_n = ∂_θ g(θ, x_n), H_n = ∂²_z ℓ. With `time_scale=N` it is the flow of the
    summed loss. The linear systems are solved by conjugate gradients, with products
    J_nᵀ(H_n(J_n v)) only; their derivatives are those of the exact solution.

    **It keeps every law of gradient flow**, at whatever iteration conjugate gradients
    stop. W_θ is the span of the vectors ∂_θ g(θ, x)ᵀw. Every u = F v is in W_θ, being
    Σ J_nᵀ(H_n J_n v), and so is ∇L. Put R = S^{1/2}. The k-th iterate for
    (R F R + δ)y = R∇L from y = 0 is in span{(R F R)^j R∇L : j < k}, which is in R W_θ:
    θ' = −R y is in R² W_θ = S W_θ, to which the gradient of a law of gradient flow with
    the rates S is orthogonal. (A direct solver would put its round-off, over δ, into
    all directions.) The same holds for the response to any gradient in W_θ; and as
    (S F + δ)⁻¹ maps S W_θ onto itself the laws are the same and as many.

    **Attributes:**

    - `damping`: δ > 0. The field's round-off grows as ‖F‖/δ.
    - `metric`: `"gauss-newton"`, for any loss that is convex in the prediction; or
        `"fisher"`, the Fisher matrix E_{y ~ p(y|x,θ)} ∇ℓ ∇ℓᵀ of the predictive
        distribution. For a natural exponential family, and so for mse (Gaussian, up to
        its variance), softmax and logistic cross-entropy, H does not depend on y and
        both are the same matrix (Martens 2020, Sec. 9.2); for other losses it is
        refused.
    - `iterations`: at most so many, and fewer where the residual is at machine
        precision times the right-hand side.
    """

    damping: Scalar
    metric: Metric = eqx.field(static=True)
    iterations: int = eqx.field(static=True)
    stays_in_span = True
    by_gradient = False

    def __init__(
        self,
        damping: ScalarLike = 1e-3,
        metric: Metric = "gauss-newton",
        iterations: int = 200,
    ):
        """**Raises:** `SolveError` for what is not positive, or an unknown metric."""
        if metric not in _METRICS:
            raise SolveError(
                f"metric is one of {', '.join(_METRICS)}; got {metric!r}",
                argument="metric",
            )
        if not isinstance(iterations, int) or iterations < 1:
            raise SolveError(
                f"iterations is a number above 0; got {iterations!r}",
                argument="iterations",
            )
        self.damping = number("damping", damping, above=0)
        self.metric = metric
        self.iterations = iterations

    def initial_state(self, problem: Problem) -> State:
        """**Raises:** `SolveError` for the Fisher metric of a loss that is no negative
        log-likelihood."""
        known = any(problem.loss is loss for loss in _LIKELIHOODS)
        if self.metric == "fisher" and not known:
            raise SolveError(
                "metric='fisher' needs a loss that is the negative log-likelihood of "
                "a known distribution: mse, half_squared_error, softmax_cross_entropy "
                f"or logistic; got {problem.loss}. Take metric='gauss-newton'",
                argument="metric",
            )
        return problem.parameters

    def response(
        self, t: ScalarLike, state: State, gradient: Parameters, problem: Problem
    ) -> State:
        roots = _rooted(problem, state)
        weighted = lambda tree: jtu.tree_map(jnp.multiply, roots, tree)

        def matrix(v):
            curved = weighted(gauss_newton_product(problem, state, weighted(v)))
            damped = lambda c, x: c + self.damping.astype(x.dtype) * x
            return jtu.tree_map(damped, curved, v)

        tolerance = float(jnp.finfo(problem.dtype).eps)
        y, _ = cg(matrix, weighted(gradient), tol=tolerance, maxiter=self.iterations)
        return jtu.tree_map(jnp.negative, weighted(y))

    def for_discovery(self) -> GradientFlow:
        return GradientFlow()


def _rooted(problem: Problem, like: Parameters) -> Parameters:
    """S^{1/2}, a pytree like the parameters."""
    rates = problem.scaled(jtu.tree_map(jnp.ones_like, like))
    return jtu.tree_map(jnp.sqrt, rates)
