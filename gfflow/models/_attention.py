"""Attention of one sequence to itself."""

from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from .._errors import ProblemError
from ._counts import positive
from ._initialisers import Initialiser
from ._layers import linear_layer


@final
class Attention(eqx.Module):
    """Σ_h softmax(Q_h x (K_g x)ᵀ / √d) V_g x O_h (Vaswani et al. 2017), groups of heads
    with the same keys and values (Ainslie et al. 2023).

    Laws: for each group Σ_h Q_hQ_hᵀ − K_gK_gᵀ and V_gV_gᵀ − Σ_h O_hᵀO_h, d(d + 1) of
    them for d ≤ twice the width (Marcotte, Gribonval & Peyré 2025, Prop. 3.9); with
    rotary positions of the first kind only those of one pair of entries each, d/2.
    Biases join the weights of their rows; that of the keys, without rotary positions,
    is constant itself.

    **Attributes:**

    - `query`, `output`: `eqx.nn.Linear` between `width` and `heads · d`; `key`,
        `value`: from `width` to `groups · d`. Rows are head by head.
    """

    query: eqx.nn.Linear
    key: eqx.nn.Linear
    value: eqx.nn.Linear
    output: eqx.nn.Linear
    heads: int = eqx.field(static=True)
    groups: int = eqx.field(static=True)
    causal: bool = eqx.field(static=True)
    rotary: bool = eqx.field(static=True)

    def __init__(
        self,
        width: int,
        *,
        key: PRNGKeyArray,
        heads: int = 1,
        groups: int | None = None,
        head_width: int | None = None,
        bias: bool = False,
        causal: bool = False,
        rotary: bool = False,
        init: str | Initialiser = "glorot",
        init_scale: float = 1.0,
    ):
        """**Arguments:**

        - `width`: n, of each token.
        - `groups`: of heads that share keys and values; as many as heads by default.
        - `head_width`: d; `width / heads` by default.
        - `bias`: of all four maps; they start at zero.
        - `causal`: whether a token sees those before it, and itself, only.
        - `rotary`: whether positions turn queries and keys (Su et al. 2021).
        - `init`: a name of `gfflow list initialisers`, or
            `init(key, widths, scale) -> weights`.

        **Raises:** `ProblemError` for sizes that are not positive or do not divide;
        `GFFlowError` for a name that is none.
        """
        groups = heads if groups is None else groups
        positive(width=width, heads=heads, groups=groups)
        if heads % groups:
            raise ProblemError(
                f"groups divide the heads; got {groups} for {heads}", argument="groups"
            )
        if head_width is None:
            if width % heads:
                raise ProblemError(
                    f"heads divide the width unless head_width is given; got {heads} "
                    f"for {width}",
                    argument="heads",
                )
            head_width = width // heads
        positive(head_width=head_width)
        if rotary and head_width % 2:
            raise ProblemError(
                f"rotary positions want an even head_width; got {head_width}",
                argument="rotary",
            )
        q, k, v, o = jax.random.split(key, 4)
        many, few = heads * head_width, groups * head_width
        self.query = linear_layer(width, many, bias, init, init_scale, q)
        self.key = linear_layer(width, few, bias, init, init_scale, k)
        self.value = linear_layer(width, few, bias, init, init_scale, v)
        self.output = linear_layer(many, width, bias, init, init_scale, o)
        self.heads, self.groups = heads, groups
        self.causal, self.rotary = causal, rotary

    def __call__(self, x: Float[Array, "tokens width"]) -> Float[Array, "tokens width"]:
        split = lambda z, parts: z.reshape(len(x), parts, -1)
        q = split(jax.vmap(self.query)(x), self.heads)
        k = split(jax.vmap(self.key)(x), self.groups)
        v = split(jax.vmap(self.value)(x), self.groups)
        if self.rotary:
            q, k = turned(q), turned(k)
        q = q.reshape(len(x), self.groups, self.heads // self.groups, -1)
        scores = jnp.einsum("tghd,sgd->ghts", q, k) / q.shape[-1] ** 0.5
        if self.causal:
            seen = jnp.tril(jnp.ones(scores.shape[-2:], bool))
            scores = jnp.where(seen[None, None], scores, -jnp.inf)
        mixed = jnp.einsum("ghts,sgd->tghd", jax.nn.softmax(scores), v)
        return jax.vmap(self.output)(mixed.reshape(len(x), -1))


def turned(z: Float[Array, "tokens parts d"]) -> Float[Array, "tokens parts d"]:
    """Entries 2j and 2j + 1 of position t turned by the angle t · 10000^(−2j/d)."""
    tokens, _, width = z.shape
    speeds = 10000.0 ** (-jnp.arange(0, width, 2, dtype=z.dtype) / width)
    angles = jnp.arange(tokens, dtype=z.dtype)[:, None] * speeds[None]
    c, s = jnp.cos(angles)[:, None], jnp.sin(angles)[:, None]
    a, b = z[..., ::2], z[..., 1::2]
    return jnp.stack([a * c - b * s, a * s + b * c], axis=-1).reshape(z.shape)
