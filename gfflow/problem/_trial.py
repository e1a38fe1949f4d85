"""One sample through the model and the loss, by shapes alone."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jaxtyping import Array, PyTree

from .._errors import ProblemError
from .._typing import Loss
from ._leaves import named_leaves
from ._words import first_line, shapes


def predicted(model: Any, inputs: PyTree[Array]) -> PyTree:
    """The shapes of a prediction.

    **Raises:** `ProblemError` for a model that cannot be called on one sample.
    """
    x = _first(inputs)
    try:
        return eqx.filter_eval_shape(lambda m, a: m(a), model, x)
    except Exception as error:
        raise ProblemError(
            f"the model cannot be called on one sample of {shapes(x)}: "
            f"{first_line(error)}. Models are called sample by sample, "
            f"`model(x) -> prediction`, or `apply(params, x)`{_of_states(model)}"
        ) from error


def try_loss(loss: Loss, model: Any, prediction: PyTree, targets: PyTree) -> None:
    """**Raises:** `ProblemError` for a loss that does not take the prediction and one
    target, or is no real scalar."""
    y = _first(targets)
    try:
        value = eqx.filter_eval_shape(loss, prediction, y)
    except ProblemError:
        raise
    except Exception as error:
        raise ProblemError(
            f"the loss cannot be called on the model's {shapes(prediction)} and the "
            f"target's {shapes(y)}: {first_line(error)}"
            f"{_of_states({'prediction': prediction})}",
            argument="loss",
        ) from error
    scalar = isinstance(value, jax.ShapeDtypeStruct | jax.Array) and value.shape == ()
    if not scalar or not jnp.issubdtype(value.dtype, jnp.floating):
        raise ProblemError(
            f"the loss of one sample must be a real scalar; got {shapes(value)} for a "
            f"prediction {shapes(prediction)} and a target {shapes(y)}",
            argument="loss",
        )


def _first(data: PyTree[Array]) -> PyTree[jax.ShapeDtypeStruct]:
    return jax.eval_shape(lambda d: jtu.tree_map(lambda a: a[0], d), data)


def _of_states(tree: PyTree) -> str:
    """What to do with the states that Equinox's layers take and return, if any."""
    kept = lambda x: isinstance(x, eqx.nn.State | eqx.nn.StateIndex)
    leaves = named_leaves(tree, is_leaf=kept)
    where = [path for path, leaf in leaves if kept(leaf)]
    if not where:
        return ""
    return (
        f". {where[0]} is a state of Equinox, such as the running statistics of a "
        "BatchNorm. It does not flow: put it inside the model, in inference mode. "
        "`net, state = eqx.nn.make_with_state(Net)(key)`, "
        "`net = eqx.nn.inference_mode(net)`, and a module that holds both and returns "
        "`self.net(x, self.state)[0]`"
    )
