"""Double-double arithmetic: pairs of float64 arrays, some 32 digits."""

from ._arithmetic import absolute as absolute
from ._arithmetic import add as add
from ._arithmetic import add_double as add_double
from ._arithmetic import divide as divide
from ._arithmetic import equal as equal
from ._arithmetic import exactly as exactly
from ._arithmetic import exponent as exponent
from ._arithmetic import less as less
from ._arithmetic import multiply as multiply
from ._arithmetic import negative as negative
from ._arithmetic import power_of_two as power_of_two
from ._arithmetic import rounded_down as rounded_down
from ._arithmetic import scaled as scaled
from ._arithmetic import select as select
from ._arithmetic import square_root as square_root
from ._arithmetic import subtract as subtract
from ._error_function import (
    complementary_error_function as complementary_error_function,
)
from ._error_function import error_function as error_function
from ._exact import two_product as two_product
from ._exact import two_sum as two_sum
from ._exponential import exponential as exponential
from ._exponential import exponential_less_one as exponential_less_one
from ._exponential import exponential_to_base_two as exponential_to_base_two
from ._exponential import hyperbolic_cosine as hyperbolic_cosine
from ._exponential import hyperbolic_sine as hyperbolic_sine
from ._exponential import hyperbolic_tangent as hyperbolic_tangent
from ._exponential import logistic as logistic
from ._fixed_pair import FixedPair as FixedPair
from ._fixed_pair import nearest as nearest
from ._fixed_pair import nearest_all as nearest_all
from ._inverse import arc_tangent as arc_tangent
from ._inverse import cube_root as cube_root
from ._logarithm import logarithm as logarithm
from ._logarithm import logarithm_of_one_plus as logarithm_of_one_plus
from ._logarithm import power as power
from ._pair import Pair as Pair
from ._reductions import first_index as first_index
from ._reductions import maximum as maximum
from ._reductions import maximum_over as maximum_over
from ._reductions import minimum as minimum
from ._reductions import minimum_over as minimum_over
from ._reductions import product_over as product_over
from ._reductions import sum_of_products as sum_of_products
from ._reductions import sum_over as sum_over
from ._trigonometric import cosine as cosine
from ._trigonometric import sine as sine
