"""Exact identities of a law under one step of SGD or of the heavy ball.

Let h = θᵀAθ be a law of gradient flow, A symmetric: θᵀAg = 0 for every gradient g of
the loss at θ, of any samples (with rates, g is the scaled gradient and A has them in
it). h(x) is xᵀAx. η is the learning rate, β the momentum, λ the weight decay.

- SGD, θ⁺ = (1 − ηλ)θ − ηg: the cross term −2η(1 − ηλ)θᵀAg of h⁺ is 0, so
  h⁺ = (1 − ηλ)²h + η²h(g).
- Heavy ball, v_{k+1} = βv_k − η(g_k + λθ_k), θ_{k+1} = θ_k + v_{k+1}. With
  c_k = θ_kᵀAv_{k+1} one has h_{k+1} = h_k + 2c_k + h(v_{k+1}); and as θ_kᵀAg_k = 0 and
  θ_kᵀAv_k = (θ_{k−1} + v_k)ᵀAv_k = c_{k−1} + h(v_k),
  c_k = β(c_{k−1} + h(v_k)) − ηλh_k.
- A linear law bᵀθ has bᵀg = 0: h_{k+1} = h_k + h(v_{k+1}) and
  h(v_{k+1}) = βh(v_k) − ηλh_k, which under SGD is h⁺ = (1 − ηλ)h.
- A rotation law θᵀSv, S skew, has θᵀSg = 0, and vᵀSv = θᵀSθ = 0:
  θ_{k+1}ᵀSv_{k+1} = θ_kᵀSv_{k+1} = β θ_kᵀSv_k, whatever λ is.

If η changes, Optax's v is −η_k times its trace: β is to be read as βη_k/η_{k−1}.
(Kunin et al. 2021 have them to first order in η.)
"""

import numpy as np
from jaxtyping import Array, Float

from .._typing import ScalarLike

_Value = Float[Array, "..."] | Float[np.ndarray, "..."]


def quadratic_after_sgd(
    value: _Value,
    of_gradient: _Value,
    learning_rate: ScalarLike,
    weight_decay: ScalarLike = 0.0,
) -> _Value:
    """h⁺ = (1 − ηλ)²h + η²h(g)."""
    shrink = 1 - learning_rate * weight_decay
    return shrink**2 * value + learning_rate**2 * of_gradient


def heavy_ball_cross(
    cross: _Value,
    of_velocity: _Value,
    momentum: ScalarLike,
    value: _Value | float = 0.0,
    learning_rate: ScalarLike = 0.0,
    weight_decay: ScalarLike = 0.0,
) -> _Value:
    """c_k = β(c_{k−1} + h(v_k)) − ηλh_k."""
    return momentum * (cross + of_velocity) - learning_rate * weight_decay * value


def quadratic_after_heavy_ball(
    value: _Value, cross: _Value, of_velocity: _Value
) -> _Value:
    """h_{k+1} = h_k + 2c_k + h(v_{k+1})."""
    return value + 2 * cross + of_velocity


def linear_after_step(
    value: _Value,
    of_velocity: _Value | float,
    momentum: ScalarLike,
    learning_rate: ScalarLike = 0.0,
    weight_decay: ScalarLike = 0.0,
) -> _Value:
    """h_{k+1} = (1 − ηλ)h_k + βh(v_k)."""
    return (1 - learning_rate * weight_decay) * value + momentum * of_velocity


def rotation_after_heavy_ball(value: _Value, momentum: ScalarLike) -> _Value:
    """θ_{k+1}ᵀSv_{k+1} = β θ_kᵀSv_k."""
    return momentum * value
