"""Kamailio's dialogs, as its RPC tells of them and ends them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ringwall.store.dialogs import StoredDialog, StoredDialogs
from ringwall.telemetry.kamailio_rpc import Json

INVITED = 1_900_000_000


class Refused(Exception):
    """The RPC's own error."""


@dataclass
class Switch:
    """``stubborn`` are Call-IDs whose phones do not answer.

    The PBX ends what belongs to a call that is ended, unless it is ``deaf``.
    """

    dialogs: list[dict[str, Any]] = field(default_factory=list)
    stubborn: set[str] = field(default_factory=set)
    deaf: bool = False
    too_long: bool = False
    more: int = 0

    def call(self, correlation: str, second: str | None = "b-leg", state: int = 4) -> None:
        """Add a call of one or two legs."""
        self.leg(correlation, correlation, "from-user", state)
        if second:
            self.leg(second, correlation, "to-user", state)

    def leg(self, call_id: str, correlation: str, direction: str, state: int = 4) -> None:
        number = len(self.dialogs)
        since = INVITED + number
        variables = {
            "cid": correlation, "direction": direction, "caller": "1001", "dialled": "1002",
            "node": "asterisk_1", "source": "10.5.1.50", "transport": "udp",
            "invited": f"{since}123",
        }  # fmt: skip
        self.dialogs.append(
            {
                "h_entry": number, "h_id": 100 + number, "call-id": call_id, "state": state,
                "init_ts": since, "start_ts": since + 2 if state > 2 else 0,
                "caller": {"tag": f"tag-{number}", "cseq": "7"},
                "variables": [{name: value} for name, value in variables.items()],
            }
        )  # fmt: skip

    def answer(self, method: str, params: list[Any]) -> Json:
        if method == "dlg.stats_active":
            return {"all": len(self.dialogs) + self.more}
        if method == "dlg.list":
            if self.too_long:
                raise Refused(500)
            return [*self.dialogs]
        if method == "dlg.list_match":
            return self._match(*params)
        if method == "htable.sets":
            return None
        return self._end(method, params)

    def _match(self, key: str, how: str, value: str, most: int) -> Json:
        tests = {
            ("callid", "eq"): lambda each: each["call-id"] == value,
            ("start_ts", "lt"): lambda each: each["start_ts"] < int(value),
            ("start_ts", "gt"): lambda each: each["start_ts"] > int(value),
        }
        found = [each for each in self.dialogs if tests[key, how](each)]
        if not found:
            raise Refused(404)
        return [*found[:most]]

    def _end(self, method: str, params: list[Any]) -> Json:
        for each in self.dialogs:
            names = {
                "dlg.end_dlg": [each["h_entry"], each["h_id"]],
                "tm.cancel": [each["call-id"], each["caller"]["cseq"]],
            }
            if names[method] == params:
                self._gone(each)
                return None
        raise Refused(404)

    def _gone(self, ended: dict[str, Any]) -> None:
        cid = ended["variables"][0]["cid"]
        goes = [each for each in self.dialogs if each["variables"][0]["cid"] == cid]
        for each in [ended] if self.deaf else goes:
            if each["call-id"] not in self.stubborn:
                self.dialogs.remove(each)


class Stored(StoredDialogs):
    """What the database has: ``rows``; ``error`` when it is away."""

    def __init__(self) -> None:
        self.rows: list[StoredDialog] = []
        self.error: Exception | None = None

    def all(self) -> list[StoredDialog]:
        if self.error:
            raise self.error
        return self.rows

    def of_call(self, call_id: str) -> list[StoredDialog]:
        return [each for each in self.all() if call_id in {each.call_id, each.variables.get("cid")}]
