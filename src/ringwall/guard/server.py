"""The guard's HTTP: bans and blocks, for the control plane's address alone."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from threading import Lock
from typing import ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

from ringwall.guard.kernel import Address, Kernel, KernelError, NeverBanned, as_json

MAX_BODY = 8 * 1024 * 1024
_LONGEST = 3650 * 86400


class _Refused(Exception):
    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def forget(address: Address) -> None:
    """Have fail2ban forget an address; where it does not run, there is nothing to forget."""
    subprocess.run(
        ["fail2ban-client", "unban", str(address)],
        capture_output=True,
        timeout=10,
        check=False,
    )


def serve(
    listen: tuple[str, int],
    control: str,
    kernel: Kernel,
    forget: Callable[[Address], None] = forget,
) -> ThreadingHTTPServer:
    """Return the server; nothing is served before its ``serve_forever``."""
    handler = type("Handler", (_Handler,), {"control": control, "desk": _Desk(kernel, forget)})
    return ThreadingHTTPServer(listen, handler)


class _Desk:
    """One change at a time."""

    def __init__(self, kernel: Kernel, forget: Callable[[Address], None]) -> None:
        self._kernel, self._forget = kernel, forget
        self._one, self._listing = Lock(), Lock()
        self._version = ""

    def answer(self, method: str, target: str, body: bytes) -> bytes:
        """Do what is asked for and return the answer's body; raise ``_Refused``."""
        url = urlsplit(target)
        if url.path == "/blocks":
            return self._blocks(method, body)
        with self._one:
            if (method, url.path) == ("GET", "/bans"):
                return as_json(self._kernel.bans())
            found = re.fullmatch("/bans/([^/]+)", url.path)
            if found is None or method not in {"PUT", "DELETE"}:
                raise _Refused(404, "there is nothing here")
            address = ip_address(unquote(found[1]))
            if method == "PUT":
                self._ban(address, parse_qs(url.query))
            else:
                self._kernel.unban(address)
                self._forget(address)
            return b""

    def _blocks(self, method: str, body: bytes) -> bytes:
        """Take a list with its version, or tell which is there; bans need not wait for it."""
        if method not in {"GET", "PUT"}:
            raise _Refused(404, "there is nothing here")
        with self._listing:
            if method == "PUT":
                wanted = json.loads(body)
                self._kernel.block(wanted["blocked"], wanted["allowed"])
                self._version = str(wanted["version"])
            return json.dumps({"version": self._version}).encode()

    def _ban(self, address: Address, query: dict[str, list[str]]) -> None:
        seconds, made_by = int(query["seconds"][0]), query.get("by", ["control"])[0]
        if not 1 <= seconds <= _LONGEST or not re.fullmatch("[a-z0-9]{1,16}", made_by):
            raise _Refused(400, "seconds or by is out of range")
        try:
            self._kernel.ban(address, seconds, made_by)
        except NeverBanned as error:
            raise _Refused(409, str(error)) from error


class _Handler(BaseHTTPRequestHandler):
    control: ClassVar[str]
    desk: ClassVar[_Desk]
    timeout = 10

    def _serve(self) -> None:
        try:
            status, body = 200, self.desk.answer(self.command, self.path, self._body())
        except _Refused as refused:
            status, body = refused.status, str(refused).encode()
        except (ValueError, KeyError, TypeError) as error:
            status, body = 400, f"cannot be understood: {error}".encode()
        except (KernelError, subprocess.TimeoutExpired) as error:
            status, body = 500, str(error).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _body(self) -> bytes:
        if self.client_address[0] != self.control:
            raise _Refused(403, "you are not the control plane")
        length = int(self.headers.get("Content-Length", 0))
        if length > MAX_BODY:
            raise _Refused(413, f"more than {MAX_BODY} bytes")
        return self.rfile.read(length)

    do_GET = do_PUT = do_DELETE = _serve  # noqa: N815 - the library's names

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Say nothing of the question that comes every second."""
        if self.command != "GET" or code != 200:
            super().log_request(code, size)  # type: ignore[arg-type]
