from typing import Literal, cast

OrderTriggerSourceType0 = Literal["last", "reference"]


def check_order_trigger_source_type_0(value: str) -> OrderTriggerSourceType0:
    """Take the value as it is: a newer server may know more words, and no answer is lost for one of them."""
    return cast(OrderTriggerSourceType0, value)
