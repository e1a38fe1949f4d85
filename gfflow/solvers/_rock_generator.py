"""Makes the coefficients of ROCK2 and ROCK4.

Run by `python -m gfflow.solvers._rock_generator`.

**The polynomials** (Abdulle & Medovikov 2001, §3; Abdulle 2002, §3). The stability
polynomial of degree s and order p (2 or 4) is R(z) = w(x) P(x) / (w(x₀) P(x₀)) with
x = x₀ + x₁z, w the polynomial of degree p with p/2 pairs of complex zeros, and P of
degree s − p orthogonal on [−1, 1] with respect to w²/√(1 − x²). By a theorem of
Bernstein w P ripples there nearly like a Chebyshev polynomial. The p + 2 unknowns
(zeros, x₀, x₁) solve R′(0) = … = R⁽ᵖ⁾(0) = 1 (order p on linear problems) and
R = η at x = 1, max |R| = η over the ripples: damping η = 0.95 from z = −0.05 on. The
interval of stability is [−l, 0] with l = (1 + x₀)/x₁: 0.806 s² and 0.351 s².

**ROCK2.** An order-2 method needs Σb = 1 and b·c = ½ only, both of them conditions on
R: any Runge–Kutta method with this R has order 2. R is therefore written as
1 + z Σ b_k G_k, with G_k the internal polynomials of RKC (Verwer, Hundsdorfer &
Sommeijer 1990, eq. 2.5): G_k = a_k + b̄_k T_k(x), consistent of order 2. Published
ROCK2 ends with two stages that multiply by w instead, and with it the round-off of all
before by w(−l) ≈ 0.18 s⁴; here it grows as s^1.5.

**ROCK4.** The stages of P by its three-term recurrence, P_j(0) = 1, and four finishing
stages (Abdulle 2002, §4). With p₁ = Σb^P, p₂ = b^P·c, … the weights of the first
part, the eight conditions of order 4 on the whole are, for the finishing stages alone,
those of an explicit method of 4 stages with other right-hand sides (`_finish`).

**Error estimates.** h Σ d_k f_k over all stages and f(y₁): E(z) = z Σ d_k G_k(z) is
made to start as C zᵖ⁺¹ (ROCK2, with the size of its own local error) or C z⁴ (ROCK4),
and is the smallest in mean square over the interval of all that do.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

DAMPING = 0.95
FINISHING_NODES = (0.2, 0.6)
FOURTH_ORDER_ERROR = 1 / 200
_GUESS = {
    2: (3.18, 3.383, -2.06),
    4: (13.97, 7.515, 1.454, 20.43, -1.229),
}


def degrees(least: int, most: int) -> list[int]:
    """All up to 20, then in steps of about 8 %."""
    found = list(range(least, 21))
    while found[-1] < most:
        found.append(round(1.08 * found[-1]))
    return found


class Polynomial:
    """R = w P of a degree: zeros of w in the upper half plane, x = x0 + x1 z."""

    def __init__(self, degree: int, zeros, x0: float):
        self.degree, self.zeros, self.x0 = degree, zeros, x0
        self.inner = degree - 2 * len(zeros)
        self._recurrence()
        self.x1 = 1.0
        self.scale = 1.0
        start = self.derivatives(5)
        self.scale, self.x1 = start[0], start[0] / start[1]

    @property
    def interval(self) -> float:
        return (1 + self.x0) / self.x1

    def _recurrence(self):
        """Orthonormal three-term recurrence by Stieltjes' procedure.

        Exact: Gauss–Chebyshev quadrature integrates all products that occur.
        """
        count = self.degree + 2 * len(self.zeros) + 3
        x = np.cos((2 * np.arange(count) + 1) * np.pi / (2 * count))
        weight = np.ones(count)
        for zero in self.zeros:
            weight *= np.abs(x - zero) ** 4
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
        for zero in self.zeros:
            value = np.abs(x - zero) ** 2
            slope = 2 * (x - zero.real) * self.x1
            here = self._times((value, slope, 2 * self.x1**2), here)
        return here / self.scale

    def _times(self, factor, values):
        """Leibniz' rule for a factor given by its derivatives."""
        out = np.zeros_like(values)
        binomial = np.ones(len(values))
        for i, derivative in enumerate(factor):
            for k in range(i, len(values)):
                out[k] += binomial[k] * derivative * values[k - i]
            binomial = binomial * (np.arange(len(values)) - i) / (i + 1)
        return out


def fit(order: int, degree: int, guess) -> tuple[Polynomial, Vector]:
    """The polynomial of this order and degree, and what to guess for the next.

    Unknowns, scaled with s² so that they hardly depend on s: for each zero
    1 − Re and Im, then log(x₀ − 1).
    """
    from scipy.optimize import fsolve

    square = degree**2
    angle = np.linspace(2.5 / degree, np.pi, 60 * degree)
    ripples = np.cos(angle)

    def build(u):
        zeros = [
            complex(1 - re / square, im / square) for re, im in u[:-1].reshape(-1, 2)
        ]
        return Polynomial(degree, zeros, 1 + np.exp(u[-1]) / square)

    def equations(u):
        r = build(u)
        at = lambda x: (x - r.x0) / r.x1
        conditions = r.derivatives(order + 1)[2:] - 1
        edge = r(at(np.ones(1)))[0] - DAMPING
        return np.r_[conditions, edge, np.abs(r(at(ripples))).max() - DAMPING]

    u, info, _, message = fsolve(equations, guess, full_output=True, xtol=1e-13)
    if np.abs(info["fvec"]).max() > 1e-9:
        raise ArithmeticError(f"order {order}, degree {degree}: {message}")
    return build(u), u


def rock2(degree: int, r: Polynomial) -> tuple[Vector, Vector, Vector]:
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


def rock4(degree: int, r: Polynomial) -> tuple[Vector, Vector, Vector]:
    """As `rock2`; the tail holds a, c, b and d of the finishing stages and of f(y₁)."""
    inner = r.inner
    values = [1.0]
    rows = np.zeros((inner + 1, 8))
    matrix = np.zeros((degree + 1, degree + 1))
    for k in range(1, inner + 1):
        before = r.beta[k - 1] * (values[-2] if k > 1 else 0)
        values.append(((r.x0 - r.alpha[k - 1]) * values[-1] - before) / r.beta[k])
        rows[k, 2] = -before / (r.beta[k] * values[-1])
        rows[k, 1] = 1 - rows[k, 2]
        rows[k, 3] = r.x1 * values[-2] / (r.beta[k] * values[-1])
        _extend(matrix, rows, k)

    first = matrix[: inner + 1, : inner + 1]
    a, b = _finish(first[:inner, :inner], first[inner, :inner])
    matrix[inner:, :inner] = first[inner, :inner]
    matrix[inner:degree, inner:degree] = a
    matrix[degree, inner:degree] = b

    count = 8 * degree
    x = np.cos((2 * np.arange(count) + 1) * np.pi / (2 * count))
    c = matrix.sum(1)
    slope = matrix @ c
    conditions = np.stack([np.ones_like(c), c, c**2, slope, matrix @ slope])
    target = FOURTH_ORDER_ERROR * np.array([0, 0, 0, 0, 1])
    z = (x - r.x0) / r.x1
    d = _filter(matrix, z, conditions, target, 0.3)
    rows[:, 5], rows[:, 7] = c[: inner + 1], d[: inner + 1]
    later = a[np.tril_indices(4, -1)]
    return rows, np.r_[later, c[inner + 1 : degree], b, d[inner + 1 :]], matrix


def _extend(matrix, rows, k):
    """Row k of the Runge–Kutta matrix from the recurrence of g_k."""
    _, here, before, slope, first = rows[k, :5]
    matrix[k] = here * matrix[k - 1] + (before * matrix[k - 2] if k > 1 else 0)
    matrix[k, k - 1] += slope
    matrix[k, 0] += first


def _finish(first: Vector, last: Vector) -> tuple[Vector, Vector]:
    """Four stages that bring the method (A, b) = (first, last) to order 4.

    With abscissae p₁ + c_i and slopes A c → p₂ + p₁c_i + (ac)_i of the whole, each
    condition of order 4 is linear in the sums below of the finishing stages alone.
    c₂ and c₃ are free; b from Σb, b·c, b·c², b·c³; then (ac)₃, (ac)₄ from b·ac and
    b·(c∘ac), a₄₃ from b·ac²; c₄ is the root of b·aac.
    """
    from scipy.optimize import brentq

    c = first.sum(1)
    slope = first @ c
    p1, p2 = last.sum(), last @ c
    square, second = last @ c**2, last @ slope
    one = 1 - p1
    bc = 1 / 2 - p2 - p1 * one
    bcc = 1 / 3 - square - p1**2 * one - 2 * p1 * bc
    bccc = 1 / 4 - last @ c**3 - p1**3 * one - 3 * p1**2 * bc - 3 * p1 * bcc
    bac = 1 / 6 - second - p2 * one - p1 * bc
    bcac = 1 / 8 - last @ (c * slope) - p1 * bac - (p2 + p1**2) * bc - p1 * bcc
    bcac -= p1 * p2 * one
    bacc = 1 / 12 - last @ (first @ c**2) - square * one - p1**2 * bc - 2 * p1 * bac
    baac = 1 / 24 - last @ (first @ slope) - second * one - p2 * bc - p1 * bac
    c2, c3 = one * np.array(FINISHING_NODES)

    def given(c4):
        nodes = np.array([c2, c3, c4])
        b2, b3, b4 = np.linalg.solve(nodes ** [[1], [2], [3]], [bc, bcc, bccc])
        s3, s4 = np.linalg.solve([[b3, b4], [b3 * c3, b4 * c4]], [bac, bcac])
        a43 = (bacc - (b3 * s3 + b4 * s4) * c2) / (b4 * c3 * (c3 - c2))
        a32, a42 = s3 / c2, (s4 - a43 * c3) / c2
        a = np.zeros((4, 4))
        a[1, 0], a[2, :2] = c2, (c3 - a32, a32)
        a[3, :3] = c4 - a42 - a43, a42, a43
        return b4 * a43 * s3 - baac, a, np.array([one - b2 - b3 - b4, b2, b3, b4])

    root = brentq(lambda c4: given(c4)[0], 0.9 * one, 1.2 * one, xtol=1e-15)
    _, a, b = given(root)
    return a, b


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


def generate(order: int, wanted: list[int]) -> dict[str, Vector]:
    """All arrays of one method, as `_rock_table.Table` reads them."""
    build = {2: rock2, 4: rock4}[order]
    guess = np.array(_GUESS[order])
    rows, tails, intervals, noises = [], [], [], []
    for degree in reversed(wanted):
        r, guess = fit(order, degree, guess)
        row, tail, matrix = build(degree, r)
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
    tables = {2: generate(2, degrees(3, 200)), 4: generate(4, degrees(5, 50))}
    named = {f"{k}_{name}": v for k, t in tables.items() for name, v in t.items()}
    np.savez(Path(__file__).with_name("_rock_coefficients.npz"), **named)


if __name__ == "__main__":
    main()
