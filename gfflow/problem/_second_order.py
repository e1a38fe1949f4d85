"""Models that have a gradient, but no derivative of it."""

from collections.abc import Iterator
from contextlib import contextmanager

from .._errors import GFFlowError


@contextmanager
def second_order(error: type[GFFlowError], instead: str = "") -> Iterator[None]:
    """Where the gradient is differentiated, forward over reverse.

    **Arguments:**

    - `instead`: what would do without it.

    **Raises:** `error` for a model that JAX does not differentiate forward, such as one
    that solves an ODE by Diffrax with the adjoint that is its default.
    """
    try:
        yield
    except TypeError as failure:
        if "forward-mode autodiff" not in str(failure):
            raise
        raise error(
            "the model has a gradient but no Hessian-vector products: JAX does not "
            "differentiate forward a jax.custom_vjp inside it. Where the model solves "
            "an ODE by Diffrax, give diffeqsolve adjoint=diffrax.DirectAdjoint(); or "
            f"give the function a rule for both{instead}"
        ) from failure
