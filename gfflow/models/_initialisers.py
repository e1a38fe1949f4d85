"""Initialisers: `init(key, widths, scale) -> weights`, one matrix (out, in) a layer.

An initialiser sees all widths at once, because balance is a property of neighbours.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

Weights = list[Float[Array, "out in"]]
Initialiser = Callable[[PRNGKeyArray, Sequence[int], float], Weights]


def glorot(key: PRNGKeyArray, widths: Sequence[int], scale: float) -> Weights:
    """Gaussian of variance 2 scale² / (fan in + fan out) (Glorot & Bengio 2010)."""
    return _normal(key, widths, lambda n, m: scale * (2 / (n + m)) ** 0.5)


def he(key: PRNGKeyArray, widths: Sequence[int], scale: float) -> Weights:
    """Gaussian of variance 2 scale² / fan in (He et al. 2015)."""
    return _normal(key, widths, lambda n, m: scale * (2 / n) ** 0.5)


def gaussian(key: PRNGKeyArray, widths: Sequence[int], scale: float) -> Weights:
    """Gaussian of standard deviation `scale` in every layer."""
    return _normal(key, widths, lambda n, m: scale)


def small(key: PRNGKeyArray, widths: Sequence[int], scale: float) -> Weights:
    """Gaussian of standard deviation 10⁻³ scale / √(fan in): near the saddle at 0."""
    return _normal(key, widths, lambda n, m: 1e-3 * scale / n**0.5)


def balanced(key: PRNGKeyArray, widths: Sequence[int], scale: float) -> Weights:
    """W_{l+1}ᵀW_{l+1} = W_l W_lᵀ for every l (Arora, Cohen & Hazan 2018, Def. 1).

    With r the least width, W_l = U_l diag(s) U_{l−1}ᵀ for one s > 0 in R^r and U_l of
    orthonormal columns: both sides are U_l diag(s²) U_lᵀ. The s are `scale` times
    uniform on [½, 3/2].
    """
    rank = min(widths)
    spectrum_key, *keys = jax.random.split(key, len(widths) + 1)
    values = scale * jax.random.uniform(spectrum_key, (rank,), minval=0.5, maxval=1.5)
    bases = [
        jnp.linalg.qr(jax.random.normal(k, (width, rank)))[0]
        for k, width in zip(keys, widths)
    ]
    return [(new * values[None, :]) @ old.T for old, new in zip(bases, bases[1:])]


def _normal(key, widths, deviation) -> Weights:
    keys = jax.random.split(key, len(widths) - 1)
    return [
        deviation(n, m) * jax.random.normal(k, (m, n))
        for k, n, m in zip(keys, widths, widths[1:])
    ]
