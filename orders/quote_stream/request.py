"""What a client asks to be quoted: the fields of POST /quotes, in a frame, or the plain ones of them in the address."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from rest_framework.serializers import ValidationError

from orders.api.exceptions import validation_problem
from orders.api.serializers import QuoteRequestSerializer
from orders.inputs.query import Query
from orders.inputs.quotes import PLAIN_GUARDS, QUOTE_NAMES
from orders.problems import ProblemError


def read_address(query: Query) -> Any:
    """The body that the address states, None where it states none. Raises: ProblemError for one that is not valid."""
    stated = {name: value for name in QUOTE_NAMES if (value := query.read(name, str)) is not None}
    if not stated:
        return None
    guards = {name: stated.pop(name) for name in PLAIN_GUARDS if name in stated}
    body = stated | ({"guards": guards} if guards else {})
    read_fields(body)
    return body


def read_fields(body: Any) -> Mapping[str, Any]:
    """The fields of a body, as POST /quotes takes it. Raises: ProblemError."""
    try:
        fields: Mapping[str, Any] = _reader().run_validation(body)
    except ValidationError as error:
        raise ProblemError(validation_problem(error.detail)) from None
    return fields


@cache
def _reader() -> QuoteRequestSerializer:
    """One for all, as for orders."""
    reader = QuoteRequestSerializer()
    assert reader.fields
    return reader
