from typing import Literal, cast

DryRunOrderLiquidityTokenType0 = Literal["token_in", "token_out"]


def check_dry_run_order_liquidity_token_type_0(value: str) -> DryRunOrderLiquidityTokenType0:
    """Take the value as it is: a newer server may know more words, and no answer is lost for one of them."""
    return cast(DryRunOrderLiquidityTokenType0, value)
