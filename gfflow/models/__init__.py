"""A small zoo of models; any Equinox module serves as well."""

from ._activations import identity as identity
from ._activations import relu_squared as relu_squared
from ._deep_linear import DeepLinear as DeepLinear
from ._factorisation import Factorisation as Factorisation
from ._initialisers import balanced as balanced
from ._initialisers import gaussian as gaussian
from ._initialisers import glorot as glorot
from ._initialisers import he as he
from ._initialisers import small as small
from ._mlp import MLP as MLP
