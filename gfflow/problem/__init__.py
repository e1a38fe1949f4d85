"""What is trained: a model, a loss and data, and the paths of its parameters."""

from ._parameters import aliases as aliases
from ._parameters import below as below
from ._parameters import named_parameters as named_parameters
from ._parameters import parameter_paths as parameter_paths
from ._parameters import trainable_filter as trainable_filter
from ._problem import Problem as Problem
from ._random_data import random_inputs as random_inputs
from ._random_data import random_targets as random_targets
