"""Polynomials in named arrays: families of them, formulas, exact coefficients."""

from ._ansatz import Ansatz as Ansatz
from ._ansatz import Family as Family
from ._ansatz import first_families as first_families
from ._ansatz import large_families as large_families
from ._ansatz import phase_families as phase_families
from ._ansatz import simple_families as simple_families
from ._formula import formula as formula
from ._formula import leading_sign as leading_sign
from ._polynomial import Layout as Layout
from ._polynomial import Monomial as Monomial
from ._polynomial import Polynomial as Polynomial
from ._rational import near_rational as near_rational
from ._rational import rational_basis as rational_basis
from ._rational import real_basis as real_basis
