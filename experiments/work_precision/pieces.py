"""One smooth piece of the flow of a ReLU network: frozen gates, and kinks slid along.

Let the network have one hidden layer with biases, x̃ = (x, 1), and w_k be the weights
and the bias of unit k: z_nk = x̃_n·w_k. With G_nk = ∂L/∂a_nk and gates g the flow is
w_k' = −Σ_n g_nk G_nk x̃_n. On the kinks S, where z = 0, the gates γ are those for which
z' = 0: with K = x̃_S x̃_Sᵀ, block by block of the samples of one unit, and q the rates
z'_S where these gates are 0,

    K u = q,   u = γ G_S.

As a_S = γ z_S = 0, neither G nor q depends on γ. z is linear in θ, so z_S stays 0.
A kink attracts where G > 0; where G < 0 it repels, and beside the solution along it
there are others that leave it, to either side.
"""

from typing import NamedTuple, Self

import numpy as np
from extended import Extended, Network, eliminate


class Evaluation(NamedTuple):
    """At s states: θ' `(s, D)`, z `(s, N, h)`, G `(s, N, h)`, u `(s, S)`."""

    slopes: np.ndarray
    z: np.ndarray
    back: np.ndarray
    multipliers: np.ndarray


class Piece:
    """The field for fixed sides of the kinks, in the precision of the states.

    **Arguments:**

    - `pattern`: `(N, h)`, which units are on, false where the flow slides.
    - `samples`, `units`: `(S,)`, the kinks that are slid along.
    """

    def __init__(self, network: Network, pattern, samples=(), units=()):
        if len(network.shapes) != 2 or not network.bias or network.loss != "mse":
            raise ValueError("one hidden layer with biases and a squared error only")
        self.network = network
        self.pattern = np.asarray(pattern, bool)
        self.samples, self.units = (np.array(i, int) for i in (samples, units))
        ones = np.ones((len(network.x), 1), Extended)
        self._exact = np.hstack([network.x, ones]), network.y
        self._double = tuple(a.astype(float) for a in self._exact)
        rows = self._exact[0][self.samples]
        same = self.units[:, None] == self.units[None, :]
        gram = np.where(same, rows @ rows.T, 0)
        self._inverse = eliminate(gram, np.eye(len(gram), dtype=Extended))

    def evaluate(self, theta: np.ndarray) -> Evaluation:
        """At states `(s, D)`, all at once."""
        exact = theta.dtype == Extended
        x, y = self._exact if exact else self._double
        (h, i), (o, _) = self.network.shapes
        s, n = len(theta), len(x)
        inner, bias, outer, offset = np.split(
            theta, np.cumsum([h * i, h, o * h]), axis=1
        )
        outer = outer.reshape(s, o, h)
        both = np.concatenate([inner.reshape(s, h, i), bias[:, :, None]], axis=2)
        z = np.dot(x, both.reshape(s * h, i + 1).T).reshape(n, s, h).transpose(1, 0, 2)
        a = self.pattern * z
        r = 2 * (a @ outer.transpose(0, 2, 1) + offset[:, None, :] - y) / y.size
        back = r @ outer
        gated = (self.pattern * back).transpose(1, 0, 2).reshape(n, s * h)
        rates = -np.dot(gated.T, x).reshape(s, h, i + 1)
        rows = x[self.samples]
        free = np.einsum("sji,ji->sj", rates[:, self.units], rows)
        multipliers = free @ self._inverse.astype(theta.dtype).T
        for j, unit in enumerate(self.units):
            rates[:, unit] -= multipliers[:, j, None] * rows[j]
        slopes = np.concatenate(
            [
                rates[:, :, :i].reshape(s, h * i),
                rates[:, :, i],
                -(r.transpose(0, 2, 1) @ a).reshape(s, o * h),
                -r.sum(axis=1),
            ],
            axis=1,
        )
        return Evaluation(slopes, z, back, multipliers)

    def inside(self, found: Evaluation) -> np.ndarray:
        """±z by side at each of s states, `(s, N·h)`; infinite where z is held at 0."""
        side = np.where(self.pattern, 1, -1).astype(found.z.dtype)
        inside = side * found.z
        inside[:, self.samples, self.units] = np.inf
        return inside.reshape(len(inside), -1)

    def gates(self, found: Evaluation) -> tuple[np.ndarray, np.ndarray]:
        """u and G of the kinks that are slid along, both `(s, S)`; γ = u/G."""
        return found.multipliers, found.back[:, self.samples, self.units]

    def onto(self, theta: np.ndarray) -> np.ndarray:
        """The state `(D,)` orthogonally projected to z_S = 0."""
        if not len(self.samples):
            return theta
        (h, i), _ = self.network.shapes
        rows = self._exact[0][self.samples]
        theta = theta.copy()
        inner, bias = theta[: h * i].reshape(h, i), theta[h * i : h * i + h]
        z = np.sum(rows[:, :i] * inner[self.units], axis=1) + bias[self.units]
        change = self._inverse @ z
        for j, unit in enumerate(self.units):
            inner[unit] -= change[j] * rows[j, :i]
            bias[unit] -= change[j]
        return theta

    def crossed(self, theta, sample: int, unit: int) -> tuple[Self, bool, list]:
        """The piece on which the flow goes on after it has met a kink, z = 0, in θ.

        Each gate of a kink of this unit is 1 where z' ≥ 0, 0 where z' ≤ 0, or such that
        z' = 0. As z' = q − K u and 0 ≤ u ≤ G, that is the minimum of uᵀK u/2 − qᵀu over
        a box, which is unique; it is found by exchanging one constraint at a time, as
        in Murty (1974), with the side beyond the kink as the first guess. Where G < 0,
        z' grows with γ and the kink repels: it is crossed, and one that is slid along
        is left, for the side to which the field points, only if γ is not in [0, 1].

        **Returns:** the piece; whether the flow slides along the kink; and the other
        kinks (sample, unit) that it no longer slides along.

        **Raises:** `ArithmeticError` if none is found.
        """
        held = self.units == unit
        kinks = np.array([sample, *self.samples[held]])
        rows = self._exact[0][kinks]
        back = self.evaluate(theta[None]).back[0, :, unit]
        others = self.pattern[:, unit].copy()
        others[kinks] = False
        free = -rows @ (self._exact[0].T @ (others * back))
        gram, most = rows @ rows.T, back[kinks]
        beyond = not self.pattern[sample, unit]
        # 0 and 1 are sides, 2 is in between.
        state = np.array([int(beyond), *[2] * int(held.sum())])
        for _ in range(100):
            u, slides = np.where(state == 1, most, 0), np.flatnonzero(state == 2)
            known = free[slides] - gram[slides] @ u
            u[slides] = eliminate(gram[np.ix_(slides, slides)], known[:, None])[:, 0]
            rate, gate = free - gram @ u, u / most
            wrong = ((state == 1) & (rate < 0)) | ((state == 0) & (rate > 0))
            wrong[slides] = (gate[slides] < 0) | (gate[slides] > 1)
            if not wrong.any():
                return self._with(kinks, unit, state)
            j = np.argmax(wrong)
            if state[j] == 2:
                state[j] = int((gate[j] > 1) == (most[j] > 0))
            else:
                state[j] = 2 if most[j] > 0 else 1 - state[j]
        raise ArithmeticError(
            f"no gate for unit {unit} at the kink of sample {sample} is found"
        )

    def left(self, index: int, side: bool) -> Self:
        """Without the sliding of this number, and its unit on or off."""
        pattern = self.pattern.copy()
        pattern[self.samples[index], self.units[index]] = side
        kept = np.arange(len(self.samples)) != index
        return type(self)(self.network, pattern, self.samples[kept], self.units[kept])

    def _with(self, kinks, unit, state) -> tuple[Self, bool, list]:
        pattern = self.pattern.copy()
        pattern[kinks, unit] = state == 1
        other = self.units != unit
        slides = kinks[state == 2]
        piece = type(self)(
            self.network,
            pattern,
            [*self.samples[other], *slides],
            [*self.units[other], *[unit] * len(slides)],
        )
        left = [(int(n), unit) for n in kinks[1:][state[1:] != 2]]
        return piece, bool(state[0] == 2), left
