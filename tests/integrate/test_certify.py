"""The certificate is above the true error, and not far above it.

One problem, of which the targets choose what acts, so that all tests share programs.
"""

import jax.numpy as jnp
import numpy as np
import pytest

import gfflow as gf

from ..analytic import Product, product_solution

FLOW, SOLVER = gf.GradientFlow(), gf.solvers.Auto(5)
LEAST = 10 * float(np.finfo(float).eps)


class Entries(Product):
    """(u, v), whatever the input."""

    def __call__(self, x):
        return x * jnp.stack([self.u, self.v])


def loss(entries, target):
    """½p(uv − 2)² − cu³ + k(|u − 1| + 2u)."""
    u, v = entries
    p, c, k = target
    return p * (u * v - 2) ** 2 / 2 - c * u**3 + k * (jnp.abs(u - 1) + 2 * u)


def certified(u, v, t1, rtol, target=(1.0, 0.0, 0.0)):
    data = jnp.ones((1, 2)), jnp.asarray([target])
    return gf.solve(
        FLOW,
        gf.Problem(Entries(u, v), loss, data),
        t1=t1,
        rtol=rtol,
        saveat=np.array([t1]),
        solver=SOLVER,
        certify=True,
    )


def true_error(solution, u, v):
    error = np.hypot(solution.parameters.u - u, solution.parameters.v - v)
    return error / np.hypot(u, v)


# (u, v, t1) and the end: on the way into the minimum, in it, and out to it along the
# unstable direction of the saddle, where the closed form cancels: by 50 digits.
SETTLING = (1.3, 0.4, 1.0), product_solution(1.0, 1.3, 0.4)
SETTLED = (1.3, 0.4, 60.0), product_solution(60.0, 1.3, 0.4)
ESCAPED = (1.3, -1.2999, 6.0), (1.4028249559840348, 1.4027322863367798)


@pytest.mark.parametrize(("start", "end"), [SETTLING, SETTLED, ESCAPED])
def test_a_bound_that_is_near(start, end):
    for rtol in (1e-4, 1e-8, 1e-12):
        solution = certified(*start, rtol)
        found = solution.certificate
        error = true_error(solution, *end)
        assert error <= found.error < 4 * error + 1e-15
        assert found.error > found.difference + found.resolution
        assert found.rtol == pytest.approx(max(rtol / 900, LEAST))


def test_at_the_least_tolerance():
    """All three runs have it, and the finer two differ by what round-off becomes."""
    for start, end in (SETTLED, ESCAPED):
        solution = certified(*start, LEAST)
        found = solution.certificate
        assert found.rtol == solution.settings.rtol
        assert 0 < found.resolution
        assert true_error(solution, *end) <= found.error < 2e-13


def test_across_a_kink():
    """u' is −3 down to u = 1, from 2 in a third of the time, and then −1."""
    for rtol in (1e-3, 1e-6):
        solution = certified(2.0, 0.4, 1.0, rtol, (0.0, 0.0, 1.0))
        error = true_error(solution, 1 / 3, 0.4)
        assert error <= solution.certificate.error < 10 * error + 1e-15


def test_a_second_run_that_does_not_get_there():
    """u' = 3u² has no solution from t = 1/3 on; a loose one ends after that."""
    solution = certified(1.0, 0.0, 0.5, 1e-1, (0.0, 1.0, 0.0))
    found = solution.certificate
    assert solution.state_ts[-1] > 1 / 3
    assert found.status_name == "dt_min_reached"
    for figure in (found.error, found.difference, found.resolution, found.largest):
        assert np.isnan(figure)
