"""The second-order end of a flow: minima, saddles, and minima that are not there."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import gfflow as gf
from gfflow.landscape import Ending, critical_point

from ..analytic import Product, product_problem
from ..variants import variants

X = jax.random.normal(jax.random.key(1), (30, 3))
Y = jnp.sin(X[:, :2])
POWERS = (4, 6, 10)
BOTH = pytest.mark.parametrize("dense", [True, False])


class Free(eqx.Module):
    """Parameters as the prediction, so that the loss is any function of them."""

    w: jax.Array

    def __call__(self, x):
        return self.w


def landscape(function, start, dtype=float):
    one = jnp.ones(1, dtype)
    model = Free(jnp.asarray(start, dtype))
    return gf.Problem(model, lambda w, _: function(w), (one, one))


def two_wells(w, coefficients):
    a, b, c, d, e, f, g = coefficients
    first = c + a * (w[0] ** 2 - b) ** 2 + d * (w[0] - e) ** 2
    return first + f * w[1] ** 2 + g * w[1] ** 4


def polynomial(start, **coefficients):
    """c + a(w₀² − b)² + d(w₀ − e)² + fw₁² + gw₁⁴: one program for all of them."""
    numbers = jnp.array([[float(coefficients.get(name, 0)) for name in "abcdefg"]])
    return gf.Problem(Free(jnp.asarray(start)), two_wells, (jnp.ones(1), numbers))


def linear(widths, **options):
    model = gf.models.DeepLinear(widths, key=jax.random.key(0))
    return gf.Problem(model, "mse", (X, Y), **options)


def with_rates():
    rate = lambda a: np.exp(0.3 * np.sin(np.arange(a.size))).reshape(a.shape)
    rates = jtu.tree_map(rate, linear([3, 4, 2]).parameters)
    return linear([3, 4, 2], time_scale=rates)


def teacher_student(seed, dtype=float):
    """2-8-1 softplus, 33 parameters, taught by 2-4-1 on 100 points."""
    keys = jax.random.split(jax.random.key(0), 3)
    x = jax.random.normal(keys[0], (100, 2))
    teacher = gf.models.MLP([2, 4, 1], key=keys[1], activation="softplus")
    key = jax.random.fold_in(keys[2], seed)
    student = gf.models.MLP([2, 8, 1], key=key, activation="softplus")
    cast = lambda a: a.astype(dtype)
    student = jtu.tree_map(lambda a: cast(a) if eqx.is_array(a) else a, student)
    return gf.Problem(student, "mse", (cast(x), cast(jax.vmap(teacher)(x))))


@BOTH
def test_a_quadratic_exactly(dense):
    problem = linear([3, 2])
    found = critical_point(problem, dense=dense)
    exact = np.linalg.lstsq(np.asarray(X), np.asarray(Y), rcond=None)[0].T
    weight = found.parameters.layers[0].weight
    np.testing.assert_allclose(weight, exact, rtol=1e-13, atol=1e-14)
    assert found.converged and found.gradient_norm <= 1e-14
    curvature = np.linalg.eigvalsh(np.asarray(X.T @ X)) / len(X)
    np.testing.assert_allclose(found.curvature, curvature[0], rtol=1e-12)
    assert found.iterations <= 5 and found.gradients == found.iterations + 1
    assert found.hvps == 6 * (found.iterations + 1)
    again = critical_point(problem, found.parameters, dense=dense)
    assert again.converged and again.iterations == 0 and again.gradients == 1


@BOTH
def test_weight_decay_and_rates(dense):
    """Zeros of s ∘ ∇L + λθ, the field of the flow with decay and rates."""
    problem = with_rates()
    found = critical_point(problem, weight_decay=0.1, dense=dense)
    assert found.converged and found.gradient_norm <= 1e-13
    flow = gf.GradientFlow(weight_decay=0.1)
    field = flow.vector_field(0.0, found.parameters, problem)
    assert np.linalg.norm(ravel_pytree(field)[0]) <= 2e-13
    np.testing.assert_allclose(found.loss, problem.value(found.parameters), rtol=1e-14)


@BOTH
def test_a_singular_hessian(dense):
    """A deep linear network: its symmetries leave 42 − 6 directions flat."""
    problem = linear([3, 4, 5, 2])
    found = critical_point(problem, dense=dense)
    assert found.converged and found.gradient_norm <= 1e-13
    assert abs(found.curvature) <= 1e-11
    np.testing.assert_allclose(found.loss, critical_point(linear([3, 2])).loss)


@BOTH
@pytest.mark.parametrize("name", ["origin", "known"])
def test_a_saddle_is_left(dense, name):
    """A network of zeros; (w₀² − 1)² + w₁² at 0, exactly."""
    if name == "origin":
        problem = with_rates()
        zero = jtu.tree_map(jnp.zeros_like, problem.parameters)
        found = critical_point(problem, zero, dense=dense)
        np.testing.assert_allclose(found.loss, critical_point(linear([3, 2])).loss)
    else:
        saddle = polynomial([0.0, 0.0], a=1, b=1, f=1)
        found = critical_point(saddle, dense=dense)
        np.testing.assert_allclose(jnp.abs(found.parameters.w[0]), 1, rtol=1e-13)
        np.testing.assert_allclose(found.curvature, 2, rtol=1e-12)
    assert found.converged and found.iterations > 0


@pytest.mark.parametrize("away", [1.0, -1.0])
@pytest.mark.parametrize("scale", [0.0, 1e-300, 1e-12, 1e-7, 1e-3])
def test_a_strict_saddle_is_left_from_any_distance(scale, away):
    """½(uv − 4)² at 0 has the curvatures ±4, the negative one along u = v, and a
    minimum u² + v² and 0."""
    start = Product(scale, away * scale)
    found = critical_point(product_problem(target=4.0), start)
    assert found.converged and found.loss < 1e-26
    np.testing.assert_allclose(found.parameters.u * found.parameters.v, 4, rtol=1e-13)
    assert found.undecided == 1 and abs(found.curvature) < 1e-13


def test_a_saddle_under_the_round_off_of_the_loss_is_left():
    """10⁶ + w₀² + w₁⁴ − 2·10⁻⁷w₁²: at w₁² = 10⁻⁷, 10⁻¹⁴ under the saddle."""
    found = critical_point(polynomial([0.0, 1e-6], c=1e6, d=1, f=-2e-7, g=1))
    assert found.converged and found.undecided == 0
    np.testing.assert_allclose(found.parameters.w[1], 1e-7**0.5, rtol=1e-3)


def test_what_second_order_does_not_decide_is_told():
    """½(uvw − 1)² at 0, where the first two derivatives are 0 and the third is not."""
    degenerate = landscape(lambda w: (jnp.prod(w) - 1) ** 2 / 2, jnp.zeros(3))
    found = critical_point(degenerate)
    assert found.converged and found.iterations == 0 and found.undecided == 3
    assert "at second order" in Ending[found.ending]
    strict = critical_point(landscape(lambda w: jnp.sum((w - 1) ** 2), jnp.zeros(3)))
    assert strict.converged and strict.undecided == 0


def test_curvature_where_there_is_no_slope():
    """120 directions, more than are looked at; the last, with no slope, leads down."""
    stiffness = 1 + jnp.arange(119.0) / 10
    valley = lambda w: stiffness @ (w[:-1] - 0.5) ** 2 + (w[-1] ** 2 - 1) ** 2
    found = critical_point(landscape(valley, jnp.zeros(120)), dense=False)
    assert found.converged and found.hvps == 96 * (found.hvps // 96)
    np.testing.assert_allclose(jnp.abs(found.parameters.w[-1]), 1, rtol=1e-13)


def test_flat_and_nearly_flat_directions_are_left_alone():
    """Curvature 0, and curvature −2e-9 beside one of 2 (√ε is 1.5e-8)."""
    flat = polynomial([0.3, 7.0], d=1, e=1)
    nearly = polynomial([0.3, 0.0], d=1, f=-1e-9, g=1)
    for problem in (flat, nearly):
        found = critical_point(problem)
        assert found.converged and found.iterations < 9
        assert found.parameters.w[1] == problem.parameters.w[1]


@pytest.mark.parametrize("seed", variants([0, 1], slow=(0,)))
def test_teacher_and_student_from_the_end_of_a_flow(seed):
    """Eight units taught by four: a narrow valley that ends at loss 0."""
    problem = teacher_student(seed)
    flow = gf.solve(gf.GradientFlow(), problem, t1=200.0, rtol=1e-5, solver="tsit5")
    found = critical_point(problem, flow.parameters)
    assert flow.gradient_norms[-1] > 1e-5
    assert found.converged and found.gradient_norm <= 1e-13
    assert found.loss < 1e-14
    gradient = ravel_pytree(problem.gradient(found.parameters))[0]
    np.testing.assert_allclose(np.linalg.norm(gradient), found.gradient_norm, rtol=0.1)


def powers(w, chosen):
    return sum(c * w[0] ** p for c, p in zip(chosen, POWERS))


@pytest.mark.parametrize("power", POWERS)
def test_degenerate_minima(power):
    """The Hessian is 0 at the minimum, and Newton's method converges linearly."""
    chosen = jnp.array([[float(power == each) for each in POWERS]])
    problem = gf.Problem(Free(jnp.ones(1)), powers, (jnp.ones(1), chosen))
    found = critical_point(problem)
    assert found.converged
    w = abs(found.parameters.w[0])
    assert power * w ** (power - 1) <= 1e-13
    np.testing.assert_allclose(found.newton_step, w / (power - 1), rtol=1e-6)


@BOTH
def test_an_infimum_at_infinity(dense):
    """Separable logistic regression; e^{−x} beside a parabola, to below round-off."""
    sides = jnp.sign(X[:, 0] - X[:, 1] + 0.3)
    model = eqx.nn.Linear(2, "scalar", key=jax.random.key(0))
    loss = lambda z, y: jnp.logaddexp(0.0, -y * z)
    separable = gf.Problem(model, loss, (X[:, :2], sides))
    plain = landscape(lambda w: jnp.exp(-w[0]) + w[1] ** 2, [1.0, 0.3])
    for problem in (separable, plain):
        found = critical_point(problem, dense=dense)
        assert found.ending == Ending.not_attained and not found.converged
        assert found.gradient_norm <= 1e-14
    few = critical_point(separable, max_iterations=3, dense=dense)
    assert few.ending == Ending.max_iterations_reached and few.iterations == 3
    mixed = gf.Problem(model, loss, (X[:, :2], jnp.sign(X[:, 2])))
    assert critical_point(mixed, dense=dense).converged


def test_round_off_is_told():
    """A slope of 1e6 sinh with one of 10³: nothing under 1e-12 is to be had."""
    noisy = landscape(
        lambda w: 1e6 * jnp.cosh(w[0] - 3) + 1e3 * (jnp.cos(w[1] - 1) + 1e-3 * w[0]),
        [1.0, 0.3],
    )
    found = critical_point(noisy)
    assert found.ending == Ending.round_off and found.gradient_norm > 1e-13
    assert found.hvps % 2 == 0 and found.hvps < 2 * (found.iterations + 1)
    assert critical_point(noisy, gradient_norm=1e-8).converged


def test_a_loss_far_above_its_differences():
    """1e6 + f: the loss is blind under 1e-10, and the gradient decides."""
    offset = polynomial([1.0, 0.3], a=1, b=2, c=1e6, f=1)
    found = critical_point(offset)
    assert found.converged and found.gradient_norm <= 1e-13
    np.testing.assert_allclose(found.parameters.w, [2**0.5, 0], atol=1e-14)


def test_not_finite_at_the_start():
    found = critical_point(landscape(lambda w: jnp.log(w[0]), [-1.0]))
    assert found.ending == Ending.non_finite and not found.converged


def test_single_precision():
    found = critical_point(teacher_student(0, jnp.float32), gradient_norm=1e-3)
    assert found.converged and found.loss.dtype == jnp.float32
    quadratic = landscape(lambda w: jnp.sum((w - 1) ** 2), [0.0, 3.0], jnp.float32)
    found = critical_point(quadratic)
    assert found.converged and found.gradient_norm <= 5e-5


def test_inside_jit_and_vmap_and_without_compiling_again():
    wells = lambda w: jnp.sum((w**2 - 1) ** 2)
    problem = landscape(wells, [0.5, -0.3])
    traces = []

    @jax.jit
    def run(starts, threshold):
        traces.append(None)
        one = lambda w: critical_point(problem, Free(w), gradient_norm=threshold)
        return jax.vmap(one)(starts)

    starts = jnp.array([[0.5, -0.3], [3.0, 0.2], [0.0, 0.0], [1.0, 1.0]])
    found = run(starts, 1e-12)
    assert np.all(found.converged)
    np.testing.assert_allclose(jnp.abs(found.parameters.w), 1.0, atol=1e-13)
    alone = critical_point(problem, Free(starts[1]), gradient_norm=1e-12)
    assert found.iterations[1] == alone.iterations and found.iterations[3] == 0
    np.testing.assert_allclose(found.parameters.w[1], alone.parameters.w, atol=1e-14)
    loose = run(starts, 1e-2)
    assert len(traces) == 1 and np.sum(loose.iterations) < np.sum(found.iterations)


@pytest.mark.parametrize(
    "options, error, match",
    [
        ({"gradient_norm": 0.0}, gf.SolveError, "gradient_norm must be positive"),
        ({"max_iterations": -1}, gf.SolveError, "max_iterations must be positive"),
        ({"weight_decay": -0.1}, gf.SolveError, "weight_decay must be at least 0"),
        ({"parameters": Free(jnp.ones(3))}, gf.ProblemError, "like Problem.parameters"),
    ],
)
def test_misuse(options, error, match):
    with pytest.raises(error, match=match):
        critical_point(product_problem(), **options)
