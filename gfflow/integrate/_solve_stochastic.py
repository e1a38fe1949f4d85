"""solve_stochastic: paths of a stochastic gradient flow, and what they do to laws."""

from collections.abc import Sequence

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import lineax as lx
from jaxtyping import Array, Float, PRNGKeyArray

from .._errors import SolveError
from .._typing import Parameters, ScalarLike
from ..flows import AbstractStochasticFlow
from ..laws import Law, named_laws
from ..problem import Problem
from ._last_places import counted_at_once


class Paths(eqx.Module):
    """Paths of a stochastic flow: P paths at T saved times.

    **Attributes:**

    - `ts`: `(T,)`, flow time; the start is the first.
    - `losses`: `(P, T)`.
    - `laws`: name → values h, `(P, T, ...)`.
    - `ito_drifts`: name → ∫ (∂_t h + ∇h·f + ½ tr(∇²h Q)) dt from the start along each
        path, like the values.
    - `parameters`: those at the end, the paths leading.
    """

    ts: Float[Array, " T"]
    losses: Float[Array, "P T"]
    laws: dict[str, Float[Array, "P T ..."]]
    ito_drifts: dict[str, Float[Array, "P T ..."]]
    parameters: Parameters

    def martingale(self, name: str) -> Float[Array, "P T ..."]:
        """h(t) − h(0) − ∫ Itô drift: its mean over paths is 0; for a law of gradient
        flow under minibatch noise it is 0 on every path.

        Both up to the discretisation error of the solver."""
        values = self.laws[name]
        return values - values[:, :1] - self.ito_drifts[name]


def solve_stochastic(
    flow: AbstractStochasticFlow,
    problem: Problem,
    *,
    t1: ScalarLike,
    steps: int,
    key: PRNGKeyArray,
    paths: int = 1,
    laws: Sequence[Law] = (),
    saves: int = 1,
    t0: ScalarLike = 0.0,
    solver: diffrax.AbstractSolver | None = None,
) -> Paths:
    """Integrate paths of dθ = −s ∘ ∇L dt + √η s ∘ C dB from t0 to t1 by equal steps.

    Each path has its own key; the same key with more steps is the same Brownian path,
    seen more finely. Another number of steps or another t1 compiles nothing; works
    inside a user's `jit`.

    **Arguments:**

    - `steps`: equal steps, a multiple of `saves`.
    - `paths`: how many, all at once.
    - `laws`: functions h whose values and Itô drifts are wanted: a step then costs two
        Jacobian-vector products of each a column of the noise (N or D).
    - `saves`: how many times to save after the start, equally spaced.
    - `solver`: one of Diffrax that converges to the Itô solution; `diffrax.Euler()`
        (Euler–Maruyama) by default: strong order ½, and 1 for isotropic noise.

    **Raises:** `SolveError` for settings that cannot be met.
    """
    if not isinstance(flow, AbstractStochasticFlow):
        raise SolveError(
            "solve_stochastic is for gfflow.StochasticFlow; got "
            f"{type(flow).__name__}. gfflow.solve integrates flows without noise"
        )
    for name, number in (("steps", steps), ("paths", paths), ("saves", saves)):
        if not isinstance(number, int) or number < 1:
            raise SolveError(f"{name} is a number above 0; got {number!r}")
    if steps % saves:
        raise SolveError(f"steps must be a multiple of saves = {saves}; got {steps}")
    solver = diffrax.Euler() if solver is None else solver
    if not isinstance(solver, diffrax.AbstractItoSolver):
        raise SolveError(
            "the solver must converge to the Itô solution, as diffrax.Euler() does; "
            f"got {type(solver).__name__}"
        )
    both = all(isinstance(t, int | float) for t in (t0, t1))
    if both and not t1 > t0:
        raise SolveError(f"t1 must be after t0 = {t0}; got {t1}")
    ts = jnp.linspace(t0, t1, saves + 1, dtype=problem.dtype)
    step = (ts[-1] - ts[0]) / jnp.asarray(steps, problem.dtype)
    keys = jax.random.split(key, paths)
    return _paths(flow, problem, solver, named_laws(laws), ts, step, keys)


@eqx.filter_jit
def _paths(flow, problem, solver, laws, ts, step, keys) -> Paths:
    every = jax.vmap(lambda key: _path(flow, problem, solver, laws, ts, step, key))
    (losses, values, integrals), end = every(keys)
    return Paths(ts, losses, values, integrals, end)


@counted_at_once()
def _path(flow, problem, solver, laws, ts, step, key):
    """One path of (θ, ∫ Itô drift of each law)."""
    value = lambda law, t, theta: law(t, problem.model_at(theta))
    count = flow.columns(problem)
    theta = problem.parameters
    zeros = {n: jnp.zeros_like(value(h, ts[0], theta)) for n, h in laws.items()}

    def field(t, state, _):
        here, _ = state
        rates = {n: flow.ito_drift(h, t, here, problem) for n, h in laws.items()}
        return flow.drift(here, problem), rates

    def diffusion(t, state, _):
        push = lambda motion: (flow.diffusion(state[0], problem, motion), zeros)
        return lx.FunctionLinearOperator(push, shape)

    def observed(t, state, _):
        here, integrals = state
        values = {name: value(law, t, here) for name, law in laws.items()}
        return problem.value(here), values, integrals

    shape = jax.ShapeDtypeStruct((count,), problem.dtype)
    motion = diffrax.VirtualBrownianTree(ts[0], ts[-1], step / 4, shape, key)
    terms = diffrax.MultiTerm(
        diffrax.ODETerm(field), diffrax.ControlTerm(diffusion, motion)
    )
    solution = diffrax.diffeqsolve(
        terms,
        solver,
        ts[0],
        ts[-1],
        step,
        (theta, zeros),
        saveat=diffrax.SaveAt(
            subs=[
                diffrax.SubSaveAt(ts=ts, fn=observed),
                diffrax.SubSaveAt(t1=True, fn=lambda t, state, _: state[0]),
            ]
        ),
        max_steps=None,
        adjoint=diffrax.ForwardMode(),
        throw=False,
    )
    assert solution.ys is not None
    rows, ends = solution.ys
    return rows, jtu.tree_map(lambda x: x[0], ends)
