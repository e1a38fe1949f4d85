"""A problem under a flow as discovery sees it."""

from ._no_data import problem_without_data as problem_without_data
from ._subject import Clock as Clock
from ._subject import Datum as Datum
from ._subject import Subject as Subject
from ._subject import cotangents_of as cotangents_of
from ._subject import subject_of as subject_of
