"""A law: a differentiable function of time and state, and what is claimed of it."""

import inspect
from collections.abc import Callable
from typing import Any, final, get_args

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._errors import LawError
from .._registry import suggest
from .._typing import ScalarLike
from ._grammar import Degree
from ._symmetry import Symmetry


@final
class Law(eqx.Module):
    """h(t, model) -> array, each entry of which is one claimed law.

    **Attributes:**

    - `fn`: h. It sees what the flow shows of the state; for a gradient flow, the whole
        model. It may take the model alone, `fn(model)`, or `fn(t, model)`.
    - `name`: unique among the laws of one call.
    - `degree`: of h as a polynomial in the state.
    - `absolute`: h with the absolute value of each coefficient (for a quadratic law
        θᵀAθ, θᵀ|A|θ); called on a model whose parameters are all nonnegative. It is the
        scale of the law. Without it the scale is Σ_i |θ_i ∂_i h|.
    - `decay_rate`: states h(t) = e^{−decay_rate·t} h(0); `None` states h(t) = h(0).
    - `production`: states ḣ = production(t, model) instead, an array like h; a function
        of the same arguments as `fn`.
    - `source`: paper and theorem.
    - `symmetry`: what of the model it comes from, where that is known: an action on the
        arrays that the law sees, under which the model computes the same function.
    """

    fn: Callable[..., Array]
    name: str = eqx.field(static=True)
    degree: Degree = eqx.field(static=True)
    absolute: Callable[..., Array] | None
    decay_rate: ScalarLike | None
    production: Callable[..., Array] | None
    source: str = eqx.field(static=True)
    symmetry: Symmetry | None

    def __init__(
        self,
        fn: Callable[..., Array],
        name: str | None = None,
        *,
        degree: Degree = "other",
        absolute: Callable[..., Array] | None = None,
        decay_rate: ScalarLike | None = None,
        production: Callable[..., Array] | None = None,
        source: str = "user",
        symmetry: Symmetry | None = None,
    ):
        """**Raises:** `LawError` if `fn` is not a function of one or two arguments, the
        degree is not one of the four, or both a decay and a production are stated.
        """
        if not callable(fn):
            raise LawError(f"a law is a function h(t, model); got {type(fn).__name__}")
        if degree not in get_args(Degree):
            raise LawError(
                f"the degree of a law is one of {', '.join(get_args(Degree))}; "
                f"got {degree!r}{suggest(str(degree), get_args(Degree))}"
            )
        if decay_rate is not None and production is not None:
            raise LawError(
                "a law states decay_rate or production, not both; "
                "production = −decay_rate·h says the same"
            )
        self.fn = fn
        self.name = name or getattr(fn, "__name__", "law")
        self.degree = degree
        self.absolute = absolute
        self.decay_rate = decay_rate
        self.production = production
        self.source = source
        self.symmetry = symmetry
        for function in (fn, absolute, production):
            if function is not None:
                _takes_time(function, self.name)

    def __call__(self, t: ScalarLike, view: Any) -> Float[Array, "..."]:
        """h(t, view).

        **Raises:** `LawError` if h cannot be evaluated, is not real, or is empty.
        """
        return self._evaluate(self.fn, t, view)

    def absolute_value(self, t: ScalarLike, view: Any) -> Float[Array, "..."]:
        """`absolute(t, view)`, for a law that has it."""
        assert self.absolute is not None
        return self._evaluate(self.absolute, t, view)

    def produced(self, t: ScalarLike, view: Any) -> Float[Array, "..."]:
        """`production(t, view)`, for a law that states one."""
        assert self.production is not None
        return self._evaluate(self.production, t, view)

    def stated_rate(self, t: ScalarLike, view: Any, value: Array) -> Array:
        """What the law states ḣ to be where h is `value`, an array like it."""
        if self.decay_rate is not None:
            return -jnp.asarray(self.decay_rate, value.dtype) * value
        if self.production is not None:
            return self.produced(t, view)
        return jnp.zeros_like(value)

    @property
    def predicts(self) -> bool:
        """Whether it states that h changes, and how."""
        return self.decay_rate is not None or self.production is not None

    def on_model(self) -> "Law":
        """The same law of the field `model` of what it sees, for flows with memory. Its
        arrays have other paths there: the symmetry is left out."""
        lift = lambda fn: None if fn is None else _OnModel(fn, self.name)
        return Law(
            _OnModel(self.fn, self.name),
            self.name,
            degree=self.degree,
            absolute=lift(self.absolute),
            decay_rate=self.decay_rate,
            production=lift(self.production),
            source=self.source,
        )

    def _evaluate(self, fn, t, view):
        try:
            value = jnp.asarray(called(fn, self.name, t, view))
        except LawError:
            raise
        except Exception as error:
            raise LawError(
                f"law {self.name!r} cannot be evaluated on {type(view).__name__}: "
                f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"  # noqa: E501
            ) from error
        if value.size == 0:
            raise LawError(
                f"law {self.name!r} has no components: it returned an array of shape "
                f"{value.shape}; return at least one number"
            )
        if not jnp.issubdtype(value.dtype, jnp.floating):
            raise LawError(
                f"law {self.name!r} must return real floating-point values; "
                f"got {value.dtype}"
            )
        return value


class _OnModel(eqx.Module):
    fn: Callable[..., Array]
    name: str = eqx.field(static=True)

    def __call__(self, t, view):
        return called(self.fn, self.name, t, view.model)


def called(fn, name: str, t, view):
    """fn(t, view), or fn(view) where it takes no time."""
    return fn(t, view) if _takes_time(fn, name) else fn(view)


def _takes_time(fn, name: str) -> bool:
    try:
        parameters = inspect.signature(fn).parameters.values()
    except (TypeError, ValueError):
        return True
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [p for p in parameters if p.kind in kinds and p.default is p.empty]
    if len(needed) not in (1, 2):
        raise LawError(
            f"law {name!r} must be a function of (model) or (t, model); "
            f"it needs {len(needed)} arguments"
        )
    return len(needed) == 2
