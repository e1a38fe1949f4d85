"""The flow that any Optax transformation tends to, by differentiation in its step."""

from collections.abc import Callable
from typing import Any, final

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
import optax
from jax.core import Tracer
from jaxtyping import Array, PyTree

from .._errors import SolveError
from .._typing import Parameters
from ._preconditioners import AbstractPreconditioner

_TOLERANCE = 1e-5


@final
class OptaxLimit(AbstractPreconditioner):
    """The limit η → 0 of θ⁺ = θ − η u(η, memory, g), memory⁺ = M(η, memory, g).

    θ' = −u(0, memory, g) and memory' = ∂M/∂η at η = 0, by one Jacobian-vector product
    of the transformation's own update. It exists where M(0, ·, g) is the identity and
    u(0, ·, g) is finite, for the step η then changes the memory by η ∂M/∂η + O(η²).

    **Attributes:**

    - `make`: η ↦ `optax.GradientTransformation` without its learning rate, such as
        `lambda eta: optax.scale_by_rms(decay=1 - eta / tau, eps=1e-3)`. It must be
        traceable in η.
    """

    make: Callable[[Any], optax.GradientTransformation] = eqx.field(static=True)

    def __init__(self, make: Callable[[Any], optax.GradientTransformation]):
        """**Raises:** `SolveError` if `make` is not callable."""
        if not callable(make):
            raise SolveError(
                "OptaxLimit wants a function eta -> optax.GradientTransformation; got "
                f"{type(make).__name__}"
            )
        self.make = make

    @property
    def has_memory(self) -> bool:
        """Of one array alone: whether that has a state of floating-point numbers."""
        with jax.ensure_compile_time_eval():
            return bool(jtu.tree_leaves(self._split(jnp.zeros(1))[0]))

    def initial_memory(self, parameters: Parameters) -> PyTree[Array] | None:
        """**Raises:** `SolveError` where there is no limit, with the reason: tried
        with random parameters, gradient and memory."""
        with jax.ensure_compile_time_eval():
            self._try(parameters)
        memory = self._split(parameters)[0]
        return memory if jtu.tree_leaves(memory) else None

    def field(self, t, memory, gradient, parameters):
        rest = self._split(parameters)[1]
        state = eqx.combine(memory, rest)
        (step, _), (_, rate) = self._in_step(state, gradient, parameters)
        rate = None if memory is None else eqx.filter(rate, eqx.is_inexact_array)
        return jtu.tree_map(jnp.negative, step), rate

    def _split(self, parameters):
        with jax.numpy_dtype_promotion("standard"):
            state = self.make(_zero(parameters)).init(parameters)
        return eqx.partition(state, eqx.is_inexact_array)

    def _in_step(self, state, gradient, parameters):
        update = lambda eta: self.make(eta).update(gradient, state, parameters)
        zero = _zero(parameters)
        with jax.numpy_dtype_promotion("standard"):
            return jax.jvp(update, (zero,), (jnp.ones_like(zero),))

    def _try(self, parameters):
        random = np.random.default_rng(0)
        draw = lambda p: jnp.asarray(random.standard_normal(p.shape), p.dtype)
        positive = lambda p: abs(draw(p)) + 0.5
        parameters = jtu.tree_map(draw, parameters)
        gradient = jtu.tree_map(draw, parameters)
        try:
            memory, rest = self._split(parameters)
            state = eqx.combine(jtu.tree_map(positive, memory), rest)
            (step, after), (_, rate) = self._in_step(state, gradient, parameters)
        except Exception as error:
            raise SolveError(
                "OptaxLimit: make(eta) must give a gradient transformation that can be "
                "differentiated in eta at 0; it fails with "
                f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
            ) from error
        if isinstance(jtu.tree_leaves(step)[0], Tracer):
            return
        for path, before, new in _changes(state, after):
            if not jnp.issubdtype(jnp.result_type(before), jnp.inexact):
                if np.any(np.asarray(before) != np.asarray(new)):
                    raise SolveError(
                        f"OptaxLimit: {path} counts steps, and a number of steps has "
                        "no limit as eta → 0. Leave the bias correction or schedule "
                        "out, or take gfflow.flows.Adam for scale_by_adam"
                    )
            elif not np.allclose(before, new, _TOLERANCE, _TOLERANCE):
                raise SolveError(
                    f"OptaxLimit: {path} changes in a step of size 0, so it has no "
                    "rate. Its decay must be 1 - eta/tau, and what it adds must be "
                    "multiplied by eta/tau"
                )
        if not all(np.all(np.isfinite(x)) for x in jtu.tree_leaves((step, rate))):
            raise SolveError(
                "OptaxLimit: the update of a step of size 0, or the rate of the "
                "state, is not finite; is it divided by a bias correction "
                "1 - decay**count?"
            )


def _zero(parameters) -> Array:
    return jnp.zeros((), jnp.result_type(*jtu.tree_leaves(parameters)))


def _changes(before, after):
    """(path, before, after) of each leaf of the state."""
    leaves = jtu.tree_leaves_with_path(before)
    for (path, old), new in zip(leaves, jtu.tree_leaves(after)):
        yield f"state{jtu.keystr(path)}", old, new
