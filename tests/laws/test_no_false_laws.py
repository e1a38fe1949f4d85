"""What is named as a law is one, far from where it was looked for too; and a list that
leaves some out says so."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import gfflow as gf

from ..variants import variants
from .deceptive_models import KINDS

FLOW = gf.GradientFlow()
SCALES = (1e-3, 1.0, 1e3)
QUICK = (
    "a sharp softplus",
    "a small ε",
    "one gradient that is clipped",
    "a second head of little weight",
    "layers that are parts of one array",
    "the first of several experts",
    "single precision on the way",
    "a gradient that is reversed",
)


def problem_of(name):
    kind, random = KINDS[name], np.random.default_rng(0)
    draw = lambda shape: jnp.asarray(random.standard_normal(shape))
    params = {path: draw(shape) for path, shape in kind.shapes.items()}
    data = draw((8, kind.inputs)), draw((8, kind.outputs))
    return gf.Problem.from_function(kind.fn, params, kind.loss, data)


def size_of(laws, problem):
    return sum(np.size(law(0.0, problem.model)) for law in laws)


def largest_rate(laws, problem):
    """⟨∇h, ∇L⟩ in units of its terms, or of 10⁻¹² ‖∇h‖‖∇L‖ where these are less, which
    are round-off of what cancels in the gradient; at parameters and inputs of sizes
    over six decades each, with targets like the inputs."""
    flat, unravel = ravel_pytree(problem.parameters)
    random, largest = np.random.default_rng(5), 0.0

    @jax.jit
    def both(at, inputs, targets, weights):
        model = lambda at: problem.model_at(unravel(at))
        values = lambda at: jnp.concatenate(
            [jnp.ravel(law(0.0, model(at))) for law in laws]
        )
        here = problem.with_data(inputs, targets, weights)
        gradient = ravel_pytree(here.gradient(unravel(at)))[0]
        return jax.jacobian(values)(at), gradient

    normal = lambda like, scale: jnp.asarray(scale * random.standard_normal(like.shape))
    for scale in SCALES:
        for data_scale in SCALES:
            data = normal(problem.inputs, data_scale), normal(problem.targets, 1.0)
            rows, g = both(normal(flat, scale), *data, normal(jnp.zeros(8), 1.0))
            rows, g = np.asarray(rows), np.asarray(g)
            if not np.max(np.abs(g)) < 1e100:
                continue
            lengths = np.linalg.norm(rows, axis=1) * np.linalg.norm(g)
            terms = np.maximum(np.abs(rows) @ np.abs(g), 1e-12 * lengths)
            left = np.abs(rows @ g) / np.where(terms > 0, terms, 1.0)
            largest = max(largest, np.max(left))
    return largest


@pytest.mark.parametrize("name", variants(list(KINDS), slow=set(KINDS) - set(QUICK)))
def test_what_is_named(name):
    kind, problem = KINDS[name], problem_of(name)
    laws = gf.known_laws(problem, FLOW)
    assert size_of(laws, problem) == kind.named <= kind.laws
    assert laws.note or kind.named == kind.laws
    assert not laws or largest_rate(laws, problem) < 1e-9


@pytest.mark.parametrize(
    "name", variants(list(KINDS), slow=set(KINDS) - {"whole numbers for weights"})
)
def test_what_is_found(name):
    """Near the start and for data of about the sizes of the problem's: no more than
    there are in a region where the model is of another form further out."""
    kind = KINDS[name]
    found = gf.discover(problem_of(name))
    assert found.number == kind.found


NAMED = [name for name, kind in KINDS.items() if kind.named]


@pytest.mark.parametrize(
    "name", variants(NAMED, slow=set(NAMED) - {"a gradient that is reversed"})
)
def test_a_run_keeps_what_is_named(name):
    problem = problem_of(name)
    laws = gf.known_laws(problem, FLOW)
    solution = gf.solve(FLOW, problem, t1=0.3, rtol=1e-7, solver="tsit5")
    report = gf.check(solution, laws, ladder=False)
    assert {one.verdict for one in report.values()} == {"conserved"}
