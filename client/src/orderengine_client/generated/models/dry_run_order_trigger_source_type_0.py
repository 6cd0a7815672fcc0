from typing import Literal, cast

DryRunOrderTriggerSourceType0 = Literal["last", "reference"]


def check_dry_run_order_trigger_source_type_0(value: str) -> DryRunOrderTriggerSourceType0:
    """Take the value as it is: a newer server may know more words, and no answer is lost for one of them."""
    return cast(DryRunOrderTriggerSourceType0, value)
