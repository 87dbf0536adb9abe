"""Kamailio's dialogs: one a leg of a call. What it remembers of each are its variables."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

from ringwall.telemetry.kamailio_rpc import Json, KamailioRpc, RpcRefused

# Kamailio cuts long answers off: of 1.5 kB a dialog, 70 arrived and 80 did not.
PAGE = 60
# States: 1 invited, 2 ringing, 3 and 4 answered, 5 ended and about to be forgotten.
_ANSWERED, _ENDED = 3, 5
# "Dialog not found", "Transaction not found".
_GONE = frozenset({400, 404})


@dataclass(frozen=True, slots=True)
class Dialog:
    """A dialog; ``place`` is where memory has it, times are Unix seconds.

    ``cseq`` is the number of the INVITE, as long as it rings.
    """

    entry: int
    number: int
    call_id: str
    from_tag: str
    state: int
    invited: int = 0
    answered: int = 0
    cseq: str = ""
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def place(self) -> tuple[int, int]:
        """What tells this dialog from all others."""
        return self.entry, self.number

    @property
    def correlation(self) -> str:
        """The Call-ID of the call's first leg."""
        return self.variables.get("cid") or self.call_id

    @property
    def is_answered(self) -> bool:
        """Whether the call was answered."""
        return self.state >= _ANSWERED


def count(rpc: KamailioRpc) -> int:
    """Return how many dialogs there are, those that ring included."""
    answer = rpc.call("dlg.stats_active")
    number = answer.get("all") if isinstance(answer, dict) else None
    return number if isinstance(number, int) else 0


def listed(rpc: KamailioRpc) -> list[Dialog]:
    """Return all dialogs; for up to ``PAGE`` of them. RpcRefused or KamailioAway: too long."""
    return _dialogs(rpc.call("dlg.list"))


def ringing(rpc: KamailioRpc) -> list[Dialog]:
    """Return those that are not answered yet, ``PAGE`` at most."""
    return _matching(rpc, "start_ts", "lt", "1")


def answered_after(rpc: KamailioRpc, moment: int) -> list[Dialog]:
    """Return those that were answered after this Unix time, ``PAGE`` at most."""
    return _matching(rpc, "start_ts", "gt", str(moment))


def of_call_id(rpc: KamailioRpc, call_id: str) -> list[Dialog]:
    """Return the dialogs of this Call-ID."""
    return _matching(rpc, "callid", "eq", call_id)


def end(rpc: KamailioRpc, dialog: Dialog) -> None:
    """Send BYE both ways, or CANCEL where it rings; nothing when the dialog is gone.

    Raises ``KamailioAway`` or ``RpcRefused``.
    """
    # The call's record says who hung up.
    with suppress(RpcRefused):
        rpc.call("htable.sets", "hangups", dialog.call_id, "sbc")
    try:
        if dialog.is_answered:
            # Not dlg.terminate_dlg: it keeps the dialog for ever when a BYE cannot be sent.
            rpc.call("dlg.end_dlg", dialog.entry, dialog.number)
        else:
            # The module `dialog` does not know the transaction of a call that rings.
            rpc.call("tm.cancel", dialog.call_id, dialog.cseq)
    except RpcRefused as error:
        if error.code not in _GONE:
            raise


def _matching(rpc: KamailioRpc, key: str, how: str, value: str) -> list[Dialog]:
    try:
        return _dialogs(rpc.call("dlg.list_match", key, how, value, PAGE))
    except RpcRefused as error:
        if error.code == 404:
            return []
        raise


def _dialogs(answer: Json) -> list[Dialog]:
    entries = answer if isinstance(answer, list) else [answer]
    found = [_dialog(entry) for entry in entries if isinstance(entry, dict) and entry]
    return [dialog for dialog in found if dialog.state < _ENDED]


def _dialog(entry: dict[str, Json]) -> Dialog:
    caller = entry.get("caller")
    caller = caller if isinstance(caller, dict) else {}
    return Dialog(
        entry=_number(entry, "h_entry"),
        number=_number(entry, "h_id"),
        call_id=str(entry.get("call-id", "")),
        from_tag=str(caller.get("tag", "")),
        state=_number(entry, "state"),
        invited=_number(entry, "init_ts"),
        answered=_number(entry, "start_ts"),
        cseq=str(caller.get("cseq", "")),
        variables=_variables(entry.get("variables")),
    )


def _variables(listed: Json) -> dict[str, str]:
    """Each is an object of its own; the newest of a name comes first."""
    found: dict[str, str] = {}
    for each in listed if isinstance(listed, list) else []:
        for name, value in each.items() if isinstance(each, dict) else ():
            found.setdefault(name, str(value))
    return found


def _number(entry: dict[str, Json], key: str) -> int:
    value = entry.get(key)
    return value if isinstance(value, int) else 0
