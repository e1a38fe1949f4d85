"""A problem under a flow as discovery sees it."""

from ._constant import Constant as Constant
from ._cotangents import cotangents_of as cotangents_of
from ._drift import Drift as Drift
from ._field import Datum as Datum
from ._field import Field as Field
from ._flat_loss import FlatLoss as FlatLoss
from ._flat_state import Vector as Vector
from ._no_data import problem_without_data as problem_without_data
from ._pairing import Pairing as Pairing
from ._random_arrays import drawn_inputs as drawn_inputs
from ._random_arrays import drawn_targets as drawn_targets
from ._subject import Subject as Subject
from ._subject import subject_of as subject_of
