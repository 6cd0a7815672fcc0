from typing import Literal, cast

OrderTriggerType0 = Literal["above", "below"]


def check_order_trigger_type_0(value: str) -> OrderTriggerType0:
    """Take the value as it is: a newer server may know more words, and no answer is lost for one of them."""
    return cast(OrderTriggerType0, value)
