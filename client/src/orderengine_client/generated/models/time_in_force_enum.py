from typing import Literal, cast

TimeInForceEnum = Literal["fok", "gtc", "gtd", "ioc"]


def check_time_in_force_enum(value: str) -> TimeInForceEnum:
    """Take the value as it is: a newer server may know more words, and no answer is lost for one of them."""
    return cast(TimeInForceEnum, value)
