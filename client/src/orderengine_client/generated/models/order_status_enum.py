from typing import Literal, cast

OrderStatusEnum = Literal["BUILDING", "CONFIRMED", "FAILED", "PENDING", "ROUTING", "SUBMITTED"]


def check_order_status_enum(value: str) -> OrderStatusEnum:
    """Take the value as it is: a newer server may know more words, and no answer is lost for one of them."""
    return cast(OrderStatusEnum, value)
