"""A solver with a projection back to conservation laws after each step."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, final, get_args

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from diffrax._term import WrapTerm
from jaxtyping import Array, PyTree

from ..._errors import SolveError
from ..._typing import Scalar, ScalarLike, State
from ...flows import AbstractFlow
from ...laws import Degree, Law
from ...problem import Problem
from .._constants import (
    PROJECTION_CORRECTIONS,
    PROJECTION_ROUND_OFFS,
)
from ..protocol import (
    AbstractWrapper,
    AbstractWrapperState,
    SolverProperties,
    traced_once,
)
from ._balancing import balanced
from ._gauss_newton import gauss_newton, restored
from ._rescaling import rescaled
from ._units import sees_its_parameters, symmetries_of
from ._way_back import Way, way_back


class ProjectedState(AbstractWrapperState):
    """**Attributes:**

    - `inner`: the state of the solver inside.
    - `t0`, `start`: where the laws were read, and their values there, one array a law.
    - `removed`: Σ |h − h(0)| that was taken out, over the accepted steps, like `start`.
        For a true law it is the drift that the solver inside would have made, which
        shrinks with the tolerance; for a false one it does not.
    """

    inner: PyTree
    t0: Scalar
    start: tuple[Array, ...]
    removed: tuple[Array, ...]


@final
class Projected(AbstractWrapper[ProjectedState]):
    """Another solver, whose every step ends on the level set {h = h(0)} of the laws.

    This is the standard projection method (Hairer, Lubich & Wanner, Geometric Numerical
    Integration, Algorithm IV.4.2): the solver inside makes its step and its error
    estimate, then the state goes back to h = h(0). The exact solution lies there, so
    the way back is at most about as long as the local error, and the order stays what
    it was. A law with a stated `decay_rate` goes back to e^{−rate·(t − t0)} h(t0).
    Interpolants are projected where they are evaluated.

    The way back is along ∇h (`gauss_newton`), but for two kinds of law, if there are no
    others, along the symmetry that they come from: rescaling laws of homogeneous
    networks (`rescaled`, in closed form for one layer) and balancedness of linear ones
    (`balanced`). That changes no prediction of the network and no loss.

    It works in `jit`, `vmap` and both modes of differentiation where the solver inside
    does (not in `BacksolveAdjoint`, which has another state). A law that does not hold
    is enforced all the same, as far as it can be: that is the run of another flow, and
    `ProjectedState.removed` shows it.

    **Cost:** one evaluation of h where the drift is round-off (known only of laws that
    have `absolute`). Otherwise 2 to 4 corrections, each of them two evaluations of h
    and: sums of squares (rescaling); an r × r eigenproblem (balancedness of r units);
    m pairs of a vjp and a jvp of h and an m × m Cholesky factorisation (any m laws).
    Runge–Kutta methods that carry the last slope of a step into the next (Tsit5,
    Dopri5, Dopri8, Kvaerno) take it anew: one gradient more for each attempted step.
    (Collocation and ROCK carry it on: their guesses and first stages are off by no
    more than the local error.)

    **Attributes:**

    - `solver`: the solver inside.
    - `laws`: all as `gfflow.Law`.
    - `view`: `view(state, args)` is what a law is called on; `None`: the state itself.
    - `corrections`: how many a step at most.
    - `way`: how the laws are restored if the arrays they name are in the state.
    """

    solver: diffrax.AbstractSolver
    laws: tuple[Law, ...]
    view: Callable[[State, Any], Any] | None
    corrections: int = eqx.field(static=True)
    way: Way = eqx.field(static=True)

    def __init__(
        self,
        solver: diffrax.AbstractSolver,
        laws: Law | Callable | Sequence[Law | Callable],
        *,
        view: Callable[[State, Any], Any] | None = None,
        corrections: int = PROJECTION_CORRECTIONS,
    ):
        """**Arguments:**

        - `solver`: any Diffrax solver of ordinary differential equations.
        - `laws`: `gfflow.Law`s, or functions `h(y)` or `h(t, y)` to arrays, or one of
            these. Laws may depend on each other.
        - `view`: see the attribute. `gfflow.solve` puts in its flow's; with plain
            Diffrax and laws of models, `lambda y, problem: problem.model_at(y)`.
        - `corrections`: see the attribute.

        **Raises:** `SolveError` for something that is not a solver, no laws, or fewer
        than one correction; `LawError` for something that is not a law.
        """
        if not isinstance(solver, diffrax.AbstractSolver):
            raise SolveError(f"wanted a Diffrax solver; got {type(solver).__name__}")
        laws = [laws] if callable(laws) else list(laws)
        if not laws:
            raise SolveError("Projected wants at least one law to project to; got none")
        if not isinstance(corrections, int) or corrections < 1:
            raise SolveError(f"corrections must be a positive int; got {corrections!r}")
        self.solver = solver  # pyright: ignore
        self.laws = tuple(law if isinstance(law, Law) else Law(law) for law in laws)
        changing = [law.name for law in self.laws if law.production is not None]
        if changing:
            raise SolveError(
                "Projected cannot enforce laws that state a production: "
                f"{', '.join(changing)}; leave them out"
            )
        self.view = view
        self.corrections = corrections
        self.way = way_back(self.laws)

    @property
    def enforced(self) -> tuple[str, ...]:
        """The names of the laws, which hold because they are enforced."""
        return tuple(law.name for law in self.laws)

    @property
    def properties(self) -> SolverProperties:
        """Those of the solver inside, with the slopes that are taken anew.

        No law counts as evidence: the enforced ones because they are, the others
        because the way back does not stay on their levels.
        """
        inner = self.inside.properties
        if inner.carries_slope and inner.gradients_a_step is not None:
            count = inner.gradients_a_step + inner.gradients_at_start
            inner = inner._replace(gradients_a_step=count, gradients_at_start=0)
        return inner._replace(
            name=f"projected_{inner.name}", exact_degrees=frozenset(get_args(Degree))
        )

    def fitted(
        self, flow: AbstractFlow, problem: Problem, rtol: ScalarLike
    ) -> "Projected":
        """With the solver inside fitted, and the laws called on what the flow shows
        unless a view was given."""
        inner = self.inside.fitted(flow, problem, rtol)
        solver = eqx.tree_at(lambda s: s.solver, self, inner)
        return solver if self.view is not None else solver.seen_through(flow.view)

    def finer(self) -> diffrax.AbstractAdaptiveSolver:
        """That of the solver inside: it enforces nothing."""
        return self.inside.finer()

    def seen_through(self, view: Callable[[State, Any], Any]) -> "Projected":
        """This solver with its laws called on `view(state, args)`."""
        return Projected(
            self.solver, self.laws, view=view, corrections=self.corrections
        )

    @property
    def interpolation_cls(self):  # pyright: ignore
        return _ProjectedInterpolations(
            self.solver.interpolation_cls, self.corrections, self.way
        )

    @property
    def scan_kind(self):
        """Diffrax's adjoints set it."""
        return self.solver.scan_kind  # pyright: ignore

    def init(self, terms, t0, t1, y0, args) -> ProjectedState:
        inner = self.solver.init(terms, t0, t1, y0, args)
        start = _Levels(self.laws, self.view, args).values(_direction(terms) * t0, y0)
        removed = tuple(jnp.zeros_like(h) for h in start)
        return ProjectedState(inner, jnp.asarray(t0), start, removed)

    @traced_once
    def _step(self, measure, terms, t0, t1, y0, args, solver_state, made_jump):
        made_jump = self.inside.properties.carries_slope or made_jump
        step = terms, t0, t1, y0, args, solver_state.inner, made_jump
        made, measured = self._inner_step(measure, *step)
        y1, error, dense, inner, result = made
        levels = _Levels(self.laws, self.view, args)
        origin = solver_state.t0
        clock = _Clock(origin, _direction(terms).astype(origin.dtype))
        target = levels.targets(clock.elapsed(t1), solver_state.start)
        now = clock.time(t1)
        drift = [jnp.abs(h - goal) for h, goal in zip(levels.values(now, y1), target)]
        removed = tuple(map(jnp.add, solver_state.removed, drift))
        state = ProjectedState(inner, solver_state.t0, solver_state.start, removed)
        packed = _pack(levels, now, y1, self.way)
        start = solver_state.start
        dense = dict(inner=dense, levels=packed, clock=clock, start=start)
        y1 = _project(levels, now, y1, target, self.corrections, self.way)
        return (y1, error, dense, state, result), measured


class _Levels(eqx.Module):
    """The laws as functions of the solver's state."""

    laws: tuple[Law, ...]
    view: Callable[[State, Any], Any] | None
    args: Any

    def seen(self, y) -> Any:
        return y if self.view is None else self.view(y, self.args)

    def values(self, t, y) -> tuple[Array, ...]:
        seen = self.seen(y)
        return tuple(law(t, seen) for law in self.laws)

    def targets(self, elapsed, start) -> tuple[Array, ...]:
        def one(law, h):
            if law.decay_rate is None:
                return h
            rate = jnp.asarray(law.decay_rate, h.dtype)
            return h * jnp.exp(-rate * elapsed.astype(h.dtype))

        return tuple(one(law, h) for law, h in zip(self.laws, start))

    def noise(self, t, y) -> tuple[Array, ...]:
        """A little more than the round-off in each h; 0 where it is not known."""
        seen = self.seen(jtu.tree_map(jnp.abs, y))

        def one(law, h):
            if law.absolute is None:
                return jnp.zeros_like(h)
            share = PROJECTION_ROUND_OFFS * jnp.finfo(h.dtype).eps
            return share * law.absolute_value(t, seen)

        return tuple(one(law, h) for law, h in zip(self.laws, self.values(t, y)))


class _Clock(eqx.Module):
    """Diffrax solves backwards in time by counting −t upwards."""

    t0: Scalar
    direction: Array

    def time(self, t):
        return t * self.direction

    def elapsed(self, t):
        return (t - self.t0) * self.direction


def _project(levels: _Levels, t, y, targets, corrections: int, way: Way) -> State:
    if way != "gauss-newton" and not sees_its_parameters(
        levels.laws, y, levels.seen(y)
    ):
        way = "gauss-newton"
    if way == "rescaling":
        return rescaled(levels.laws, y, targets)
    flat = lambda parts: jnp.concatenate([jnp.ravel(part) for part in parts])
    noise = flat(jax.lax.stop_gradient(levels.noise(t, y)))
    fn = lambda state: flat(levels.values(t, state))
    correction = balanced(levels.laws) if way == "balancing" else gauss_newton(fn)
    return restored(fn, y, flat(targets), noise, correction, corrections)


class _Packed(eqx.Module):
    """What an interpolant needs of the laws, their view and `args`: only arrays that
    they read, since it is kept for each step. The rest is their structure.
    """

    arrays: tuple[Array, ...]
    structure: tuple = eqx.field(static=True)

    def unpack(self) -> _Levels:
        treedef, leaves, used = self.structure
        arrays = dict(zip(used, self.arrays))

        def put(index, leaf):
            if not isinstance(leaf, jax.ShapeDtypeStruct):
                return leaf
            if index in arrays:
                return arrays[index].astype(leaf.dtype)
            return jnp.zeros(leaf.shape, leaf.dtype)

        leaves = [put(index, leaf) for index, leaf in enumerate(leaves)]
        return jtu.tree_unflatten(treedef, leaves)


def _pack(levels: _Levels, t, y, way: Way) -> _Packed:
    leaves, treedef = jtu.tree_flatten(levels)
    arrays = [i for i, x in enumerate(leaves) if isinstance(x, jax.Array | np.ndarray)]

    def read(values):
        full = dict(enumerate(leaves)) | dict(zip(arrays, values))
        levels = jtu.tree_unflatten(treedef, [full[i] for i in range(len(leaves))])
        values = levels.values(t, y)
        symmetries = () if way == "gauss-newton" else symmetries_of(levels.laws)
        rates = [symmetry.inverse_rates for symmetry in symmetries]
        return values, levels.targets(t, values), levels.noise(t, y), rates

    jaxpr = jax.make_jaxpr(read)([leaves[i] for i in arrays]).jaxpr
    names = {id(name) for equation in jaxpr.eqns for name in equation.invars}
    names |= {id(name) for name in jaxpr.outvars}
    used = tuple(i for i, name in zip(arrays, jaxpr.invars) if id(name) in names)
    kept = tuple(_floating(leaves[i]) for i in used)
    for i in arrays:
        leaves[i] = jax.ShapeDtypeStruct(jnp.shape(leaves[i]), leaves[i].dtype)
    return _Packed(kept, (treedef, tuple(leaves), used))


def _floating(array) -> Array:
    """Diffrax fills the rows of its dense output with infinity, so they are floats."""
    array = jnp.asarray(array)
    return array if jnp.issubdtype(array.dtype, jnp.floating) else array.astype(float)


class _ProjectedInterpolations(NamedTuple):
    """Makes the interpolant of a step; hashable, as Diffrax keeps it as structure."""

    inner: Callable[..., diffrax.AbstractLocalInterpolation]
    corrections: int
    way: Way

    def __call__(self, *, t0, t1, inner, levels, clock, start):
        path = self.inner(t0=t0, t1=t1, **inner)
        how = self.corrections, self.way
        return _ProjectedInterpolation(t0, t1, path, levels, clock, start, how)


class _ProjectedInterpolation(diffrax.AbstractLocalInterpolation):
    """The interpolant inside, projected at each time that it is evaluated.

    Its derivative is that of the projected path (`AbstractPath.derivative` goes through
    `evaluate` by one jvp), hence tangent to the level set.
    """

    t0: Any
    t1: Any
    inner: diffrax.AbstractLocalInterpolation
    levels: _Packed
    clock: _Clock
    start: tuple[Array, ...]
    how: tuple[int, Way] = eqx.field(static=True)

    def evaluate(self, t0, t1=None, left=True):
        if t1 is not None:
            late, early = self.evaluate(t1, left=left), self.evaluate(t0, left=left)
            return jtu.tree_map(jnp.subtract, late, early)
        y = self.inner.evaluate(t0, left=left)
        levels = self.levels.unpack()
        target = levels.targets(self.clock.elapsed(t0), self.start)
        return _project(levels, self.clock.time(t0), y, target, *self.how)


def _direction(terms: PyTree) -> Array:
    """1, or −1 in a solve backwards in time: Diffrax wraps the terms with it."""
    wrapped = lambda x: isinstance(x, WrapTerm)
    leaves = jtu.tree_leaves(terms, is_leaf=wrapped)
    wraps = [leaf.direction for leaf in leaves if wrapped(leaf)]
    return jnp.asarray(wraps[0] if wraps else 1)
