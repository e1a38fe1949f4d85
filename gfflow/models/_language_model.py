"""A small language model."""

from collections.abc import Callable
from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from .._errors import ProblemError
from ._counts import among, positive
from ._initialisers import Initialiser
from ._layers import drawn
from ._transformer import Norm, TransformerBlock, normalisation

POSITIONS = ("rotary", "learned")


@final
class LanguageModel(eqx.Module):
    """Tokens ↦ logits of the token after each: embedding, causal transformer blocks,
    normalisation, unembedding (Radford et al. 2019). With `sequence_cross_entropy`.
    Tokens are whole numbers below `vocabulary`; another one counts as the nearest.

    Laws: those of each block. Untied, γ_i² + β_i² − ‖U[:,i]‖² of the last normalisation
    and the unembedding U, and the column sums of U under cross-entropy, twice the
    width. With learned positions P and the embedding E, Σ_v E[v,:] − Σ_t P[t,:], the
    width. With "layer", which does not see the mean of the stream, the sums over it of
    P, of each map that writes to it, and of E, if untied.

    **Attributes:**

    - `embedding`, `unembedding`: `(vocabulary, width)`; one and the same where the
        second is `None`.
    - `positions`: `(length, width)`, or `None` for rotary ones.
    - `blocks`: `TransformerBlock`; `norm`: before the unembedding.
    """

    embedding: Float[Array, "vocabulary width"]
    positions: Float[Array, "length width"] | None
    blocks: tuple[TransformerBlock, ...]
    norm: Norm
    unembedding: Float[Array, "vocabulary width"] | None

    def __init__(
        self,
        vocabulary: int,
        width: int,
        depth: int = 1,
        *,
        key: PRNGKeyArray,
        length: int | None = None,
        positions: str = "rotary",
        tied: bool = True,
        heads: int = 1,
        groups: int | None = None,
        head_width: int | None = None,
        hidden: int | None = None,
        feed_forward: str | Callable = "swiglu",
        experts: int | None = None,
        gate: str = "softmax",
        norm: str = "rms",
        epsilon: float = 1e-5,
        init: str | Initialiser = "glorot",
        init_scale: float = 1.0,
    ):
        """**Arguments:**

        - `vocabulary`: number of different tokens; `depth`: of blocks.
        - `length`: the longest sequence, for learned positions.
        - `positions`: "rotary" or "learned".
        - `tied`: whether the embedding is the unembedding too.
        - The others: of `TransformerBlock`.

        **Raises:** `ProblemError` for sizes that are not positive or do not divide, or
        words that are none; `GFFlowError` for a name that is none.
        """
        positive(vocabulary=vocabulary, width=width, depth=depth)
        among(POSITIONS, positions=positions)
        learned = positions == "learned"
        if learned and length is None:
            raise ProblemError(
                "learned positions want length, of the longest sequence",
                argument="length",
            )
        e, p, u, *keys = jax.random.split(key, depth + 3)
        self.embedding = drawn(width, vocabulary, init, init_scale, e)
        self.positions = None
        if learned and length is not None:
            positive(length=length)
            self.positions = drawn(width, length, init, init_scale, p)
        self.blocks = tuple(
            TransformerBlock(
                width,
                key=k,
                heads=heads,
                groups=groups,
                head_width=head_width,
                hidden=hidden,
                feed_forward=feed_forward,
                experts=experts,
                gate=gate,
                norm=norm,
                epsilon=epsilon,
                rotary=not learned,
                init=init,
                init_scale=init_scale,
            )
            for k in keys
        )
        self.norm = normalisation(norm, width, epsilon)
        self.unembedding = None if tied else drawn(width, vocabulary, init, 1.0, u)

    def __call__(
        self, tokens: Int[Array, " tokens"]
    ) -> Float[Array, "tokens vocabulary"]:
        # Without the mode JAX would clip them in the value, and not in the gradient.
        x = jnp.take(self.embedding, tokens, axis=0, mode="clip")
        if self.positions is not None:
            x = x + self.positions[: len(tokens)]
        for block in self.blocks:
            x = block(x)
        table = self.embedding if self.unembedding is None else self.unembedding
        return jax.vmap(self.norm)(x) @ table.T
