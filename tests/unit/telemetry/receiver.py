"""The external application: a real HTTP server on loopback that can misbehave."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any, Self


@dataclass(frozen=True)
class Request:
    """A request as it came."""

    head: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def document(self) -> Any:
        return json.loads(self.body)


Behaviour = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]
"""Answers a request; who wants the connection closed closes it."""


def status(line: str, *headers: str) -> Behaviour:
    async def behave(_request: Request, writer: asyncio.StreamWriter) -> None:
        rows = "".join(f"{header}\r\n" for header in headers)
        writer.write(f"HTTP/1.1 {line}\r\n{rows}Content-Length: 0\r\n\r\n".encode())

    return behave


def says(raw: bytes, then_close: bool = True) -> Behaviour:
    async def behave(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()
        if then_close:
            writer.close()

    return behave


async def hangs(_request: Request, _writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3600)


async def drips(_request: Request, writer: asyncio.StreamWriter) -> None:
    """One byte of a head that never ends, again and again: no single read takes long."""
    writer.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while True:
        writer.write(b"a")
        await writer.drain()
        await asyncio.sleep(0.02)


async def floods(_request: Request, writer: asyncio.StreamWriter) -> None:
    """Ten megabytes that nobody asked for, with a good status."""
    size = 10 * 1024 * 1024
    writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
    for _ in range(size // 65536):
        writer.write(b"x" * 65536)
        await writer.drain()


OK = status("204 No Content")


class Receiver:
    """Serves on a port of its own until ``close``; ``behave`` may be changed at any time."""

    def __init__(self, behave: Behaviour = OK, tls: ssl.SSLContext | None = None) -> None:
        self.behave = behave
        self.requests: list[Request] = []
        self.connections = 0
        self._tls = tls
        self.port = 0
        self.open()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/registrations"

    def open(self) -> None:
        """Listen; on the same port as before."""
        self._loop = asyncio.new_event_loop()
        self._end = asyncio.Event()
        ready = Event()
        self._thread = Thread(target=self._main, args=(ready,), daemon=True)
        self._thread.start()
        assert ready.wait(5)

    def close(self) -> None:
        """Be down: connections are refused."""
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(5)
        assert not self._thread.is_alive()

    def documents(self) -> list[Any]:
        return [request.document for request in list(self.requests)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread.is_alive():
            self.close()

    def _main(self, ready: Event) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve(ready))

    async def _serve(self, ready: Event) -> None:
        server = await asyncio.start_server(self._visit, "127.0.0.1", self.port, ssl=self._tls)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await self._end.wait()
        server.close()
        visits = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in visits:
            task.cancel()
        await asyncio.gather(*visits, return_exceptions=True)

    async def _visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while not writer.is_closing():
                request = await _read(reader)
                self.requests.append(request)
                await self.behave(request, writer)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()


async def _read(reader: asyncio.StreamReader) -> Request:
    head, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(head, headers, body, time.monotonic())


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait until it holds; fail when it does not in time."""
    pause = Event()
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        pause.wait(0.01)
