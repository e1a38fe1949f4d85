"""A model, a loss and data: the function whose gradient flows."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, PyTree

from .._errors import ProblemError
from .._registry import lookup
from .._typing import Loss, Parameters, Scalar, ScalarLike
from ._parameters import parameter_paths, trainable_filter

_BLOCK_ELEMENTS = 4_000_000


class Problem(eqx.Module):
    """The mean loss L(θ) = Σ_n w_n ℓ(g(θ, x_n), y_n) / Σ_n w_n of a model on data.

    **Attributes:**

    - `parameters`: θ, the model with every leaf that does not train replaced by
        `None`.
    - `frozen`: the rest of the model.
    - `inputs`, `targets`: arrays (or pytrees of arrays) with the samples leading.
    - `weights`: shape `(N,)`, or `None` for equal weights.
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

    def __init__(
        self,
        model: eqx.Module | Callable,
        loss: Loss | str,
        data: tuple[PyTree, PyTree],
        *,
        weights: Any = None,
        trainable: Callable[[Any], Any] | Sequence[str] | PyTree[bool] | None = None,
        chunk: int | None = None,
        time_scale: ScalarLike | PyTree = 1.0,
    ):
        """**Arguments:**

        - `model`: any Equinox module, called on one sample, `model(x) -> prediction`.
        - `loss`: `loss(prediction, target) -> scalar`, or the name of one of
            `gfflow.losses`.
        - `data`: `(inputs, targets)`; the leading axis of each array is the samples.
        - `weights`: nonnegative sample weights, shape `(N,)`.
        - `trainable`: the parameters that flow: a function of the model returning a
            leaf or leaves (as for `eqx.tree_at`), a list of parameter paths such as
            `"layers[0].weight"` (a prefix names all below it), or a pytree of
            booleans. All inexact arrays by default.
        - `chunk`: samples a pass; bounds the memory for activations. The sums are the
            same up to the order of addition.
        - `time_scale`: see the attribute.

        **Raises:** `ProblemError` naming what does not fit: no samples, unequal
        numbers of samples, non-finite data, a model that cannot be called on one
        sample, a loss that is not a scalar, nothing to train.
        """
        self.loss = lookup("losses", loss) if isinstance(loss, str) else loss
        self.inputs, self.targets = _as_arrays(data)
        samples = _samples(self.inputs, self.targets)
        keep = trainable_filter(model, trainable)
        self.parameters, self.frozen = eqx.partition(model, keep)
        if not jtu.tree_leaves(self.parameters):
            raise ProblemError(
                "the model has no floating-point array that trains; give it parameters "
                "or name other ones in `trainable`"
            )
        dtype = jnp.result_type(*jtu.tree_leaves(self.parameters))
        if len({leaf.dtype for leaf in jtu.tree_leaves(self.parameters)}) > 1:
            raise ProblemError(
                "the parameters that train have more than one dtype; cast them to one"
            )
        if jnp.issubdtype(dtype, jnp.complexfloating):
            raise ProblemError("complex parameters are not supported; split them")
        cast = lambda x: x.astype(dtype) if jnp.issubdtype(x.dtype, jnp.floating) else x
        self.inputs, self.targets = jtu.tree_map(cast, (self.inputs, self.targets))
        self.weights = None if weights is None else _weights(weights, samples, dtype)
        self.normaliser = (
            jnp.asarray(float(samples), dtype)
            if self.weights is None
            else jnp.sum(self.weights)
        )
        if chunk is not None and (not isinstance(chunk, int) or chunk < 1):
            raise ProblemError(f"chunk is a positive number of samples; got {chunk!r}")
        self.chunk = None if chunk is None or chunk >= samples else chunk
        self.time_scale = _time_scale(time_scale, self.parameters, dtype)
        self._try_one_sample(model)

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
        return jnp.result_type(*jtu.tree_leaves(self.parameters))

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
        """∇²L(θ)·v by forward over reverse differentiation."""
        return jax.jvp(self.gradient, (parameters,), (direction,))[1]

    def absolute_gradient(self, parameters: Parameters) -> Parameters:
        """Σ_n |w_n ∇ℓ_n| / |Σ w|: the size of the terms that ∇L is the sum of.

        The round-off in ∇L is a small multiple of the machine precision times this.
        """
        block = max(1, min(self.samples, _BLOCK_ELEMENTS // self.size))

        def one(x, y):
            return jax.grad(lambda p: self.loss(self.model_at(p)(x), y))(parameters)

        def block_total(_, inputs, targets, weights):
            gradients = jax.vmap(one)(inputs, targets)
            if weights is None:
                weights = jnp.ones(_samples(inputs, targets), self.dtype)
            size = jnp.abs(weights) / jnp.abs(self.normaliser)
            return jtu.tree_map(lambda g: jnp.tensordot(size, jnp.abs(g), 1), gradients)

        return self.accumulate(block_total, parameters, block)

    def scaled(self, tree: Parameters) -> Parameters:
        """`time_scale ∘ tree`, for a tree like `parameters`."""
        if isinstance(self.time_scale, jax.Array | np.ndarray):
            return jtu.tree_map(lambda x: self.time_scale * x, tree)
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
        if chunk is None or chunk >= self.samples:
            return fn(parameters, self.inputs, self.targets, self.weights)
        full = self.samples // chunk * chunk
        data = (self.inputs, self.targets, self.weights)
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

    def _try_one_sample(self, model):
        one = lambda x: jtu.tree_map(lambda a: a[0], x)
        x, y = one(self.inputs), one(self.targets)
        try:
            prediction = eqx.filter_eval_shape(lambda m, a: m(a), model, x)
        except Exception as error:
            shapes = jtu.tree_map(lambda a: f"{a.dtype}{list(a.shape)}", x)
            raise ProblemError(
                f"the model cannot be called on one sample of {shapes}: "
                f"{_first_line(error)}. Models are called sample by sample, "
                "`model(x) -> prediction`"
            ) from error
        try:
            value = eqx.filter_eval_shape(self.loss, prediction, y)
        except ProblemError:
            raise
        except Exception as error:
            raise ProblemError(
                f"the loss cannot be called on the model's {_shapes(prediction)} and "
                f"the target's {_shapes(y)}: {_first_line(error)}"
            ) from error
        if getattr(value, "shape", None) != () or not jnp.issubdtype(
            value.dtype, jnp.floating
        ):
            raise ProblemError(
                "the loss of one sample must be a real scalar; got "
                f"{_shapes(value)} for a prediction {_shapes(prediction)} and a "
                f"target {_shapes(y)}"
            )


def _as_arrays(data) -> tuple[PyTree[Array], PyTree[Array]]:
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise ProblemError(
            f"data is a pair (inputs, targets); got {type(data).__name__}"
            + (f" of length {len(data)}" if isinstance(data, tuple | list) else "")
        )
    arrays = []
    for name, part in zip(("inputs", "targets"), data):
        try:
            part = jtu.tree_map(jnp.asarray, part)
        except (TypeError, ValueError) as error:
            raise ProblemError(f"{name} must be arrays: {_first_line(error)}") from None
        for leaf in jtu.tree_leaves(part):
            if leaf.ndim == 0:
                raise ProblemError(f"{name} must have the samples as leading axis")
            if not isinstance(leaf, Tracer) and not np.all(np.isfinite(leaf)):
                bad = np.argwhere(~np.isfinite(np.asarray(leaf)))[0].tolist()
                raise ProblemError(
                    f"{name} hold NaN or infinity, first at index {bad}; clean the data"
                )
        arrays.append(part)
    return arrays[0], arrays[1]


def _samples(inputs, targets) -> int:
    counts = [len(x) for x in jtu.tree_leaves((inputs, targets))]
    if not counts or counts[0] == 0:
        raise ProblemError("there are no samples in the data")
    if len(set(counts)) > 1:
        n, m = (len(jtu.tree_leaves(part)[0]) for part in (inputs, targets))
        raise ProblemError(
            f"inputs have {n} samples and targets {m}; they must be as many"
        )
    return counts[0]


def _weights(weights, samples: int, dtype) -> Array:
    weights = jnp.asarray(weights, dtype)
    if weights.shape != (samples,):
        raise ProblemError(
            f"weights have shape {weights.shape}; wanted one a sample, ({samples},)"
        )
    if not isinstance(weights, Tracer) and not (
        np.all(np.isfinite(weights))
        and np.all(np.asarray(weights) >= 0)
        and np.any(np.asarray(weights) > 0)
    ):
        raise ProblemError("weights must be finite, nonnegative, and not all zero")
    return weights


def _time_scale(time_scale, parameters, dtype) -> PyTree[Array]:
    leaves = jtu.tree_leaves(time_scale)
    for leaf in leaves:
        if not isinstance(leaf, Tracer) and not np.all(
            np.isfinite(leaf) & (np.asarray(leaf) > 0)
        ):
            raise ProblemError(f"time_scale must be positive and finite; got {leaf}")
    if jtu.treedef_is_leaf(jtu.tree_structure(time_scale)) and leaves:
        scale = jnp.asarray(leaves[0], dtype)
        if scale.ndim == 0:
            return scale
    if jtu.tree_structure(time_scale) != jtu.tree_structure(parameters):
        raise ProblemError(
            "time_scale is a scalar or a pytree of the structure of "
            f"Problem.parameters; got {jtu.tree_structure(time_scale)}"
        )
    scale = jtu.tree_map(lambda s, p: jnp.asarray(s, p.dtype), time_scale, parameters)
    for rate, leaf in zip(jtu.tree_leaves(scale), jtu.tree_leaves(parameters)):
        if rate.ndim and rate.shape != leaf.shape:
            raise ProblemError(
                "each rate of time_scale is a scalar or has its parameter's shape; "
                f"got {rate.shape} for {leaf.shape}"
            )
    return scale


def _shapes(tree) -> str:
    leaves = [
        f"{x.dtype}{list(x.shape)}" if hasattr(x, "shape") else type(x).__name__
        for x in jtu.tree_leaves(tree)
    ]
    return ", ".join(leaves) or "nothing"


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else ''}".rstrip(": ")
