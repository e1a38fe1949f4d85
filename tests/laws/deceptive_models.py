"""Models that look as if they had laws that they do not have, or hide those that they
have; with the number of their laws by theory."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

relu, stop = jax.nn.relu, jax.lax.stop_gradient


class Kind(NamedTuple):
    """- `shapes`: of the parameters, of which `fn` of a sample is a function.
    - `laws`: how many there are near a start, and for every data set.
    - `named`: how many of them `known_laws` names; a note tells of the others.
    - `found`: the number that `discover` gives; `None` where it leaves that open.
    - `inputs`, `outputs`: how many; `loss`: of the problem.
    """

    shapes: dict[str, tuple[int, ...]]
    fn: Callable[..., Any]
    laws: int
    named: int
    found: int | None
    inputs: int = 4
    outputs: int = 2
    loss: str | Callable[..., Any] = "mse"


@jax.custom_jvp
def rounded(z):
    """To whole numbers, with the derivative of the identity."""
    return jnp.round(z)


@rounded.defjvp
def _rounded_jvp(primals, tangents):
    return rounded(*primals), tangents[0]


@jax.custom_vjp
def reversed_gradient(z):
    return z


reversed_gradient.defvjp(lambda z: (z, None), lambda _, g: (-g,))


@jax.custom_vjp
def clipped_gradient(w):
    """Of length 10⁶ at most."""
    return w


clipped_gradient.defvjp(
    lambda w: (w, None),
    lambda _, g: (g / jnp.maximum(1.0, jnp.sqrt(jnp.sum(g**2)) / 1e6),),
)


def layers(activation):
    return lambda p, x: p["u"] @ activation(p["v"] @ x)


def softplus(z):
    return jnp.logaddexp(0.0, 1e6 * z) / 1e6


def kinked(z, width=1e-8):
    bent = jnp.where(z < width, z**2 / (2 * width), z - width / 2)
    return jnp.where(z <= 0, 0.0, bent)


def nearly_normalised(p, x):
    z = p["v"] @ x
    return p["u"] @ jnp.tanh(z / (jnp.sqrt(jnp.sum(z**2)) + 1e-12))


def standardised(p, x, eps=1e-12):
    """Rows of mean 0 and, but for ε, mean square 1."""
    w = p["v"] - jnp.mean(p["v"], axis=1, keepdims=True)
    w = w / jnp.sqrt(jnp.mean(w**2, axis=1, keepdims=True) + eps)
    return p["u"] @ jnp.tanh(w @ x)


def two_heads(p, x):
    h = p["v"] @ x
    return p["u"] @ relu(h) + 1e-10 * (p["h"] @ jnp.tanh(h))


def detached(p, x):
    return p["u"] @ jnp.tanh((p["v"] / stop(jnp.sqrt(jnp.sum(p["v"] ** 2)))) @ x)


def routed(p, x):
    """The first of the experts, weighed."""
    weights = jax.nn.softmax(p["r"] @ x)
    first = jnp.argmax(weights)
    return weights[first] * (p["u"][first] @ relu(p["v"][first] @ x))


def hard_routed(p, x):
    first = jnp.argmax(p["r"] @ x)
    return p["u"][first] @ relu(p["v"][first] @ x)


def fixed_point(activation):
    def model(p, x):
        step = lambda z, _: (activation(p["w"] @ z + p["v"] @ x), None)
        return p["u"] @ jax.lax.scan(step, jnp.zeros(3, x.dtype), None, length=6)[0]

    return model


def complex_layers(p, x):
    z = jax.lax.complex(p["vr"], p["vi"]) @ x.astype(jnp.complex128)
    z = jax.lax.complex(p["ur"], p["ui"]) @ z
    return jnp.concatenate([z.real, z.imag])


def single(p, x):
    of = lambda a: a.astype(jnp.float32)
    return (of(p["u"]) @ relu(of(p["v"]) @ of(x))).astype(x.dtype)


def uncertain(p, x):
    return jnp.append(p["u"] @ relu(p["v"] @ x), p["s"])


def homoscedastic(z, y):
    return jnp.exp(-z[-1]) * jnp.sum((z[:-1] - y) ** 2) + z[-1]


def quantised(p, x):
    return jnp.round(p["u"]) @ relu(jnp.round(8 * p["v"]) @ x)


TWO = {"u": (2, 3), "v": (3, 4)}
LOOP = TWO | {"w": (3, 3)}
EXPERTS = {"r": (2, 4), "u": (2, 2, 3), "v": (2, 3, 4)}
PARTS = {"ur": (2, 2), "ui": (2, 2), "vr": (2, 3), "vi": (2, 3)}
ON = np.array([1.0, 0.0, 1.0])

# In a layer u σ(v x) the current of unit k is w u_k (σ(z) − z σ'(z)): 0 for all data
# exactly if σ is homogeneous of degree 1 wherever z may be.
KINDS = {
    # σ is not beyond 10⁴, where inputs are large.
    "a cap far out": Kind(TWO, layers(lambda z: relu(jnp.minimum(z, 1e4))), 0, 0, None),
    # Nor within 10⁻⁶ of 0.
    "a sharp softplus": Kind(TWO, layers(softplus), 0, 0, None),
    # Nor within 10⁻⁸.
    "a parabola next to zero": Kind(TWO, layers(kinked), 0, 0, 0),
    # Σ v·g_v is ε over the length of z, not 0.
    "a small ε": Kind(TWO, nearly_normalised, 0, 0, 0),
    # Σ_j v_kj is constant for each row; of the norms as above.
    "weights standardised with a small ε": Kind(TWO, standardised, 3, 3, None),
    # z σ'(z) = z with the derivative that is given, and not round(z).
    "rounding that is passed straight through": Kind(TWO, layers(rounded), 0, 0, 0),
    # ‖v‖ is in the value, which is of degree 0, and not in the gradient.
    "a detached length": Kind(TWO, detached, 0, 0, 0),
    # Where the gradient of v is clipped and that of u is not.
    "one gradient that is clipped": Kind(
        TWO, lambda p, x: p["u"] @ relu(clipped_gradient(p["v"]) @ x), 0, 0, None
    ),
    # The current of v is that of u, and a part 10⁻¹⁰ of it that has no degree.
    "a second head of little weight": Kind(TWO | {"h": (2, 3)}, two_heads, 0, 0, 0),
    # g_v is the sum of those of both places: 2 v·g_v is the degree of all units.
    "a decoder that is the encoder": Kind(
        {"v": (3, 4)}, lambda p, x: p["v"].T @ relu(p["v"] @ x), 0, 0, 0, outputs=4
    ),
    "and read in another shape": Kind(
        {"v": (3, 4)},
        lambda p, x: p["v"].reshape(4, 3) @ relu(p["v"] @ x),
        0,
        0,
        0,
        outputs=4,
    ),
    # Two layers in one array: those of units of a ReLU.
    "layers that are parts of one array": Kind(
        {"a": (3, 6)},
        lambda p, x: p["a"][:, 4:].T @ relu(p["a"][:, :4] @ x),
        3,
        3,
        3,
    ),
    # Σ_k r_k, which the weights do not change with; and of each expert's units.
    "the first of several experts": Kind(EXPERTS, routed, 10, 10, 10),
    # r, of which the value is constant in pieces.
    "and without a weight": Kind(EXPERTS, hard_routed, 14, 14, 14),
    # UᴴU − VVᴴ, 2 × 2: the real parts of three entries, the imaginary of one.
    "complex layers by their parts": Kind(
        PARTS, complex_layers, 4, 4, 4, inputs=3, outputs=4
    ),
    # As in double precision, to 10⁻⁷ of the terms.
    "single precision on the way": Kind(TWO, single, 3, 0, None),
    # z_k ↦ c z_k in all passes: ‖v_k‖² + ‖w_k,:‖² − ‖w_:,k‖² − ‖u_k‖².
    "a ReLU in a loop": Kind(LOOP, fixed_point(relu), 3, 3, 3),
    "a tanh in a loop": Kind(LOOP, fixed_point(jnp.tanh), 0, 0, 0),
    # The current of v has the other sign: ‖v_k‖² + ‖u_k‖².
    "a gradient that is reversed": Kind(
        TWO, lambda p, x: p["u"] @ relu(reversed_gradient(p["v"] @ x)), 3, 3, 3
    ),
    # No gradient at all.
    "whole numbers for weights": Kind(TWO, quantised, 18, 18, 18),
    # a_i / b_i alone: (a_i, b_i)' is (a_i, b_i) times a number.
    "sums of two squares": Kind(
        {"a": (3,), "b": (3,)},
        lambda p, x: ((p["a"] ** 2 + p["b"] ** 2) @ x)[None],
        3,
        0,
        3,
        inputs=3,
        outputs=1,
    ),
    # The field of |a| is x, of full rank.
    "moduli": Kind(
        {"a": (3,)}, lambda p, x: (jnp.abs(p["a"]) @ x)[None], 0, 0, 0, 3, 1
    ),
    # Those of a linear network of two units, and all numbers of the third.
    "dropout of the same unit": Kind(
        TWO, lambda p, x: p["u"] @ (ON * (p["v"] @ x)), 9, 9, 9
    ),
    # s has a gradient that no other parameter has; u and v as they are.
    "a loss with a weight that trains": Kind(
        TWO | {"s": ()}, uncertain, 3, 3, 3, loss=homoscedastic
    ),
}
