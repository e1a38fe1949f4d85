"""What one draw of a state finds of laws, and the rates that several draws make."""

from collections.abc import Callable
from typing import Any, NamedTuple, final

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from .._typing import Loss, State
from ..flows import AbstractFlow
from ..laws import Law
from ..problem import Problem
from ._components import components
from ._rate import Rate

# What a draw finds of a component.
PARTS = 6
# The golden angle: phases that repeat nowhere.
_GOLDEN = 2.399963


@final
class Drawn(NamedTuple):
    """What draws find; of several at several places, arrays with `(P, draws)` leading.

    - `parts`: `(6, C)`: ∂_t h + ∇h·f; ∇h along f with signs; ∇h along signs of the size
      of f; ∇h·f with ∇h of the state as it is; ∂_t h; h.
    - `whole`: whether every entry of the field is a number.
    - `moves`: whether some entry of it is not 0.
    """

    parts: Any
    whole: Any
    moves: Any

    @classmethod
    def of(cls, parts, field) -> "Drawn":
        """Of one draw."""
        return cls(parts, jnp.all(jnp.isfinite(field)), jnp.any(field != 0))

    def rates(self, decays: Float[np.ndarray, " C"]) -> np.ndarray:
        """ḣ of each draw, with the decay that is stated: `(P, draws, C)`."""
        with np.errstate(all="ignore"):
            return self.parts[:, :, 0] + decays * self.parts[:, :, -1]


Unravel = Callable[[Float[Array, " D"]], State]


def field_of_draw(
    flow: AbstractFlow, problem: Problem, unravel: Unravel
) -> Callable[..., Float[Array, " D"]]:
    """(t, copy, noise) → the field at a copy of the state that differs by round-off.

    - `copy`: `(D,)`.
    - `noise`: `(2,)`, a phase and a machine precision, that draw ∂ℓ/∂z.
    """

    def field(t, copy, noise):
        found = flow.vector_field(t, unravel(copy), _rounded(problem, noise))
        return ravel_pytree(found)[0]

    return field


def parts_of_draw(
    flow: AbstractFlow, problem: Problem, laws: dict[str, Law], unravel: Unravel
) -> Callable[..., Float[Array, "6 C"]]:
    """(t, point, copy, signs, field) → the parts of a draw.

    - `point`, `copy`, `signs`, `field`: `(D,)`, the state, a copy of it, random signs,
        and the field at the copy.
    """
    values = components(flow, problem, laws)

    def parts(t, point, copy, signs, field):
        def along(pair):
            function = lambda t, x: values(t, unravel(x))
            at, *way = pair
            return jax.jvp(function, (t, at), tuple(way))

        norm = jnp.sqrt(jnp.sum(field**2))
        ways = [field, signs * field, signs * norm, field, jnp.zeros_like(field)]
        points = jnp.stack([copy, copy, copy, point, copy])
        times = jnp.asarray([1, 0, 0, 0, 1], t.dtype)
        drawn, found = jax.lax.map(along, (points, times, jnp.stack(ways)))
        return jnp.concatenate([found, drawn[:1]])

    return parts


def rate_of(
    drawn: Drawn,
    value: np.ndarray,
    scale: np.ndarray,
    decays: Float[np.ndarray, " C"],
    nudge: float,
    precision: float,
) -> Rate:
    """From draws at P places whose entries differ by parts of the size of a nudge.

    **Arguments:**

    - `value`, `scale`: of each component, `(P, C)`.
    """
    rates = drawn.rates(decays)
    _, probes, bounds, frozen, explicit, copies = np.moveaxis(drawn.parts, 2, 0)
    with np.errstate(all="ignore"):
        scale = np.fmax(scale, deviation(copies) / nudge)
        by_time = np.abs(explicit[:, 0]) + np.abs(decays) * scale
        return Rate(
            rate=np.mean(rates, axis=1),
            strength=_quadratic_mean(probes) + by_time,
            spread=deviation(rates),
            value=value,
            scale=scale,
            bound=_quadratic_mean(bounds),
            frozen=deviation(frozen),
            moves=np.all(drawn.whole, axis=1, keepdims=True) & drawn.moves[:, :1],
            precision=precision,
        )


def _quadratic_mean(x: np.ndarray) -> np.ndarray:
    """Over the draws, of numbers whose squares underflow."""
    most = np.max(np.abs(x), axis=1, keepdims=True)
    unit = np.where(most > 0, most, 1.0)
    return unit[:, 0] * np.sqrt(np.mean((x / unit) ** 2, axis=1))


def deviation(x: np.ndarray) -> np.ndarray:
    """The standard deviation over the draws, in the same way."""
    count = x.shape[1]
    centred = x - np.mean(x, axis=1, keepdims=True)
    return _quadratic_mean(centred) * (count / (count - 1)) ** 0.5


class _Rounded(eqx.Module):
    """ℓ(z, y) + ε⟨ξ ∂ℓ/∂z at z = 0, z⟩ with ξ of the size of 1.

    ∂ℓ/∂z is itself a difference (p − y for softmax): near a fit it is far smaller than
    its parts, and has their round-off, the same in every draw of the parameters. So it
    is drawn here. For a complex z, ∂ℓ/∂z stands for ∂ℓ/∂Re z − i ∂ℓ/∂Im z.
    """

    loss: Loss
    noise: Float[Array, " 2"]

    def __call__(self, prediction: Any, target: Any) -> Array:
        phase, precision = self.noise
        z = eqx.filter(prediction, eqx.is_inexact_array)
        slope = eqx.filter_grad(lambda z: self.loss(z, target))(
            jtu.tree_map(jnp.zeros_like, prediction)
        )

        def part(a, b):
            phases = phase + _GOLDEN * jnp.arange(b.size, dtype=phase.dtype)
            drawn = jnp.cos(phases).reshape(b.shape).astype(a.dtype) * a
            usable = jax.lax.stop_gradient(jnp.where(jnp.isfinite(drawn), drawn, 0))
            return jnp.real(jnp.sum(usable * b))

        parts = jtu.tree_leaves(jtu.tree_map(part, slope, z))
        value = self.loss(prediction, target)
        total = sum(part.astype(value.dtype) for part in parts)
        return value + precision.astype(value.dtype) * total


def _rounded(problem: Problem, noise: Float[Array, " 2"]) -> Problem:
    return eqx.tree_at(lambda p: p.loss, problem, _Rounded(problem.loss, noise))
