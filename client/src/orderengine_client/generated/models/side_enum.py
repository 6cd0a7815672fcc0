from typing import Literal, cast

SideEnum = Literal["exact_in", "exact_out"]


def check_side_enum(value: str) -> SideEnum:
    """Take the value as it is: a newer server may know more words, and no answer is lost for one of them."""
    return cast(SideEnum, value)
