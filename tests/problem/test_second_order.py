"""Models that have a gradient, but no derivative of it."""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import pytest

import gfflow as gf

FLOW = gf.GradientFlow()


@jax.custom_vjp
def inner(x):
    return jnp.sin(x)


@jax.custom_vjp
def sine(x):
    """Its rule calls a function that has one too: no derivative of the gradient."""
    return jnp.sin(x)


inner.defvjp(lambda x: (jnp.sin(x), x), lambda x, c: (c * jnp.cos(x),))
sine.defvjp(lambda x: (inner(x), x), lambda x, c: (c * jnp.cos(x),))


class Sine(eqx.Module):
    w: jax.Array

    def __call__(self, x):
        return sine(self.w * x)


class Neural(eqx.Module):
    """x ↦ y(1) for y' = tanh(Wy), y(0) = x."""

    w: jax.Array

    def __call__(self, x):
        term = diffrax.ODETerm(lambda t, y, args: jnp.tanh(self.w @ y))
        solver = diffrax.Heun()
        return diffrax.diffeqsolve(term, solver, 0.0, 1.0, 0.5, x).ys[-1]


def sine_problem():
    return gf.Problem(Sine(jnp.ones(2)), "mse", (jnp.ones((1, 2)), jnp.zeros((1, 2))))


def neural_problem():
    x = jnp.array([[1.0, 0.5], [-0.3, 0.8]])
    return gf.Problem(Neural(jnp.eye(2) / 10), "mse", (x, x[:, ::-1]))


def test_a_solver_of_gradients_takes_it():
    solution = gf.solve(FLOW, sine_problem(), t1=0.1, rtol=1e-5, solver="tsit5")
    assert solution.status_name == "successful"
    assert solution.losses[-1] < solution.losses[0]


@pytest.mark.parametrize("solver", ["radau_iia", "rock2"])
def test_the_error_names_the_solvers_that_do(solver):
    with pytest.raises(gf.SolveError, match="DirectAdjoint.* tsit5, dopri5 or dopri8"):
        gf.solve(FLOW, sine_problem(), t1=0.1, rtol=1e-5, solver=solver)


@pytest.mark.parametrize("call", [gf.critical_point, gf.hessian_eigenvalues])
def test_what_needs_products_says_so(call):
    with pytest.raises(gf.ProblemError, match="no Hessian-vector products"):
        call(neural_problem())


def test_discovery_says_so():
    """u·sin(v)·x, of which the law ½u² + log cos v is no polynomial."""

    class Scaled(Sine):
        def __call__(self, x):
            return self.w[0] * sine(self.w[1]) * x

    one = jnp.ones((1, 1))
    with pytest.raises(gf.DiscoveryError, match="no Hessian-vector products"):
        gf.discover(gf.Problem(Scaled(jnp.ones(2)), "mse", (one, one)))
