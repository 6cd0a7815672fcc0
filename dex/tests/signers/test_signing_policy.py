"""Each kind of transaction by each of its rules: one value is wrong, the rest is as it should be."""

import time
from dataclasses import fields, replace
from types import SimpleNamespace
from typing import Any

import pytest

from dex.errors import SigningRefused
from dex.signers import (
    NO_CODE,
    ApprovalSummary,
    AuthorizationSummary,
    CancellationSummary,
    DelegationSummary,
    SigningPolicy,
    SwapSummary,
    TransactionSummary,
)
from dex.signers.policy import MAX_APPROVAL_S, UNLIMITED

NOW = int(time.time())
POLICY = SigningPolicy(
    chain_ids=frozenset({"chain"}),
    routers=frozenset({"router", "fork"}),
    max_amounts={"SOL": 100},
    max_fee=10,
    max_deadline_s=600,
    delegates=frozenset({"account"}),
)
SWAP = SwapSummary("chain", "wallet", frozenset({"router", "fork"}), "wallet", "SOL", 100, 10, NOW + 300)
CANCELLATION = CancellationSummary("chain", "wallet", 10)
APPROVAL = ApprovalSummary("chain", "router", "SOL", 100, 10, expires_at=None)
DELEGATION = DelegationSummary("chain", "wallet", "account", 10)
AUTHORIZATION = AuthorizationSummary("chain", "account")
KINDS: tuple[TransactionSummary, ...] = (SWAP, CANCELLATION, APPROVAL, DELEGATION, AUTHORIZATION)

CHAIN_RULE = ("chain_id", "other", "chain other is not allowed")
WALLET_RULE = ("wallet", "other", "the bytes are of another wallet")
FEE_RULE = ("max_fee", 11, "the fee 11 is above the most")
DELEGATE_RULES = [
    ("delegate", "thief", "code of thief is not allowed for wallets"),
    ("delegate", "", "code of  is not allowed for wallets"),
]
BROKEN: dict[str, tuple[TransactionSummary, list[tuple[str, Any, str]]]] = {
    "swap": (
        SWAP,
        [
            CHAIN_RULE,
            WALLET_RULE,
            FEE_RULE,
            ("routers", frozenset({"router", "thief"}), "router thief is not allowed"),
            ("routers", frozenset({"thief"}), "router thief is not allowed"),
            ("routers", frozenset(), "it calls no router"),
            ("recipient", "thief", "the proceeds would not go to the wallet itself"),
            ("recipient", "", "the proceeds would not go to the wallet itself"),
            ("amount", 101, "101 atoms of SOL are above the most, 100"),
            ("token", "ETH", "100 atoms of ETH are above the most, 0"),
            ("token", "", "100 atoms of  are above the most, 0"),
            ("deadline", 0, "the deadline is missing"),
            ("deadline", -1, "the deadline is missing"),
            ("deadline", NOW + 10**6, "more than 600 s away"),
        ],
    ),
    "cancellation": (CANCELLATION, [CHAIN_RULE, WALLET_RULE, FEE_RULE]),
    "approval": (
        APPROVAL,
        [
            CHAIN_RULE,
            FEE_RULE,
            ("spender", "thief", "router thief is not allowed"),
            ("spender", "", "router  is not allowed"),
            ("amount", 101, "101 atoms of SOL are above the most, 100"),
            ("token", "ETH", "100 atoms of ETH are above the most, 0"),
            ("expires_at", NOW + MAX_APPROVAL_S + 10**6, "the approval is for more than"),
        ],
    ),
    "delegation": (DELEGATION, [CHAIN_RULE, WALLET_RULE, FEE_RULE, *DELEGATE_RULES]),
    "authorization": (AUTHORIZATION, [CHAIN_RULE, *DELEGATE_RULES]),
}
RULES = [(name, *rule) for name, (_, rules) in BROKEN.items() for rule in rules]


@pytest.fixture(autouse=True)
def clock_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cases are made when this module loads, which may be long before they run."""
    monkeypatch.setattr("dex.signers.policy.time", SimpleNamespace(time=lambda: float(NOW)))


@pytest.mark.parametrize("summary", KINDS, ids=list(BROKEN))
def test_what_keeps_every_rule_is_signed(summary: TransactionSummary) -> None:
    POLICY.check("wallet", summary)


@pytest.mark.parametrize(("kind", "name", "value", "reason"), RULES)
def test_one_broken_rule_refuses(kind: str, name: str, value: Any, reason: str) -> None:
    summary: Any = BROKEN[kind][0]

    with pytest.raises(SigningRefused) as refused:
        POLICY.check("wallet", replace(summary, **{name: value}))

    assert reason in refused.value.detail


def test_every_field_of_every_kind_has_a_rule() -> None:
    for summary, rules in BROKEN.values():
        assert {field.name for field in fields(summary)} == {name for name, *_ in rules}


@pytest.mark.parametrize("summary", [None, "", {}, object(), 0, SwapSummary, [SWAP]])
def test_an_unknown_kind_is_refused(summary: Any) -> None:
    with pytest.raises(SigningRefused, match="no kind of transaction"):
        POLICY.check("wallet", summary)


def test_what_is_empty_allows_nothing() -> None:
    nothing = SigningPolicy(frozenset(), frozenset())
    for summary in KINDS:
        with pytest.raises(SigningRefused, match="chain chain is not allowed"):
            nothing.check("wallet", summary)

    narrow = SigningPolicy(frozenset({"chain"}), frozenset({"router", "fork"}), max_amounts={}, max_fee=0)
    for summary, free in ((SWAP, replace(SWAP, max_fee=0)), (APPROVAL, replace(APPROVAL, max_fee=0))):
        with pytest.raises(SigningRefused, match="the fee 10 is above the most"):
            narrow.check("wallet", summary)
        with pytest.raises(SigningRefused, match="100 atoms of SOL are above the most, 0"):
            narrow.check("wallet", free)
    for code in (DELEGATION, AUTHORIZATION):
        with pytest.raises(SigningRefused, match="code of account"):
            SigningPolicy(frozenset({"chain"}), frozenset()).check("wallet", code)


def test_only_none_is_no_limit() -> None:
    loose = replace(POLICY, max_amounts=None, max_fee=None)

    loose.check("wallet", replace(SWAP, amount=2**255, max_fee=2**255))
    loose.check("wallet", replace(APPROVAL, amount=UNLIMITED - 1))
    with pytest.raises(SigningRefused, match="the approval has no limit"):
        loose.check("wallet", replace(APPROVAL, amount=UNLIMITED))
    with pytest.raises(SigningRefused, match="the approval has no limit"):
        replace(POLICY, max_amounts={"SOL": 2**256}).check("wallet", replace(APPROVAL, amount=UNLIMITED))


def test_an_approval_that_ends_may_end_soon() -> None:
    POLICY.check("wallet", replace(APPROVAL, expires_at=0))
    POLICY.check("wallet", replace(APPROVAL, expires_at=NOW + MAX_APPROVAL_S - 60))


def test_running_no_code_again_is_always_allowed() -> None:
    narrow = replace(POLICY, delegates=frozenset())

    narrow.check("wallet", replace(DELEGATION, delegate=NO_CODE))
    narrow.check("wallet", replace(AUTHORIZATION, delegate=NO_CODE))
