"""What the tests of the exact mode share."""

from gfflow.discovery.exact import constant, exact_laws, free, nesterov
from gfflow.discovery.exact._modular import PRIMES, PrimeField

FRICTIONS = [free, constant, nesterov(3)]
FIELD = PrimeField(PRIMES[0])


def proves(parametrisation, number, momentum=None):
    result = exact_laws(parametrisation, momentum=momentum)
    assert result.upper_bound == number
    assert result.points == (number, number)
    assert result.lower_bound == len(result.laws) == number
    assert result.complete
    return result
