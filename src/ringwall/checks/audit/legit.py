"""What must work after every attack: a registration and a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringwall.checks.audit.case import Broken

if TYPE_CHECKING:
    from ringwall.checks.audit.stage import Stage
    from ringwall.checks.phone import Account
    from ringwall.checks.raw import Client, Dialog

ECHO = "600"
_TRIES = 2
"""UDP loses packets, and phones say things twice."""


def call(stage: Stage, source: str) -> None:
    """Register, call the echo, hang up; raise ``Broken`` where that fails twice."""
    for left in reversed(range(_TRIES)):
        try:
            _once(stage, source)
        except (OSError, ValueError, Broken) as error:
            if not left:
                raise Broken(f"a legitimate call failed: {_words(error)}") from None
        else:
            return


def _once(stage: Stage, source: str) -> None:
    account = stage.cast.caller
    with stage.phone(account, source) as client:
        client.patience(3)
        register(stage, client, account)
        end(client, establish(stage, client, account))
        register(stage, client, account, expires=0)


def register(stage: Stage, client: Client, account: Account, expires: int = 600) -> None:
    """Register, or with 0 no longer be registered; raise ``Broken`` where that is refused."""
    asked = f"Expires: {expires}\r\n"
    status = client.ask_as("REGISTER", stage.dialog(account), account, extra=asked).status
    if status != 200:
        raise Broken(f"REGISTER was answered {status}")


def establish(stage: Stage, client: Client, account: Account) -> Dialog:
    """Call the echo and acknowledge."""
    dialog = stage.dialog(account, ECHO)
    answer = client.ask_as("INVITE", dialog, account, body=stage.offer(client))
    if answer.status != 200:
        raise Broken(f"INVITE was answered {answer.status}")
    dialog.establish(answer)
    client.send(client.request("ACK", dialog))
    return dialog


def end(client: Client, dialog: Dialog) -> None:
    """Hang up."""
    status = client.ask("BYE", dialog).status
    if status != 200:
        raise Broken(f"BYE was answered {status}")


def _words(error: Exception) -> str:
    return str(error) or "no answer"
