"""The gradient of a network in NumPy's extended precision, written out by hand.

It shares no line with JAX nor with gfflow. `np.longdouble` has 64 bits of mantissa on
x86 (precision 1.1e-19); where it is plain double, nothing here gains anything.
"""

from typing import NamedTuple

import numpy as np

Extended = np.longdouble


class Network(NamedTuple):
    """x ↦ W_L σ(⋯ σ(W₁x + b₁) ⋯) + b_L with the mean of a loss over N samples.

    **Attributes:**

    - `shapes`: `(outputs, inputs)` of each layer.
    - `bias`: whether layers have one; a flat vector is W₁, b₁, W₂, b₂, ...
    - `activation`: `"softplus"`, `"tanh"`, `"identity"` or `"relu"`.
    - `loss`: `"mse"`, the mean over outputs, or `"logistic"`, the sum.
    - `x`, `y`: `(N, inputs)`, `(N, outputs)`.
    """

    shapes: tuple[tuple[int, int], ...]
    bias: bool
    activation: str
    loss: str
    x: np.ndarray
    y: np.ndarray

    @classmethod
    def of(cls, case, problem) -> "Network":
        """The network of a problem, its data cast without rounding."""
        layers = problem.model.layers
        return cls(
            tuple(layer.weight.shape for layer in layers),
            layers[0].bias is not None,
            case.activation,
            case.loss,
            np.asarray(problem.inputs).astype(Extended),
            np.asarray(problem.targets).astype(Extended),
        )

    def split(self, theta: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """(W, b) of each layer; b is zero where there is none."""
        parts, at = [], 0
        for out, into in self.shapes:
            weight = theta[at : at + out * into].reshape(out, into)
            at += out * into
            bias = theta[at : at + out] if self.bias else np.zeros(out, theta.dtype)
            at += out if self.bias else 0
            parts.append((weight, bias))
        return parts

    def preactivations(self, theta: np.ndarray) -> list[np.ndarray]:
        """z_l, shape `(N, outputs)`, of each layer."""
        signal, found = self.x, []
        for weight, bias in self.split(theta):
            found.append(signal @ weight.T + bias)
            signal = _value(self.activation, found[-1])
        return found

    def gradient(self, theta: np.ndarray) -> np.ndarray:
        """∇L, shape `(D,)`."""
        layers = self.split(theta)
        signals, before = [self.x], []
        for index, (weight, bias) in enumerate(layers):
            z = signals[-1] @ weight.T + bias
            before.append(z)
            if index < len(layers) - 1:
                signals.append(_value(self.activation, z))
        back = self._loss_slope(before[-1])
        grads = []
        for index in range(len(layers) - 1, -1, -1):
            pieces = [(back.T @ signals[index]).ravel()]
            if self.bias:
                pieces.append(back.sum(axis=0))
            grads = pieces + grads
            if index:
                slope = _slope(self.activation, before[index - 1])
                back = (back @ layers[index][0]) * slope
        return np.concatenate(grads)

    def _loss_slope(self, z):
        if self.loss == "mse":
            return 2 * (z - self.y) / self.y.size
        return -self.y / (1 + np.exp(self.y * z)) / len(z)


def eliminate(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """X `(n, k)` of matrix · X = right by Gaussian elimination with partial pivoting,
    in the precision of what is given, which NumPy's own solvers do not have."""
    size = len(matrix)
    table = np.hstack([matrix, right])
    for i in range(size):
        pivot = i + int(np.argmax(np.abs(table[i:, i])))
        table[[i, pivot]] = table[[pivot, i]]
        if table[i, i] == 0:
            raise ArithmeticError("a singular matrix")
        table[i] = table[i] / table[i, i]
        others = np.arange(size) != i
        table[others] -= table[others, i, None] * table[i]
    return table[:, size:]


def _value(name, z):
    if name == "softplus":
        return np.logaddexp(z.dtype.type(0), z)
    if name == "tanh":
        return np.tanh(z)
    return np.maximum(z, 0) if name == "relu" else z


def _slope(name, z):
    if name == "softplus":
        return 1 / (1 + np.exp(-z))
    if name == "tanh":
        return 1 - np.tanh(z) ** 2
    return (z > 0).astype(z.dtype) if name == "relu" else np.ones_like(z)
