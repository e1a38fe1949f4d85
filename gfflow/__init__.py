"""gfflow: the training of a neural network as a continuous gradient flow.

The public names are imported when they are first used, so that the command line can
print its help without JAX.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import data as data
    from . import discrete as discrete
    from . import flows as flows
    from . import laws as laws
    from . import losses as losses
    from . import models as models
    from . import solvers as solvers
    from ._critical_point import CriticalPoint as CriticalPoint
    from ._critical_point import critical_point as critical_point
    from ._errors import CheckError as CheckError
    from ._errors import ConfigError as ConfigError
    from ._errors import DiscoveryError as DiscoveryError
    from ._errors import GFFlowError as GFFlowError
    from ._errors import LawError as LawError
    from ._errors import ProblemError as ProblemError
    from ._errors import RunFolderError as RunFolderError
    from ._errors import SolveError as SolveError
    from ._errors import TargetError as TargetError
    from ._problem import Problem as Problem
    from ._product_ratio import product_ratio as product_ratio
    from ._solution import Certificate as Certificate
    from ._solution import Cost as Cost
    from ._solution import Solution as Solution
    from ._solve import solve as solve
    from ._solve_stochastic import Paths as Paths
    from ._solve_stochastic import solve_stochastic as solve_stochastic
    from ._spectrum import Spectrum as Spectrum
    from ._spectrum import hessian_eigenvalues as hessian_eigenvalues
    from ._status import Status as Status
    from ._times import linear_times as linear_times
    from ._times import log_times as log_times
    from .check import LawReport as LawReport
    from .check import Report as Report
    from .check import Verdict as Verdict
    from .check import check as check
    from .discover import Discovery as Discovery
    from .discover import discover as discover
    from .discover import exact as exact
    from .discrete import Comparison as Comparison
    from .discrete import DiscreteFlow as DiscreteFlow
    from .discrete import DiscreteRun as DiscreteRun
    from .discrete import compare as compare
    from .experiment import load as load
    from .flows import GradientFlow as GradientFlow
    from .flows import MirrorFlow as MirrorFlow
    from .flows import MomentumFlow as MomentumFlow
    from .flows import NaturalGradientFlow as NaturalGradientFlow
    from .flows import PreconditionedFlow as PreconditionedFlow
    from .flows import SaddleFlow as SaddleFlow
    from .flows import StochasticFlow as StochasticFlow
    from .flows import nesterov as nesterov
    from .laws import Law as Law
    from .laws import known_laws as known_laws
    from .laws import symbolic as symbolic

__version__ = "0.1.0"

_MODULES = ("data", "discrete", "flows", "laws", "losses", "models", "solvers")
_HOMES = {
    "Certificate": "_solution",
    "CheckError": "_errors",
    "Comparison": "discrete",
    "ConfigError": "_errors",
    "Cost": "_solution",
    "CriticalPoint": "_critical_point",
    "DiscreteFlow": "discrete",
    "DiscreteRun": "discrete",
    "Discovery": "discover",
    "DiscoveryError": "_errors",
    "GFFlowError": "_errors",
    "GradientFlow": "flows",
    "Law": "laws",
    "LawError": "_errors",
    "LawReport": "check",
    "MirrorFlow": "flows",
    "MomentumFlow": "flows",
    "NaturalGradientFlow": "flows",
    "Paths": "_solve_stochastic",
    "PreconditionedFlow": "flows",
    "Problem": "_problem",
    "ProblemError": "_errors",
    "Report": "check",
    "RunFolderError": "_errors",
    "SaddleFlow": "flows",
    "Solution": "_solution",
    "SolveError": "_errors",
    "Spectrum": "_spectrum",
    "Status": "_status",
    "StochasticFlow": "flows",
    "TargetError": "_errors",
    "Verdict": "check",
    "check": "check",
    "compare": "discrete",
    "critical_point": "_critical_point",
    "discover": "discover",
    "exact": "discover",
    "hessian_eigenvalues": "_spectrum",
    "known_laws": "laws",
    "linear_times": "_times",
    "load": "experiment",
    "log_times": "_times",
    "nesterov": "flows",
    "product_ratio": "_product_ratio",
    "solve": "_solve",
    "solve_stochastic": "_solve_stochastic",
    "symbolic": "laws",
}
__all__ = [*_HOMES, *_MODULES]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str):
    if name in _MODULES:
        return importlib.import_module(f".{name}", __name__)
    if name not in _HOMES:
        raise AttributeError(f"module 'gfflow' has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted([*globals(), *__all__])
