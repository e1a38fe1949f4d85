"""`[flow]`: which ODE the problem becomes."""

from typing import Annotated, Any, Literal

from pydantic import (
    Discriminator,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    Tag,
)

from ..._errors import about
from ._parts import Choice, OpenPart, Part, keys_of
from ._section_types import Name, Target, text_or_number
from ._targets import rate_of

_NUMBER_OR = "must be a number of at least 0"
_SHARED = {"kind", "weight_decay", "learning_rate", "coupled"}


Rate = Annotated[
    Annotated[NonNegativeFloat, Tag("number")] | Annotated[Target, Tag("text")],
    Discriminator(
        text_or_number,
        custom_error_type="refused",
        custom_error_message=f"{_NUMBER_OR}, or a function of time: a target",
    ),
]
Friction = Annotated[
    Annotated[NonNegativeFloat, Tag("number")]
    | Annotated[Literal["nesterov"], Tag("nesterov")]
    | Annotated[Target, Tag("text")],
    Discriminator(
        lambda value: "nesterov" if value == "nesterov" else text_or_number(value),
        custom_error_type="refused",
        custom_error_message=f'{_NUMBER_OR}, "nesterov", or a function of time: '
        "a target",
    ),
]
PotentialName = Literal["entropy", "log_barrier", "euclidean"]
Potential = Annotated[
    Annotated[PotentialName, Tag("text")]
    | Annotated[Annotated[float, Field(gt=1, le=2)], Tag("number")],
    Discriminator(
        text_or_number,
        custom_error_type="refused",
        custom_error_message='must be "entropy", "log_barrier", "euclidean", or the p '
        "of a p-norm, 1 < p ≤ 2",
    ),
]


class AnyFlowSection(Part):
    """The keys of every kind."""

    weight_decay: Rate = Field(default=0.0, description="λ, a number or a target λ(t)")
    learning_rate: Rate = Field(default=1.0, description="η, a number or a target η(t)")

    def options(self) -> dict[str, Any]:
        return self.model_dump(exclude=_SHARED, exclude_none=True)

    @property
    def is_coupled(self) -> bool:
        """Whether the weight decay is part of the force."""
        return False


class CoupledFlowSection(AnyFlowSection):
    """Those of flows that are not gradient flows."""

    coupled: bool = Field(
        default=False, description="weight decay through the loss, not beside it"
    )

    @property
    def is_coupled(self) -> bool:
        return self.coupled


class OpenFlowSection(CoupledFlowSection, OpenPart):
    """`[flow]` of a kind whose keys are those of its signature."""


@keys_of("flows", "gradient")
class GradientFlowSection(AnyFlowSection):
    """`[flow]` with kind = "gradient"."""


@keys_of("flows", "momentum")
class MomentumFlowSection(CoupledFlowSection):
    """`[flow]` with kind = "momentum"."""

    friction: Friction = Field(
        default=1.0, description='τ: a number, "nesterov", or a target τ(t)'
    )
    nesterov: PositiveFloat = Field(default=3.0, description="r of the friction r/t")
    coupled: bool = Field(
        default=True, description="weight decay in the force, not in the velocity"
    )

    def options(self) -> dict[str, Any]:
        if self.friction == "nesterov":
            from ...flows import Nesterov

            return {"friction": Nesterov(self.nesterov)}
        with about("friction"):
            return {"friction": rate_of(self.friction)}


@keys_of("flows", "mirror")
class MirrorFlowSection(CoupledFlowSection):
    """`[flow]` with kind = "mirror"."""

    potential: Potential = Field(
        default="entropy", description="of the parameters not in `potentials`"
    )
    potentials: dict[Name, Potential] = Field(
        default={}, description="parameter path = potential"
    )
    dual: bool = Field(default=True, description="integrate ∇Φ(θ), or θ")

    def options(self) -> dict[str, Any]:
        from ...flows import PNorm

        table = {"": self.potential, **self.potentials}
        named = {k: p if isinstance(p, str) else PNorm(p) for k, p in table.items()}
        return {"potential": named, "dual": self.dual}


@keys_of("flows", "natural")
class NaturalGradientFlowSection(CoupledFlowSection):
    """`[flow]` with kind = "natural"."""

    damping: PositiveFloat = Field(default=1e-3, description="δ of (F + δ)⁻¹")
    metric: Literal["gauss-newton", "fisher"] = "gauss-newton"
    iterations: PositiveInt | None = Field(
        default=None, description="of conjugate gradients, at most"
    )


@keys_of("flows", "rmsprop")
class RMSPropFlowSection(CoupledFlowSection):
    """`[flow]` with kind = "rmsprop"."""

    tau: PositiveFloat = Field(default=1.0, description="memory of g², in flow time")
    eps: PositiveFloat = 1e-8


@keys_of("flows", "adam")
class AdamFlowSection(CoupledFlowSection):
    """`[flow]` with kind = "adam"."""

    tau1: PositiveFloat = Field(default=1.0, description="memory of g, in flow time")
    tau2: PositiveFloat = Field(default=10.0, description="memory of g², in flow time")
    eps: PositiveFloat = 1e-8


@keys_of("flows", "sign")
class SignFlowSection(CoupledFlowSection):
    """`[flow]` with kind = "sign"."""

    eps: NonNegativeFloat = Field(default=0.0, description="of g/√(g² + ε²)")


@keys_of("flows", "saddle")
class SaddleFlowSection(AnyFlowSection):
    """`[flow]` with kind = "saddle"."""

    ascent: Annotated[list[Name], Field(min_length=1)] = Field(
        description="paths of the parameters that ascend"
    )


FlowSection = Annotated[
    AnyFlowSection,
    Choice("flows", open=OpenFlowSection, default="gradient", target=False),
]
