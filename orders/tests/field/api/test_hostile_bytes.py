"""Bytes that are hardly HTTP, on a real server: an answer below 500 or none, no traceback, and others are served."""

import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from orders.tests.web import Web

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.system]

HOST = b"Host: localhost\r\n"
STATIC = b"GET /static/admin/css/base.css HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /api/v1/orders HTTP/1.1\r\nHost: localhost\r\n"
REQUESTS = {
    "NUL in the path": b"GET /a\x00b HTTP/1.1\r\n" + HOST,
    "NUL in the query": b"GET /?a=\x00 HTTP/1.1\r\n" + HOST,
    "bytes above ASCII in the path": b"GET /\xff\xfe HTTP/1.1\r\n" + HOST,
    "bytes above ASCII in the query": b"GET /?q=\xff HTTP/1.1\r\n" + HOST,
    "a method of bytes": b"\xff\xfe / HTTP/1.1\r\n" + HOST,
    "a method that does not exist": b"G\x00T / HTTP/1.1\r\n" + HOST,
    "the address of another host": b"GET http://evil.example/admin/ HTTP/1.1\r\n" + HOST,
    "the address of nothing": b"GET  HTTP/1.1\r\n" + HOST,
    "an asterisk": b"OPTIONS * HTTP/1.1\r\n" + HOST,
    "a tunnel": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n",
    "no host": b"GET / HTTP/1.1\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n",
    "a host of bytes": b"GET /api/v1/orders HTTP/1.1\r\nHost: \xff\xfe\r\n",
    "a host with a path": b"GET / HTTP/1.1\r\nHost: localhost/../x\r\n",
    "a version of the future": b"GET / HTTP/9.9\r\n" + HOST,
    "no version": b"GET /\r\n" + HOST,
    "NUL in a header": b"GET / HTTP/1.1\r\n" + HOST + b"X-A: a\x00b\r\n",
    "a header without a name": b"GET / HTTP/1.1\r\n" + HOST + b": x\r\n",
    "a name of bytes": b"GET / HTTP/1.1\r\n" + HOST + b"X-\xff: x\r\n",
    "a folded header": b"GET / HTTP/1.1\r\n" + HOST + b"X-A: a\r\n b\r\n",
    "a cookie of bytes": b"GET /admin/ HTTP/1.1\r\n" + HOST + b"Cookie: sessionid=\xff\xfe\x80\r\n",
    "a cookie with an escaped NUL": b"GET /admin/ HTTP/1.1\r\n" + HOST + b'Cookie: sessionid="aaaaaaaa\\000"\r\n',
    "a key of bytes": b"GET /api/v1/orders HTTP/1.1\r\n" + HOST + b"Authorization: Bearer \xff\xfe\r\n",
    "a key with a NUL to be decoded": b"GET /api/v1/orders HTTP/1.1\r\n" + HOST + b"Authorization: Basic AAAA\r\n",
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 3\r\n",
    "a negative length": POST + b"Content-Length: -1\r\n",
    "a length of 400 digits": POST + b"Content-Length: " + b"9" * 400 + b"\r\n",
    "a length of 5000 digits": POST + b"Content-Length: " + b"9" * 5_000 + b"\r\n",
    "a length in other digits": POST + "Content-Length: ٣".encode() + b"\r\n",
    "length and chunks": POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
    "an unknown encoding": POST + b"Transfer-Encoding: gzip\r\n",
    "an expectation": POST + b"Expect: the-unexpected\r\nContent-Length: 0\r\n",
    "an upgrade to an unknown protocol": b"GET / HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: h2c\r\n",
    "an upgrade of bytes": b"GET / HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: \xff\r\n",
    "a range": STATIC + b"Range: bytes=9-1,\xff-\r\n",
    "a range of 400 digits": STATIC + b"Range: bytes=" + b"9" * 400 + b"-\r\n",
    "a range of 5000 digits": STATIC + b"Range: bytes=" + b"9" * 5000 + b"-\r\n",
    "a date": STATIC + b"If-Modified-Since: Mon, 99 Foo 99999 99:99:99 GMT\r\n",
    "a date out of bounds": STATIC + b"If-Modified-Since: \xff\x80\r\n",
    "languages": b"GET /admin/login/ HTTP/1.1\r\n" + HOST + b"Accept-Language: " + b"x-" * 4_000 + b"\r\n",
    "encodings": b"GET /api/v1/schema HTTP/1.1\r\n" + HOST + b"Accept-Encoding: gzip;q=" + b"9." * 4_000 + b"\r\n",
    "what is accepted": b"GET /api/v1/schema HTTP/1.1\r\n" + HOST + b"Accept: " + b"a/b;q=x," * 1_000 + b"\r\n",
    "a media type": POST + b"Content-Type: " + b";a=b" * 2_000 + b"\r\nContent-Length: 2\r\n",
    "a static path that climbs": b"GET /static/../../etc/passwd HTTP/1.1\r\n" + HOST,
    "a static path that climbs unseen": b"GET /static/%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\n" + HOST,
    "a static path with NUL": b"GET /static/a%00b.js HTTP/1.1\r\n" + HOST,
    "a static path without end": b"GET /static/" + b"a" * 9_000 + b" HTTP/1.1\r\n" + HOST,
    "a directory": b"GET /static/admin/ HTTP/1.1\r\n" + HOST,
    "300 headers": b"GET / HTTP/1.1\r\n" + HOST + b"".join(b"X-%d: y\r\n" % i for i in range(300)),
}  # fmt: skip


def status_of(web: Web, request: bytes) -> int:
    """The status of the answer, 0 where the server just hangs up."""
    received = b""
    with socket.create_connection(("127.0.0.1", web.port), timeout=3) as one, suppress(OSError):
        one.sendall(request + b"\r\n{}")
        while b"\r\n" not in received and (more := one.recv(4096)):
            received += more
    return int(received.split(b" ", 2)[1]) if received.startswith(b"HTTP/") else 0


def test_what_is_hardly_http_is_no_server_error(web: Web) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda request: status_of(web, request), REQUESTS.values())
        statuses = dict(zip(REQUESTS, found, strict=True))

    assert {name: status for name, status in statuses.items() if status >= 500} == {}
    assert web.said_wrong() == []
    assert {statuses[name] for name in ("a host of bytes", "a host with a path")} == {400}
    assert statuses["a static path that climbs"] in {400, 404}
    assert web.is_healthy()
