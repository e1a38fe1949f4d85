"""Low-rank adaptation of any model."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, final

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jaxtyping import Array, Float, PRNGKeyArray

from .._errors import ProblemError, about
from .._registry import lookup, suggest
from ._counts import positive


@final
class LowRank(eqx.Module):
    """The matrix U D.

    **Attributes:**

    - `down`: D, `(rank, inputs)`; `up`: U, `(outputs, rank)`.
    """

    down: Float[Array, "rank inputs"]
    up: Float[Array, "outputs rank"]


@final
class LoRA(eqx.Module):
    """A model with W + U D in the place of matrices W of it (Hu et al. 2022).

    Train `updates` alone: `Problem(model, ..., trainable=["updates"])`.

    Laws: UᵀU − DDᵀ of each, rank(rank + 1)/2 for a rank up to inputs + outputs; under
    softmax cross-entropy the column sums of U too where W is the last map.

    **Attributes:**

    - `model`: with its own W.
    - `updates`: a `LowRank` for each of them.
    """

    model: eqx.Module
    updates: tuple[LowRank, ...]
    places: tuple[int, ...] = eqx.field(static=True)

    def __init__(
        self,
        model: eqx.Module,
        rank: int,
        *,
        key: PRNGKeyArray,
        arrays: Sequence[str] | None = None,
        init_scale: float = 1.0,
    ):
        """**Arguments:**

        - `arrays`: paths of matrices of the model, such as `layers[0].weight`, or what
            they begin with; all of its matrices by default. Arrays of more axes are
            taken as matrices of the first one and the others.
        - `init_scale`: the deviation of the start of D, over √inputs; U starts at 0.

        **Raises:** `ProblemError` for a rank that is not positive, or paths without an
        array of two axes or more.
        """
        positive(rank=rank)
        found, _ = jtu.tree_flatten_with_path(model)
        paths = [jtu.keystr(path).removeprefix(".") for path, _ in found]
        may = [_is_matrix(x) for _, x in found]
        known = [path for path, one in zip(paths, may) if one]
        if not known:
            raise ProblemError(
                "the model has no array of two axes that trains", argument="model"
            )
        for prefix in arrays or ():
            if not any(_begins(path, prefix) for path in known):
                raise ProblemError(
                    f"no matrix of path {prefix!r}{suggest(prefix, known)}; there are: "
                    f"{', '.join(known)}",
                    argument="arrays",
                )
        chosen = [
            n
            for n, path in enumerate(paths)
            if may[n] and (arrays is None or any(_begins(path, p) for p in arrays))
        ]
        updates = []
        for n, k in zip(chosen, jax.random.split(key, len(chosen))):
            weight = found[n][1]
            out, into = len(weight), weight.size // len(weight)
            down = init_scale / into**0.5 * jax.random.normal(k, (rank, into))
            zero = jnp.zeros((out, rank), weight.dtype)
            updates.append(LowRank(down.astype(weight.dtype), zero))
        self.model = model
        self.updates = tuple(updates)
        self.places = tuple(chosen)

    @property
    def merged(self) -> eqx.Module:
        """The model with its matrices replaced."""
        leaves, structure = jtu.tree_flatten(self.model)
        for place, update in zip(self.places, self.updates):
            weight = leaves[place]
            change = (update.up @ update.down).reshape(weight.shape)
            leaves[place] = weight + change
        return jtu.tree_unflatten(structure, leaves)

    def __call__(self, x: Any) -> Any:
        model: Any = self.merged
        return model(x)


def lora(
    of: Mapping[str, Any],
    rank: int,
    *,
    key: PRNGKeyArray,
    arrays: Sequence[str] | None = None,
    init_scale: float = 1.0,
) -> LoRA:
    """`LoRA` around a model of the registry.

    **Arguments:**

    - `of`: its `kind`, a name of `gfflow list models`, and its arguments.
    - The others: of `LoRA`.

    **Raises:** `ProblemError` as `LoRA`, and for arguments that the model does not
    take; `GFFlowError` for a name that is none.
    """
    if not isinstance(of, Mapping) or not isinstance(of.get("kind"), str):
        raise ProblemError(
            f"of is a table with the kind of a model and its arguments; got {of!r}",
            argument="of",
        )
    one, two = jax.random.split(key)
    with about("of"):
        make = lookup("models", of["kind"])
        options = {name: value for name, value in of.items() if name != "kind"}
        try:
            inspect.signature(make).bind(**options, key=one)
        except TypeError as error:
            raise ProblemError(f"{of['kind']}: {error}") from None
        model = make(**options, key=one)
    return LoRA(model, rank, key=two, arrays=arrays, init_scale=init_scale)


def _is_matrix(x: Any) -> bool:
    """Whether it has two axes or more, and more than the first of them."""
    return eqx.is_inexact_array(x) and x.ndim >= 2 and x.size > len(x)


def _begins(path: str, prefix: str) -> bool:
    rest = path.removeprefix(prefix)
    return path.startswith(prefix) and (not rest or rest[0] in ".[")
