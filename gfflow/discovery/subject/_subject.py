"""A problem under a flow as discovery sees it: a flat state, and fields on it."""

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, final

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from ..._errors import DiscoveryError, SolveError
from ..._precision import coarsest_in
from ..._registry import suggest
from ..._typing import Scalar
from ...flows import AbstractFlow, Clock
from ...problem import Problem, below, parameter_paths
from ..polynomials import Layout
from ._cotangents import cotangents_of
from ._draw import Draw
from ._field import Field
from ._flat_loss import FlatLoss
from ._flat_state import FlatState
from ._program import compares, is_polynomial_in_pieces
from ._response import Response
from ._whole_draw import WholeDraw


@final
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
    - `moves`: whether it moves without one: the drift.
    - `draw`: data for the fields.
    - `draw_whole`: data of whole numbers.
    - `homogeneous`: whether only homogeneous laws count (weight decay).
    - `precision`: the machine precision of the coarsest float on the way.
    - `kinks`: whether the model compares numbers (`max`, `select`, …).
    - `polynomial`: whether the field is a polynomial, in each region between kinks.
    """

    layout: Layout
    clock: Clock
    start: np.ndarray
    field: Field
    moves: bool
    draw: Draw
    draw_whole: WholeDraw
    homogeneous: bool
    precision: float
    kinks: bool
    polynomial: bool

    @property
    def size(self) -> int:
        """S."""
        return len(self.start)

    def variables(
        self,
        z: np.ndarray,
        along: np.ndarray,
        times: np.ndarray | None = None,
        rates: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The variables of laws at z, and their change along vectors, a row each.

        **Arguments:** `times`, `rates`: what `times` gives there, if it is known.
        """
        if not self.clock:
            return np.tile(z, (len(along), 1)), along
        if times is None or rates is None:
            times, rates = self.times(z[0])
        moved = along[:, :1] * rates[None]
        x = np.concatenate([times, z[1:]])
        return np.tile(x, (len(along), 1)), np.concatenate([moved, along[:, 1:]], 1)

    def times(
        self, t: Float[ArrayLike, "*times"]
    ) -> tuple[Float[np.ndarray, "*times clock"], Float[np.ndarray, "*times clock"]]:
        """The functions of time at t, and their derivatives."""
        functions = [function for _, function in self.clock]
        values, rates = _with_rates(functions, jnp.asarray(t))
        return np.asarray(values), np.asarray(rates)


@eqx.filter_jit
def _with_rates(
    functions: Sequence[Callable[[Scalar], Scalar]], t: Float[Array, "*times"]
) -> tuple[Float[Array, "*times clock"], Float[Array, "*times clock"]]:
    def both(function):
        at_one = lambda one: jax.jvp(function, (one,), (jnp.ones_like(one),))
        return jax.vmap(at_one)(t.ravel())

    pairs = [both(function) for function in functions]
    values, rates = (jnp.stack(each, -1) for each in zip(*pairs))
    shape = (*t.shape, len(functions))
    return values.reshape(shape), rates.reshape(shape)


def subject_of(
    problem: Problem,
    flow: AbstractFlow,
    only: Sequence[str] | None = None,
    on_data: bool = False,
) -> Subject:
    """**Arguments:**

    - `only`: paths (or prefixes of paths) of the parameters whose laws are wanted. The
        other ones then count as data: they take every value, so that a law found is
        one of these parameters alone, whatever the rest does.
    - `on_data`: whether the inputs are those of the problem, not all; w takes every
        value in V for each of them, as targets do.

    **Raises:** `DiscoveryError` for weight decay that does what is not known to the
    laws, a start that the flow does not take, a path that names no parameter, or `only`
    with a flow whose state is more than the parameters.
    """
    decay = flow.homogeneous_decay()
    decays = callable(decay) or float(decay) > 0
    flow = _for_discovery(flow)
    if flow.has_memory and only is not None:
        raise DiscoveryError(
            "only is for flows whose state is the parameters; "
            f"got {type(flow).__name__}"
        )
    try:
        tree = flow.initial_state(problem)
    except SolveError as error:
        raise DiscoveryError(str(error)) from error
    paths = parameter_paths(tree)
    state = FlatState(tree, _chosen(paths, only), timed=flow.has_memory)
    span = cotangents_of(problem)
    response = Response(flow, problem, state)
    field = Field(response, FlatLoss.of(problem), by_loss=span is None)
    draw = Draw(problem, state, span, not flow.affine, decays, on_data)
    clock = flow.clock()
    shapes = [tuple(leaf.shape) for leaf in state.pick(jtu.tree_leaves(tree))]
    start = state.start(tree)
    sample = jtu.tree_map(lambda a: a[0], draw(np.random.default_rng(0), 1, 1))
    program = eqx.filter_make_jaxpr(field)(jnp.asarray(start), sample)[0]
    return Subject(
        Layout(
            (*(name for name, _ in clock), *state.pick(paths)),
            (*((),) * len(clock), *shapes),
        ),
        clock,
        start,
        field,
        flow.has_memory,
        draw,
        WholeDraw(problem, state, span, sums=not flow.affine),
        decays,
        coarsest_in(program),
        compares(program),
        is_polynomial_in_pieces(program),
    )


def _for_discovery(flow: AbstractFlow) -> AbstractFlow:
    known = flow.for_discovery()
    if known is None:
        raise DiscoveryError(
            f"coupled weight decay on {type(flow.base).__name__} is not known to "
            "discovery; make it decoupled, or leave it out"
        )
    return known


def _chosen(paths: list[str], only: Sequence[str] | None) -> list[bool]:
    if only is None:
        return [True] * len(paths)
    only = [only] if isinstance(only, str) else only
    if not isinstance(only, Collection) or not only:
        raise DiscoveryError(f"only is one path of a parameter or more; got {only!r}")
    for prefix in only:
        if not isinstance(prefix, str):
            raise DiscoveryError(f"only: a path is a string; got {prefix!r}")
        if not any(below(path, prefix) for path in paths):
            raise DiscoveryError(
                f"only: no parameter of path {prefix!r}{suggest(prefix, paths)}; "
                f"there are: {', '.join(paths)}"
            )
    return [any(below(path, prefix) for prefix in only) for path in paths]
