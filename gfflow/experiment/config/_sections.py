"""The sections of a config: their keys, defaults and limits, one class a section."""

from typing import Annotated, Literal

from pydantic import (
    Discriminator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Tag,
)

from ._flow_sections import FlowSection, GradientFlowSection
from ._section_types import (
    TARGET_SYNTAX,
    Activation,
    Arguments,
    Family,
    Initialiser,
    LossName,
    Name,
    OptimiserName,
    Section,
    Seed,
    SolverName,
    Target,
    Widths,
    kind_of,
    text_or_number,
)


class MLPModel(Section):
    """`[problem.model]` with kind = "mlp"."""

    kind: Literal["mlp"] = "mlp"
    widths: Widths = Field(description="sizes of all layers, inputs and outputs too")
    activation: Activation = "relu"
    final_activation: Activation = "identity"
    bias: bool = Field(default=True, description="whether the layers have biases")
    init: Initialiser = "he"
    init_scale: PositiveFloat = Field(default=1.0, description="factor on the start")


class DeepLinearModel(Section):
    """`[problem.model]` with kind = "deep_linear"."""

    kind: Literal["deep_linear"] = "deep_linear"
    widths: Widths = Field(description="sizes of all layers, inputs and outputs too")
    init: Initialiser = "glorot"
    init_scale: PositiveFloat = Field(default=1.0, description="factor on the start")
    bias: bool = Field(default=False, description="whether the layers have biases")


class FactorisationModel(Section):
    """`[problem.model]` with kind = "factorisation"."""

    kind: Literal["factorisation"] = "factorisation"
    rows: PositiveInt = Field(description="of the matrix")
    columns: PositiveInt = Field(description="of the matrix")
    rank: PositiveInt = Field(description="columns of either factor")
    positive: bool = Field(default=True, description="a start above 0")
    init_scale: PositiveFloat = Field(default=1.0, description="factor on the start")


class TargetPart(Section):
    """`[problem.model]` or `[problem.data]` made by a user's own function."""

    kind: Literal["target"] = "target"
    target: Target = Field(description=TARGET_SYNTAX)
    arguments: Arguments = Field(default={}, description="its keyword arguments")


class TableData(Section):
    """`[problem.data]` with one of the data sets that come with scikit-learn."""

    kind: Literal["digits", "breast_cancer", "diabetes"]
    samples: PositiveInt | None = Field(default=None, description="size of the subset")
    standardise: bool = Field(default=True, description="inputs of variance 1")
    targets: Literal["one_hot", "labels", "values", "inputs"] | None = None
    seed: Seed = Field(default=0, description="choice of the subset")


class TeacherStudentData(Section):
    """`[problem.data]` with kind = "teacher_student"."""

    kind: Literal["teacher_student"] = "teacher_student"
    samples: PositiveInt = Field(default=1000, description="number of samples")
    inputs: PositiveInt = Field(description="number of inputs")
    teacher_units: PositiveInt = Field(default=4, description="its hidden units")
    outputs: PositiveInt = Field(default=1, description="number of outputs")
    activation: Activation = "softplus"
    noise: NonNegativeFloat = Field(default=0.0, description="its deviation")
    seed: Seed = Field(default=0, description="choice of inputs, teacher and noise")


class NpzData(Section):
    """`[problem.data]` with kind = "npz"."""

    kind: Literal["npz"] = "npz"
    path: Name = Field(description="the .npz file")
    inputs: Name = Field(default="x", description="array of inputs")
    targets: Name = Field(default="y", description="array of targets")
    weights: Name | None = Field(default=None, description="array of weights")


class CsvData(Section):
    """`[problem.data]` with kind = "csv"."""

    kind: Literal["csv"] = "csv"
    path: Name = Field(description="the .csv file")
    targets: Annotated[
        Annotated[list[Name], Field(min_length=1), Tag("names")]
        | Annotated[PositiveInt, Tag("count")],
        Discriminator(
            lambda value: {list: "names", int: "count"}.get(type(value)),
            custom_error_type="refused",
            custom_error_message="must be an array of column names, "
            "or the number of last columns",
        ),
    ] = Field(default=1, description="column names, or the number of last columns")
    header: bool = Field(default=True, description="whether the first row holds names")
    weights: Name | None = Field(default=None, description="column of weights")


class ProblemSection(Section):
    """`[problem]`: model, loss and data."""

    model: Annotated[
        Annotated[MLPModel, Tag("mlp")]
        | Annotated[DeepLinearModel, Tag("deep_linear")]
        | Annotated[FactorisationModel, Tag("factorisation")]
        | Annotated[TargetPart, Tag("target")],
        Discriminator(kind_of),
    ]
    loss: LossName = Field(description=f"a registered loss, or {TARGET_SYNTAX}")
    data: Annotated[
        Annotated[TableData, Tag("digits")]
        | Annotated[TableData, Tag("breast_cancer")]
        | Annotated[TableData, Tag("diabetes")]
        | Annotated[TeacherStudentData, Tag("teacher_student")]
        | Annotated[NpzData, Tag("npz")]
        | Annotated[CsvData, Tag("csv")]
        | Annotated[TargetPart, Tag("target")],
        Discriminator(kind_of),
    ]
    chunk: PositiveInt | None = Field(default=None, description="samples at a time")
    time_scale: PositiveFloat = Field(default=1.0, description="factor on the gradient")
    trainable: list[Name] | None = Field(default=None, description="parameter paths")


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
    certify: bool = Field(default=False, description="the end's error by a second run")
    finish: Literal["critical-point"] | None = Field(
        default=None, description="second-order steps after the flow"
    )
    t0: float = Field(default=0.0, description="first flow time")
    t1: float = Field(description="last flow time")
    rtol: PositiveFloat = Field(default=1e-10, description="relative error")
    atol: NonNegativeFloat | None = Field(default=None, description="absolute error")
    dt0: PositiveFloat | None = Field(default=None, description="first step")
    max_steps: PositiveInt = Field(default=1_000_000, description="steps at most")
    stop: StopSection = StopSection()


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
    max_wall_time: PositiveFloat | None = Field(default=None, description="seconds")


class Config(Section):
    """A whole config. `load_config` makes one from a file."""

    problem: ProblemSection
    flow: FlowSection = GradientFlowSection()
    solver: SolverSection
    save: SaveSection = SaveSection()
    laws: LawsSection = LawsSection()
    compare: list[CompareEntry] = Field(default=[], description="each a [[compare]]")
    run: RunSection = RunSection()
