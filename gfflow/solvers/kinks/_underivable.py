"""What has no derivative."""

import jax
from jaxtyping import Array, PyTree

from ..._errors import SolveError


@jax.custom_jvp
def underivable(tree: PyTree[Array]) -> PyTree[Array]:
    """The same; its derivative is refused.

    **Raises:** `SolveError` when it is differentiated. The end of a step that ends at a
    kink depends on the time of the crossing, which no derivative of its formulas sees.
    """
    return tree


@underivable.defjvp
def _refused(primals, tangents):
    raise SolveError(
        "a solve that resolves kinks has no derivative; take another solver, such as "
        "dopri8, whose derivative is that of its steps",
        argument="solver",
    )
