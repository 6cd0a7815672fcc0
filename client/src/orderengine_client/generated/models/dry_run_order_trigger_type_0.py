from typing import Literal, cast

DryRunOrderTriggerType0 = Literal["above", "below"]


def check_dry_run_order_trigger_type_0(value: str) -> DryRunOrderTriggerType0:
    """Take the value as it is: a newer server may know more words, and no answer is lost for one of them."""
    return cast(DryRunOrderTriggerType0, value)
