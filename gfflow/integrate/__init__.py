"""solve: from a flow and a solver to a solution, row by row."""

from ._clock import Clock as Clock
from ._core import Carry as Carry
from ._core import Core as Core
from ._core import Row as Row
from ._core import with_status as with_status
from ._integration import Integration as Integration
from ._integration import steps_of as steps_of
from ._product_ratio import product_ratio as product_ratio
from ._settings import configured_solver as configured_solver
from ._settings import make_settings as make_settings
from ._solution import Certificate as Certificate
from ._solution import Cost as Cost
from ._solution import Solution as Solution
from ._solve import assemble as assemble
from ._solve import completed as completed
from ._solve import keep_every as keep_every
from ._solve import named_laws as named_laws
from ._solve import solve as solve
from ._solve_stochastic import Paths as Paths
from ._solve_stochastic import solve_stochastic as solve_stochastic
from ._status import Status as Status
from ._status import status_name as status_name
from ._times import linear_times as linear_times
from ._times import log_times as log_times
from ._times import make_grid as make_grid
