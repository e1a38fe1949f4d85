"""What gfflow asks of a solver, and how Diffrax's own solvers answer."""

from ._accounted import Accounted as Accounted
from ._accounted import StepReport as StepReport
from ._delegate import AbstractDelegate as AbstractDelegate
from ._delegate import unwrapped as unwrapped
from ._diffrax import DiffraxSolver as DiffraxSolver
from ._diffrax import adapted as adapted
from ._diffrax import controlled_root_finder as controlled_root_finder
from ._measured import AbstractMeasured as AbstractMeasured
from ._met_kink import MetKink as MetKink
from ._named import solver_by_name as solver_by_name
from ._properties import ACCURACY_BOUND as ACCURACY_BOUND
from ._properties import STABILITY_BOUND as STABILITY_BOUND
from ._properties import SolverProperties as SolverProperties
from ._properties import StepControl as StepControl
from ._solver import AbstractFlowSolver as AbstractFlowSolver
from ._solver import AbstractSolverState as AbstractSolverState
from ._spent import Spent as Spent
from ._stages import Measure as Measure
from ._stages import Stages as Stages
from ._stages import runge_kutta_stages as runge_kutta_stages
from ._traced_once import traced_once as traced_once
from ._wrapper import AbstractWrapper as AbstractWrapper
from ._wrapper import AbstractWrapperState as AbstractWrapperState
