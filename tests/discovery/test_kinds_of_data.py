"""Data that are not real numbers, and models that make complex ones of them."""

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest

import gfflow as gf

from .discovery_models import of_shapes

KEY = jax.random.key(0)
INPUTS = jax.random.normal(KEY, (9, 3))


def spectrum():
    """A linear network, and the Fourier transform of what it returns: real linear."""
    function = lambda x, A, B: jnp.fft.fft(A @ (B @ x))
    return of_shapes(function, A=(3, 1), B=(1, 3))


def moduli():
    """Of complex numbers, linear in complex inputs: homogeneous of degree 1."""
    return of_shapes(
        lambda x, A, B: A @ jnp.abs(B.astype(x.dtype) @ x), A=(2, 2), B=(2, 3)
    )


def thinned():
    """A linear network of which a random key turns hidden units off."""

    def function(x, A, B):
        inputs, key = x
        on = jax.random.bernoulli(key, 0.5, (2,))
        return A @ jnp.where(on, B @ inputs, 0.0)

    return of_shapes(function, A=(2, 2), B=(2, 3))


def squared_modulus(z, y):
    return jnp.sum(jnp.abs(z - y) ** 2)


def test_complex_predictions_inside_a_real_loss():
    targets = jnp.fft.fft(INPUTS)
    found = gf.discover(gf.Problem(spectrum(), squared_modulus, (INPUTS, targets)))
    assert found.complete and list(found.expressions.values()) == [
        "sum(arrays['B'][0,:]**2) - sum(arrays['A'][:,0]**2)"
    ]
    shape = gf.discover((spectrum(), (3,), squared_modulus))
    assert shape.expressions == found.expressions


@pytest.mark.parametrize("precision", [jnp.complex64, jnp.complex128])
def test_complex_inputs(precision):
    """Of either precision, weighed in double."""
    narrow = jnp.float32 if precision == jnp.complex64 else jnp.float64
    model = jax.tree_util.tree_map(
        lambda a: a.astype(narrow) if eqx.is_array(a) else a, moduli()
    )
    inputs = jax.lax.complex(INPUTS, INPUTS[::-1]).astype(precision)
    targets = jnp.ones((9, 2), narrow)
    found = gf.discover(gf.Problem(model, "mse", (inputs, targets)))
    assert found.complete and found.number == 2
    assert set(found.verified.values()) == {"round-off"}


def test_complex_input_of_a_shape():
    shape = jax.ShapeDtypeStruct((3,), jnp.complex128)
    assert gf.discover((moduli(), shape)).number == 2


def test_random_keys_among_the_inputs():
    """No product of two units is conserved, since each may be off alone."""
    keys = jax.random.split(KEY, 9)
    problem = gf.Problem(thinned(), "mse", ((INPUTS, keys), jnp.ones((9, 2))))
    found = gf.discover(problem)
    assert found.complete and found.number == 2


def test_a_sample_that_is_absent_is_not_looked_at():
    inputs = INPUTS.at[4].set(jnp.nan)
    weights = jnp.ones(9).at[4].set(0.0)
    model = gf.models.MLP([3, 2, 1], bias=False, key=KEY)
    data = inputs, jnp.ones((9, 1)).at[4].set(jnp.nan)
    found = gf.discover(gf.Problem(model, "mse", data, weights=weights))
    assert found.complete and found.number == 2
