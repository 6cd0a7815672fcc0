"""A small TLS-terminating proxy, as an operator's would be: it says who called and how, and passes bytes on."""

import datetime
import ipaddress
import select
import socket
import ssl
import threading
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NAME = "trade.example.com"


class TlsProxy:
    """Listens with TLS on loopback and passes each connection on to the engine, with forwarding headers of its own.

    What a caller sends under these names is passed on before them, as proxies do that append.
    """

    def __init__(self, directory: Path, engine_port: int, *, headers: bool = True, caller: str = "203.0.113.9") -> None:
        self.certificate = directory / "proxy.pem"
        _write_certificate(self.certificate)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        self._engine_port = engine_port
        forwarding = f"X-Forwarded-For: {caller}\r\nX-Forwarded-Proto: https\r\n"
        self._headers = forwarding.encode() if headers else b""
        self._server = context.wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True)
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def trusting(self) -> ssl.SSLContext:
        """What a client needs to believe its certificate."""
        return ssl.create_default_context(cafile=str(self.certificate))

    def close(self) -> None:
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except ssl.SSLError:
                continue
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        """One request for each connection: its head gets the headers, the rest is bytes in both directions."""
        with client, socket.create_connection(("127.0.0.1", self._engine_port)) as engine:
            head = b""
            while b"\r\n\r\n" not in head:
                if not (more := client.recv(65536)):
                    return
                head += more
            lines, _, rest = head.partition(b"\r\n\r\n")
            closing = b"" if b"upgrade: websocket" in lines.lower() else b"Connection: close\r\n"
            kept = [
                line for line in lines.split(b"\r\n") if closing == b"" or not line.lower().startswith(b"connection:")
            ]
            engine.sendall(b"\r\n".join(kept) + b"\r\n" + self._headers + closing + b"\r\n" + rest)
            _relay(client, engine)


def _relay(client: socket.socket, engine: socket.socket) -> None:
    """Both directions in one thread, until an end closes: a TLS socket must not be read and written at once."""
    other = {client: engine, engine: client}
    while True:
        is_waiting = isinstance(client, ssl.SSLSocket) and client.pending()
        for source in [client] if is_waiting else select.select([client, engine], [], [])[0]:
            try:
                if not (data := source.recv(65536)):
                    return
                other[source].sendall(data)
            except OSError:
                return


def _write_certificate(path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    names: list[x509.GeneralName] = [x509.DNSName(NAME), x509.DNSName("localhost")]
    names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(hours=1))
    builder = builder.not_valid_after(now + datetime.timedelta(days=1))
    certificate = builder.add_extension(x509.SubjectAlternativeName(names), critical=False).sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.touch(mode=0o600)
    path.write_bytes(private + certificate.public_bytes(pem))
