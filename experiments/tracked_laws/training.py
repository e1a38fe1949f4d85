"""SGD with the sum of what each step does to a quadratic law, kept beside the law."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from subjects import Subject

import gfflow as gf


@eqx.filter_jit
def _run(problem: gf.Problem, functions, batch: int, learning_rate, steps: int):
    start, rest = eqx.partition(problem.model, eqx.is_inexact_array)

    def value(parameters, index):
        inputs, targets = problem.inputs[index], problem.targets[index]
        model = eqx.combine(parameters, rest)
        one = lambda x, y: problem.loss(model(x), y)
        return jnp.mean(jax.vmap(one)(inputs, targets))

    of = lambda tree: [f(eqx.combine(tree, rest)) for f in functions]
    add = lambda a, b: jax.tree_util.tree_map(jnp.add, a, b)

    def step(carry, k):
        parameters, sums = carry
        key = jax.random.fold_in(jax.random.key(0), k)
        index = jax.random.randint(key, (batch,), 0, problem.samples)
        gradient = jax.grad(value)(parameters, index)
        moved = jax.tree_util.tree_map(lambda g: -learning_rate * g, gradient)
        return (add(parameters, moved), add(sums, of(moved))), None

    zeros = jax.tree_util.tree_map(jnp.zeros_like, of(start))
    (end, sums), _ = jax.lax.scan(step, (start, zeros), jnp.arange(steps))
    change = [b - a for a, b in zip(of(start), of(end))]
    return change, sums, of(start)


def drift(subject: Subject, learning_rate: float, time: float):
    """h(θ_n) − h(θ_0) and η² Σ h(g_k), of what is tracked and of the law.

    **Returns:** two pairs of arrays.
    """
    change, sums, _ = _run(
        subject.problem,
        (subject.tracked, subject.law),
        subject.batch,
        jnp.asarray(learning_rate),
        round(time / learning_rate),
    )
    return [(np.asarray(a), np.asarray(b)) for a, b in zip(change, sums)]
