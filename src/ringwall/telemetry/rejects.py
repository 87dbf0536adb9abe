"""Lines that are no events, or that no table takes: kept to be looked at, within bounds."""

from __future__ import annotations

import json
import logging
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

MAX_BYTES: Final = 16 * 1024 * 1024
FILE_NAME, _OLD = "rejected.ndjson", "rejected.1.ndjson"
_LONGEST = 4096
_TELL_SECONDS = 60.0
_log = logging.getLogger(__name__)


class Rejects:
    """A file, and the one before it; ``count`` is how many lines were rejected since the start."""

    def __init__(self, folder: Path, max_bytes: int = MAX_BYTES) -> None:
        self._path, self._old = folder / FILE_NAME, folder / _OLD
        self._max = max_bytes // 2
        self._told = float("-inf")
        self.count = 0

    def add(self, line: bytes, why: str) -> None:
        """Keep the line; where even that fails, the log has to do."""
        self.count += 1
        if time.monotonic() - self._told >= _TELL_SECONDS:
            self._told = time.monotonic()
            _log.error("%s: event %d that cannot be recorded: %s", self._path, self.count, why)
        text = line[:_LONGEST].decode("utf-8", "backslashreplace")
        note = {"at": datetime.now(UTC).isoformat(), "why": why, "line": text}
        try:
            if self._path.exists() and self._path.stat().st_size >= self._max:
                self._path.replace(self._old)
            with self._path.open("a") as file:
                file.write(f"{json.dumps(note)}\n")
        except OSError as error:
            _log.error("%s: %s; lost: %s", self._path, error, json.dumps(note))
