"""From a config to a solution, on disk if it has a folder."""

from ._build import Experiment as Experiment
from ._build import build as build
from ._build import set_up_jax as set_up_jax
from ._build_optimiser import discrete_flow as discrete_flow
from ._compare import Compared as Compared
from ._compare import compare_with as compare_with
from ._load import load as load
from ._load import rebuild as rebuild
from ._runner import Runner as Runner
