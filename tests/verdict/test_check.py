"""What check refuses, and problems of every kind that it weighs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gfflow as gf

from ..analytic import Product, product_problem

FLOW = gf.GradientFlow()
BALANCE = gf.Law(lambda m: m.u**2 - m.v**2, "balance")
WRONG = gf.Law(lambda m: m.u + m.v, "u + v")
SUM = gf.Law(lambda m: m.u + m.v, "balance")


def solved(problem, laws=(), **options):
    options = {"t1": 1.0, "rtol": 1e-7, "solver": "tsit5"} | options
    return gf.solve(FLOW, problem, laws=laws, **options)


def test_two_laws_of_one_name():
    with pytest.raises(gf.CheckError, match="two laws are named 'balance'"):
        gf.check(solved(product_problem()), [BALANCE, SUM], ladder=False)


@pytest.mark.parametrize("other", [SUM, gf.Law(lambda m: jnp.ones(2), "balance")])
def test_another_law_was_recorded_under_the_name(other):
    solution = solved(product_problem(), [BALANCE])
    with pytest.raises(gf.CheckError, match="recorded another law named 'balance'"):
        gf.check(solution, other, ladder=False)
    assert gf.check(solution, BALANCE, ladder=False)["balance"].verdict == "conserved"


class Transformed(Product):
    """x ↦ the Fourier transform of uvx."""

    def __call__(self, x):
        return jnp.fft.fft(self.u * self.v * x)


class Complex(Product):
    """x ↦ uvx for a complex x."""

    def __call__(self, x):
        return (self.u * self.v).astype(x.dtype) * x


class Noisy(Product):
    """(x, key) ↦ uv(x + ε) for a random ε."""

    def __call__(self, data):
        x, key = data
        return self.u * self.v * (x + jax.random.normal(key, x.shape))


def modulus(prediction, target):
    return jnp.sum(jnp.abs(prediction - target) ** 2)


def weighted(model, loss, data):
    """As many samples as `check` draws, with weights: its programs serve for both."""
    return gf.Problem(model, loss, data, weights=np.ones(16))


def unusual_problem(name):
    x = np.random.default_rng(0).standard_normal((16, 3))
    z = x + 1j * x[:, ::-1]
    keys = jax.random.split(jax.random.key(0), 16)
    return {
        "complex predictions": lambda: weighted(Transformed(1.3, 0.4), modulus, (x, z)),
        "complex inputs": lambda: weighted(Complex(1.3, 0.4), modulus, (z, 2j * z)),
        "keys": lambda: weighted(Noisy(1.3, 0.4), "mse", ((x, keys), x)),
    }[name]()


@pytest.mark.parametrize("name", ["complex predictions", "complex inputs", "keys"])
def test_data_of_unusual_kinds(name):
    problem = unusual_problem(name)
    report = gf.check(solved(problem, t1=0.1), [BALANCE, WRONG], ladder=False)
    assert report["balance"].verdict == "conserved"
    assert report["u + v"].verdict == "broken"
    found = gf.discover(problem)
    assert found.number == 1 and found.complete


class Spare(Product):
    """With parameters and inputs of no entries."""

    empty: jax.Array

    def __init__(self):
        super().__init__(1.3, 0.4)
        self.empty = jnp.zeros((0, 2))

    def __call__(self, data):
        x, nothing = data
        return self.u * self.v * x + jnp.sum(nothing) + jnp.sum(self.empty)


def test_arrays_of_no_entries_warn_of_nothing():
    x = np.random.default_rng(0).standard_normal((16, 1))
    problem = weighted(Spare(), "mse", ((x, np.zeros((16, 0))), 2 * x))
    report = gf.check(solved(problem, t1=0.1), BALANCE, ladder=False)
    assert report["balance"].verdict == "conserved"
    assert gf.discover(problem).number == 1
