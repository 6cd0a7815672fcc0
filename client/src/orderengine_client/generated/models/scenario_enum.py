from typing import Literal, cast

ScenarioEnum = Literal["dropped", "network", "none", "race", "reorg", "slippage", "slow", "stuck", "timeout"]


def check_scenario_enum(value: str) -> ScenarioEnum:
    """Take the value as it is: a newer server may know more words, and no answer is lost for one of them."""
    return cast(ScenarioEnum, value)
