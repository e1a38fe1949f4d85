"""What of a prediction is differentiated."""

from typing import Any, final

import equinox as eqx
from jaxtyping import Array, PyTree

from ..._typing import Parameters, Scalar
from ...problem import Problem
from ._flat_loss import FlatLoss


@final
class Pairing(eqx.Module):
    """(θ, (x, w)) → ⟨w, g(θ, x)⟩; or (θ, (x, y)) → ℓ(g(θ, x), y), where the cotangents
    that the loss can ask for depend on the prediction.

    **Attributes:**

    - `by_loss`: whether it is the second.
    """

    problem: Problem
    loss: FlatLoss
    by_loss: bool = eqx.field(static=True)

    def __call__(
        self, parameters: Parameters, datum: tuple[PyTree[Array], Any]
    ) -> Scalar:
        x, w = datum
        z = self.loss.prediction.vector(self.problem.model_at(parameters)(x))
        return self.loss(z, w) if self.by_loss else z @ w
