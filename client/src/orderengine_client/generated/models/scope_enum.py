from typing import Literal, cast

ScopeEnum = Literal["account", "chain", "global", "venue", "wallet"]


def check_scope_enum(value: str) -> ScopeEnum:
    """Take the value as it is: a newer server may know more words, and no answer is lost for one of them."""
    return cast(ScopeEnum, value)
