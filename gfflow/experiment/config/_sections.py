"""The sections of a config: their keys, defaults and limits, one class a section."""

from typing import Annotated, Literal, Self

from pydantic import (
    Discriminator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Tag,
    model_validator,
)

from ..._tolerance import default_tolerance
from ._flow_sections import FlowSection, GradientFlowSection
from ._problem_sections import ProblemSection
from ._section_types import (
    TARGET_SYNTAX,
    Arguments,
    Family,
    Name,
    OptimiserName,
    Section,
    Seed,
    SolverName,
    Target,
    text_or_number,
)


class StopSection(Section):
    """`[solver.stop]`: when to stop before t1."""

    gradient_norm: PositiveFloat | None = Field(default=None, description="at or below")
    loss: float | None = Field(default=None, description="at or below")


class SolverSection(Section):
    """`[solver]`: how the ODE is integrated."""

    name: SolverName = "auto"
    stages: Annotated[int, Field(ge=1, le=9)] | None = Field(
        default=None, description="of auto, radau_iia, gauss_legendre"
    )
    exact_invariants: bool = Field(
        default=False, description="gauss_legendre: stages solved to round-off"
    )
    project: bool = Field(default=False, description="back to the laws at each step")
    certify: bool = Field(
        default=False, description="a bound of the end's error, by two finer runs"
    )
    finish: Literal["critical-point"] | None = Field(
        default=None, description="second-order steps after the flow"
    )
    t0: float = Field(default=0.0, description="first flow time")
    t1: float = Field(description="last flow time")
    rtol: PositiveFloat | None = Field(default=None, description="relative error")
    atol: NonNegativeFloat | None = Field(default=None, description="absolute error")
    dt0: PositiveFloat | None = Field(default=None, description="first step")
    max_steps: PositiveInt = Field(default=1_000_000, description="steps at most")
    stop: StopSection = StopSection()

    def key_of(self, argument: str | None) -> str | None:
        inside = {f"stop_{key}": f"stop.{key}" for key in StopSection.model_fields}
        return inside.get(argument or "") or super().key_of(argument)


class SaveSection(Section):
    """`[save]`: what is kept along the way."""

    times: Annotated[
        Annotated[Literal["log", "linear"], Tag("text")]
        | Annotated[list[float], Field(min_length=1), Tag("other")],
        Discriminator(
            lambda value: {str: "text", list: "other"}.get(type(value)),
            custom_error_type="refused",
            custom_error_message='must be "log", "linear" '
            "or an increasing array of flow times",
        ),
    ] = Field(default="log", description='"log", "linear" or an array of flow times')
    first: PositiveFloat | None = Field(default=None, description="first time after t0")
    count: PositiveInt = Field(default=50, description="number of saved times")
    parameters_every: NonNegativeInt | None = Field(
        default=None, description="saved times"
    )

    def key_of(self, argument: str | None) -> str | None:
        return "times" if argument == "saveat" else super().key_of(argument)


class CustomLaw(Section):
    """One `[[laws.custom]]`: a law of the user's own."""

    name: Name = Field(description="the law's name in every report")
    expression: Name | None = Field(default=None, description="a formula in laws.names")
    function: Target | None = Field(default=None, description=TARGET_SYNTAX)
    degree: Literal["linear", "quadratic", "polynomial", "other"] | None = None
    must_hold: bool | None = Field(default=None, description="as laws.must_hold")


class LawsSection(Section):
    """`[laws]`: what is checked."""

    families: list[Family] = ["known"]
    names: dict[str, Name] = Field(default={}, description="alias = parameter path")
    must_hold: bool = Field(default=True, description="whether breaking one fails")
    ladder: bool = Field(default=True, description="whether to fit the order")
    custom: list[CustomLaw] = Field(default=[], description="each a [[laws.custom]]")


StepSize = Annotated[
    Annotated[PositiveFloat, Tag("number")] | Annotated[Target, Tag("text")],
    Discriminator(
        text_or_number,
        custom_error_type="refused",
        custom_error_message="must be a number greater than 0, or a function of the "
        "step: a target",
    ),
]


class CompareEntry(Section):
    """One `[[compare]]`: an optimiser beside the flow."""

    optimiser: OptimiserName = Field(
        description=f"a registered optimiser, or {TARGET_SYNTAX}"
    )
    learning_rate: StepSize = Field(
        description="size of a step, a number or a target step -> η"
    )
    momentum: Annotated[float, Field(ge=0, lt=1)] | None = Field(
        default=None, description="of heavy_ball and nesterov, 0.9 by default"
    )
    weight_decay: NonNegativeFloat | None = Field(
        default=None, description="its rate, by default that of the flow"
    )
    batch: PositiveInt | None = Field(default=None, description="samples a step")
    replacement: bool = Field(default=False, description="of the samples of a batch")
    seed: Seed = Field(default=0, description="choice of the batches")
    time_per_step: PositiveFloat | None = Field(
        default=None, description="flow time of a step"
    )
    arguments: Arguments = Field(default={}, description="of a target")
    name: Name | None = Field(default=None, description="by default the optimiser's")

    @property
    def label(self) -> str:
        """Its name in every report."""
        return self.name or self.optimiser


class RunSection(Section):
    """`[run]`: where and for how long."""

    precision: Literal["float64", "float32"] = "float64"
    device: Literal["cpu", "gpu", "tpu"] | None = None
    seed: Seed = Field(default=0, description="choice of the first parameters")
    segments: PositiveInt = Field(default=10, description="number of checkpoints")
    law_rates: bool = Field(default=True, description="rates of laws at every step")
    max_wall_time: PositiveFloat | None = Field(default=None, description="seconds")


class Config(Section):
    """A whole config. `load_config` makes one from a file."""

    problem: ProblemSection
    flow: FlowSection = GradientFlowSection(kind="gradient")
    solver: SolverSection
    save: SaveSection = SaveSection()
    laws: LawsSection = LawsSection()
    compare: list[CompareEntry] = Field(default=[], description="each a [[compare]]")
    run: RunSection = RunSection()

    @model_validator(mode="after")
    def _with_tolerance(self) -> Self:
        """The default tolerance is that of the precision."""
        if self.solver.rtol is not None:
            return self
        rtol = {"rtol": default_tolerance(self.run.precision)}
        return self.model_copy(update={"solver": self.solver.model_copy(update=rtol)})
