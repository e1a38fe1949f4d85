"""The evidence for the number of laws."""

from dataclasses import dataclass, field
from typing import Any, final

from ..exact import Proof


@final
@dataclass(frozen=True)
class RankCertificate:
    """Why the number of laws is what it is.

    **Fields:**

    - `method`: `"brackets"`, `"orbit"` or `"exact"`.
    - `ranks_per_level`: dimension at a generic point of W, W + [W, W], …; the last two
        are equal where the algebra has closed.
    - `gap`: (smallest singular value kept, largest dropped), over the largest, at the
        last level, the worst of all points; `None` where the rank is exact.
    - `points`: the number of laws at each point that was looked at.
    - `primes`: the p of GF(p), empty for a floating-point rank.
    - `closed`: whether the last bracket level added nothing.
    - `proof`: of exact mode.
    """

    method: str
    ranks_per_level: tuple[int, ...]
    gap: tuple[float, float] | None
    points: tuple[int, ...]
    primes: tuple[int, ...] = ()
    closed: bool = True
    proof: Proof | None = field(default=None, repr=False)

    def to_json(self) -> dict[str, Any]:
        """The certificate; of exact mode a document from which it can be verified
        without gfflow (`experiments/certificate_checker`).

        **Raises:** `DiscoveryError` for a momentum flow with deeper brackets than a
        document can hold.
        """
        return self.summary() if self.proof is None else self.proof.to_json()

    def summary(self) -> dict[str, Any]:
        """The figures."""
        return {
            "method": self.method,
            "ranks_per_level": list(self.ranks_per_level),
            "gap": None if self.gap is None else list(self.gap),
            "points": list(self.points),
            "prime": self.primes[0] if self.primes else None,
            "primes": list(self.primes),
            "closed": self.closed,
        }
