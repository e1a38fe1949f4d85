"""Kinks of a table of models: how many, and the smooth pieces between them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from gfflow.kinks import Gates, KinkReading, Pieces, tried

from ..variants import variants
from . import kinked

SLOW = {
    *("leaky relu", "celu", "selu", "hard tanh", "clip", "maxout", "maximum"),
    *("sort", "nested loops"),
    *("mask", "checkpoint", "pooling of the least", "running maximum", "abs"),
}


@pytest.mark.parametrize("name", variants(kinked.CASES, SLOW))
def test_pieces_are_smooth_and_the_gradient_jumps_from_one_to_the_next(name):
    """On a line, the gradient by gates is the true one at both sides of a kink, each by
    its own gates, and continues past it."""
    case = kinked.CASES[name]
    problem = kinked.problem(case.apply, case.loss)
    reading = tried(KinkReading.of(problem), problem)
    assert (reading.own, reading.shared) == (case.own, case.shared)
    pieces = Pieces(reading, problem)
    start, unravel = ravel_pytree(problem.parameters)
    end, _ = ravel_pytree(kinked.parameters(5))

    @jax.jit
    def look(s, gates):
        at = unravel(start + s * (end - start))
        bits = pieces.bits(at)
        held = gates is None and bits or gates
        own, by_bits, by_numbers = (
            ravel_pytree(gradient)[0]
            for gradient in (
                problem.gradient(at),
                pieces.gradient(at, jax.tree.map(lambda g: g > 0.5, held)),
                pieces.gradient(at, held),
            )
        )
        margins = pieces.margins(at, held)
        flat = lambda gates: jnp.concatenate([gates.own.ravel(), gates.shared])
        return bits, flat(bits), flat(margins), own, by_bits, by_numbers

    first, *_ = jax.jit(pieces.bits)(unravel(start)), None
    here = kinked.numbers(first)
    for s in np.linspace(0, 1, 7):
        bits, *_ = look(s, here)
        _, flat, margins, own, *held = look(s, kinked.numbers(bits))
        for gradient in held:
            np.testing.assert_allclose(gradient, own, rtol=1e-12, atol=1e-12)
        assert np.array_equal(margins > 0, flat)
    low, high, before = 0.0, 1.0, look(0.0, here)[1]
    assert not np.array_equal(look(1.0, here)[1], before)
    for _ in range(44):
        middle = (low + high) / 2
        same = np.array_equal(look(middle, here)[1], before)
        low, high = (middle, high) if same else (low, middle)
    old, new = (kinked.numbers(look(s, here)[0]) for s in (low, high))
    _, flat, margins, own_before, _, _ = look(low, old)
    _, after, past, own_after, _, continued = look(high, old)
    # The margins change continuously, and that of the kink is zero.
    np.testing.assert_allclose(past, margins, atol=1e-9)
    assert np.all(np.abs(margins[after != flat]) < 1e-9)
    np.testing.assert_allclose(continued, own_before, atol=1e-9)
    new_gradient = look(high, new)[5]
    np.testing.assert_allclose(new_gradient, own_after, rtol=1e-12, atol=1e-12)
    # A gate between both mixes them where one kink is crossed.
    if np.sum(after != flat) == 1:
        between = Gates(*(0.7 * a + 0.3 * b for a, b in zip(old, new)))
        mixed = look(high, between)[5]
        if name in LINEAR:
            expected = 0.7 * continued + 0.3 * new_gradient
            np.testing.assert_allclose(mixed, expected, atol=1e-9)
        elif np.any(np.abs(new_gradient - continued) > 1e-6):
            assert not np.allclose(mixed, continued, atol=1e-9)


# Where both sides have one value at the kink, the gradient is linear in a gate.
LINEAR = {"relu", "leaky relu", "abs", "hard tanh", "relu6", "two layers", "sort"}


@pytest.mark.parametrize("name", variants(kinked.SMOOTH, {"logsumexp", "norm"}))
def test_smooth_models_have_no_kinks(name):
    problem = kinked.problem(kinked.SMOOTH[name])
    reading = tried(KinkReading.of(problem), problem)
    assert reading.own == reading.shared == 0
