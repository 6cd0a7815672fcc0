"""Events and streams, what became of orders, and the market."""

from collections.abc import Sequence
from datetime import datetime
from typing import Unpack

from orderengine_client.account_stream import AccountStream, OnGap
from orderengine_client.calling import API, Calls
from orderengine_client.flows import Flow, ItemFlow, Send
from orderengine_client.following import OnProblem, follow, quotes, wait
from orderengine_client.generated.models import (
    Event,
    EventPage,
    Events,
    Execution,
    Explanation,
    Order,
    Prices,
    Quote,
    Recent,
    Replay,
    Report,
    Token,
    Tokens,
    Venues,
    Wallets,
)
from orderengine_client.terms import ReplaySettings, ReportFilters, SwapTerms
from orderengine_client.values import Amount, OrderId, as_json, id_text, swap_body, without_none


class Reading(Calls):
    """Events, what they mean, and the market."""

    def events(self, order_id: OrderId, after: int = 0) -> Flow[list[Event]]:
        """The history of an order after a seq."""
        request = Send("GET", f"{API}/orders/{id_text(order_id)}/events", {"after": after})
        return self._call(request, lambda answer: Events.from_dict(answer).results)

    def account_events(self, after: str | None = None, limit: int = 500) -> Flow[EventPage]:
        """A page of the account's events after a cursor; None: from the oldest one on."""
        params = without_none({"after": after, "limit": limit})
        return self._call(Send("GET", f"{API}/events", params), EventPage.from_dict)

    def follow(self, order_id: OrderId, after: int = 0) -> ItemFlow[Event]:
        """The events of an order after a seq, each once and in order, to its last one, over any reconnects."""
        return follow(order_id, after, self.retries)

    def stream(
        self,
        after: str | None = None,
        *,
        pair: str | None = None,
        status: str | Sequence[str] | None = None,
        tag: str | None = None,
        on_gap: OnGap | None = None,
    ) -> ItemFlow[Event]:
        """The events of the account, each once and in order, without end. Store the `cursor` of what is processed.

        `after` is such a cursor; None: from now on; "0": from the first event. `on_gap` is called where events are gone
        (archived, or another database), and the stream goes on with those that are left; without it GapError is raised.
        """
        filters = without_none({"pair": pair, "status": status, "tag": tag})
        return AccountStream(after, filters, self.retries, on_gap).events()

    def wait(self, order_id: OrderId, until: str = "final", timeout_s: float | None = None) -> Flow[Order]:
        """The order once it has ended, or with `until="SUBMITTED"` or another status once it is as far.

        Raises: WaitTimeoutError; the order goes on.
        """
        return wait(order_id, until, timeout_s, self.retries)

    def quotes(
        self,
        token_in: str,
        token_out: str,
        amount: Amount,
        *,
        on_problem: OnProblem | None = None,
        **terms: Unpack[SwapTerms],
    ) -> ItemFlow[Quote]:
        """The quote of a swap each time it changes, without end; the newest one, however long the caller takes.

        Where there is none now (no route, say), `on_problem` is called, and a quote follows when there is one again;
        without `on_problem` ProblemError is raised.
        """
        return quotes(swap_body(token_in, token_out, amount, terms), self.retries, on_problem)

    def explain(self, order_id: OrderId) -> Flow[Explanation]:
        """Why this route, what it waits for, what each attempt met, why it ended so, and what to do next."""
        return self._call(Send("GET", f"{API}/orders/{id_text(order_id)}/explain"), Explanation.from_dict)

    def execution(self, order_id: OrderId) -> Flow[Execution]:
        """How well it was executed, against the market at its arrival and against its quote."""
        return self._call(Send("GET", f"{API}/orders/{id_text(order_id)}/execution"), Execution.from_dict)

    def report(self, group_by: str, **filters: Unpack[ReportFilters]) -> Flow[Report]:
        """Execution quality of many orders, by venue, pair, hour, day, key or type."""
        params = as_json(without_none(filters)) | {"group_by": group_by}
        return self._call(Send("GET", f"{API}/reports/execution", params), Report.from_dict)

    def report_csv(self, group_by: str, **filters: Unpack[ReportFilters]) -> Flow[bytes]:
        """The same as CSV."""
        params = as_json(without_none(filters)) | {"group_by": group_by}
        return self._bytes(Send("GET", f"{API}/reports/execution", params, headers={"Accept": "text/csv"}))

    def recent(self) -> Flow[Recent]:
        """How the newest 200 orders that have ended went: how long they took, and what came of them by venue."""
        return self._call(Send("GET", f"{API}/reports/recent"), Recent.from_dict)

    def prices(
        self,
        pair: str,
        *,
        after: datetime | None = None,
        before: datetime | None = None,
        points: int | None = None,
    ) -> Flow[Prices]:
        """A pair's mid prices over time in buckets, of the last day unless stated, with the account's fills in each."""
        params = as_json(without_none({"pair": pair, "after": after, "before": before, "points": points}))
        return self._call(Send("GET", f"{API}/prices", params), Prices.from_dict)

    def receipt(self, order_id: OrderId) -> Flow[bytes]:
        """The signed receipt of an ended order: the bytes as `manage.py receipt verify` takes them."""
        return self._bytes(Send("GET", f"{API}/orders/{id_text(order_id)}/receipt"))

    def snapshot(self, order_id: OrderId) -> Flow[bytes]:
        """The market that the order was routed on: the bytes as `manage.py receipt verify` takes them."""
        return self._bytes(Send("GET", f"{API}/orders/{id_text(order_id)}/snapshot"))

    def replay(self, order_id: OrderId, **settings: Unpack[ReplaySettings]) -> Flow[Replay]:
        """The route on the recorded market with other settings; changes nothing."""
        return self._call(
            Send("POST", f"{API}/orders/{id_text(order_id)}/replay", body=as_json(settings)), Replay.from_dict
        )

    def venues(self) -> Flow[Venues]:
        """The venues and their pools, as of one block."""
        return self._call(Send("GET", f"{API}/venues"), Venues.from_dict)

    def tokens(self) -> Flow[list[Token]]:
        """The tokens that orders may name."""
        return self._call(Send("GET", f"{API}/tokens"), lambda answer: Tokens.from_dict(answer).results)

    def wallets(self) -> Flow[Wallets]:
        """The addresses that sign for the account, and what they hold."""
        return self._call(Send("GET", f"{API}/wallets"), Wallets.from_dict)
