"""Switches of the account, and its webhooks."""

from typing import Any, Unpack

from orderengine_client.calling import API, Calls
from orderengine_client.flows import Flow, Send
from orderengine_client.generated.models import Deadman, Halt, Halts
from orderengine_client.retries import Repeat, read, send
from orderengine_client.terms import WebhookChange, WebhookTerms
from orderengine_client.values import OrderId, as_json, without_none

HALT, DEADMAN, WEBHOOKS = f"{API}/halt", f"{API}/deadman", f"{API}/webhooks"


class Account(Calls):
    """What holds for all orders of the account."""

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

    def webhooks(self) -> Flow[dict[str, Any]]:
        """The account's webhooks."""
        return self._call(Send("GET", WEBHOOKS), dict)

    def webhook(self, webhook_id: OrderId) -> Flow[dict[str, Any]]:
        """One webhook."""
        return self._call(Send("GET", f"{WEBHOOKS}/{webhook_id}"), dict)

    def create_webhook(self, url: str, **terms: Unpack[WebhookTerms]) -> Flow[dict[str, Any]]:
        """Add one; the answer alone holds its secret. Not repeated where the first try may have been done."""
        return self._call(Send("POST", WEBHOOKS, body=as_json({"url": url, **terms})), dict, Repeat.IF_NOT_DONE)

    def change_webhook(self, webhook_id: OrderId, **terms: Unpack[WebhookChange]) -> Flow[dict[str, Any]]:
        """Change stated terms; with `is_enabled=True` it goes on where it stands."""
        return self._call(Send("PATCH", f"{WEBHOOKS}/{webhook_id}", body=as_json(terms)), dict)

    def delete_webhook(self, webhook_id: OrderId) -> Flow[None]:
        """Remove it; one that is gone already after a try without an answer is removed."""
        told = yield from send(Send("DELETE", f"{WEBHOOKS}/{webhook_id}"), self.retries)
        if not (told.answer.status == 404 and told.may_be_done):
            read(told.answer, lambda _: None)

    def test_webhook(self, webhook_id: OrderId) -> Flow[dict[str, Any]]:
        """Send a test message."""
        return self._call(Send("POST", f"{WEBHOOKS}/{webhook_id}/test"), dict, Repeat.IF_NOT_DONE)

    def rotate_webhook_secret(self, webhook_id: OrderId, overlap_hours: int = 24) -> Flow[dict[str, Any]]:
        """A new secret, in this answer alone; both sign for so long. Not repeated where a try may have been done."""
        request = Send("POST", f"{WEBHOOKS}/{webhook_id}/rotate-secret", body={"overlap_hours": overlap_hours})
        return self._call(request, dict, Repeat.IF_NOT_DONE)

    def webhook_deliveries(
        self, webhook_id: OrderId, *, cursor: str | None = None, limit: int = 100
    ) -> Flow[dict[str, Any]]:
        """A page of what was delivered and how it was answered, newest first."""
        params = without_none({"cursor": cursor, "limit": limit})
        return self._call(Send("GET", f"{WEBHOOKS}/{webhook_id}/deliveries", params), dict)

    def redeliver_webhook(
        self, webhook_id: OrderId, *, delivery_id: int | None = None, after: str | None = None
    ) -> Flow[dict[str, Any]]:
        """Send the event of one delivery again, or everything after a cursor."""
        body = without_none({"delivery_id": delivery_id, "after": after})
        return self._call(Send("POST", f"{WEBHOOKS}/{webhook_id}/redeliver", body=body), dict, Repeat.IF_NOT_DONE)


def _target(reason: str, scope: str, name: str | None) -> dict[str, str]:
    return {"reason": reason, "scope": scope} | ({} if name is None else {"name": name})


def _halts(answer: Any) -> list[Halt]:
    return Halts.from_dict(answer).results
