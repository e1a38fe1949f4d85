"""Exact mode: laws and their number over GF(p) and ℤ, with a certificate."""

from . import families as families
from ._count import ExactResult as ExactResult
from ._count import exact_laws as exact_laws
from ._count import generic_span as generic_span
from ._document import Proof as Proof
from ._friction import PolynomialFriction as PolynomialFriction
from ._friction import constant as constant
from ._friction import free as free
from ._friction import nesterov as nesterov
from ._parametrisation import Parametrisation as Parametrisation
from ._sympy import from_sympy as from_sympy
from ._table import Table as Table
