"""A problem as discovery sees it: flat parameters, and data to be drawn at random."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, PyTree

from .. import losses
from .._errors import DiscoveryError, ProblemError
from .._parameters import parameter_paths
from .._precision import coarsest_precision
from .._problem import Problem
from .._random_data import random_inputs, random_targets
from .._registry import suggest
from ._cotangents import cotangent_span
from ._polynomial import Layout

_SAMPLES = 16
_DECADES = 2.5

Datum = PyTree[Array]


class Subject(NamedTuple):
    """Fields X(ψ) = ∇_ψ ⟨w, g(θ, x)⟩, θ = √s ∘ ψ, for every x and every w in V.

    In ψ the flow θ' = −s ∘ ∇L is plain gradient flow. Where V depends on the
    prediction, the fields are ∇_ψ ℓ(g(θ, x), y), whose pointwise span, and with it
    that of their brackets, is the same.

    With weight decay the fields are those of g(cθ, x) too, for every c > 0: W and all
    that the flow of −λθ makes of it. A function constant along these is a sum of
    homogeneous ones that are, and a homogeneous one of degree q decays as e^{−qλt}.

    **Attributes:**

    - `layout`: the arrays that ψ is made of.
    - `start`: ψ at the problem's parameters, `(D,)`.
    - `roots`: √s, `(D,)`.
    - `value`: (ψ, datum) → the scalar whose gradient is one field.
    - `draw`: (random, count) → that many data, leaves `(count, ...)`.
    - `precision`: the machine precision of the coarsest float on the way.
    - `kinks`: whether the model compares numbers (`max`, `select`, …).
    """

    layout: Layout
    start: np.ndarray
    roots: np.ndarray
    value: Callable[[Float[Array, " D"], Datum], Float[Array, ""]]
    draw: Callable[[np.random.Generator, int], Datum]
    precision: float
    kinks: bool


def problem_without_data(
    model: Any, input_shape: Any, loss: Callable | str = "mse"
) -> Problem:
    """A problem on random data, for a model of which only the input shape is known.

    **Arguments:**

    - `input_shape`: of one sample: a tuple of integers, or a
        `jax.ShapeDtypeStruct` (or a pytree of them) for inputs that are not floats.
    - `loss`: as for `Problem`.

    **Raises:** `DiscoveryError` if the model or the loss cannot be called so.
    """
    if isinstance(input_shape, int):
        input_shape = (input_shape,)
    if isinstance(input_shape, tuple) and all(isinstance(n, int) for n in input_shape):
        input_shape = jax.ShapeDtypeStruct(input_shape, jnp.result_type(float))
    random = np.random.default_rng(0)

    def inputs(spec):
        if not hasattr(spec, "shape"):
            raise DiscoveryError(
                "the input shape is a tuple of integers or a jax.ShapeDtypeStruct; "
                f"got {spec!r}"
            )
        shape = (_SAMPLES, *spec.shape)
        if jnp.issubdtype(spec.dtype, jnp.floating):
            return jnp.asarray(random.standard_normal(shape), spec.dtype)
        return jnp.asarray(random.integers(0, 2, shape), spec.dtype)

    x = jtu.tree_map(inputs, input_shape)
    try:
        z = jax.eval_shape(jax.vmap(model), x)
    except Exception as error:
        line = str(error).splitlines()[0] if str(error) else ""
        raise DiscoveryError(
            f"the model cannot be called on one input of {input_shape}: "
            f"{type(error).__name__}: {line}"
        ) from error
    tries = [_probabilities(random, z)]
    if loss in ("logistic", losses.logistic):
        tries = [jtu.tree_map(lambda a: jnp.ones(a.shape, a.dtype), z)]
    leaves = jtu.tree_leaves(z)
    if len(leaves) == 1 and leaves[0].ndim == 2:
        tries.append(jnp.arange(_SAMPLES) % leaves[0].shape[1])
    for number, y in enumerate(tries):
        try:
            return Problem(model, loss, (x, y))
        except ProblemError as error:
            if number == len(tries) - 1:
                raise DiscoveryError(
                    f"no targets are known that the loss takes: {error}; give a "
                    "Problem with data instead"
                ) from error
    raise AssertionError


def _probabilities(random, z):
    leaves, structure = jtu.tree_flatten(z)
    drawn = []
    for leaf in leaves:
        values = jax.nn.softmax(random.standard_normal(leaf.shape), axis=-1)
        many = leaf.ndim > 1 and leaf.shape[-1] > 1
        values = values if many else random.standard_normal(leaf.shape)
        drawn.append(jnp.asarray(values, leaf.dtype))
    return jtu.tree_unflatten(structure, drawn)


def subject_of(
    problem: Problem, only: Sequence[str] | None = None, decays: bool = False
) -> Subject:
    """**Arguments:**

    - `only`: paths (or prefixes of paths) of the parameters whose laws are wanted. The
        other ones then count as data: they take every value, so that a law found is
        one of these parameters alone, whatever the rest does.
    - `decays`: whether the flow has weight decay.

    **Raises:** `DiscoveryError` for a path that names no parameter.
    """
    leaves, structure = jtu.tree_flatten(problem.parameters)
    paths = parameter_paths(problem.parameters)
    rates = problem.scaled(jtu.tree_map(jnp.ones_like, problem.parameters))
    chosen = _chosen(paths, only)
    pick = lambda values: [v for v, c in zip(values, chosen) if c]
    start, unravel = ravel_pytree(pick(leaves))
    roots = np.sqrt(np.asarray(ravel_pytree(pick(jtu.tree_leaves(rates)))[0]))
    rest = [v for v, c in zip(leaves, chosen) if not c]

    def predict(psi, x, others):
        own, others = iter(unravel(psi * roots)), iter(others)
        whole = [next(own) if c else next(others) for c in chosen]
        model = problem.model_at(jtu.tree_unflatten(structure, whole))
        return ravel_pytree(model(x))

    unflatten = _unflattener(problem)
    random = np.random.default_rng(0)
    flat_loss = lambda z, y: problem.loss(unflatten(z), y)
    one = jtu.tree_map(lambda a: a[0], problem.inputs)
    size = jax.eval_shape(lambda p: predict(p, one, rest)[0], start).shape[0]
    span = cotangent_span(
        flat_loss,
        random.standard_normal((3, size)),
        lambda count: _draw_targets(random, problem, count),
    )
    constant = span is not None

    def value(psi, datum):
        x, others, w, c = datum
        z = predict(c * psi, x, others)[0]
        return z @ w if constant else flat_loss(z, w)

    def draw(random, count):
        x = _draw_inputs(random, problem, count)
        others = [_draw_parameters(random, leaf, count) for leaf in rest]
        factors = np.exp(random.uniform(-1, 1, count)) if decays else np.ones(count)
        if constant:
            w = jnp.asarray(random.standard_normal((count, len(span))) @ span)
        else:
            w = _draw_targets(random, problem, count)
        return x, others, w, jnp.asarray(factors)

    sample = jtu.tree_map(lambda a: a[0], draw(random, 1))
    names = tuple(pick(paths))
    return Subject(
        Layout(names, tuple(tuple(leaf.shape) for leaf in pick(leaves))),
        np.asarray(start) / roots,
        roots,
        value,
        draw,
        coarsest_precision(value, start, sample),
        _compares(jax.make_jaxpr(value)(start, sample).jaxpr),
    )


def _chosen(paths: list[str], only: Sequence[str] | None) -> list[bool]:
    if only is None:
        return [True] * len(paths)
    only = [only] if isinstance(only, str) else list(only)
    below = lambda path, prefix: (
        path.startswith(prefix) and path[len(prefix) :][:1] in ("", ".", "[")
    )
    for prefix in only:
        if not any(below(path, prefix) for path in paths):
            raise DiscoveryError(
                f"only: no parameter of path {prefix!r}{suggest(prefix, paths)}; "
                f"there are: {', '.join(paths)}"
            )
    return [any(below(path, prefix) for prefix in only) for path in paths]


def _unflattener(problem: Problem) -> Callable:
    one = jtu.tree_map(lambda a: a[0], problem.inputs)
    shape = jax.eval_shape(problem.model, one)
    zeros = jtu.tree_map(lambda s: jnp.zeros(s.shape, s.dtype), shape)
    return ravel_pytree(zeros)[1]


def _draw_inputs(random, problem: Problem, count: int):
    """Gaussians of sizes over five decades around that of the data."""
    scales = 10 ** random.uniform(-_DECADES, _DECADES, count)
    scales[: count // 4] = 1.0
    random.shuffle(scales)
    most = max(max(x.shape, default=1) for x in jtu.tree_leaves(problem.parameters))

    def one(x):
        if jnp.issubdtype(x.dtype, jnp.floating):
            drawn = random_inputs(random, x, count)
            return drawn * scales.reshape(-1, *(1,) * (drawn.ndim - 1))
        if x.dtype == bool:
            return random_inputs(random, x, count)
        least, top = int(jnp.min(x)), max(int(jnp.max(x)), most)
        shape = (count, *x.shape[1:])
        return jnp.asarray(random.integers(least, top + 1, shape), x.dtype)

    return jtu.tree_map(one, problem.inputs)


def _draw_targets(random, problem: Problem, count: int):
    return jtu.tree_map(lambda y: random_targets(random, y, count), problem.targets)


def _draw_parameters(random, leaf, count: int) -> Array:
    size = float(jnp.sqrt(jnp.mean(leaf**2))) or 1.0
    return jnp.asarray(size * random.standard_normal((count, *leaf.shape)), leaf.dtype)


_COMPARISONS = frozenset("max min abs sign select_n gt ge lt le clamp sort".split())


def _compares(jaxpr: Any) -> bool:
    for equation in jaxpr.eqns:
        if equation.primitive.name in _COMPARISONS:
            return True
        for value in jtu.tree_leaves(
            list(equation.params.values()), is_leaf=lambda v: hasattr(v, "eqns")
        ):
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns") and _compares(inner):
                return True
    return False
