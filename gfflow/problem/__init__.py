"""What is trained: a model, a loss and data, and the paths of its parameters.

Imported when they are first used: the grammar of paths is read without JAX.
"""

from typing import TYPE_CHECKING

from .._lazy import lazy_names

if TYPE_CHECKING:
    from ._leaves import named_leaves as named_leaves
    from ._parameters import aliases as aliases
    from ._parameters import named_parameters as named_parameters
    from ._parameters import parameter_paths as parameter_paths
    from ._paths import Path as Path
    from ._paths import below as below
    from ._paths import joined as joined
    from ._paths import nearest as nearest
    from ._paths import parse_path as parse_path
    from ._paths import path_of as path_of
    from ._problem import Problem as Problem
    from ._program import gradient_on as gradient_on
    from ._program import program_of as program_of
    from ._random_data import random_data as random_data
    from ._random_data import random_inputs as random_inputs
    from ._random_data import random_targets as random_targets
    from ._random_data import whole_inputs as whole_inputs
    from ._second_order import second_order as second_order

__getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
