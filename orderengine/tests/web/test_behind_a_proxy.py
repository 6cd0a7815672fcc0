"""Behind a proxy: those that are trusted say who calls, by what scheme and for which host; strangers say nothing."""

import asyncio
import json
import re
import shutil
import socket
import subprocess
import time
from base64 import b32decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from asgiref.sync import async_to_sync
from django.test import Client
from django_otp.oath import TOTP
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

from orderengine.devstack.environment import free_port
from orderengine.environment.addresses import read_network, read_public_url
from orderengine.tests.conftest import state_directory
from orderengine.tests.engines import ROOT, Engine, until
from orderengine.tests.web.tls_proxy import NAME, TlsProxy
from orderengine.web.proxies import Forwarded
from orders.access.authentication import is_open_to, is_within
from orders.config import is_allowed_origin
from orders.streams.admission import address_of

PROXY, STRANGER, CALLER = "10.0.0.7", "198.51.100.66", "203.0.113.9"
SPOOFED = {
    "x-forwarded-for": "127.0.0.1",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "evil.example",
    "x-forwarded-port": "443",
    "forwarded": "for=127.0.0.1;proto=https;host=evil.example",
    "x-real-ip": "127.0.0.1",
}


def corrected(
    peer: str | None, *headers: tuple[str, str], kind: str = "http", trusted: str = "10.0.0.0/8"
) -> dict[str, Any]:
    """The scope that an application behind TRUSTED_PROXIES sees."""
    seen: list[dict[str, Any]] = []

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        seen.append(scope)

    scope = {
        "type": kind,
        "scheme": {"http": "http", "websocket": "ws"}[kind],
        "client": [peer, 1234] if peer else None,
        "headers": [(b"host", b"inner:3000"), *((name.encode(), value.encode("latin-1")) for name, value in headers)],
    }
    networks = [read_network(one) for one in trusted.split(",") if one]
    async_to_sync(Forwarded(application, networks))(scope, None, None)
    return seen[0]


def host_of(scope: dict[str, Any]) -> str:
    [host] = [value.decode() for name, value in scope["headers"] if name == b"host"]
    return str(host)


@pytest.mark.parametrize("peer", [STRANGER, "127.0.0.1", "::1", "11.0.0.7", "::ffff:198.51.100.66", None])
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_a_stranger_is_believed_nothing(peer: str | None, kind: str) -> None:
    scope = corrected(peer, *SPOOFED.items(), kind=kind)

    assert address_of(scope) == ("" if peer is None else peer.removeprefix("::ffff:"))
    assert scope["scheme"] == {"http": "http", "websocket": "ws"}[kind]
    assert [name for name, _ in scope["headers"]] == [b"host"]
    assert host_of(scope) == "inner:3000"


def test_without_trusted_proxies_loopback_is_believed_nothing_either() -> None:
    scope = corrected("127.0.0.1", ("x-forwarded-for", CALLER), trusted="")

    assert address_of(scope) == "127.0.0.1"


@pytest.mark.parametrize(
    ("forwarded_for", "expected"),
    [
        ([CALLER], CALLER),
        # A caller sends the header too: what our own proxy has appended counts.
        ([f"127.0.0.1, {CALLER}"], CALLER),
        (["127.0.0.1", CALLER], CALLER),
        ([f"::1,10.1.1.1, {CALLER}"], CALLER),
        # Through several proxies of ours.
        ([f"127.0.0.1, {CALLER}, 10.0.0.8, 10.0.0.9"], CALLER),
        ([f"{CALLER}:4711"], CALLER),
        (["[2001:db8::5]:4711"], "2001:db8::5"),
        (["2001:db8::5"], "2001:db8::5"),
        ([f"::ffff:{CALLER}"], CALLER),
        (["10.0.0.8"], "10.0.0.8"),
        # Nobody knows who calls: no range holds that, and no machine is this one.
        (["unknown"], ""),
        (["127.0.0.1, unknown"], ""),
        (["_hidden, 10.0.0.8"], ""),
        ([f"{CALLER}, 300.1.1.1"], ""),
        ([""], PROXY),
        ([" , "], PROXY),
        ([], PROXY),
        (["1.2.3.4," * 10_000 + CALLER], CALLER),
    ],
)
def test_a_trusted_proxy_says_who_calls(forwarded_for: list[str], expected: str) -> None:
    scope = corrected(PROXY, *(("x-forwarded-for", value) for value in forwarded_for))

    assert address_of(scope) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("https", "https"), ("http", "http"), ("https, http", "http"), ("ftp", "http"), ("", "http")],
)
def test_a_trusted_proxy_says_by_which_scheme(value: str, expected: str) -> None:
    assert corrected(PROXY, ("x-forwarded-proto", value))["scheme"] == expected
    secure = corrected(PROXY, ("x-forwarded-proto", value), kind="websocket")["scheme"]
    assert secure == {"https": "wss", "http": "ws"}[expected]


def test_a_trusted_proxy_says_for_which_host() -> None:
    assert host_of(corrected(PROXY, ("x-forwarded-host", "evil.example, trade.example.com"))) == "trade.example.com"
    assert host_of(corrected(PROXY)) == "inner:3000"


def test_who_is_not_known_is_neither_local_nor_in_a_range(settings: Any) -> None:
    settings.API_IS_OPEN = True
    address = address_of(corrected(PROXY, ("x-forwarded-for", "unknown")))

    assert not is_open_to(address)
    assert not is_within(address, ["0.0.0.0/0", "::/0"])


@pytest.mark.parametrize("host", ["10.1.2.3", "[2001:db8::1]:3000", "evil.example", "", "a b", "x" * 300])
def test_probes_are_answered_for_any_host_and_nothing_else_is(host: str) -> None:
    client = Client(raise_request_exception=False)

    assert client.get("/health", headers={"host": host}).json() == {"status": "ok"}
    if host:
        assert client.get("/api/v1/tokens", headers={"host": host}).status_code == 400
        assert client.get("/admin/login/", headers={"host": host}).status_code == 400
        assert client.get("/health/", headers={"host": host}).status_code in {400, 404}
    assert client.post("/health", headers={"host": host}).status_code == 405


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [
        ("https://trade.example.com", True),
        ("https://TRADE.example.com", True),
        ("http://trade.example.com", False),
        ("https://trade.example.com:8443", False),
        ("https://trade.example.com.evil.example", False),
        ("https://desk.example.com", True),
        ("https://desk.example.com:8443", False),
        ("http://localhost:8000", False),
        ("null", False),
        ("https://[", False),
    ],
)
def test_sockets_open_for_pages_of_the_public_url(settings: Any, origin: str, is_allowed: bool) -> None:
    settings.PUBLIC_URL = read_public_url("https://trade.example.com")
    settings.ORIGIN_HOSTS = ["desk.example.com"]

    assert is_allowed_origin(origin, "trade.example.com") is is_allowed


@pytest.mark.parametrize(
    ("origin", "host", "is_allowed"),
    [
        ("http://localhost:3000", "localhost:3000", True),
        ("http://127.0.0.1:3000", "localhost:3000", True),
        ("http://[::1]:3000", "[::1]:3000", True),
        ("http://localhost:5173", "localhost:3000", False),
        ("http://localhost", "localhost:3000", False),
        ("http://localhost:80", "localhost", True),
        ("http://localhost:3000", "", False),
        ("http://evil.example:3000", "localhost:3000", False),
        ("http://localhost:x", "localhost:3000", False),
        ("null", "localhost:3000", False),
    ],
)
def test_sockets_open_for_pages_of_the_port_that_is_asked(
    settings: Any, origin: str, host: str, is_allowed: bool
) -> None:
    settings.PUBLIC_URL, settings.ORIGIN_HOSTS = None, ["localhost", "127.0.0.1", "[::1]"]

    assert is_allowed_origin(origin, host) is is_allowed


class Site:
    """An engine as one that is live, outside DEBUG, with a TLS proxy before it."""

    def __init__(self, state: Path, engine: Engine, proxy: TlsProxy, port: int) -> None:
        self.state, self.engine, self.proxy, self.port = state, engine, proxy, port
        self.url = f"https://{NAME}"

    def client(self, **headers: str) -> httpx.Client:
        """A browser or program that finds the public name at the proxy."""
        return httpx.Client(
            base_url=f"https://127.0.0.1:{self.proxy.port}",
            verify=self.proxy.trusting(),
            headers={"Host": NAME, "Connection": "close", **headers},
            timeout=20,
        )

    def key(self, *words: str) -> str:
        """A new API key."""
        made = self.engine.manage("keys", "create", "treasury", "--name", "test", *words)
        assert made.returncode == 0, made.stderr
        return made.stdout.strip()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    port = free_port()
    with state_directory() as state:
        engine = Engine(
            state,
            PORT=str(port),
            DEBUG="0",
            PUBLIC_URL=f"https://{NAME}",
            TRUSTED_PROXIES="127.0.0.1",
            HSTS_SECONDS="600",
            SECRET_KEY="s" * 50,
        )
        try:
            engine.until_up()
            proxy = TlsProxy(tmp_path_factory.mktemp("proxy"), port)
            yield Site(state, engine, proxy, port)
            proxy.close()
        finally:
            if engine.process.poll() is None:
                engine.stop()


class Browser:
    """Keeps cookies, and sends forms as a browser sends them to a page of the public name."""

    def __init__(self, site: Site, client: httpx.Client) -> None:
        self._site, self._client = site, client
        self.cookies: dict[str, str] = {}

    def get(self, path: str) -> httpx.Response:
        return self._kept(self._client.get(path, headers=self._cookies()))

    def submit(self, path: str, **fields: str) -> httpx.Response:
        page = self.get(path)
        [token] = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
        origin = {"Origin": self._site.url, "Referer": f"{self._site.url}{path}"}
        sent = {"csrfmiddlewaretoken": token, **fields}
        return self._kept(self._client.post(path, data=sent, headers=self._cookies() | origin))

    def _cookies(self) -> dict[str, str]:
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}

    def _kept(self, answer: httpx.Response) -> httpx.Response:
        for line in answer.headers.get_list("set-cookie"):
            words = {"Secure", "HttpOnly", "SameSite=Lax"}
            assert not words - set(line.split("; ")), line
        self.cookies.update(answer.cookies)
        self._client.cookies.clear()
        return answer


def give_password(site: Site, browser: Browser) -> str:
    """Where the right password leads."""
    assert browser.get("/admin/login/").headers["strict-transport-security"] == "max-age=600"
    password = (site.state / "admin-password").read_text().strip()
    asked = browser.submit("/admin/login/", username="admin", password=password, next="/admin/")
    assert asked.status_code == 302
    return str(asked.headers["location"])


def log_in(site: Site, client: httpx.Client) -> Browser:
    """Password, then an app and its first code: the first sign-in of the first user."""
    browser = Browser(site, client)
    assert give_password(site, browser) == "/sign-in/two-factor"
    [secret] = re.findall(r'id="secret">([A-Z2-7 ]+)<', browser.get("/sign-in/two-factor").text)
    app = TOTP(b32decode(secret.replace(" ", "")))
    app.time = time.time()
    done = browser.submit("/sign-in/two-factor", code=f"{app.token():06d}")
    assert (done.status_code, "Backup codes" in done.text) == (200, True)
    return browser


@pytest.mark.system
def test_the_admin_lets_in_and_stays_shut_to_pages_of_others(site: Site) -> None:
    with site.client() as client:
        browser = log_in(site, client)
        assert browser.get("/admin/orders/order/").status_code == 200

        refused = client.post("/admin/login/", data={"username": "admin"}, headers={"Origin": "https://evil.example"})
        assert refused.status_code == 403


@pytest.mark.system
def test_an_order_goes_through_with_its_socket(site: Site) -> None:
    key = site.key()
    body = {"token_in": "SOL", "token_out": "USDC", "amount": "1"}
    with site.client(Authorization=f"Bearer {key}") as client:
        placed = client.post("/api/v1/orders", json=body)
    assert placed.status_code == 201, placed.text

    async def outcome() -> str:
        address = f"wss://{NAME}:{site.proxy.port}/orders/{placed.json()['id']}?after=0"
        trusting = site.proxy.trusting()
        headers = {"Authorization": f"Bearer {key}"}
        async with connect(
            address,
            host="127.0.0.1",
            ssl=trusting,
            additional_headers=headers,
            origin=Origin(site.url),
            server_hostname=NAME,
        ) as ws:
            async for message in ws:
                event = json.loads(message)
                if event["type"] == "event" and event["outcome"]:
                    return str(event["outcome"])
        return "closed"

    async def refused_origin() -> int | None:
        headers = {"Authorization": f"Bearer {key}"}
        async with connect(
            f"wss://{NAME}:{site.proxy.port}/ws/v1/stream",
            host="127.0.0.1",
            ssl=site.proxy.trusting(),
            additional_headers=headers,
            origin=Origin(f"http://{NAME}"),
            server_hostname=NAME,
        ) as ws:
            try:
                while True:
                    await ws.recv()
            except ConnectionClosed:
                return ws.close_code

    assert asyncio.run(asyncio.wait_for(outcome(), 30)) == "filled"
    assert asyncio.run(asyncio.wait_for(refused_origin(), 30)) == 4403


@pytest.mark.system
def test_key_ranges_hold_for_who_calls_and_not_for_the_proxy(site: Site) -> None:
    of_caller, of_proxy = site.key("--ip-ranges", f"{CALLER}/32"), site.key("--ip-ranges", "127.0.0.0/8")

    with site.client() as client:
        assert client.get("/api/v1/orders", headers={"Authorization": f"Bearer {of_caller}"}).status_code == 200
        for spoofed in ({}, {"X-Forwarded-For": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1"}):
            headers = {"Authorization": f"Bearer {of_proxy}", **spoofed}
            assert client.get("/api/v1/orders", headers=headers).status_code == 401

    direct = httpx.get(
        f"http://127.0.0.1:{site.port}/api/v1/orders", headers={"Authorization": f"Bearer {of_proxy}"}, timeout=10
    )
    assert direct.status_code == 200


@pytest.mark.system
def test_probes_and_tools_find_the_engine(site: Site) -> None:
    def ready(host: str) -> int:
        return httpx.get(f"http://127.0.0.1:{site.port}/ready", headers={"Host": host}).status_code

    for host in ("10.1.2.3:3000", "evil.example"):
        assert httpx.get(f"http://127.0.0.1:{site.port}/health", headers={"Host": host}).status_code == 200
        until(lambda host=host: ready(host) == 200, 15)  # its report may be from before the worker's first word
        refused = httpx.get(f"http://127.0.0.1:{site.port}/api/v1/tokens", headers={"Host": host})
        assert refused.status_code == 400
    with socket.create_connection(("127.0.0.1", site.port), timeout=5) as bare:
        bare.sendall(b"GET /health HTTP/1.0\r\n\r\n")
        assert b" 200 OK" in bare.recv(100)

    found = [json.loads(line) for line in site.engine.manage("doctor", "--json").stdout.splitlines()]
    [web] = [need for need in found if need["need"] == "web"]
    assert (web["ok"], web["seen"]) == (True, f"http://127.0.0.1:{site.port}/health")


@pytest.mark.system
def test_the_nginx_of_the_page_works(site: Site, tmp_path: Path) -> None:
    """docs/going-live.md has a configuration: it is run as it stands, with the ports and files of the test."""
    nginx = shutil.which("nginx") or ("/usr/sbin/nginx" if Path("/usr/sbin/nginx").exists() else None)
    if nginx is None:
        pytest.skip("nginx is not installed")
    [example] = re.findall(r"```nginx\n(.*?)```", (ROOT / "docs/going-live.md").read_text(), re.DOTALL)
    port = free_port()
    own = example.replace("listen 443", f"listen 127.0.0.1:{port}").replace("listen [::]:443 ssl;\n", "")
    own = own.replace("127.0.0.1:3000", f"127.0.0.1:{site.port}")
    own = re.sub(r"(ssl_certificate(?:_key)?) \S+;", rf"\1 {site.proxy.certificate};", own)
    paths = "".join(
        f"{kind}_temp_path {tmp_path}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = (
        f"daemon off; pid {tmp_path}/pid; error_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{paths}{own}}}\n"
    )
    (tmp_path / "nginx.conf").write_text(config)
    process = subprocess.Popen([nginx, "-c", str(tmp_path / "nginx.conf")])
    try:
        through = Site(site.state, site.engine, site.proxy, site.port)
        through.proxy = type("At", (), {"port": port, "trusting": site.proxy.trusting})()
        for _ in range(50):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        with through.client() as client:
            assert give_password(through, Browser(through, client)).startswith("/sign-in/")
        test_an_order_goes_through_with_its_socket(through)
    finally:
        process.terminate()
        process.wait()
