"""The text of requests to a node, and which reply in its answer belongs to which call.

A batch is an array; calls are told apart by their place in it. Source: https://www.jsonrpc.org/specification
"""

from collections.abc import Sequence
from typing import Any, TypeGuard

import orjson

from dex.chains.evm.fields import kind_of
from dex.chains.evm.nodes.errors import rpc_error

Call = tuple[str, list[Any]]
Reply = dict[str, Any]


class NoBatch(Exception):
    """The calls are not answered one by one: the node refuses them together. The text is the node's own reason."""


class NoReply(Exception):
    """What came is no answer of JSON-RPC; the text says what it is instead."""


def request_of(calls: Sequence[Call], *, as_array: bool) -> bytes:
    """The body of a request. Without `as_array` it is one call."""
    bodies = [
        {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        for number, (method, params) in enumerate(calls)
    ]
    return orjson.dumps(bodies if as_array else bodies[0])


def replies_in(body: bytes, count: int, *, as_array: bool) -> list[Reply]:
    """The reply to each of `count` calls, in their order. Raises: NoBatch, NoReply."""
    try:
        found = orjson.loads(body)
    except ValueError:
        raise NoReply(_no_json(body)) from None
    if isinstance(found, dict) and (not as_array or ("result" in found and count == 1)):
        return [_only(found)]
    if isinstance(found, dict) and "error" in found:
        raise NoBatch(rpc_error(found["error"]).message or "an error without words")
    if not as_array or not isinstance(found, list):
        raise NoReply(f"{kind_of(found)} that is no answer of JSON-RPC")
    return _matched(found, count)


def _only(reply: Reply) -> Reply:
    """The reply to a single call. An error may come without its id: the node could not read that far."""
    if ("result" in reply and _is_place(reply.get("id"), 1)) or reply.get("error") is not None:
        return reply
    raise NoReply("an object that is no answer to the call")


def _matched(found: list[Any], count: int) -> list[Reply]:
    by_place: dict[int, Reply] = {}
    for reply in found:
        if not isinstance(reply, dict) or not ("result" in reply or reply.get("error") is not None):
            raise NoReply(f"{kind_of(reply)} among its answers")
        place = reply.get("id")
        if place is None and reply.get("error") is not None:
            raise NoBatch(rpc_error(reply["error"]).message or "an error without words")
        if not _is_place(place, count) or place in by_place:
            raise NoReply("answers to other calls")
        by_place[place] = reply
    if len(by_place) < count:
        raise NoBatch(f"{len(by_place)} of {count} calls are answered")
    return [by_place[number] for number in range(count)]


def _is_place(value: object, count: int) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < count


def _no_json(body: bytes) -> str:
    start = body[:200].lstrip().lower()
    if not body:
        return "nothing"
    return "a page of HTML" if start.startswith((b"<!doctype", b"<html")) else "what is no JSON, or breaks off"
