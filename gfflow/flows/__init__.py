"""Flows: what turns a problem into an ordinary differential equation."""

from ._base import AbstractFlow as AbstractFlow
from ._friction import AbstractFriction as AbstractFriction
from ._friction import ConstantFriction as ConstantFriction
from ._friction import Friction as Friction
from ._friction import Nesterov as Nesterov
from ._friction import nesterov as nesterov
from ._gradient import GradientFlow as GradientFlow
from ._mirror import MirrorFlow as MirrorFlow
from ._momentum import MomentumFlow as MomentumFlow
from ._momentum import Phase as Phase
from ._natural import NaturalGradientFlow as NaturalGradientFlow
from ._potentials import AbstractPotential as AbstractPotential
from ._potentials import Entropy as Entropy
from ._potentials import Euclidean as Euclidean
from ._potentials import LogBarrier as LogBarrier
from ._potentials import PNorm as PNorm
