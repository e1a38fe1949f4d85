"""Solvers by name, and what gfflow must know of each."""

from ._accounted import Accounted as Accounted
from ._accounted import Attempt as Attempt
from ._accounted import spent_at_start as spent_at_start
from ._accounted import with_tolerances as with_tolerances
from ._properties import SolverProperties as SolverProperties
from ._properties import StepControl as StepControl
from ._properties import solver_by_name as solver_by_name
from ._properties import solver_events as solver_events
from ._properties import solver_properties as solver_properties
from ._spent import Spent as Spent
from ._wrapper import unwrapped as unwrapped
from .auto import Auto as Auto
from .collocation import Conjugate as Conjugate
from .collocation import GaussLegendre as GaussLegendre
from .collocation import RadauIIA as RadauIIA
from .projection import Projected as Projected
from .rock import ROCK2 as ROCK2
