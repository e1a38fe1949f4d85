"""A model, a loss and data: the function whose gradient flows."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, PyTree

from .._errors import ProblemError, about
from .._registry import lookup
from .._typing import Loss, Parameters, Scalar, ScalarLike
from ..losses import refuse_targets
from ._data import (
    as_arrays,
    as_weights,
    counting,
    filled,
    in_precision,
    refuse_non_finite,
)
from ._function import for_model, parameter_function
from ._leaves import named_leaves
from ._parameters import of_jax, parameter_paths, trainable_filter
from ._second_order import second_order
from ._time_scale import as_time_scale
from ._trial import predicted, try_loss


class Problem(eqx.Module):
    """The mean loss L(θ) = Σ_n w_n ℓ(g(θ, x_n), y_n) / Σ_n w_n of a model on data.

    **Attributes:**

    - `parameters`: θ, the model with every leaf that does not train replaced by
        `None`.
    - `frozen`: the rest of the model.
    - `inputs`, `targets`: arrays (or pytrees of arrays) with the samples leading.
    - `weights`: shape `(N,)`, or `None` for equal weights. A sample of weight 0 is
        absent, whatever it is and does to the model and the loss.
    - `absences`: whether a weight may be 0: it is, or they were traced.
    - `normaliser`: what the weighted sum of losses is divided by.
    - `time_scale`: the rate of each parameter, a scalar or a pytree like
        `parameters`: θ' = −time_scale ∘ ∇L. Time is flow time of the mean loss at 1;
        `time_scale=N` gives the flow time of the summed loss.
    - `loss`: called on one prediction and one target.
    - `chunk`: samples a pass, or `None` for all at once.
    """

    parameters: Parameters
    frozen: PyTree
    inputs: PyTree[Array]
    targets: PyTree[Array]
    weights: Array | None
    normaliser: Scalar
    time_scale: PyTree[Array]
    loss: Loss
    chunk: int | None = eqx.field(static=True)
    absences: bool = eqx.field(static=True)

    def __init__(
        self,
        model: eqx.Module | Callable,
        loss: Loss | str,
        data: tuple[PyTree, PyTree],
        *,
        weights: Any = None,
        trainable: Callable[[Any], Any] | Sequence[str] | PyTree[bool] | None = None,
        chunk: int | None = None,
        time_scale: ScalarLike | Mapping[str, Any] | PyTree = 1.0,
    ):
        """**Arguments:**

        - `model`: any Equinox module, called on one sample, `model(x) -> prediction`.
            NumPy's arrays that train become JAX's.
        - `loss`: `loss(prediction, target) -> scalar`, or the name of one of
            `gfflow.losses`.
        - `data`: `(inputs, targets)`; the leading axis of each array is the samples.
        - `weights`: nonnegative sample weights, shape `(N,)`.
        - `trainable`: the parameters that flow: a function of the model returning a
            leaf or leaves (as for `eqx.tree_at`), a list of parameter paths such as
            `"layers[0].weight"` (a prefix names all below it), or a pytree of
            booleans. By default all inexact arrays, but for what `eqx.nn.State` and
            `eqx.nn.StateIndex` hold: it never trains.
        - `chunk`: samples a pass; bounds the memory for activations. The sums are the
            same up to the order of addition.
        - `time_scale`: see the attribute; or a mapping from parameter paths (or
            prefixes of paths) to rates, 1 for the parameters that it does not name.

        **Raises:** `ProblemError` naming what does not fit: no samples, unequal
        numbers of samples, non-finite data, a model that cannot be called on one
        sample, a loss that is not a scalar, labels that a loss of `gfflow.losses`
        does not take, nothing to train.
        """
        self.loss = lookup("losses", loss) if isinstance(loss, str) else loss
        with about("data"):
            inputs, targets = as_arrays(data)
            samples = _samples(inputs, targets)
        with about("trainable"):
            keep = trainable_filter(model, trainable)
        parameters, self.frozen = eqx.partition(model, keep)
        with about("model"):
            self.parameters = of_jax(parameters)
            dtype = _dtype(self.parameters)
        self.inputs, self.targets = in_precision((inputs, targets), dtype)
        with about("weights"):
            self.weights = (
                None if weights is None else as_weights(weights, samples, dtype)
            )
        counts = counting(self.weights, samples)
        self.absences = not np.all(counts)
        with about("data"):
            refuse_non_finite(self.inputs, self.targets, counts)
        self.normaliser = (
            jnp.asarray(float(samples), dtype)
            if self.weights is None
            else jnp.sum(self.weights)
        )
        if chunk is not None and (not isinstance(chunk, int) or chunk < 1):
            raise ProblemError(
                f"chunk is a positive number of samples; got {chunk!r}",
                argument="chunk",
            )
        self.chunk = None if chunk is None or chunk >= samples else chunk
        with about("time_scale"):
            self.time_scale = as_time_scale(time_scale, self.parameters, dtype)
        with about("model"):
            prediction = predicted(model, self.inputs)
        try_loss(self.loss, model, prediction, self.targets)
        with about("data"):
            refuse_targets(self.loss, prediction, self.targets, counts)

    @classmethod
    def from_function(
        cls,
        apply: Callable[[Any, Any], Any],
        params: PyTree,
        loss: Loss | str,
        data: tuple[PyTree, PyTree],
        *,
        weights: Any = None,
        trainable: Callable[[Any], Any] | Sequence[str] | PyTree[bool] | None = None,
        chunk: int | None = None,
        time_scale: ScalarLike | Mapping[str, Any] | PyTree = 1.0,
    ) -> Self:
        """The problem of a pure function and its parameters, as Flax, Haiku or a
        dictionary of arrays have them.

        The path of a parameter is that in `params`: `['dense']['kernel']`, or
        `dense.kernel`. The model that laws, solutions and `model_at` speak of has the
        attribute `params`, and is called on one sample.

        **Arguments:**

        - `apply`: `apply(params, x) -> prediction` of one sample x; hashable. State and
            random numbers are bound to it first (`functools.partial`).
        - `params`: any pytree; its arrays of real numbers train. Whole numbers, and
            numbers that are no arrays, do not.
        - `trainable`, `time_scale`: as above, but a function of `params`, or a pytree
            like `params`.
        - The others are as above.

        **Raises:** `ProblemError` as above; for an `apply` that cannot be called or
        hashed, and for `params` without an array of real numbers.
        """
        model = parameter_function(apply, params)
        return cls(
            model,
            loss,
            data,
            weights=weights,
            trainable=for_model(model, trainable),
            chunk=chunk,
            time_scale=for_model(model, time_scale),
        )

    @property
    def samples(self) -> int:
        """The number N of samples."""
        return _samples(self.inputs, self.targets)

    @property
    def size(self) -> int:
        """The number D of parameters that train."""
        return sum(math.prod(x.shape) for x in jtu.tree_leaves(self.parameters))

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the parameters, and of time."""
        return jtu.tree_leaves(self.parameters)[0].dtype

    @property
    def model(self) -> Any:
        """The model at its initial parameters."""
        return self.model_at(self.parameters)

    @property
    def parameter_names(self) -> list[str]:
        """The path of each array that trains, such as `layers[0].weight`."""
        return parameter_paths(self.parameters)

    def model_at(self, parameters: Parameters) -> Any:
        """The model with these parameters put in."""
        return eqx.combine(parameters, self.frozen)

    def with_parameters(self, parameters: Parameters) -> Self:
        """This problem started from other parameters of the same shapes."""
        return eqx.tree_at(lambda p: p.parameters, self, parameters)

    def with_data(
        self, inputs: PyTree[Array], targets: PyTree[Array], weights: Array
    ) -> Self:
        """This problem on other data, L = Σ w_n ℓ_n / N for weights of any sign."""
        samples = jnp.asarray(float(_samples(inputs, targets)), self.dtype)
        return eqx.tree_at(
            lambda p: (p.inputs, p.targets, p.weights, p.normaliser),
            self,
            (inputs, targets, weights, samples),
            is_leaf=lambda x: x is None,
        )

    @property
    def present(self) -> tuple[PyTree[Array], PyTree[Array]]:
        """(inputs, targets), absent samples replaced by one that counts."""
        data = self.inputs, self.targets
        if not self.absences or self.weights is None:
            return data
        return filled(data, self.weights)

    def value(self, parameters: Parameters) -> Scalar:
        """L(θ)."""
        return self.accumulate(self._chunk_value, parameters, self.chunk)

    def gradient(self, parameters: Parameters) -> Parameters:
        """∇L(θ), a pytree like `parameters`."""
        return self.value_and_gradient(parameters)[1]

    def value_and_gradient(self, parameters: Parameters) -> tuple[Scalar, Parameters]:
        """(L(θ), ∇L(θ))."""
        fn = jax.value_and_grad(self._chunk_value)
        return self.accumulate(fn, parameters, self.chunk)

    def hvp(self, parameters: Parameters, direction: Parameters) -> Parameters:
        """∇²L(θ)·v by forward over reverse differentiation.

        **Raises:** `ProblemError` for a model that has a gradient but not that.
        """
        with second_order(ProblemError):
            return jax.jvp(self.gradient, (parameters,), (direction,))[1]

    def scaled(self, tree: Parameters) -> Parameters:
        """`time_scale ∘ tree`, for a tree like `parameters`."""
        if isinstance(self.time_scale, jax.Array | np.ndarray):
            return _scaled(self.time_scale, tree)
        return jtu.tree_map(lambda s, x: s * x, self.time_scale, tree)

    def unscaled(self, tree: Parameters) -> Parameters:
        """`tree / time_scale`, so that `scaled` gives it back."""
        if isinstance(self.time_scale, jax.Array | np.ndarray):
            return jtu.tree_map(lambda x: x / self.time_scale, tree)
        return jtu.tree_map(lambda s, x: x / s, self.time_scale, tree)

    def accumulate(
        self, fn: Callable[..., Any], parameters: Parameters, chunk: int | None
    ) -> Any:
        """`fn(parameters, inputs, targets, weights)` summed over chunks of data."""
        data = (*self.present, self.weights)
        if chunk is None or chunk >= self.samples:
            return fn(parameters, *data)
        full = self.samples // chunk * chunk
        call = lambda part: fn(parameters, *part)
        chunks = jtu.tree_map(lambda x: x[:full].reshape(-1, chunk, *x.shape[1:]), data)
        shape = jax.eval_shape(call, jtu.tree_map(lambda x: x[0], chunks))
        zero = jtu.tree_map(lambda s: jnp.zeros(s.shape, s.dtype), shape)
        add = lambda total, part: (jtu.tree_map(jnp.add, total, call(part)), None)
        total, _ = jax.lax.scan(add, zero, chunks)
        if full < self.samples:
            rest = call(jtu.tree_map(lambda x: x[full:], data))
            total = jtu.tree_map(jnp.add, total, rest)
        return total

    def _chunk_value(self, parameters, inputs, targets, weights):
        model = self.model_at(parameters)
        losses = jax.vmap(lambda x, y: self.loss(model(x), y))(inputs, targets)
        total = jnp.sum(losses if weights is None else weights * losses)
        return total / self.normaliser


@partial(jax.jit, inline=True)
def _scaled(factor: Array, tree: Parameters) -> Parameters:
    return jtu.tree_map(lambda x: factor * x, tree)


def _samples(inputs, targets) -> int:
    return len(jtu.tree_leaves((inputs, targets))[0])


def _dtype(parameters) -> np.dtype:
    """**Raises:** `ProblemError` if the parameters have not one dtype, or a complex
    one."""
    leaves = jtu.tree_leaves(parameters)
    if not leaves:
        raise ProblemError(
            "the model has no floating-point array that trains; give it parameters "
            "or name other ones in `trainable`"
        )
    for path, leaf in zip(parameter_paths(parameters), leaves):
        if jnp.issubdtype(leaf.dtype, jnp.complexfloating):
            raise ProblemError(
                f"complex parameters are not taken, and {path} is {leaf.dtype}; hold "
                "its real and imaginary parts as two real arrays, and put them "
                "together in the model with jax.lax.complex"
            )
    dtypes = {str(leaf.dtype): path for path, leaf in named_leaves(parameters)}
    if len(dtypes) > 1:
        found = ", ".join(f"{path} is {dtype}" for dtype, path in dtypes.items())
        raise ProblemError(
            f"the parameters that train have more than one dtype: {found}; cast them "
            "to one"
        )
    return leaves[0].dtype
