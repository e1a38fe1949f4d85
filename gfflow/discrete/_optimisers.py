"""The optimisers by name: Optax's own, their time, and their stability threshold."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, final

import equinox as eqx
import jax.numpy as jnp
import jax.tree_util as jtu
import optax
from jaxtyping import Array, Float

from .._checks import is_traced
from .._errors import SolveError
from .._registry import lookup, names, suggest
from .._typing import Parameters, Scalar, ScalarLike

Family = Literal["sgd", "heavy_ball", "nesterov", "other"]


@final
class Optimiser(eqx.Module):
    """An Optax transformation, made anew from its numbers, so that they are arrays.

    **Attributes:**

    - `make`: `make(learning_rate, **numbers)` -> `optax.GradientTransformation`.
    - `numbers`: the other hyperparameters.
    - `name`: in reports.
    - `family`: what is known of it: its time, its threshold, its identities.
    """

    make: Callable[..., optax.GradientTransformation] = eqx.field(static=True)
    numbers: dict[str, Scalar]
    name: str = eqx.field(static=True)
    family: Family = eqx.field(static=True)

    def __init__(
        self,
        make: Callable[..., Any],
        name: str,
        numbers: Mapping[str, ScalarLike],
        family: Family = "other",
    ):
        self.make, self.name, self.family = make, name, family
        self.numbers = {key: jnp.asarray(x, float) for key, x in numbers.items()}

    def transformation(self, learning_rate: Scalar) -> optax.GradientTransformation:
        """The transformation at this learning rate, in its dtype.

        **Raises:** `SolveError` if there is none.
        """
        dtype = learning_rate.dtype
        numbers = {key: x.astype(dtype) for key, x in self.numbers.items()}
        try:
            made = self.make(learning_rate, **numbers)
        except (TypeError, ValueError) as error:
            raise SolveError(
                f"{self.name!r} makes no optimiser of a learning rate: {error}"
            ) from error
        if not isinstance(made, optax.GradientTransformation):
            raise SolveError(
                f"{self.name!r} must make an Optax transformation of a learning rate, "
                f"as optax.adam does; it made {type(made).__name__}"
            )
        return made

    @property
    def momentum(self) -> Scalar:
        """β; 0 without."""
        return self.numbers.get("momentum", jnp.zeros(()))

    @property
    def weight_decay(self) -> Scalar:
        """λ; 0 without, and for a transformation of which it is not known."""
        return self.numbers.get("weight_decay", jnp.zeros(()))

    def moving(self, state: Any, update: Parameters, learning_rate: Scalar) -> Any:
        """The transformation's state, its trace that of a step just made, −v/η."""
        trace = jtu.tree_map(lambda v: -v / learning_rate, update)
        return eqx.tree_at(lambda s: s[1].trace, state, trace)

    def time(self, learning_rate: ScalarLike, second_order: bool = False) -> Scalar:
        """The flow time of a step.

        η for SGD; η/(1 − β) with momentum β, as then θ' → −∇L for η → 0 at fixed β
        (Kovachki & Stuart 2021, Thm 3.1); √η on the axis of the momentum flow. η for
        every other one: the time of its preconditioned flow θ' = −P∇L.
        """
        eta, beta = self._numbers(learning_rate)
        return jnp.sqrt(eta) if second_order else eta / (1 - beta)

    def threshold(
        self, learning_rate: ScalarLike | Float[Array, "*T"]
    ) -> Float[Array, "*T"] | None:
        """The largest stable λ_max of the Hessian of a quadratic loss.

        2/η, (2 + 2β)/η for the heavy ball, (2 + 2β)/(η(1 + 2β)) for Nesterov's
        method (Cohen et al. 2021, Sec. 2 and App. B); `None` for every other one.
        """
        eta, beta = self._numbers(learning_rate)
        match self.family:
            case "sgd" | "heavy_ball":
                return (2 + 2 * beta) / eta
            case "nesterov":
                return (2 + 2 * beta) / (eta * (1 + 2 * beta))
        return None

    def _numbers(
        self, learning_rate: ScalarLike | Float[Array, "*T"]
    ) -> tuple[Float[Array, "*T"], Scalar]:
        """η and β in one dtype."""
        eta = jnp.asarray(learning_rate)
        eta = eta if jnp.issubdtype(eta.dtype, jnp.floating) else eta.astype(float)
        return eta, self.momentum.astype(eta.dtype)


def _step(learning_rate, direction, weight_decay, decoupled=False):
    decay = optax.add_decayed_weights(weight_decay)
    parts = (direction, decay) if decoupled else (decay, direction)
    return optax.chain(*parts, optax.scale_by_learning_rate(learning_rate))


def _sgd(learning_rate, weight_decay):
    return _step(learning_rate, optax.identity(), weight_decay)


def _heavy_ball(learning_rate, momentum, weight_decay):
    return _step(learning_rate, optax.trace(momentum), weight_decay)


def _nesterov(learning_rate, momentum, weight_decay):
    return _step(learning_rate, optax.trace(momentum, nesterov=True), weight_decay)


def _adam(learning_rate, b1, b2, eps, weight_decay):
    direction = optax.scale_by_adam(b1, b2, eps)
    return _step(learning_rate, direction, weight_decay, decoupled=True)


def _rmsprop(learning_rate, decay, eps, weight_decay):
    direction = optax.scale_by_rms(decay, eps)
    return _step(learning_rate, direction, weight_decay, decoupled=True)


def _sign(learning_rate, weight_decay):
    return _step(learning_rate, optax.scale_by_sign(), weight_decay, decoupled=True)


def sgd(weight_decay: ScalarLike = 0.0) -> Optimiser:
    """θ⁺ = θ − η(g + λθ)."""
    return Optimiser(_sgd, "sgd", {"weight_decay": weight_decay}, "sgd")


def heavy_ball(momentum: ScalarLike = 0.9, weight_decay: ScalarLike = 0.0) -> Optimiser:
    """v⁺ = βv − η(g + λθ), θ⁺ = θ + v⁺ (Polyak 1964)."""
    numbers = dict(momentum=_fraction(momentum), weight_decay=weight_decay)
    return Optimiser(_heavy_ball, "heavy_ball", numbers, "heavy_ball")


def nesterov(momentum: ScalarLike = 0.9, weight_decay: ScalarLike = 0.0) -> Optimiser:
    """v⁺ = βv − η(g + λθ), θ⁺ = θ + βv⁺ − η(g + λθ)."""
    numbers = dict(momentum=_fraction(momentum), weight_decay=weight_decay)
    return Optimiser(_nesterov, "nesterov", numbers, "nesterov")


def adam(
    b1: ScalarLike = 0.9,
    b2: ScalarLike = 0.999,
    eps: ScalarLike = 1e-8,
    weight_decay: ScalarLike = 0.0,
) -> Optimiser:
    """Adam, with decoupled weight decay −ηλθ (Loshchilov & Hutter 2019)."""
    numbers = dict(b1=b1, b2=b2, eps=eps, weight_decay=weight_decay)
    return Optimiser(_adam, "adam", numbers)


def rmsprop(
    decay: ScalarLike = 0.9, eps: ScalarLike = 1e-8, weight_decay: ScalarLike = 0.0
) -> Optimiser:
    """RMSProp, with decoupled weight decay."""
    numbers = dict(decay=decay, eps=eps, weight_decay=weight_decay)
    return Optimiser(_rmsprop, "rmsprop", numbers)


def sign(weight_decay: ScalarLike = 0.0) -> Optimiser:
    """θ⁺ = θ − η sign(g) − ηλθ."""
    return Optimiser(_sign, "sign", {"weight_decay": weight_decay})


def make_optimiser(optimiser: Any) -> Optimiser:
    """An optimiser from a name, a factory or a transformation.

    **Raises:** `SolveError` for what is none of these.
    """
    if isinstance(optimiser, Optimiser):
        return optimiser
    if isinstance(optimiser, str):
        known = names("optimisers")
        if optimiser.lower() not in known:
            raise SolveError(
                f"no optimiser of name {optimiser!r}{suggest(optimiser, known)}; there "
                f"are: {', '.join(known)}; or give an Optax transformation"
            )
        return lookup("optimisers", optimiser)()
    if isinstance(optimiser, optax.GradientTransformation):
        return Optimiser(_Made(optimiser), "optax", {})
    if callable(optimiser):
        function = getattr(optimiser, "func", optimiser)
        return Optimiser(optimiser, getattr(function, "__name__", "optax"), {})
    raise SolveError(
        "optimiser is a name, an Optax transformation, or a function from a learning "
        f"rate to one (optax.adam); got {type(optimiser).__name__}"
    )


@final
class _Made:
    """A transformation that holds its own learning rate."""

    def __init__(self, made: optax.GradientTransformation):
        self.made = made

    def __call__(self, learning_rate) -> optax.GradientTransformation:
        return self.made

    def __eq__(self, other):
        return isinstance(other, _Made) and self.made == other.made

    def __hash__(self):
        return hash(self.made)


def _fraction(momentum: ScalarLike) -> ScalarLike:
    if not is_traced(momentum) and not 0 <= float(momentum) < 1:
        raise SolveError(f"momentum must be in [0, 1); got {momentum!r}")
    return momentum
