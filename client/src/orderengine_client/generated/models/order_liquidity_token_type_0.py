from typing import Literal, cast

OrderLiquidityTokenType0 = Literal["token_in", "token_out"]


def check_order_liquidity_token_type_0(value: str) -> OrderLiquidityTokenType0:
    """Take the value as it is: a newer server may know more words, and no answer is lost for one of them."""
    return cast(OrderLiquidityTokenType0, value)
