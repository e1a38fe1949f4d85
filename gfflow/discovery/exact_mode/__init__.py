"""Discovery in exact arithmetic: a model's parametrisation, and what it proves."""

from ._exact_discovery import exact_discovery as exact_discovery
from ._own import own_parametrisation as own_parametrisation
from ._read_off import parametrisation_of as parametrisation_of
