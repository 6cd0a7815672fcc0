"""How the load generator reads answers and writes requests."""

import pytest

from benchmarks.suite.load import Job, answer_in, request_of
from benchmarks.suite.subject import OURS, PEER

ANSWER = b'HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-LENGTH: 11\r\n\r\n{"id":"abc"}'


def test_an_answer_is_whole_with_its_last_byte() -> None:
    whole = ANSWER[:-1]  # 11 bytes of body

    assert [answer_in(whole[:end]) for end in range(len(whole))] == [None] * len(whole)
    assert answer_in(whole) == (201, b'{"id":"abc"')
    assert answer_in(bytearray(ANSWER)) == (201, b'{"id":"abc"')


def test_an_answer_that_does_not_state_its_length_is_refused() -> None:
    with pytest.raises(ValueError, match="does not state its length"):
        answer_in(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")


def test_a_request_states_its_length_in_bytes() -> None:
    job = Job(url="http://127.0.0.1:3000", path="/api/v1/orders", bodies=(), seconds=1.0)

    assert request_of(job, '{"a":"é"}') == (
        b"POST /api/v1/orders HTTP/1.1\r\nHost: 127.0.0.1:3000\r\nContent-Type: application/json\r\n"
        b'Content-Length: 10\r\n\r\n{"a":"\xc3\xa9"}'
    )


def test_a_batch_holds_orders_of_every_kind_in_turn() -> None:
    (batch,) = OURS.batch(5)

    assert batch == f'{{"orders":[{",".join([*OURS.bodies, OURS.bodies[0]])}]}}'
    assert PEER.batch_path == ""
