"""Solvers by name, and what gfflow must know of each."""

from .auto import Auto as Auto
from .collocation import Conjugate as Conjugate
from .collocation import GaussLegendre as GaussLegendre
from .collocation import RadauIIA as RadauIIA
from .kinks import KinkResolved as KinkResolved
from .projection import Projected as Projected
from .protocol import AbstractFlowSolver as AbstractFlowSolver
from .protocol import Accounted as Accounted
from .protocol import MetKink as MetKink
from .protocol import SolverProperties as SolverProperties
from .protocol import Spent as Spent
from .protocol import Stages as Stages
from .protocol import StepControl as StepControl
from .protocol import StepReport as StepReport
from .protocol import adapted as adapted
from .protocol import solver_by_name as solver_by_name
from .protocol import unwrapped as unwrapped
from .rock import ROCK2 as ROCK2
