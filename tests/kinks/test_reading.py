"""What is read off programs, what cannot be, and for whom it is read anew."""

import gc
import weakref

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, nn

import gfflow as gf
from gfflow.kinks import Gates, KinkReading, Pieces, Unreadable, tried
from gfflow.kinks._gates import mixed

from . import kinked


@jax.custom_vjp
def with_rule(x):
    return jnp.maximum(x, 0)


with_rule.defvjp(lambda x: (with_rule(x), x), lambda x, g: (g * (x > -0.1),))


@jax.custom_jvp
def straight_through(x):
    return jnp.sign(x)


straight_through.defjvp(lambda x, v: (straight_through(x[0]), v[0]))


def counted(p, x):
    """A kink counts the rounds."""
    z = p["in"] @ x
    return p["out"] @ lax.while_loop(lambda h: h[0] < 3, lambda h: h + 1, z)


def carried(p, x):
    """A loop carries a truth value."""
    z = p["in"] @ x
    on, _ = lax.scan(lambda on, part: (on | (part > 0), None), z[0] > 1, z)
    return p["out"] @ jnp.where(on, z, 2 * z)


REFUSED = {
    "'floor' of what depends": kinked.hidden(jnp.floor),
    "'argmax' of what depends": kinked.hidden(lambda z: z[jnp.argmax(z)] * z),
    "'convert_element_type' of what": kinked.hidden(
        lambda z: z * z.astype(int).astype(z.dtype)
    ),
    "kinks inside of 'custom_vjp_call'": kinked.hidden(with_rule),
    "kinks inside of 'while'": counted,
    "kinks inside of 'cond'": lambda p, x: (
        p["out"] @ lax.cond(x[0] > 0, nn.relu, jnp.tanh, p["in"] @ x)
    ),
    "between whole numbers": kinked.hidden(lambda z: z[jnp.argsort(z)]),
    "result of a comparison goes into": kinked.hidden(lambda z: z[(z > 0).astype(int)]),
    "a loop carries": carried,
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_has_no_gate_is_named(message):
    problem = kinked.problem(REFUSED[message])
    with pytest.raises(Unreadable, match=message):
        KinkReading.of(problem)


def test_another_derivative_is_found_out():
    problem = kinked.problem(kinked.hidden(straight_through))
    with pytest.raises(Unreadable, match="derivative rule"):
        tried(KinkReading.of(problem), problem)


HARMLESS = {
    "counter": lambda p, x: (
        p["out"] @ lax.fori_loop(0, 3, lambda i, h: jnp.tanh(h), p["in"] @ x)
    ),
    "time": lambda p, x: (
        p["out"]
        @ lax.while_loop(
            lambda c: c[0] < 1.5,
            lambda c: (c[0] + 1.0, jnp.tanh(c[1])),
            (0.0, p["in"] @ x),
        )[1]
    ),
    "data": lambda p, x: p["out"] @ (p["in"] @ jnp.round(jnp.maximum(x, 0))),
    "branches": lambda p, x: (
        p["out"] @ lax.cond(jnp.max(x) > 0, jnp.sin, jnp.cos, p["in"] @ x)
    ),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_comparisons_of_other_things_are_no_kinks(name):
    reading = KinkReading.of(kinked.problem(HARMLESS[name]))
    assert reading.own == reading.shared == 0


def test_problems_alike_have_one_reading_and_compile_nothing():
    apply = kinked.hidden(nn.relu)
    first = kinked.problem(apply)
    made = tried(KinkReading.of(first), first)
    other = first.with_parameters(jax.tree.map(lambda x: -x, first.parameters))
    chunked = kinked.problem(apply, chunk=2, weights=np.array([1.0, 0.0, 2.0]))
    with pytest.MonkeyPatch.context() as patch:
        for name in ("make_jaxpr", "eval_shape", "grad"):
            patch.delattr(jax, name)
        for problem in (other, chunked):
            assert tried(KinkReading.of(problem), problem) is made
    assert not made.program.consts


def test_a_reading_keeps_no_arrays():
    class Model(eqx.Module):
        weight: jax.Array
        fixed: jax.Array
        scale: float

        def __call__(self, x):
            return nn.relu(self.weight @ x) * self.fixed * self.scale

    model = Model(jnp.ones((2, 3)), jnp.ones(2) * 3, 2.0)
    data = (jnp.ones((4, 3)), jnp.ones((4, 2)))
    problem = gf.Problem(model, "mse", data, trainable=["weight"])
    reading = KinkReading.of(problem)
    kept = [weakref.ref(model.fixed), weakref.ref(problem.inputs)]
    assert not reading.program.consts and reading.own == 2
    del model, data, problem
    gc.collect()
    assert [ref() for ref in kept] == [None, None]


def test_it_is_read_and_followed_under_jit_and_vmap():
    def gradients(parameters, x):
        problem = gf.Problem.from_function(
            apply, parameters, "mse", (x, jnp.zeros((2, 2)))
        )
        pieces = Pieces(KinkReading.of(problem), problem)
        at = problem.parameters
        held = pieces.gradient(at, kinked.numbers(pieces.bits(at)))
        return held, problem.gradient(at)

    apply = kinked.hidden(nn.relu)
    x = jax.random.normal(jax.random.key(1), (3, 2, 3))
    held, own = jax.jit(jax.vmap(gradients, (None, 0)))(kinked.parameters(), x)
    for a, b in zip(jax.tree.leaves(held), jax.tree.leaves(own), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def test_kinks_are_told_by_where_they_are():
    problem = kinked.problem(kinked.CASES["both"].apply)
    reading = KinkReading.of(problem)
    (shared,) = {reading.place(i, True)[0] for i in range(reading.shared)}
    (own,) = {reading.place(i, False)[0] for i in range(reading.own)}
    assert {shared, own} == {0, 1}
    assert reading.place(5, True)[1] == (1, 1)
    assert reading.place(3, False)[1] == (3,)
    with pytest.raises(IndexError):
        reading.place(4, False)


def test_gradients_that_are_not_finite_tell_nothing():
    """Past 700 the exponential function overflows; the maximum cancels all the same."""
    apply = kinked.hidden(lambda z: jnp.log(jnp.exp(30 * z) + jnp.exp(-30 * z)))
    smooth = kinked.hidden(lambda z: nn.logsumexp(jnp.exp(30 * z)) * jnp.ones(4))
    for each in (apply, smooth):
        problem = kinked.problem(each)
        reading = tried(KinkReading.of(problem), problem)
        assert reading.own == 0


def test_single_precision():
    with jax.enable_x64(False):
        parameters = kinked.parameters(dtype=jnp.float32)
        x = jax.random.normal(jax.random.key(0), (3, 3), jnp.float32)
        apply = kinked.hidden(lambda z: nn.softmax(nn.relu(z)))
        problem = gf.Problem.from_function(apply, parameters, "mse", (x, x[:, :2]))
        reading = tried(KinkReading.of(problem), problem)
        pieces = Pieces(reading, problem)
        bits = pieces.bits(problem.parameters)
        margins = pieces.margins(problem.parameters, bits).own
        assert reading.own == 4 and margins.dtype == jnp.float32


@pytest.mark.parametrize("gate", [0.0, 0.3, 1.0])
def test_a_gate_that_is_a_number_mixes_linearly(gate):
    """Also its derivative at the ends, and beside what is infinite."""
    of = lambda gate: mixed(gate, jnp.asarray(5.0), jnp.asarray(2.0))
    value, slope = jax.value_and_grad(of)(jnp.asarray(gate))
    assert slope == 3 and value == pytest.approx(2 + 3 * gate, rel=1e-15)
    if gate == 1:
        assert mixed(jnp.asarray(gate), jnp.asarray(5.0), jnp.asarray(jnp.inf)) == 5


class Scaled(eqx.Module):
    """A loss with an array of its own."""

    weight: jax.Array

    def __call__(self, prediction, target):
        return jnp.sum(self.weight * jnp.abs(prediction - target))


@pytest.mark.parametrize("chunk", [None, 2])
def test_samples_add_up_and_absent_ones_have_no_kinks(chunk):
    weights = np.array([2.0, 0.0, 0.5])
    x, y = (np.random.default_rng(0).normal(size=(3, n)) for n in (3, 2))
    x[1] = np.nan
    problem = gf.Problem.from_function(
        kinked.CASES["both"].apply,
        kinked.parameters(),
        Scaled(jnp.ones(2)),
        (x, y),
        weights=weights,
        chunk=chunk,
    )
    pieces = Pieces(KinkReading.of(problem), problem)

    @jax.jit
    def look(parameters):
        gates = pieces.bits(parameters)
        each = lambda f: jax.vmap(
            lambda n, own: f(n, parameters, Gates(own, gates.shared))
        )(jnp.arange(3), gates.own)
        summed = jax.tree.map(lambda g: jnp.sum(g, 0), each(pieces.gradient_of))
        made = pieces.gradient(parameters, gates), summed, problem.gradient(parameters)
        return made, pieces.margins(parameters, gates), each(pieces.margins_of), gates

    (whole, summed, true), margins, single, gates = look(problem.parameters)
    for a, b, c in zip(*map(jax.tree.leaves, (whole, summed, true)), strict=True):
        np.testing.assert_allclose(a, c, rtol=1e-12)
        np.testing.assert_allclose(b, c, rtol=1e-12)
    np.testing.assert_allclose(single.own, margins.own, rtol=1e-12)
    np.testing.assert_allclose(single.shared[0], margins.shared, rtol=1e-12)
    absent = np.arange(3) == 1
    assert np.array_equal(np.all(np.isinf(margins.own), axis=1), absent)
    assert np.array_equal(margins.own > 0, gates.own)


def test_smooth_problems_in_chunks():
    problem = kinked.problem(kinked.hidden(jnp.tanh), chunk=2)
    pieces = Pieces(KinkReading.of(problem), problem)
    gates = pieces.bits(problem.parameters)
    assert gates.own.shape == (3, 0) and gates.own.dtype == bool
    made = pieces.gradient(problem.parameters, gates)
    true = problem.gradient(problem.parameters)
    for a, b in zip(jax.tree.leaves(made), jax.tree.leaves(true), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
