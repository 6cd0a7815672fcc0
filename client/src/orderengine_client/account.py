"""Switches of the account, and its webhooks."""

from typing import Any, Unpack

from orderengine_client.calling import API, Calls
from orderengine_client.flows import Flow, ItemFlow, Send
from orderengine_client.generated.models import (
    Deadman,
    Halt,
    Halts,
    Me,
    Webhook,
    WebhookDeliveries,
    WebhookDelivery,
    WebhookRequested,
    Webhooks,
    WebhookSecret,
)
from orderengine_client.retries import Repeat, read, send
from orderengine_client.terms import WebhookChange, WebhookTerms
from orderengine_client.values import OrderId, as_json, id_text

HALT, DEADMAN, WEBHOOKS = f"{API}/halt", f"{API}/deadman", f"{API}/webhooks"


class Account(Calls):
    """What holds for all orders of the account."""

    def me(self) -> Flow[Me]:
        """Who the engine takes the caller for, and what it may do."""
        return self._call(Send("GET", f"{API}/me"), Me.from_dict)

    def halts(self) -> Flow[list[Halt]]:
        """The pauses in force."""
        return self._call(Send("GET", HALT), _halts)

    def halt(self, reason: str, scope: str = "account", name: str | None = None) -> Flow[list[Halt]]:
        """Pause: from this answer on nothing new is signed. Other scopes than one's own account need `admin`."""
        return self._call(Send("POST", HALT, body=_target(reason, scope, name)), _halts)

    def resume(self, reason: str, scope: str = "account", name: str | None = None) -> Flow[list[Halt]]:
        """Let waiting orders go on. Raises: NotFoundError where there is no such pause."""
        told = yield from send(Send("DELETE", HALT, body=_target(reason, scope, name)), self.retries)
        if told.answer.status == 404 and told.may_be_done:
            return (yield from self.halts())
        return read(told.answer, _halts)

    def deadman(self, timeout_s: int) -> Flow[Deadman]:
        """Arm or renew the dead-man switch: not renewed in time, it cancels all waiting orders, once."""
        return self._call(Send("POST", DEADMAN, body={"timeout_s": timeout_s}), Deadman.from_dict)

    def deadman_state(self) -> Flow[Deadman]:
        """The switch as it stands."""
        return self._call(Send("GET", DEADMAN), Deadman.from_dict)

    def disarm_deadman(self) -> Flow[Deadman]:
        """Disarm it; needs the scope `trade`, as it takes a protection away."""
        return self._call(Send("DELETE", DEADMAN), Deadman.from_dict)

    def webhooks(self) -> Flow[list[Webhook]]:
        """The account's webhooks."""
        return self._call(Send("GET", WEBHOOKS), lambda answer: Webhooks.from_dict(answer).results)

    def webhook(self, webhook_id: OrderId) -> Flow[Webhook]:
        """One webhook."""
        return self._call(Send("GET", f"{WEBHOOKS}/{id_text(webhook_id)}"), Webhook.from_dict)

    def create_webhook(self, url: str, **terms: Unpack[WebhookTerms]) -> Flow[WebhookSecret]:
        """Add one; the answer alone holds its secret. Not repeated where the first try may have been done."""
        return self._call(
            Send("POST", WEBHOOKS, body=as_json({"url": url, **terms})), WebhookSecret.from_dict, Repeat.IF_NOT_DONE
        )

    def change_webhook(self, webhook_id: OrderId, **terms: Unpack[WebhookChange]) -> Flow[Webhook]:
        """Change stated terms; with `is_enabled=True` it goes on where it stands."""
        return self._call(Send("PATCH", f"{WEBHOOKS}/{id_text(webhook_id)}", body=as_json(terms)), Webhook.from_dict)

    def delete_webhook(self, webhook_id: OrderId) -> Flow[None]:
        """Remove it; one that is gone already after a try without an answer is removed."""
        told = yield from send(Send("DELETE", f"{WEBHOOKS}/{id_text(webhook_id)}"), self.retries)
        if not (told.answer.status == 404 and told.may_be_done):
            read(told.answer, lambda _: None)

    def test_webhook(self, webhook_id: OrderId) -> Flow[WebhookRequested]:
        """Send a test message."""
        return self._call(
            Send("POST", f"{WEBHOOKS}/{id_text(webhook_id)}/test"), WebhookRequested.from_dict, Repeat.IF_NOT_DONE
        )

    def rotate_webhook_secret(self, webhook_id: OrderId, overlap_hours: int = 24) -> Flow[WebhookSecret]:
        """A new secret, in this answer alone; both sign for so long. Not repeated where a try may have been done."""
        request = Send("POST", f"{WEBHOOKS}/{id_text(webhook_id)}/rotate-secret", body={"overlap_hours": overlap_hours})
        return self._call(request, WebhookSecret.from_dict, Repeat.IF_NOT_DONE)

    def webhook_deliveries(self, webhook_id: OrderId, *, limit: int = 100) -> ItemFlow[WebhookDelivery]:
        """What was delivered and how it was answered, newest first, page by page of `limit`."""
        return self._pages(
            f"{WEBHOOKS}/{id_text(webhook_id)}/deliveries", {"limit": limit}, WebhookDeliveries.from_dict
        )

    def redeliver_webhook(self, webhook_id: OrderId, delivery_id: int) -> Flow[WebhookRequested]:
        """Send the event of one delivery once more, out of turn."""
        body = {"delivery_id": delivery_id}
        request = Send("POST", f"{WEBHOOKS}/{id_text(webhook_id)}/redeliver", body=body)
        return self._call(request, WebhookRequested.from_dict, Repeat.IF_NOT_DONE)

    def redeliver_webhook_after(self, webhook_id: OrderId, cursor: str) -> Flow[Webhook]:
        """Let the webhook go on after a cursor, back or forward; "0": all there is."""
        request = Send("POST", f"{WEBHOOKS}/{id_text(webhook_id)}/redeliver", body={"after": cursor})
        return self._call(request, Webhook.from_dict)


def _target(reason: str, scope: str, name: str | None) -> dict[str, str]:
    return {"reason": reason, "scope": scope} | ({} if name is None else {"name": name})


def _halts(answer: Any) -> list[Halt]:
    return Halts.from_dict(answer).results
