"""gfflow: the training of a neural network as a continuous gradient flow.

The public names are imported when they are first used, so that the command line can
print its help without JAX.
"""

from typing import TYPE_CHECKING

from ._lazy import lazy_names

if TYPE_CHECKING:
    from . import data as data
    from . import discrete as discrete
    from . import flows as flows
    from . import laws as laws
    from . import losses as losses
    from . import models as models
    from . import solvers as solvers
    from ._errors import CheckError as CheckError
    from ._errors import ConfigError as ConfigError
    from ._errors import DiscoveryError as DiscoveryError
    from ._errors import GFFlowError as GFFlowError
    from ._errors import LawError as LawError
    from ._errors import ProblemError as ProblemError
    from ._errors import RunFolderError as RunFolderError
    from ._errors import SolveError as SolveError
    from ._errors import TargetError as TargetError
    from .discovery import Discovery as Discovery
    from .discovery import discover as discover
    from .discovery import exact as exact
    from .discrete import Comparison as Comparison
    from .discrete import DiscreteFlow as DiscreteFlow
    from .discrete import DiscreteRun as DiscreteRun
    from .discrete import compare as compare
    from .experiment import load as load
    from .extended import ExtendedSolution as ExtendedSolution
    from .extended import solve_extended as solve_extended
    from .flows import GradientFlow as GradientFlow
    from .flows import MirrorFlow as MirrorFlow
    from .flows import MomentumFlow as MomentumFlow
    from .flows import NaturalGradientFlow as NaturalGradientFlow
    from .flows import PreconditionedFlow as PreconditionedFlow
    from .flows import SaddleFlow as SaddleFlow
    from .flows import StochasticFlow as StochasticFlow
    from .flows import nesterov as nesterov
    from .integrate import Certificate as Certificate
    from .integrate import Cost as Cost
    from .integrate import LawRate as LawRate
    from .integrate import Paths as Paths
    from .integrate import Solution as Solution
    from .integrate import Status as Status
    from .integrate import certify as certify
    from .integrate import critical_point as critical_point
    from .integrate import linear_times as linear_times
    from .integrate import log_times as log_times
    from .integrate import product_ratio as product_ratio
    from .integrate import solve as solve
    from .integrate import solve_stochastic as solve_stochastic
    from .landscape import CriticalPoint as CriticalPoint
    from .landscape import Spectrum as Spectrum
    from .landscape import hessian_eigenvalues as hessian_eigenvalues
    from .laws import Law as Law
    from .laws import known_laws as known_laws
    from .laws import symbolic as symbolic
    from .problem import Problem as Problem
    from .verdict import LawReport as LawReport
    from .verdict import Report as Report
    from .verdict import Verdict as Verdict
    from .verdict import check as check

__version__ = "0.1.0"
__getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
