"""A problem under a flow as discovery sees it: a flat state, and fields on it."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, PyTree

from ..._errors import DiscoveryError
from ..._precision import coarsest_precision
from ..._registry import suggest
from ...flows import AbstractFlow, MirrorFlow
from ...problem import Problem, below, parameter_paths, random_inputs, random_targets
from ..polynomials import Layout, rational_basis
from ._bare import bare
from ._cotangents import cotangent_span
from ._program import compares, is_polynomial_in_pieces

_DECADES = 2.5
_SEVERAL = 4

Datum = PyTree[Array]
Vector = Float[Array, " S"]
Clock = tuple[tuple[str, Callable[[Any], Any]], ...]


class Subject(NamedTuple):
    """What a flow does with the gradient of ⟨w, g(θ, x)⟩, for every x and w in V.

    Where the flow is not affine in the gradient, the fields are what sums of several
    gradients with random weights add to it: those of data sets. A function is a law if
    it is constant along all of these, and the drift.

    Where V depends on the prediction, the gradients are those of ℓ(g(θ, x), y), whose
    pointwise span, and with it that of the brackets, is the same. A flow that moves
    without a gradient has time as its first coordinate, and a drift.

    Under weight decay a gradient flow has the gradients of g(cθ, x) too, for every
    c > 0: W and all that the flow of −λθ makes of it. A function constant along these
    is a sum of homogeneous ones that are, and one of degree q decays as e^{−qλt}.

    **Attributes:**

    - `layout`: the variables of a law: functions of time (`clock`), then the state.
    - `clock`: their names and the functions; empty without a drift.
    - `start`: the state z at the problem's parameters, `(S,)`.
    - `field`: (z, datum) → what one gradient adds to dz/dt.
    - `drift`: z → dz/dt without one, or `None`.
    - `draw`: (random, count, together) → that many data, leaves `(count, ...)`; inputs
        are of like size in runs of so many.
    - `draw_whole`: (random, count, bound) → that many data of whole numbers up to the
        bound; `None` where cotangents cannot be whole.
    - `inside`: puts any z into the domain of the flow.
    - `homogeneous`: whether only homogeneous laws count (weight decay).
    - `precision`: the machine precision of the coarsest float on the way.
    - `kinks`: whether the model compares numbers (`max`, `select`, …).
    - `polynomial`: whether the field is a polynomial, in each region between kinks.
    """

    layout: Layout
    clock: Clock
    start: np.ndarray
    field: Callable[[Vector, Datum], Vector]
    drift: Callable[[Vector], Vector] | None
    draw: Callable[[np.random.Generator, int, int], Datum]
    draw_whole: Callable[[np.random.Generator, int, int], Datum | None]
    inside: Callable[[np.ndarray], np.ndarray]
    homogeneous: bool
    precision: float
    kinks: bool
    polynomial: bool

    @property
    def size(self) -> int:
        """S."""
        return len(self.start)

    def variables(self, z: np.ndarray, along: np.ndarray):
        """The variables of laws at z, and their change along vectors, a row each."""
        if not self.clock:
            return np.tile(z, (len(along), 1)), along
        times, rates = self.times(z)
        moved = along[:, :1] * rates[None]
        x = np.concatenate([times, z[1:]])
        return np.tile(x, (len(along), 1)), np.concatenate([moved, along[:, 1:]], 1)

    def times(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The functions of time at z, and their derivatives."""
        pairs = [
            jax.jvp(f, (jnp.asarray(z[0]),), (jnp.asarray(1.0),)) for _, f in self.clock
        ]
        return tuple(np.array([float(p[k]) for p in pairs]) for k in (0, 1))  # pyright: ignore


def subject_of(
    problem: Problem, flow: AbstractFlow, only: Sequence[str] | None = None
) -> Subject:
    """**Arguments:**

    - `only`: paths (or prefixes of paths) of the parameters whose laws are wanted. The
        other ones then count as data: they take every value, so that a law found is
        one of these parameters alone, whatever the rest does.

    **Raises:** `DiscoveryError` for a path that names no parameter, or `only` with a
    flow whose state is more than the parameters.
    """
    decay = flow.homogeneous_decay()
    decays = callable(decay) or float(decay) > 0
    flow = bare(flow)
    state = flow.initial_state(problem)
    leaves, structure = jtu.tree_flatten(state)
    paths = parameter_paths(state)
    timed = flow.has_memory
    if timed and only is not None:
        raise DiscoveryError(
            "only is for flows whose state is the parameters; "
            f"got {type(flow).__name__}"
        )
    chosen = _chosen(paths, only)
    pick = lambda values: [v for v, c in zip(values, chosen) if c]
    start, unravel = ravel_pytree(pick(leaves))
    rest = [v for v, c in zip(leaves, chosen) if not c]
    scalar, draw_data, draw_whole_data = _scalar(problem)

    def whole(z, others):
        own, others = iter(unravel(z[1:] if timed else z)), iter(others)
        each = [next(own) if c else next(others) for c in chosen]
        return jtu.tree_unflatten(structure, each)

    def flat(response, rate):
        vector = ravel_pytree(pick(jtu.tree_leaves(response)))[0]
        return jnp.concatenate([jnp.full(1, rate), vector]) if timed else vector

    def at(z, others):
        """The parameters at z, and (gradient) → dstate/dt."""
        here = whole(z, others)
        t = z[0] if timed else jnp.asarray(0.0)
        respond = lambda gradient: flow.response(t, here, gradient, problem)
        return flow.parameters(here), respond

    def field(z, datum):
        others, c, data = datum
        parameters, respond = at(z, others)
        scaled = lambda p: jtu.tree_map(lambda a: c * a, p)
        if flow.affine:
            gradient = jax.grad(lambda p: scalar(scaled(p), data))(parameters)
            return flat(jax.jvp(respond, (gradient,), (gradient,))[1], 0.0)
        several = lambda p: jnp.sum(jax.vmap(lambda d: scalar(scaled(p), d))(data))
        gradient = jax.grad(several)(parameters)
        still = jtu.tree_map(jnp.zeros_like, gradient)
        pushed, free = (flat(respond(g), 0.0) for g in (gradient, still))
        return pushed - free

    def drift(z):
        parameters, respond = at(z, rest)
        return flat(respond(jtu.tree_map(jnp.zeros_like, parameters)), 1.0)

    def draw(random, count, together):
        others = [_draw_parameters(random, leaf, count) for leaf in rest]
        factors = np.exp(random.uniform(-1, 1, count)) if decays else np.ones(count)
        factors = jnp.asarray(factors)
        if flow.affine:
            return others, factors, draw_data(random, count, together)
        data = draw_data(random, count * _SEVERAL, together * _SEVERAL)
        split = lambda a: a.reshape(count, _SEVERAL, *a.shape[1:])
        return others, factors, jtu.tree_map(split, data)

    def draw_whole(random, count, bound):
        others = [_draw_whole(random, leaf, count, bound) for leaf in rest]
        datum = draw_whole_data(random, count, bound) if flow.affine else None
        return None if datum is None else (others, jnp.ones(count), datum)

    def inside(z):
        if not isinstance(flow, MirrorFlow):
            return z
        return np.asarray(
            ravel_pytree(pick(jtu.tree_leaves(flow.inside(whole(z, rest)))))[0]
        )

    clock = _clock(flow)
    names = (*(name for name, _ in clock), *pick(paths))
    shapes = (*((),) * len(clock), *(tuple(leaf.shape) for leaf in pick(leaves)))
    start = np.asarray(start)
    if timed:
        start = np.concatenate([[1.0], start])
    sample = jtu.tree_map(lambda a: a[0], draw(np.random.default_rng(0), 1, 1))
    program = jax.make_jaxpr(field)(start, sample).jaxpr
    return Subject(
        Layout(names, shapes),
        clock,
        start,
        field,
        drift if timed else None,
        draw,
        draw_whole,
        inside,
        decays,
        coarsest_precision(field, start, sample),
        compares(program),
        is_polynomial_in_pieces(program),
    )


def cotangents_of(problem: Problem) -> np.ndarray | None:
    """V of a problem's loss: see `cotangent_span`."""
    random = np.random.default_rng(0)
    one = jtu.tree_map(lambda a: a[0], problem.inputs)
    flat = lambda p: ravel_pytree(problem.model_at(p)(one))[0]
    size = jax.eval_shape(flat, problem.parameters).shape[0]
    unflatten = _unflattener(problem)
    return cotangent_span(
        lambda z, y: problem.loss(unflatten(z), y),
        random.standard_normal((3, size)),
        lambda count: _draw_targets(random, problem, count),
    )


def _scalar(problem: Problem):
    """(parameters, datum) → ⟨w, g(θ, x)⟩ or ℓ(g(θ, x), y), and how data are drawn,
    any or of whole numbers."""
    predict = lambda p, x: ravel_pytree(problem.model_at(p)(x))[0]
    unflatten = _unflattener(problem)
    flat_loss = lambda z, y: problem.loss(unflatten(z), y)
    span = cotangents_of(problem)

    def scalar(parameters, datum):
        x, w = datum
        z = predict(parameters, x)
        return flat_loss(z, w) if span is None else z @ w

    def draw(random, count, together):
        x = _draw_inputs(random, problem, count, together)
        if span is None:
            return x, _draw_targets(random, problem, count)
        return x, jnp.asarray(random.standard_normal((count, len(span))) @ span)

    def draw_whole(random, count, bound):
        if span is None or len(whole := rational_basis(span)) < len(span):
            return None
        x = jtu.tree_map(
            lambda x: (
                _draw_whole(random, x[0], count, bound)
                if jnp.issubdtype(x.dtype, jnp.floating)
                else _draw_discrete(random, problem, x, count)
            ),
            problem.inputs,
        )
        basis = np.array([[float(entry) for entry in row] for row in whole])
        w = random.integers(-bound, bound + 1, (count, len(basis))) @ basis
        return x, jnp.asarray(w)

    return scalar, draw, draw_whole


def _clock(flow: AbstractFlow) -> Clock:
    if not flow.has_memory:
        return ()
    friction = getattr(flow.base, "friction", None)
    if friction is None:
        return (("t", lambda t: t),)
    time = ("t", lambda t: t)
    if friction.factor(1.0) is None or friction.factor_name == "1":
        return (time,)
    return (time, (friction.factor_name, friction.factor))


def _chosen(paths: list[str], only: Sequence[str] | None) -> list[bool]:
    if only is None:
        return [True] * len(paths)
    only = [only] if isinstance(only, str) else list(only)
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


def _draw_inputs(random, problem: Problem, count: int, together: int):
    """Gaussians of sizes over five decades around that of the data, a quarter of that
    itself."""
    runs = count // together
    scales = 10 ** random.uniform(-_DECADES, _DECADES, runs)
    scales[: runs // 4] = 1.0
    random.shuffle(scales)
    scales = np.repeat(scales, together)

    def one(x):
        if not jnp.issubdtype(x.dtype, jnp.floating):
            return _draw_discrete(random, problem, x, count)
        drawn = random_inputs(random, x, count)
        return drawn * scales.reshape(-1, *(1,) * (drawn.ndim - 1))

    return jtu.tree_map(one, problem.inputs)


def _draw_discrete(random, problem: Problem, x: Array, count: int) -> Array:
    """Truth values; or indices up to the largest size of a parameter."""
    if x.dtype == bool:
        return random_inputs(random, x, count)
    most = max(max(p.shape, default=1) for p in jtu.tree_leaves(problem.parameters))
    least, top = int(jnp.min(x)), max(int(jnp.max(x)), most)
    shape = (count, *x.shape[1:])
    return jnp.asarray(random.integers(least, top + 1, shape), x.dtype)


def _draw_targets(random, problem: Problem, count: int):
    return jtu.tree_map(lambda y: random_targets(random, y, count), problem.targets)


def _draw_parameters(random, leaf, count: int) -> Array:
    size = float(jnp.sqrt(jnp.mean(leaf**2))) or 1.0
    return jnp.asarray(size * random.standard_normal((count, *leaf.shape)), leaf.dtype)


def _draw_whole(random, leaf, count: int, bound: int) -> Array:
    drawn = random.integers(-bound, bound + 1, (count, *leaf.shape))
    return jnp.asarray(drawn, leaf.dtype)
