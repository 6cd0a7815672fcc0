from typing import Literal, cast

StrategyEnum = Literal["fast", "normal", "slow"]


def check_strategy_enum(value: str) -> StrategyEnum:
    """Take the value as it is: a newer server may know more words, and no answer is lost for one of them."""
    return cast(StrategyEnum, value)
