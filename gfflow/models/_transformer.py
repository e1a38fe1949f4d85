"""A block of a transformer."""

from collections.abc import Callable
from typing import final

import equinox as eqx
import jax
from jaxtyping import Array, Float, PRNGKeyArray

from ._attention import Attention
from ._counts import among, positive
from ._feed_forward import FeedForward
from ._initialisers import Initialiser
from ._mixture import MixtureOfExperts

NORMS = ("layer", "rms")
Norm = eqx.nn.LayerNorm | eqx.nn.RMSNorm


@final
class TransformerBlock(eqx.Module):
    """z = x + Attention(norm(x)), z + FeedForward(norm(z)), token by token but for the
    attention (pre-norm: Xiong et al. 2020).

    Laws: those of its parts, none across a skip (Marcotte, Gribonval & Peyré 2025,
    Prop. 3.2); for each channel of each normalisation γ_i² + β_i² − Σ_W ‖W[:,i]‖² over
    the maps W that read it, so twice the width.

    **Attributes:**

    - `attention`: an `Attention`; `feed_forward`: a `FeedForward`, or
        `MixtureOfExperts`.
    - `attention_norm`, `feed_forward_norm`: `eqx.nn.LayerNorm` or `eqx.nn.RMSNorm`.
    """

    attention_norm: Norm
    attention: Attention
    feed_forward_norm: Norm
    feed_forward: FeedForward | MixtureOfExperts

    def __init__(
        self,
        width: int,
        *,
        key: PRNGKeyArray,
        heads: int = 1,
        groups: int | None = None,
        head_width: int | None = None,
        hidden: int | None = None,
        feed_forward: str | Callable = "swiglu",
        experts: int | None = None,
        gate: str = "softmax",
        norm: str = "rms",
        epsilon: float = 1e-5,
        causal: bool = True,
        rotary: bool = True,
        init: str | Initialiser = "glorot",
        init_scale: float = 1.0,
    ):
        """**Arguments:**

        - `heads`, `groups`, `head_width`, `causal`, `rotary`: of `Attention`.
        - `hidden`: units of the feed-forward part, 2 · width by default.
        - `feed_forward`: "swiglu", or an activation; its kind.
        - `experts`, `gate`: of `MixtureOfExperts`, where `experts` are given.
        - `norm`: "layer" or "rms"; `epsilon`: added to its mean square.
        - `init`: a name of `gfflow list initialisers`, or
            `init(key, widths, scale) -> weights`.

        **Raises:** `ProblemError` for sizes that are not positive or do not divide, or
        another norm or gate; `GFFlowError` for a name that is none.
        """
        hidden = 2 * width if hidden is None else hidden
        positive(width=width, hidden=hidden)
        first, second = jax.random.split(key)
        self.attention_norm = normalisation(norm, width, epsilon)
        self.feed_forward_norm = normalisation(norm, width, epsilon)
        self.attention = Attention(
            width,
            key=first,
            heads=heads,
            groups=groups,
            head_width=head_width,
            causal=causal,
            rotary=rotary,
            init=init,
            init_scale=init_scale,
        )
        options = {
            "key": second,
            "kind": feed_forward,
            "init": init,
            "init_scale": init_scale,
        }
        self.feed_forward = (
            FeedForward(width, hidden, **options)
            if experts is None
            else MixtureOfExperts(width, hidden, experts, gate=gate, **options)
        )

    def __call__(self, x: Float[Array, "tokens width"]) -> Float[Array, "tokens width"]:
        x = x + self.attention(jax.vmap(self.attention_norm)(x))
        each = lambda token: self.feed_forward(self.feed_forward_norm(token))
        return x + jax.vmap(each)(x)


def normalisation(norm: str, width: int, epsilon: float) -> Norm:
    """One of a vector, "layer" or "rms", with a scale, and for "layer" a shift.

    **Raises:** `ProblemError` for another word.
    """
    among(NORMS, norm=norm)
    if norm == "layer":
        return eqx.nn.LayerNorm(width, eps=epsilon)
    return eqx.nn.RMSNorm(width, eps=epsilon, use_bias=False)
