from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.order_status_enum import OrderStatusEnum, check_order_status_enum

if TYPE_CHECKING:
    from ..models.sentence import Sentence


T = TypeVar("T", bound="Explanation")


@_attrs_define
class Explanation:
    """An order in plain words and facts; docs/explain.md lists the codes."""

    order_id: UUID
    client_order_id: None | str
    status: OrderStatusEnum
    outcome: None | str
    waiting_for: None | str
    as_of: datetime.datetime
    summary: Sentence
    """ One thing that is so, in words and as facts. """
    waiting: list[Sentence]
    """ What it waits for; empty once it has ended. """
    ending: list[Sentence]
    """ How and why it ended; empty before. """
    route: list[Sentence]
    """ Why this route. """
    attempts: list[Sentence]
    """ What it met, oldest first. """
    next_: list[Sentence]
    """ What can be done now. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        order_id = str(self.order_id)

        client_order_id: None | str
        client_order_id = self.client_order_id

        status: str = self.status

        outcome: None | str
        outcome = self.outcome

        waiting_for: None | str
        waiting_for = self.waiting_for

        as_of = self.as_of.isoformat()

        summary = self.summary.to_dict()

        waiting = []
        for waiting_item_data in self.waiting:
            waiting_item = waiting_item_data.to_dict()
            waiting.append(waiting_item)

        ending = []
        for ending_item_data in self.ending:
            ending_item = ending_item_data.to_dict()
            ending.append(ending_item)

        route = []
        for route_item_data in self.route:
            route_item = route_item_data.to_dict()
            route.append(route_item)

        attempts = []
        for attempts_item_data in self.attempts:
            attempts_item = attempts_item_data.to_dict()
            attempts.append(attempts_item)

        next_ = []
        for next_item_data in self.next_:
            next_item = next_item_data.to_dict()
            next_.append(next_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "order_id": order_id,
                "client_order_id": client_order_id,
                "status": status,
                "outcome": outcome,
                "waiting_for": waiting_for,
                "as_of": as_of,
                "summary": summary,
                "waiting": waiting,
                "ending": ending,
                "route": route,
                "attempts": attempts,
                "next": next_,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.sentence import Sentence  # noqa: PLC0415

        d = dict(src_dict)
        order_id = UUID(d.pop("order_id"))

        def _parse_client_order_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        client_order_id = _parse_client_order_id(d.pop("client_order_id"))

        status = check_order_status_enum(d.pop("status"))

        def _parse_outcome(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        outcome = _parse_outcome(d.pop("outcome"))

        def _parse_waiting_for(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        waiting_for = _parse_waiting_for(d.pop("waiting_for"))

        as_of = datetime.datetime.fromisoformat(d.pop("as_of"))

        summary = Sentence.from_dict(d.pop("summary"))

        waiting = []
        _waiting = d.pop("waiting")
        for waiting_item_data in _waiting:
            waiting_item = Sentence.from_dict(waiting_item_data)

            waiting.append(waiting_item)

        ending = []
        _ending = d.pop("ending")
        for ending_item_data in _ending:
            ending_item = Sentence.from_dict(ending_item_data)

            ending.append(ending_item)

        route = []
        _route = d.pop("route")
        for route_item_data in _route:
            route_item = Sentence.from_dict(route_item_data)

            route.append(route_item)

        attempts = []
        _attempts = d.pop("attempts")
        for attempts_item_data in _attempts:
            attempts_item = Sentence.from_dict(attempts_item_data)

            attempts.append(attempts_item)

        next_ = []
        _next_ = d.pop("next")
        for next_item_data in _next_:
            next_item = Sentence.from_dict(next_item_data)

            next_.append(next_item)

        explanation = cls(
            order_id=order_id,
            client_order_id=client_order_id,
            status=status,
            outcome=outcome,
            waiting_for=waiting_for,
            as_of=as_of,
            summary=summary,
            waiting=waiting,
            ending=ending,
            route=route,
            attempts=attempts,
            next_=next_,
        )

        explanation.additional_properties = d
        return explanation

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
