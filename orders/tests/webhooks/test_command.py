"""`manage.py webhooks`: the same services as the API and the admin, by the operator."""

import pytest
from django.core.management import CommandError, call_command
from uuid_utils.compat import uuid7

from orders.event_log.cursor import BEGINNING
from orders.models import Account, AuditEntry, Webhook, WebhookDelivery
from orders.tests.factories import new_webhook, place
from orders.webhooks.endpoints import cursor_of
from orders.webhooks.signatures import decrypt

pytestmark = pytest.mark.django_db(transaction=True)

URL = "https://desk.example.com/hook"
Output = pytest.CaptureFixture[str]


def run(capsys: Output, *arguments: object) -> str:
    """What the command prints to its output."""
    capsys.readouterr()
    call_command("webhooks", *map(str, arguments))
    return capsys.readouterr().out.strip()


def acts() -> list[tuple[str, str]]:
    rows = AuditEntry.objects.order_by("id")
    assert all(row.actor.startswith("command (") for row in rows if row.actor != "test")
    return [(row.action, row.reason) for row in rows if row.actor != "test"]


def test_a_webhook_is_added_listed_and_its_secret_rotated(account: Account, capsys: Output) -> None:
    secret = run(
        capsys, "add", account.name, URL, "--statuses", "FAILED,CONFIRMED", "--pair", "SOL/USDC", "--tag", "book:eu"
    )

    webhook = Webhook.objects.get()
    assert (webhook.account, webhook.url, webhook.statuses) == (account, URL, ["CONFIRMED", "FAILED"])
    assert (webhook.pair, webhook.tag) == ("SOL/USDC", "book:eu")
    assert decrypt(webhook.secret, webhook.pk) == secret
    listed = run(capsys, "list")
    assert listed == run(capsys, "list", account.name)
    assert all(words in listed for words in (str(webhook.pk), account.name, "enabled", "0 behind", URL))
    assert secret not in listed
    newer = run(capsys, "rotate", webhook.pk)
    webhook.refresh_from_db()
    assert newer != secret
    assert decrypt(webhook.secret, webhook.pk) == newer
    assert [decrypt(one["secret"], webhook.pk) for one in webhook.previous] == [secret]
    assert acts() == [("webhook.create", ""), ("webhook.rotate_secret", "")]


def test_messages_are_asked_for(account: Account, capsys: Output) -> None:
    webhook = new_webhook(account)
    [order] = place(account)
    row = WebhookDelivery.objects.create(
        webhook=webhook, message_id="evt_1", kind="event", attempt=2, took_ms=12, status=503, order_id=order.pk, seq=1,
        cursor=str(cursor_of(webhook)),
    )  # fmt: skip

    assert "is sent; see" in run(capsys, "test", webhook.pk)
    shown = run(capsys, "deliveries", webhook.pk)
    assert all(words in shown for words in (str(row.pk), "evt_1", "503", "attempt  2"))
    assert run(capsys, "redeliver", webhook.pk, "--delivery", row.pk) == "evt_1 is sent again"
    assert [one["kind"] for one in Webhook.objects.get().requests] == ["test", "event"]
    run(capsys, "redeliver", webhook.pk, "--after", "0")
    assert cursor_of(Webhook.objects.get()).position == BEGINNING
    assert "1 behind" in run(capsys, "list")


def test_the_operator_switches_webhooks_with_a_reason(account: Account, capsys: Output) -> None:
    webhook = new_webhook(account)

    assert run(capsys, "disable", webhook.pk, "--reason", "it floods") == f"{webhook.pk} is disabled"
    assert run(capsys, "disable", webhook.pk, "--reason", "it floods") == f"{webhook.pk} was disabled already"
    assert "disabled by operator" in run(capsys, "list")
    with pytest.raises(CommandError, match="nothing is sent to a disabled webhook"):
        run(capsys, "test", webhook.pk)
    assert run(capsys, "enable", webhook.pk, "--reason", "it stopped") == f"{webhook.pk} is enabled"
    assert acts() == [("webhook.disable", "it floods"), ("webhook.enable", "it stopped")]


@pytest.mark.parametrize(
    "arguments",
    [
        ["add", "ACCOUNT", "https://10.0.0.1/x"],
        ["add", "ACCOUNT", "ftp://desk.example.com"],
        ["add", "ACCOUNT", URL, "--statuses", "DONE"],
        ["add", "ACCOUNT", URL, "--pair", "SOL/NOPE"],
        ["add", "ACCOUNT", URL, "--tag", ":"],
        ["add", "nowhere", URL],
        ["list", "nowhere"],
        ["test", "nonsense"],
        ["test", "OTHER"],
        ["rotate", "HOOK", "--overlap-hours", "9999"],
        ["redeliver", "HOOK"],
        ["redeliver", "HOOK", "--delivery", "1", "--after", "0"],
        ["redeliver", "HOOK", "--delivery", "77"],
        ["redeliver", "HOOK", "--after", "nonsense"],
        ["disable", "HOOK"],
        ["disable", "HOOK", "--reason", " "],
    ],
)
def test_what_makes_no_sense_changes_nothing(account: Account, capsys: Output, arguments: list[str]) -> None:
    webhook = new_webhook(account)
    names = {"ACCOUNT": account.name, "HOOK": str(webhook.pk), "OTHER": str(uuid7())}

    with pytest.raises(CommandError):
        run(capsys, *(names.get(word, word) for word in arguments))

    assert (Webhook.objects.count(), acts()) == (1, [])
