"""Fields, laws and flows in double-double arithmetic."""

import json
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

import gfflow as gf
from gfflow.double_double import Pair, failures, on_pairs

from ..scripts import script

FOLDER = Path(__file__).parents[2] / "experiments" / "extended_precision"


@pytest.fixture(scope="module")
def study():
    """The subjects of the study; its modules know each other by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        yield script("extended_precision/reference.py")


@pytest.fixture(scope="module")
def linear(study):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        return script("extended_precision/subjects.py").subject("linear")


def at_rest(tree):
    """Arrays as pairs."""
    return jax.tree_util.tree_map(lambda x: Pair(x, jnp.zeros_like(x)), tree)


@pytest.fixture(scope="module")
def solution(linear):
    return gf.solve_extended(
        gf.GradientFlow(),
        linear.problem,
        saveat=gf.linear_times(2.0, linear.t1, 2),
        laws=linear.laws,
        rtol=1e-26,
    )


def test_end_state_against_taylor_in_200_bits(study, linear, solution):
    ends = json.loads((FOLDER / "ends.json").read_text(encoding="utf-8"))["linear"]
    last = jax.tree_util.tree_map(lambda x: x[-1], solution.states)
    found = study.exactly(last)
    assert solution.status_name == "successful"
    errors = [abs(a - mpmath.mpf(b)) for a, b in zip(found, ends, strict=True)]
    assert max(errors) < 1e-25


def test_a_law_that_is_false_by_1e_18_is_seen(linear, solution):
    true, false = (np.asarray(values.drift) for values in solution.laws.values())
    assert true.shape == (3, 2, 2) and false.shape == (3,)
    assert 0 < np.abs(true).max() < 1e-25
    first = np.asarray(solution.states.layers[0].weight.hi)
    second = np.asarray(solution.states.layers[1].weight.hi)
    sizes = (first**2).sum((1, 2)), (second**2).sum((1, 2))
    expected = -1e-18 * (sizes[0] - sizes[0][0]) / np.max(sizes[0] + sizes[1])
    np.testing.assert_allclose(false, expected, rtol=1e-6, atol=1e-26)
    assert np.abs(false).max() > 1e-20


def test_new_numbers_compile_nothing(linear, solution):
    from gfflow.extended._solve import _run

    other = gf.solve_extended(
        gf.GradientFlow(),
        eqx.tree_at(lambda p: p.targets, linear.problem, linear.problem.targets + 1),
        saveat=gf.linear_times(0.5, 1.0, 2),
        laws=linear.laws,
        rtol=1e-20,
        max_steps=1,
    )
    assert other.status_name == "max_steps_reached"
    assert other.ts.shape == (2,) and other.losses.hi.shape == (2,)
    assert _run._cached._cache_size() == 1


def many_primitives(x):
    """Of the kinds that models are made of."""
    table = x.reshape(3, 4)
    soft = jax.nn.softmax(table @ table.T)
    normal = (table - table.mean(1, keepdims=True)) * jax.lax.rsqrt(
        table.var(1, keepdims=True) + 1e-5
    )
    picked = jnp.take_along_axis(table, jnp.array([[0], [3], [3]]), axis=1)
    added = jnp.zeros(3).at[jnp.array([0, 2, 2])].add(picked[:, 0] * 0.1)
    looped, _ = jax.lax.scan(lambda c, r: (c * 0.5 + r.sum(), None), x[0], table)
    convolved = jnp.convolve(x, x[:3], mode="valid")
    return (
        soft.sum(0).max()
        + normal[0, 1] ** 3
        + jax.nn.relu(added).sum()
        + looped
        + jnp.cumsum(x)[5]
        + (convolved**2).sum()
        + jnp.where(x[jnp.argmax(x)] > 0, jnp.sort(x)[2], 0.0)
        + jnp.where(x > 0.3, x**3, 1.0 / x).prod()
    )


def in_mpmath(x):
    """The same by hand."""
    table = [x[4 * i : 4 * i + 4] for i in range(3)]
    dot = lambda a, b: mpmath.fsum(p * q for p, q in zip(a, b))
    powers = [[mpmath.exp(dot(a, b)) for b in table] for a in table]
    soft = [[p / mpmath.fsum(row) for p in row] for row in powers]
    total = max(mpmath.fsum(column) for column in zip(*soft))
    mean = mpmath.fsum(table[0]) / 4
    spread = mpmath.fsum((a - mean) ** 2 for a in table[0]) / 4
    total += ((table[0][1] - mean) / mpmath.sqrt(spread + mpmath.mpf(1e-5))) ** 3
    tenth = mpmath.mpf(0.1)
    added = table[0][0] * tenth, table[1][3] * tenth + table[2][3] * tenth
    total += mpmath.fsum(max(value, 0) for value in added)
    carry = x[0]
    for row in table:
        carry = carry / 2 + mpmath.fsum(row)
    total += carry + mpmath.fsum(x[:6])
    for last in range(2, 12):
        total += mpmath.fsum(x[last - k] * x[k] for k in range(3)) ** 2
    total += sorted(x)[2]
    found = [a**3 if a > 0.3 else 1 / a for a in x]
    return total + mpmath.fprod(found)


def test_primitives_against_mpmath():
    x = jax.random.normal(jax.random.key(5), (12,))
    found = jax.jit(lambda x: on_pairs(many_primitives, at_rest(x)))(x)
    with mpmath.workdps(50):
        exact = in_mpmath([mpmath.mpf(float(a)) for a in x])
        value = mpmath.mpf(float(found.hi)) + mpmath.mpf(float(found.lo))
        assert abs(value / exact - 1) < 1e-29


def test_what_it_refuses(linear):
    flow, problem = gf.GradientFlow(), linear.problem
    single = lambda x: jnp.sum(x.astype(jnp.float32))
    with pytest.raises(gf.SolveError, match="float64; this one computes in float32"):
        on_pairs(single, at_rest(jnp.ones(3)))
    with pytest.raises(gf.SolveError, match="no rule for the primitive 'lgamma'"):
        on_pairs(jax.lax.lgamma, at_rest(jnp.ones(3)))
    with pytest.raises(gf.SolveError, match="under the reach"):
        gf.solve_extended(flow, problem, t1=1.0, rtol=1e-30)
    with jax.enable_x64(False), pytest.raises(gf.SolveError, match="jax_enable_x64"):
        gf.solve_extended(flow, problem, t1=1.0)


def test_a_device_that_rounds_otherwise_is_found_out():
    from gfflow.double_double._self_test import _LEFT, _RIGHT, _computed

    found = _computed(jnp.asarray(_LEFT), jnp.asarray(_RIGHT))
    assert failures(found) == ()
    blind = found["a quotient"]
    found["a quotient"] = Pair(blind.hi, blind.lo.at[5].set(0.0))
    assert failures(found) == ("a quotient",)
