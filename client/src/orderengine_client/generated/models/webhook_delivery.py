from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="WebhookDelivery")


@_attrs_define
class WebhookDelivery:
    """One attempt at one message, and what came of it."""

    id: int
    message_id: str
    """ The header webhook-id: the same at every attempt. """
    type_: str
    order_id: None | UUID
    seq: int | None
    cursor: None | str
    attempt: int
    """ From 1. """
    is_requested: bool
    """ It was sent out of turn, once: by hand, or as news of a webhook. """
    is_delivered: bool
    status: int | None
    """ Of the receiver's answer; null where there was none. """
    error: None | str
    """ Why there was no answer. """
    response: str
    """ The first bytes of the answer's body. """
    took_ms: int
    at: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        message_id = self.message_id

        type_ = self.type_

        order_id: None | str
        if isinstance(self.order_id, UUID):
            order_id = str(self.order_id)
        else:
            order_id = self.order_id

        seq: int | None
        seq = self.seq

        cursor: None | str
        cursor = self.cursor

        attempt = self.attempt

        is_requested = self.is_requested

        is_delivered = self.is_delivered

        status: int | None
        status = self.status

        error: None | str
        error = self.error

        response = self.response

        took_ms = self.took_ms

        at = self.at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "message_id": message_id,
                "type": type_,
                "order_id": order_id,
                "seq": seq,
                "cursor": cursor,
                "attempt": attempt,
                "is_requested": is_requested,
                "is_delivered": is_delivered,
                "status": status,
                "error": error,
                "response": response,
                "took_ms": took_ms,
                "at": at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        message_id = d.pop("message_id")

        type_ = d.pop("type")

        def _parse_order_id(data: object) -> None | UUID:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                order_id_type_0 = UUID(data)

                return order_id_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | UUID, data)

        order_id = _parse_order_id(d.pop("order_id"))

        def _parse_seq(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        seq = _parse_seq(d.pop("seq"))

        def _parse_cursor(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        cursor = _parse_cursor(d.pop("cursor"))

        attempt = d.pop("attempt")

        is_requested = d.pop("is_requested")

        is_delivered = d.pop("is_delivered")

        def _parse_status(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        status = _parse_status(d.pop("status"))

        def _parse_error(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        error = _parse_error(d.pop("error"))

        response = d.pop("response")

        took_ms = d.pop("took_ms")

        at = datetime.datetime.fromisoformat(d.pop("at"))

        webhook_delivery = cls(
            id=id,
            message_id=message_id,
            type_=type_,
            order_id=order_id,
            seq=seq,
            cursor=cursor,
            attempt=attempt,
            is_requested=is_requested,
            is_delivered=is_delivered,
            status=status,
            error=error,
            response=response,
            took_ms=took_ms,
            at=at,
        )

        webhook_delivery.additional_properties = d
        return webhook_delivery

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
