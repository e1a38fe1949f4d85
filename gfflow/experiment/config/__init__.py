"""Config files: read, overridden, validated. No JAX."""

from ._compare_rules import WITH_MOMENTUM as WITH_MOMENTUM
from ._config import LoadedConfig as LoadedConfig
from ._config import config_from_resolved as config_from_resolved
from ._config import load_config as load_config
from ._flow_sections import AnyFlowSection as AnyFlowSection
from ._parts import OpenPart as OpenPart
from ._parts import Part as Part
from ._parts import TargetPart as TargetPart
from ._problem_sections import DataPart as DataPart
from ._problem_sections import ProblemSection as ProblemSection
from ._section_types import Section as Section
from ._sections import CompareEntry as CompareEntry
from ._sections import Config as Config
from ._sections import CustomLaw as CustomLaw
from ._sections import LawsSection as LawsSection
from ._sections import SolverSection as SolverSection
from ._targets import call_registered as call_registered
from ._targets import call_target as call_target
from ._targets import load_target as load_target
from ._targets import parameters_of as parameters_of
from ._targets import rate_of as rate_of
from ._toml_lines import set_key as set_key
