"""`[flow]`: which ODE the problem becomes, one class a kind."""

from typing import Annotated, Literal

from pydantic import (
    Discriminator,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    Tag,
)

from ._section_types import Name, Section, Target, kind_of, text_or_number

_NUMBER_OR = "must be a number of at least 0"


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


class AnyFlowSection(Section):
    """The keys of every kind."""

    weight_decay: Rate = Field(default=0.0, description="λ, a number or a target λ(t)")
    learning_rate: Rate = Field(default=1.0, description="η, a number or a target η(t)")


class CoupledFlowSection(AnyFlowSection):
    """Those of flows that are not gradient flows."""

    coupled: bool = Field(
        default=False, description="weight decay through the loss, not beside it"
    )


class GradientFlowSection(AnyFlowSection):
    """`[flow]` with kind = "gradient"."""

    kind: Literal["gradient"] = "gradient"


class MomentumFlowSection(AnyFlowSection):
    """`[flow]` with kind = "momentum"."""

    kind: Literal["momentum"] = "momentum"
    friction: Friction = Field(
        default=1.0, description='τ: a number, "nesterov", or a target τ(t)'
    )
    nesterov: PositiveFloat = Field(default=3.0, description="r of the friction r/t")
    coupled: bool = Field(
        default=True, description="weight decay in the force, not in the velocity"
    )


class MirrorFlowSection(CoupledFlowSection):
    """`[flow]` with kind = "mirror"."""

    kind: Literal["mirror"] = "mirror"
    potential: Potential = Field(
        default="entropy", description="of the parameters not in `potentials`"
    )
    potentials: dict[Name, Potential] = Field(
        default={}, description="parameter path = potential"
    )
    dual: bool = Field(default=True, description="integrate ∇Φ(θ), or θ")


class NaturalGradientFlowSection(CoupledFlowSection):
    """`[flow]` with kind = "natural"."""

    kind: Literal["natural"] = "natural"
    damping: PositiveFloat = Field(default=1e-3, description="δ of (F + δ)⁻¹")
    metric: Literal["gauss-newton", "fisher"] = "gauss-newton"
    iterations: PositiveInt | None = Field(
        default=None, description="of conjugate gradients, at most"
    )


class RMSPropFlowSection(CoupledFlowSection):
    """`[flow]` with kind = "rmsprop"."""

    kind: Literal["rmsprop"] = "rmsprop"
    tau: PositiveFloat = Field(default=1.0, description="memory of g², in flow time")
    eps: PositiveFloat = 1e-8


class AdamFlowSection(CoupledFlowSection):
    """`[flow]` with kind = "adam"."""

    kind: Literal["adam"] = "adam"
    tau1: PositiveFloat = Field(default=1.0, description="memory of g, in flow time")
    tau2: PositiveFloat = Field(default=10.0, description="memory of g², in flow time")
    eps: PositiveFloat = 1e-8


class SignFlowSection(CoupledFlowSection):
    """`[flow]` with kind = "sign"."""

    kind: Literal["sign"] = "sign"
    eps: NonNegativeFloat = Field(default=0.0, description="of g/√(g² + ε²)")


class SaddleFlowSection(AnyFlowSection):
    """`[flow]` with kind = "saddle"."""

    kind: Literal["saddle"] = "saddle"
    ascent: Annotated[list[Name], Field(min_length=1)] = Field(
        description="paths of the parameters that ascend"
    )


def _flow_kind(section: object) -> str | None:
    if isinstance(section, dict) and "kind" not in section:
        return "gradient"
    return kind_of(section)


FlowSection = Annotated[
    Annotated[GradientFlowSection, Tag("gradient")]
    | Annotated[MomentumFlowSection, Tag("momentum")]
    | Annotated[MirrorFlowSection, Tag("mirror")]
    | Annotated[NaturalGradientFlowSection, Tag("natural")]
    | Annotated[RMSPropFlowSection, Tag("rmsprop")]
    | Annotated[AdamFlowSection, Tag("adam")]
    | Annotated[SignFlowSection, Tag("sign")]
    | Annotated[SaddleFlowSection, Tag("saddle")],
    Discriminator(_flow_kind),
]
