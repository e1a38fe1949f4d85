"""The loss of a prediction that is a vector."""

from typing import Any, Self, final

import equinox as eqx
from jaxtyping import Array, Float

from ..._typing import Loss, Scalar
from ...problem import Problem
from ._prediction import Prediction


@final
class FlatLoss(eqx.Module):
    """ℓ(z, y) for z `(outputs,)`, the real numbers that a prediction is made of."""

    loss: Loss
    prediction: Prediction

    @classmethod
    def of(cls, problem: Problem) -> Self:
        """That of a problem."""
        return cls(problem.loss, Prediction.of(problem))

    def __call__(self, z: Float[Array, " outputs"], y: Any) -> Scalar:
        return self.loss(self.prediction.tree(z), y)
