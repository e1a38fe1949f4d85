"""Laws that state how they change, turned into laws that state that they do not.

If ḣ = p(t, state) along a flow, then h − ∫p dt is constant along the flow that has the
integral as one more state. It is weighed as any other law, on a run of that flow.
"""

from typing import Any, NamedTuple, final

import equinox as eqx
import jax.numpy as jnp
import jax.tree_util as jtu
from jaxtyping import Array, Float

from .._typing import Parameters, ScalarLike, State
from ..flows import AbstractFlow
from ..integrate import Solution, solve
from ..laws import Law
from ..problem import Problem
from ..solvers import unwrapped


class Accumulated(NamedTuple):
    """A state (or what its flow shows of it), and ∫p dt by law."""

    inner: Any
    produced: dict[str, Array]


@final
class Accumulating(AbstractFlow):
    """A flow with the integrals of the productions of laws."""

    flow: AbstractFlow
    laws: dict[str, Law]

    def initial_state(self, problem: Problem) -> State:
        state = self.flow.initial_state(problem)
        values = self._productions(jnp.ones((), problem.dtype), state, problem)
        return Accumulated(state, jtu.tree_map(jnp.zeros_like, values))

    def response(
        self, t: ScalarLike, state: State, gradient: Parameters, problem: Problem
    ) -> State:
        return Accumulated(
            self.flow.response(t, state.inner, gradient, problem),
            self._productions(t, state.inner, problem),
        )

    def parameters(self, state: State) -> Parameters:
        return self.flow.parameters(state.inner)

    def view(self, state: State, problem: Problem) -> Any:
        return Accumulated(self.flow.view(state.inner, problem), state.produced)

    @property
    def has_memory(self) -> bool:
        return True

    def _productions(self, t, state, problem) -> dict[str, Array]:
        seen = self.flow.view(state, problem)
        return {name: law.produced(t, seen) for name, law in self.laws.items()}


class _Balance(eqx.Module):
    """h − ∫p dt, or with `sign` 1 the sum of the sizes."""

    law: Law
    sign: float = eqx.field(static=True)

    def __call__(self, t, view) -> Float[Array, "..."]:
        value = self.law.absolute_value if self.sign > 0 else self.law
        return value(t, view.inner) + self.sign * view.produced[self.law.name]


def balance(law: Law) -> Law:
    """h − ∫p dt, as a law of what `Accumulating` shows."""
    return Law(
        _Balance(law, -1.0),
        law.name,
        degree=law.degree,
        absolute=None if law.absolute is None else _Balance(law, 1.0),
        source=law.source,
    )


def accumulated_run(
    flow: Accumulating,
    problem: Problem,
    solution: Solution,
    laws: dict[str, Law],
) -> Solution:
    """A run like the one given, of the flow with integrals, from the same start.

    By the same solver at the same tolerances, without what is wrapped around it.
    """
    first, last = solution.ts[0], solution.ts[-1]
    if not float(last) > float(first):
        return _standing(flow, problem, solution)
    return solve(
        flow,
        problem,
        t0=first,
        t1=last,
        rtol=solution.settings.rtol,
        atol=solution.settings.atol,
        saveat=solution.ts[1:],
        solver=unwrapped(solution.solver),
        laws=list(laws.values()),
        max_steps=10 * int(solution.accepted_steps + solution.rejected_steps) + 10_000,
    )


def _standing(flow: Accumulating, problem: Problem, solution: Solution) -> Solution:
    nothing = flow.initial_state(problem).produced
    stacked = jtu.tree_map(
        lambda x: jnp.zeros((len(solution.state_ts), *x.shape), x.dtype), nothing
    )
    return eqx.tree_at(
        lambda s: (s.states, s.state, s.flow, s.laws),
        solution,
        (
            Accumulated(solution.states, stacked),
            Accumulated(solution.state, nothing),
            flow,
            {},
        ),
    )
