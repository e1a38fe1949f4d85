"""The friction τ(t) of a momentum flow θ'' + τ(t) θ' = −∇L."""

from typing import NamedTuple

from ..._errors import DiscoveryError


class PolynomialFriction(NamedTuple):
    """τ = 0, a constant, or r/t; `free`, `constant` and `nesterov(r)` make it.

    The clock c, and a scale that makes all fields polynomial:

    | kind | τ | c | μ = e^{∫τ} | scale | κ = scale · τ | scale · c' |
    |---|---|---|---|---|---|---|
    | free | 0 | t | 1 | 1 | 0 | 1 |
    | constant | a variable | e^{τt} | c | 1 | τ | τ c |
    | nesterov | r/t | t | c^r | c | r | c |

    **Attributes:** `scale`, `kappa`, `rate`: (coefficient, power of c, power of τ).
    """

    kind: str
    clock: str
    power: int
    scale: tuple[int, int, int]
    kappa: tuple[int, int, int]
    rate: tuple[int, int, int]
    r: int = 0


free = PolynomialFriction("free", "t", 0, (1, 0, 0), (0, 0, 0), (1, 0, 0))
constant = PolynomialFriction("constant", "exp(τt)", 1, (1, 0, 0), (1, 0, 1), (1, 1, 1))


def nesterov(r: int = 3) -> PolynomialFriction:
    """τ = r/t.

    **Raises:** `DiscoveryError` if r is not an integer from 1.
    """
    if not isinstance(r, int) or r < 1:
        raise DiscoveryError(
            f"exact mode needs τ = r/t with an integer r ≥ 1; got {r!r}"
        )
    return PolynomialFriction("nesterov", "t", r, (1, 1, 0), (r, 0, 0), (1, 1, 0), r)
