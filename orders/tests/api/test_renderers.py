"""The quicker encoder writes what the REST framework writes, byte by byte."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.renderers import JSONRenderer

from orders.api.parsers import FloatFree, QuickJSONRenderer, quick_json
from orders.states import OrderStatus

EVERY_CHARACTER = "".join(chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000)
leaves = st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(OrderStatus)
values = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.text(), values))
def test_answers_without_floats_read_the_same(answer: dict[str, Any]) -> None:
    assert QuickJSONRenderer().render(FloatFree(answer)) == JSONRenderer().render(answer)


def test_every_character_is_written_the_same() -> None:
    assert quick_json(FloatFree(text=EVERY_CHARACTER)) == JSONRenderer().render({"text": EVERY_CHARACTER})


def test_other_answers_are_written_as_ever() -> None:
    for answer in ({"tiny": 1e-06}, {"big": 10**30}, [1e16], None):
        assert QuickJSONRenderer().render(answer) == JSONRenderer().render(answer)
    assert QuickJSONRenderer().render(FloatFree(big=10**30)) == b'{"big":%d}' % 10**30
    with_indent = FloatFree(a=1), "application/json; indent=4"
    assert QuickJSONRenderer().render(*with_indent) == JSONRenderer().render(*with_indent)
