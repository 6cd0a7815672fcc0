"""The AsyncAPI 3.0 document from its channels, with the schemas that the messages are made by."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from orders.api.asyncapi.channels import CHANNELS, Channel, Message
from orders.api.asyncapi.components import Components
from orders.config import public_url

VERSION = "3.0.0"
JSON = "application/json"
_SECURITY = {
    "key": {"type": "http", "scheme": "bearer", "description": "An API key, as for the HTTP API."},
    "ticket": {
        "type": "httpApiKey",
        "in": "header",
        "name": "Sec-WebSocket-Protocol",
        "description": "For pages: `oe.v1, ticket.TICKET`, with a ticket of POST /api/v1/ws-tickets.",
    },
}


def asyncapi(openapi: Mapping[str, Any]) -> dict[str, Any]:
    """The document, beside the OpenAPI document of the same program."""
    components = Components(openapi["components"]["schemas"])
    messages = {message.name: message for channel in CHANNELS for message in channel.sends + channel.takes}
    described = {name: _message(message, components) for name, message in messages.items()}
    return {
        "asyncapi": VERSION,
        "info": {
            "title": openapi["info"]["title"],
            "version": openapi["info"]["version"],
            "description": "What the WebSockets and webhooks send and take. The HTTP API: /api/v1/schema.",
        },
        "defaultContentType": JSON,
        "servers": _servers(),
        "channels": {channel.name: _channel(channel, components) for channel in CHANNELS},
        "operations": {
            name: operation
            for channel in CHANNELS
            for name, operation in (
                (f"{channel.name}Sends", _operation(channel, "send", channel.sends)),
                (f"{channel.name}Takes", _operation(channel, "receive", channel.takes)),
            )
            if operation["messages"]
        },
        "components": {
            "messages": described,
            "schemas": dict(sorted(components.schemas.items())),
            "securitySchemes": _SECURITY,
        },
    }


def _servers() -> dict[str, Any]:
    url = urlsplit(public_url())
    return {
        "engine": {
            "host": url.netloc,
            "protocol": "wss" if url.scheme == "https" else "ws",
            "description": "This server.",
            "security": [{"$ref": f"#/components/securitySchemes/{name}"} for name in _SECURITY],
        },
        "receiver": {
            "host": "{host}",
            "protocol": "https",
            "description": "Where the owner of an account wants webhooks.",
            "variables": {"host": {"description": "Host and port of the address."}},
        },
    }


def _channel(channel: Channel, components: Components) -> dict[str, Any]:
    names = [message.name for message in channel.sends + channel.takes]
    described: dict[str, Any] = {
        "address": channel.address,
        "description": channel.about,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "servers": [{"$ref": f"#/servers/{'receiver' if channel.address is None else 'engine'}"}],
    }
    if channel.address is None:
        return described
    if "{order_id}" in channel.address:
        described["parameters"] = {"order_id": {"description": "The order's id, a UUID."}}
    query = components.resolved(channel.query)
    return described | {"bindings": {"ws": {"method": "GET", "query": query, "bindingVersion": "0.1.0"}}}


def _message(message: Message, components: Components) -> dict[str, Any]:
    payload = components.resolved(message.payload)
    described = {"name": message.name, "summary": message.about, "contentType": JSON, "payload": payload}
    return described if message.headers is None else described | {"headers": message.headers}


def _operation(channel: Channel, action: str, messages: Iterable[Message]) -> dict[str, Any]:
    place = f"#/channels/{channel.name}"
    return {
        "action": action,
        "channel": {"$ref": place},
        "messages": [{"$ref": f"{place}/messages/{message.name}"} for message in messages],
    }
