"""Preconditioners: optimisers with normalised steps as fields with a memory."""

import abc
from typing import Any, NamedTuple, final

import equinox as eqx
import jax.numpy as jnp
import jax.tree_util as jtu
from jaxtyping import Array, PyTree

from .._typing import Parameters, Scalar, ScalarLike
from ._number import number


class AbstractPreconditioner(eqx.Module):
    """θ' = P(t, memory, ∇L), memory' = Q(t, memory, ∇L).

    One step of size η of the optimiser is η of flow time, and a decay β of its moving
    averages is a time τ by β = 1 − η/τ, that is τ = η/(1 − β): the flow is the limit of
    η → 0 at fixed τ.
    """

    @property
    @abc.abstractmethod
    def has_memory(self) -> bool:
        """Whether `initial_memory` is not `None`."""

    @abc.abstractmethod
    def initial_memory(self, parameters: Parameters) -> PyTree[Array] | None:
        """The memory at the start, inexact arrays; `None` for no memory."""

    @abc.abstractmethod
    def field(
        self, t: ScalarLike, memory: Any, gradient: Parameters, parameters: Parameters
    ) -> tuple[Parameters, Any]:
        """(θ', memory')."""


@final
class RMSProp(AbstractPreconditioner):
    """v' = (g² − v)/τ, θ' = −g/(√v + ε), elementwise.

    The limit of `optax.scale_by_rms(decay=1 - eta/tau, eps_in_sqrt=False)`. From v = 0
    the first step is g/ε, and θ moves as √t: take ε or `initial` well above 0.

    **Attributes:**

    - `tau`: > 0, flow time.
    - `eps`: ε > 0.
    - `initial`: v at the start, ≥ 0.
    """

    tau: Scalar
    eps: Scalar
    initial: Scalar

    def __init__(
        self, tau: ScalarLike, eps: ScalarLike = 1e-8, initial: ScalarLike = 0.0
    ):
        """**Raises:** `SolveError` for a number out of its range."""
        self.tau = number("RMSProp: tau", tau, above=0)
        self.eps = number("RMSProp: eps", eps, above=0)
        self.initial = number("RMSProp: initial", initial, least=0)

    @property
    def has_memory(self) -> bool:
        return True

    def initial_memory(self, parameters: Parameters) -> PyTree[Array]:
        full = lambda p: jnp.full_like(p, self.initial.astype(p.dtype))
        return jtu.tree_map(full, parameters)

    def field(self, t, memory, gradient, parameters):
        rate = lambda v, g: (g**2 - v) / self.tau.astype(v.dtype)
        step = lambda v, g: -g / self._root(v)
        return _both(step, rate, memory, gradient)

    def _root(self, v):
        return _root(v) + self.eps.astype(v.dtype)


class Moments(NamedTuple):
    """Moving averages m of the gradient and v of its square, like the parameters."""

    first: Any
    second: Any


@final
class Adam(AbstractPreconditioner):
    """m' = (g − m)/τ₁, v' = (g² − v)/τ₂, θ' = −m̂/(√v̂ + ε), elementwise.

    From m = v = 0 at t = 0, with the corrections m̂ = m/(1 − e^{−t/τ₁}),
    v̂ = v/(1 − e^{−t/τ₂}): the limit of `optax.scale_by_adam`. At t = 0 they are 0/0
    with the regular limit m̂ = g, v̂ = g²: with g(t) = g₀ + O(t), m = g₀t/τ₁ + O(t²).

    **Attributes:**

    - `tau1`, `tau2`: > 0, flow time.
    - `eps`: ε > 0.
    """

    tau1: Scalar
    tau2: Scalar
    eps: Scalar

    def __init__(self, tau1: ScalarLike, tau2: ScalarLike, eps: ScalarLike = 1e-8):
        """**Raises:** `SolveError` for a number that is not above 0."""
        self.tau1 = number("Adam: tau1", tau1, above=0)
        self.tau2 = number("Adam: tau2", tau2, above=0)
        self.eps = number("Adam: eps", eps, above=0)

    @property
    def has_memory(self) -> bool:
        return True

    def initial_memory(self, parameters: Parameters) -> Moments:
        zeros = jtu.tree_map(jnp.zeros_like, parameters)
        return Moments(zeros, zeros)

    def field(self, t, memory, gradient, parameters):
        average = lambda tau: lambda m, g: (g - m) / tau.astype(m.dtype)
        square = lambda tau: lambda v, g: (g**2 - v) / tau.astype(v.dtype)
        return jtu.tree_map(
            lambda m, v, g: -self._step(t, m, v, g), *memory, gradient
        ), Moments(
            jtu.tree_map(average(self.tau1), memory.first, gradient),
            jtu.tree_map(square(self.tau2), memory.second, gradient),
        )

    def _step(self, t, m, v, g):
        late = jnp.asarray(t) > 0
        t = jnp.where(late, t, 1).astype(m.dtype)
        corrected = lambda x, tau: x / -jnp.expm1(-t / tau.astype(x.dtype))
        first = jnp.where(late, corrected(m, self.tau1), g)
        second = jnp.where(late, corrected(v, self.tau2), g**2)
        return first / (_root(second) + self.eps.astype(m.dtype))


@final
class Sign(AbstractPreconditioner):
    """θ' = −g/√(g² + ε²), elementwise; ε = 0 is −sign g.

    Sign flow is the limit of RMSProp and Adam for τ → 0. With ε = 0 the field jumps
    where an entry of the gradient changes its sign, and a solver's steps shrink there.

    **Attributes:**

    - `eps`: ε ≥ 0.
    """

    eps: Scalar

    def __init__(self, eps: ScalarLike = 0.0):
        """**Raises:** `SolveError` for a negative number."""
        self.eps = number("Sign: eps", eps, least=0)

    @property
    def has_memory(self) -> bool:
        return False

    def initial_memory(self, parameters: Parameters) -> None:
        return None

    def field(self, t, memory, gradient, parameters):
        exact = lambda g: jnp.where(self.eps > 0, g / self._length(g), jnp.sign(g))
        return jtu.tree_map(lambda g: -exact(g), gradient), None

    def _length(self, g):
        """√(g² + ε²) without overflow or a derivative of ∞; 1 where both are 0."""
        eps = self.eps.astype(g.dtype)
        large = jnp.maximum(abs(g), eps)
        safe = jnp.where(large > 0, large, 1)
        root = safe * jnp.sqrt((g / safe) ** 2 + (eps / safe) ** 2)
        return jnp.where(large > 0, root, 1)


def _root(v):
    """√max(v, 0), of derivative 0 at 0."""
    positive = v > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, v, 1)), 0)


def _both(step, rate, *trees):
    return jtu.tree_map(step, *trees), jtu.tree_map(rate, *trees)
