"""Makes the coefficients of ROCK2.

Run by `python -m gfflow.solvers.rock._generator`.

**The polynomials** (Abdulle & Medovikov 2001, §3). The stability polynomial of degree
s and order 2 is R(z) = w(x) P(x) / (w(x₀) P(x₀)) with x = x₀ + x₁z, w the polynomial
of degree 2 with a pair of complex zeros, and P of degree s − 2 orthogonal on [−1, 1]
with respect to w²/√(1 − x²). By a theorem of Bernstein w P ripples there nearly like a
Chebyshev polynomial. The 4 unknowns (zero, x₀, x₁) solve R′(0) = R″(0) = 1 (order 2 on
linear problems) and R = η at x = 1, max |R| = η over the ripples: damping η = 0.95
from z = −0.05 on. The interval of stability is [−l, 0] with l = (1 + x₀)/x₁: 0.806 s².

**ROCK2.** An order-2 method needs Σb = 1 and b·c = ½ only, both of them conditions on
R: any Runge–Kutta method with this R has order 2. R is therefore written as
1 + z Σ b_k G_k, with G_k the internal polynomials of RKC (Verwer, Hundsdorfer &
Sommeijer 1990, eq. 2.5): G_k = a_k + b̄_k T_k(x), consistent of order 2. Published
ROCK2 ends with two stages that multiply by w instead, and with it the round-off of all
before by w(−l) ≈ 0.18 s⁴; here it grows as s^1.5.

**Error estimate.** h Σ d_k f_k over all stages and f(y₁): E(z) = z Σ d_k G_k(z) is
made to start as C z³, with the size of the method's own local error, and is the
smallest in mean square over the interval of all that do.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

DAMPING = 0.95
_GUESS = (3.18, 3.383, -2.06)


def degrees(least: int, most: int) -> list[int]:
    """All up to 20, then in steps of about 8 %."""
    found = list(range(least, 21))
    while found[-1] < most:
        found.append(round(1.08 * found[-1]))
    return found


class StabilityPolynomial:
    """R = w P of a degree: the zero of w in the upper half plane, x = x0 + x1 z."""

    def __init__(self, degree: int, zero: complex, x0: float):
        self.degree, self.zero, self.x0 = degree, zero, x0
        self.inner = degree - 2
        self._recurrence()
        self.x1 = 1.0
        self.scale = 1.0
        start = self.derivatives(2)
        self.scale, self.x1 = start[0], start[0] / start[1]

    @property
    def interval(self) -> float:
        return (1 + self.x0) / self.x1

    def _recurrence(self):
        """Orthonormal three-term recurrence by Stieltjes' procedure.

        Exact: Gauss–Chebyshev quadrature integrates all products that occur.
        """
        count = self.degree + 5
        x = np.cos((2 * np.arange(count) + 1) * np.pi / (2 * count))
        weight = np.abs(x - self.zero) ** 4
        here = np.full(count, 1 / np.sqrt(weight.sum()))
        before, beta = np.zeros(count), 0.0
        self.alpha, self.beta = [], [0.0]
        for _ in range(self.inner):
            alpha = np.sum(weight * x * here**2)
            following = (x - alpha) * here - beta * before
            beta = np.sqrt(np.sum(weight * following**2))
            before, here = here, following / beta
            self.alpha.append(alpha)
            self.beta.append(beta)

    def derivatives(self, count: int) -> Vector:
        """R(0), R′(0), … of order `count` − 1, by differentiating the recurrence."""
        return self._evaluate(np.float64(0), count)

    def __call__(self, z: Vector) -> Vector:
        return self._evaluate(z, 1)[0]

    def _evaluate(self, z, count):
        x = self.x0 + self.x1 * z
        here = np.zeros((count, *np.shape(x)))
        before, here[0] = np.zeros_like(here), 1
        for k in range(self.inner):
            following = self._times((x - self.alpha[k], self.x1), here)
            following -= self.beta[k] * before
            before, here = here, following / self.beta[k + 1]
        value = np.abs(x - self.zero) ** 2
        slope = 2 * (x - self.zero.real) * self.x1
        return self._times((value, slope, 2 * self.x1**2), here) / self.scale

    def _times(self, factor, values):
        """Leibniz' rule for a factor given by its derivatives."""
        out = np.zeros_like(values)
        binomial = np.ones(len(values))
        for i, derivative in enumerate(factor):
            for k in range(i, len(values)):
                out[k] += binomial[k] * derivative * values[k - i]
            binomial = binomial * (np.arange(len(values)) - i) / (i + 1)
        return out


def fit(degree: int, guess) -> tuple[StabilityPolynomial, Vector]:
    """The polynomial of this degree, and what to guess for the next.

    Unknowns, scaled with s² so that they hardly depend on s: 1 − Re and Im of the
    zero, then log(x₀ − 1).
    """
    from scipy.optimize import fsolve

    square = degree**2
    angle = np.linspace(2.5 / degree, np.pi, 60 * degree)
    ripples = np.cos(angle)

    def build(u):
        zero = complex(1 - u[0] / square, u[1] / square)
        return StabilityPolynomial(degree, zero, 1 + np.exp(u[2]) / square)

    def equations(u):
        r = build(u)
        at = lambda x: (x - r.x0) / r.x1
        conditions = r.derivatives(3)[2:] - 1
        edge = r(at(np.ones(1)))[0] - DAMPING
        return np.r_[conditions, edge, np.abs(r(at(ripples))).max() - DAMPING]

    found: Any = fsolve(equations, guess, full_output=True, xtol=1e-13)
    u, info, _, message = found
    if np.abs(info["fvec"]).max() > 1e-9:
        raise ArithmeticError(f"degree {degree}: {message}")
    return build(u), u


def rock2(degree: int, r: StabilityPolynomial) -> tuple[Vector, Vector, Vector]:
    """Rows of the recurrence, the weight of f(y₁) in the estimate, the tableau."""
    value = np.zeros((degree, 3))
    value[0, 0], value[1] = 1, (r.x0, 1, 0)
    for k in range(2, degree):
        value[k] = 2 * r.x0 * value[k - 1] - value[k - 2]
        value[k, 1:] += 2 * np.arange(1, 3) * value[k - 1, :2]
    size = np.empty(degree)
    size[2:] = value[2:, 2] / value[2:, 1] ** 2
    size[:2] = size[2]
    offset = 1 - size * value[:, 0]

    rows = np.zeros((degree, 8))
    matrix = np.zeros((degree + 1, degree + 1))
    for k in range(1, degree):
        if k == 1:
            rows[k, 1], rows[k, 3] = 1, size[1] * r.x1
        else:
            mu, nu = 2 * size[k] / size[k - 1], -size[k] / size[k - 2]
            rows[k, :3] = 1 - mu * r.x0 - nu, mu * r.x0, nu
            rows[k, 3:5] = mu * r.x1, -mu * r.x1 * offset[k - 1]
        _extend(matrix, rows, k)
    abscissae = matrix.sum(1)[:degree]

    count = 8 * degree
    x = np.cos((2 * np.arange(count) + 1) * np.pi / (2 * count))
    z = (x - r.x0) / r.x1
    # (R − 1)/z in Chebyshev polynomials, then in the G_k
    chebyshev = np.cos(np.outer(np.arange(degree), np.arccos(x))) * 2 / count
    chebyshev[0] /= 2
    weights = (chebyshev @ ((r(z) - 1) / z)) / np.r_[1, size[1:]]
    weights[0] -= weights[1:] @ offset[1:]
    order = np.stack([np.ones(degree), abscissae])
    weights -= np.linalg.pinv(order) @ (order @ weights - (1, 0.5))
    matrix[degree, :degree] = weights

    c = matrix.sum(1)
    conditions = np.stack([np.ones_like(c), c, matrix @ c, c**2])
    third = 1 / 6 - weights @ (matrix @ c)[:degree]
    d = _filter(matrix, z, conditions, third * np.array([0, 0, 1, 2]), third / 70)
    rows[:, 5], rows[:, 6], rows[:, 7] = abscissae, weights, d[:degree]
    return rows, d[degree:], matrix


def _extend(matrix, rows, k):
    """Row k of the Runge–Kutta matrix from the recurrence of g_k."""
    _, here, before, slope, first = rows[k, :5]
    matrix[k] = here * matrix[k - 1] + (before * matrix[k - 2] if k > 1 else 0)
    matrix[k, k - 1] += slope
    matrix[k, 0] += first


def stages(matrix: Vector, z: Vector) -> Vector:
    """G_k(z), shape `(k, z)`: the internal stability polynomials of a tableau."""
    found = np.ones((len(matrix), len(z)))
    for k in range(1, len(matrix)):
        found[k] = 1 + z * (matrix[k, :k] @ found[:k])
    return found


def _filter(matrix, z, conditions, target, penalty):
    """d of least mean square of z Σ d_k G_k(z), with conditions · d = target."""
    polynomials = (z * stages(matrix, z)).T / np.sqrt(len(z))
    size = len(matrix)
    particular = np.linalg.pinv(conditions) @ target
    free = np.linalg.svd(conditions)[2][len(conditions) :].T
    objective = np.vstack([polynomials, penalty * np.eye(size)])
    if free.size:
        goal = -objective @ particular
        particular += free @ np.linalg.lstsq(objective @ free, goal, rcond=None)[0]
    return particular


def amplification(matrix: Vector, interval: float) -> float:
    """What y₁ has of the round-off of all stages, in units of that of one of them.

    Independent errors add up in squares: the largest over z of √Σ_k |∂y₁/∂g_k|².
    """
    size = len(matrix) - 1
    a, b = matrix[:size, :size], matrix[size, :size]
    found = 0.0
    for z in -interval * (1 - np.cos(np.linspace(0.05, np.pi, 40))) / 2:
        parts = z * np.linalg.solve(np.eye(size) - z * a.T, b)
        found = max(found, float(np.linalg.norm(parts)))
    return found


def generate(wanted: list[int]) -> dict[str, Vector]:
    """All arrays, as `_table.RockTable` reads them."""
    guess = np.array(_GUESS)
    rows, tails, intervals, noises = [], [], [], []
    for degree in reversed(wanted):
        r, guess = fit(degree, guess)
        row, tail, matrix = rock2(degree, r)
        rows.append(row)
        tails.append(tail)
        intervals.append(r.interval)
        noises.append(amplification(matrix, r.interval))
    counts = [len(row) for row in rows[::-1]]
    return {
        "degrees": np.array(wanted),
        "intervals": np.array(intervals[::-1]),
        "amplification": np.array(noises[::-1]),
        "offsets": np.cumsum([0, *counts[:-1]]),
        "rows": np.concatenate(rows[::-1]),
        "tails": np.stack(tails[::-1]),
    }


def main():
    """Writes `_rock_coefficients.npz` beside this file."""
    path = Path(__file__).with_name("_rock_coefficients.npz")
    arrays: dict[str, Any] = {**generate(degrees(3, 200))}
    np.savez(path, **arrays)


if __name__ == "__main__":
    main()
