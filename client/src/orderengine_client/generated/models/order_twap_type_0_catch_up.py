from typing import Literal, cast

OrderTwapType0CatchUp = Literal["immediate", "skip"]


def check_order_twap_type_0_catch_up(value: str) -> OrderTwapType0CatchUp:
    """Take the value as it is: a newer server may know more words, and no answer is lost for one of them."""
    return cast(OrderTwapType0CatchUp, value)
