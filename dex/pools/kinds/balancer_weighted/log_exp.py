"""Balancer V2's power of 18-decimal fixed-point numbers: integer logarithm and exponential, digit for digit.

Works on magnitudes and puts the sign back, since the contract's signed divisions round towards zero.
Source: https://github.com/balancer/balancer-v2-monorepo/blob/master/pkg/solidity-utils/contracts/math/LogExpMath.sol
"""

ONE = 10**18
_ONE_20 = 10**20
_ONE_36 = 10**36

# Near one the logarithm is taken with 36 decimals, elsewhere with 18.
_NEAR_ONE = (ONE - 10**17, ONE + 10**17)
_LEAST_RESULT, _GREATEST_RESULT = 41 * ONE, 130 * ONE  # magnitudes of the natural exponents that the contract takes

# Exponent and e to its power. The two large ones hold 18 decimals and none, the others 20 and 20.
_E_128 = (128 * ONE, 38877084059945950922200000000000000000000000000000000000)
_E_64 = (64 * ONE, 6235149080811616882910000000)
_FACTORS = (
    (32 * _ONE_20, 7896296018268069516100000000000000),
    (16 * _ONE_20, 888611052050787263676000000),
    (8 * _ONE_20, 298095798704172827474000),
    (4 * _ONE_20, 5459815003314423907810),
    (2 * _ONE_20, 738905609893065022723),
    (_ONE_20, 271828182845904523536),
    (_ONE_20 // 2, 164872127070012814685),
    (_ONE_20 // 4, 128402541668774148407),
    (_ONE_20 // 8, 113314845306682631683),
    (_ONE_20 // 16, 106449445891785942956),
)
_EXP_FACTORS = _FACTORS[:8]  # the exponential takes no factor below e ** 0.25
_LEAST_FACTOR = _EXP_FACTORS[-1][0]
_TAYLOR_DIVISORS = tuple(_ONE_20 * n for n in range(2, 13))
_ATANH_DIVISORS = range(3, 12, 2)
_ATANH_36_DIVISORS = range(3, 16, 2)


def power(base: int, exponent: int) -> int:
    """`base` ** `exponent`, both above zero, all with 18 decimals and rounded somehow.

    Raises: OverflowError where the result is below e ** -41 or above e ** 130, which the contract refuses.
    """
    if _NEAR_ONE[0] < base < _NEAR_ONE[1]:
        whole, rest = divmod(_ln_36(base), ONE)
        product = whole * exponent + rest * exponent // ONE
    else:
        product = _ln(base) * exponent
    product //= ONE
    if product > (_LEAST_RESULT if base < ONE else _GREATEST_RESULT):
        raise OverflowError("the power is too close to zero or too large")
    return _ONE_36 // _exp(product) if base < ONE else _exp(product)


def _exp(x: int) -> int:
    """E ** x for x in [0, 130]."""
    large = 1
    if x >= _E_64[0]:
        exponent, large = _E_128 if x >= _E_128[0] else _E_64
        x -= exponent
    x *= 100
    product = _ONE_20
    if x >= _LEAST_FACTOR:
        for exponent, factor in _EXP_FACTORS:
            if x >= exponent:
                x -= exponent
                product = product * factor // _ONE_20
    term, series = x, _ONE_20 + x
    for divisor in _TAYLOR_DIVISORS:
        term = term * x // divisor
        if not term:
            break
        series += term
    return product * series // _ONE_20 * large // 100


def _ln(x: int) -> int:
    """Magnitude of the logarithm, with 18 decimals."""
    if x < ONE:
        x = _ONE_36 // x
    logarithm = 0
    for exponent, factor in (_E_128, _E_64):
        if x >= factor * ONE:
            x //= factor
            logarithm += exponent
    logarithm *= 100
    x *= 100
    for exponent, factor in _FACTORS:
        if x >= factor:
            x = x * _ONE_20 // factor
            logarithm += exponent
    return (logarithm + _twice_atanh(x, _ONE_20, _ATANH_DIVISORS)) // 100


def _ln_36(x: int) -> int:
    """Magnitude of the logarithm, with 36 decimals, for x between 0.9 and 1.1."""
    return _twice_atanh(x * ONE, _ONE_36, _ATANH_36_DIVISORS)


def _twice_atanh(x: int, one: int, divisors: range) -> int:
    """Magnitude of ln x as 2 atanh((x - 1) / (x + 1)), by its series."""
    z = abs(x - one) * one // (x + one)
    square = z * z // one
    term = series = z
    for divisor in divisors:
        term = term * square // one
        if term < divisor:
            break
        series += term // divisor
    return 2 * series
