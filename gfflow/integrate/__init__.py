"""solve: from a flow and a solver to a solution, row by row."""

from ._carry import Carry as Carry
from ._certificate import Certificate as Certificate
from ._certify import certify as certify
from ._complete import check_finish as check_finish
from ._complete import completed as completed
from ._cost import Cost as Cost
from ._finish import critical_point as critical_point
from ._integration import Integration as Integration
from ._make_solution import make_solution as make_solution
from ._prepare import prepare as prepare
from ._product_ratio import product_ratio as product_ratio
from ._record import Record as Record
from ._record import Recorder as Recorder
from ._record import Row as Row
from ._record import taken as taken
from ._solution import Solution as Solution
from ._solve import solve as solve
from ._solve_stochastic import Paths as Paths
from ._solve_stochastic import solve_stochastic as solve_stochastic
from ._status import Status as Status
from ._status import status_name as status_name
from ._stopwatch import Seconds as Seconds
from ._stopwatch import Stopwatch as Stopwatch
from ._times import linear_times as linear_times
from ._times import log_times as log_times
from ._times import make_grid as make_grid
