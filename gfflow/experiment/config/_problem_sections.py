"""`[problem]`: a model, a loss and data."""

from typing import Annotated, Any, Literal

from pydantic import (
    Discriminator,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    Tag,
)

from ._parts import Choice, OpenPart, Part, TargetPart, keys_of
from ._section_types import (
    TARGET_SYNTAX,
    Activation,
    FileName,
    Initialiser,
    LossName,
    Name,
    Section,
    Seed,
    Widths,
)


@keys_of("models", "mlp")
class MLPModel(Part):
    """`[problem.model]` with kind = "mlp"."""

    widths: Widths = Field(description="sizes of all layers, inputs and outputs too")
    activation: Activation = "relu"
    final_activation: Activation = "identity"
    bias: bool = Field(default=True, description="whether the layers have biases")
    init: Initialiser = "he"
    init_scale: PositiveFloat = Field(default=1.0, description="factor on the start")


@keys_of("models", "deep_linear")
class DeepLinearModel(Part):
    """`[problem.model]` with kind = "deep_linear"."""

    widths: Widths = Field(description="sizes of all layers, inputs and outputs too")
    init: Initialiser = "glorot"
    init_scale: PositiveFloat = Field(default=1.0, description="factor on the start")
    bias: bool = Field(default=False, description="whether the layers have biases")


@keys_of("models", "factorisation")
class FactorisationModel(Part):
    """`[problem.model]` with kind = "factorisation"."""

    rows: PositiveInt = Field(description="of the matrix")
    columns: PositiveInt = Field(description="of the matrix")
    rank: PositiveInt = Field(description="columns of either factor")
    positive: bool = Field(default=True, description="a start above 0")
    init_scale: PositiveFloat = Field(default=1.0, description="factor on the start")


class DataPart(Part):
    """`[problem.data]` of any kind."""

    def options_for(self, loss: str) -> dict[str, Any]:
        """The keyword arguments of the registered data, to be used with a loss."""
        return self.options()


class OpenDataPart(DataPart, OpenPart):
    """`[problem.data]` of a kind whose keys are those of its signature."""


class TableData(DataPart):
    """`[problem.data]` with one of the data sets that come with scikit-learn."""

    samples: PositiveInt | None = Field(default=None, description="size of the subset")
    standardise: bool = Field(default=True, description="inputs of variance 1")
    targets: Literal["one_hot", "labels", "values", "inputs"] | None = None
    seed: Seed = Field(default=0, description="choice of the subset")


@keys_of("data", "breast_cancer")
class ClassTable(TableData):
    """One whose targets are classes."""

    def options_for(self, loss: str) -> dict[str, Any]:
        by_label = loss.endswith("cross_entropy") or loss == "logistic"
        fitting = "labels" if by_label else "one_hot"
        return {**self.options(), "targets": self.targets or fitting}


@keys_of("data", "digits")
class DigitsTable(ClassTable):
    """`[problem.data]` with kind = "digits"."""

    targets: Literal["one_hot", "labels", "values", "inputs", "next_row"] | None = None
    layout: Literal["flat", "image", "rows"] = Field(
        default="flat", description="shape of an input"
    )
    batch: PositiveInt | None = Field(default=None, description="images a sample")


@keys_of("data", "diabetes")
class ValueTable(TableData):
    """One whose targets are numbers."""

    def options_for(self, loss: str) -> dict[str, Any]:
        return {**self.options(), "targets": self.targets or "values"}


@keys_of("data", "teacher_student")
class TeacherStudentData(DataPart):
    """`[problem.data]` with kind = "teacher_student"."""

    samples: PositiveInt = Field(default=1000, description="number of samples")
    inputs: PositiveInt = Field(description="number of inputs")
    teacher_units: PositiveInt = Field(default=4, description="its hidden units")
    outputs: PositiveInt = Field(default=1, description="number of outputs")
    activation: Activation = "softplus"
    noise: NonNegativeFloat = Field(default=0.0, description="its deviation")
    seed: Seed = Field(default=0, description="choice of inputs, teacher and noise")


@keys_of("data", "npz")
class NpzData(DataPart):
    """`[problem.data]` with kind = "npz"."""

    path: FileName = Field(description="the .npz file")
    inputs: Name = Field(default="x", description="array of inputs")
    targets: Name = Field(default="y", description="array of targets")
    weights: Name | None = Field(default=None, description="array of weights")


@keys_of("data", "csv")
class CsvData(DataPart):
    """`[problem.data]` with kind = "csv"."""

    path: FileName = Field(description="the .csv file")
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


TimeScale = Annotated[
    Annotated[PositiveFloat, Tag("number")]
    | Annotated[dict[Name, PositiveFloat], Tag("table")],
    Discriminator(
        lambda value: {int: "number", float: "number", dict: "table"}.get(type(value)),
        custom_error_type="refused",
        custom_error_message="must be a number, or a table parameter path = number",
    ),
]


class ProblemSection(Section):
    """`[problem]`: model, loss and data."""

    model: Annotated[Part, Choice("models")]
    loss: LossName = Field(description=f"a registered loss, or {TARGET_SYNTAX}")
    data: Annotated[DataPart | TargetPart, Choice("data", open=OpenDataPart)]
    chunk: PositiveInt | None = Field(default=None, description="samples at a time")
    time_scale: TimeScale = Field(
        default=1.0, description="factor on the gradient, or path = factor"
    )
    trainable: list[Name] | None = Field(default=None, description="parameter paths")
