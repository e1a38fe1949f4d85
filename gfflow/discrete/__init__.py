"""Discrete optimisers beside the flow: what a step size does to a conservation law."""

from ._compare import compare as compare
from ._comparison import Comparison as Comparison
from ._comparison import LawDrift as LawDrift
from ._flow import DiscreteFlow as DiscreteFlow
from ._identities import heavy_ball_cross as heavy_ball_cross
from ._identities import linear_after_step as linear_after_step
from ._identities import quadratic_after_heavy_ball as quadratic_after_heavy_ball
from ._identities import quadratic_after_sgd as quadratic_after_sgd
from ._identities import rotation_after_heavy_ball as rotation_after_heavy_ball
from ._optimisers import Optimiser as Optimiser
from ._optimisers import adam as adam
from ._optimisers import heavy_ball as heavy_ball
from ._optimisers import nesterov as nesterov
from ._optimisers import rmsprop as rmsprop
from ._optimisers import sgd as sgd
from ._optimisers import sign as sign
from ._run import DiscreteRun as DiscreteRun
from ._schedule import checked_schedule as checked_schedule
from ._sharpness import sharpness as sharpness
