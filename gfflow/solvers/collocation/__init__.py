"""Spectral collocation: Gauss–Legendre and Radau IIA."""

from .._constants import PRODUCT_BLOCK as PRODUCT_BLOCK
from ._arguments import other_stages as other_stages
from ._collocation import AbstractCollocation as AbstractCollocation
from ._collocation import CollocationState as CollocationState
from ._conjugate import Conjugate as Conjugate
from ._gauss_legendre import GaussLegendre as GaussLegendre
from ._interpolation import LegendreInterpolation as LegendreInterpolation
from ._interpolation import from_hermite as from_hermite
from ._interpolation import legendre_values as legendre_values
from ._radau_iia import RadauIIA as RadauIIA
