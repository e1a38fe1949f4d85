"""What `discover` returns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

from ...laws import Law
from ._certificate import RankCertificate


@final
@dataclass(frozen=True)
class Discovery:
    """The laws of a model under a flow, and how many there are.

    **Fields:**

    - `laws`: found and verified, one `Law` each, functionally independent.
    - `expressions`: law name → formula.
    - `supports`: law name → the paths of the arrays that it is made of.
    - `verified`: law name → how: `"identity"`, as one of polynomials over ℤ (exact
        mode); `"whole numbers"`, exactly, at random whole points (`_whole_numbers`);
        `"round-off"`, to round-off at random points; followed by `", for this data
        only"` where that is so.
    - `lower_bound`: the number of laws found.
    - `upper_bound`: state dimension − dim Lie(W); `None` where no rank can be told.
    - `certificate`: the evidence for the upper bound.
    - `conclusive`: whether the rank is clear and the points agree.
    - `notes`: what a reader must know, such as laws that hold in this region only.
    - `parameters`: D.
    - `flow`: its name.
    - `on`: `"all"` for laws of all data; `"data"` for those of the problem's inputs,
        which the number and the bounds are then of.
    """

    laws: list[Law]
    expressions: Mapping[str, str]
    supports: Mapping[str, tuple[str, ...]]
    verified: Mapping[str, str]
    lower_bound: int
    upper_bound: int | None
    certificate: RankCertificate
    conclusive: bool
    parameters: int
    flow: str
    wall_s: float
    notes: tuple[str, ...] = field(default=())
    on: str = "all"

    @property
    def number(self) -> int | None:
        """Of independent laws near a generic point; `None` if inconclusive."""
        return self.upper_bound if self.conclusive else None

    @property
    def complete(self) -> bool:
        """Whether the laws found are all that there are."""
        return self.conclusive and self.lower_bound == self.upper_bound

    def __str__(self) -> str:
        """A law a line, then their number."""
        upper = "unknown" if self.upper_bound is None else self.upper_bound
        lines = [*self.expressions.values()]
        lines.append(
            f"{self.lower_bound} laws of {self.flow} found, at most {upper}; complete: "
            f"{'yes' if self.complete else 'no'}"
        )
        return "\n".join([*lines, *self.notes])

    def to_json(self) -> dict[str, Any]:
        """The document of `gfflow laws --json`."""
        return {
            "parameters": self.parameters,
            "flow": self.flow,
            "on": self.on,
            "laws_found": [
                {
                    "name": law.name,
                    "expression": self.expressions[law.name],
                    "degree": law.degree,
                    "support": list(self.supports[law.name]),
                    "verified": self.verified[law.name],
                }
                for law in self.laws
            ],
            "lower_bound": self.lower_bound,
            "upper_bound": self.upper_bound,
            "number": self.number,
            "complete": self.complete,
            "conclusive": self.conclusive,
            "certificate": self.certificate.summary(),
            "notes": list(self.notes),
            "wall_s": self.wall_s,
        }
