from typing import Literal, cast

DryRunOrderTwapType0CatchUp = Literal["immediate", "skip"]


def check_dry_run_order_twap_type_0_catch_up(value: str) -> DryRunOrderTwapType0CatchUp:
    """Take the value as it is: a newer server may know more words, and no answer is lost for one of them."""
    return cast(DryRunOrderTwapType0CatchUp, value)
