"""Explicit Runge–Kutta steps."""

from ._step import KINKED as KINKED
from ._step import SMOOTH as SMOOTH
from ._step import ExplicitStep as ExplicitStep
from ._step import explicit_stages as explicit_stages
from ._step import explicit_step as explicit_step
from ._step import tableaus as tableaus
