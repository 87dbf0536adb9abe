"""The containers of an instance: what each reads and writes, how much it may use, who waits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from ringwall.config.addresses import Addresses, Network
from ringwall.config.model import Node, Settings

API_PORT = 8080
GUARD_PORT = 9092
_SECRETS = "/run/ringwall/secrets"
_TMP = "/tmp"  # noqa: S108 - a file system of the container's own
_PBX_SHARED = "/var/lib/ringwall/pbx"
_SPOOL = "/var/lib/ringwall/spool"
_SBC = "/var/lib/ringwall/sbc"
_BEFORE_THE_SBC = ("mariadb", "control")


@dataclass(frozen=True, slots=True)
class Health:
    """A command that succeeds while the container does its work; times in seconds.

    Each run costs the engine about 50 ms of CPU, so only what others wait for is asked often.
    """

    command: tuple[str, ...]
    interval: int = 10
    start_period: int = 60
    """Failures count from then on."""


@dataclass(frozen=True, slots=True)
class Volume:
    """A named volume that outlives its containers."""

    source: str
    target: str
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Container:
    """One container, without what it shares with all others."""

    role: str
    component: str
    networks: Mapping[Network, IPv4Address]
    health: Health
    memory_mb: int
    """The limit; what it uses idle is a fraction."""
    processes: int = 128
    """The limit; threads count."""
    stop_seconds: int = 10
    ports: tuple[str, ...] = ()
    binds: Mapping[str, str] = field(default_factory=dict)
    volumes: tuple[Volume, ...] = ()
    tmpfs: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    waits_for: tuple[str, ...] = ()
    inside: str | None = None
    """The container whose network it is in; it waits for the same ones, and has no own."""
    capabilities: tuple[str, ...] = ()


def containers(settings: Settings) -> tuple[Container, ...]:
    """Return the containers of this instance, in the order in which a call meets them."""
    addresses = Addresses(settings)
    return (
        _kamailio(settings, addresses),
        _fail2ban(addresses),
        _rtpengine(settings, addresses),
        *(_asterisk(node) for node in settings.pbx.nodes if addresses.is_inside(node)),
        _control(settings, addresses),
        _mariadb(addresses),
        _syslog(addresses),
    )


def _tmpfs(uid: int, megabytes: int, mode: str = "0750") -> str:
    return f"uid={uid},gid={uid},mode={mode},size={megabytes}m"


def _kamailio(settings: Settings, addresses: Addresses) -> Container:
    ports = settings.instance.ports
    return Container(
        role="kamailio_sbc",
        component="kamailio",
        networks={"edge": addresses.kamailio_edge, "sbc": addresses.kamailio_sbc},
        health=Health(("kamcmd", "core.uptime"), interval=5),
        memory_mb=1024,
        stop_seconds=20,
        ports=(f"{ports.sip}:5060/udp", f"{ports.sip}:5060/tcp", f"{ports.tls}:5061/tcp"),
        binds={
            "./kamailio": "/etc/kamailio/local",
            "../certs/edge": "/etc/kamailio/certs",
            "../secrets/kamailio": _SECRETS,
        },
        volumes=(Volume("sbc", _SBC),),
        tmpfs={"/run/kamailio": _tmpfs(2001, 8), _TMP: _tmpfs(2001, 64)},
        waits_for=_BEFORE_THE_SBC,
    )


def _fail2ban(addresses: Addresses) -> Container:
    """The kernel's bans in the SBC's network; the SBC waits for it when it starts."""
    ask = f"exec 3<>/dev/tcp/{addresses.kamailio_sbc}/{GUARD_PORT}"
    return Container(
        role="fail2ban",
        component="fail2ban",
        networks={},
        health=Health(("bash", "-c", ask)),
        memory_mb=256,
        binds={"./fail2ban": "/etc/ringwall"},
        volumes=(
            Volume("sbc", _SBC, read_only=True),
            Volume("logs", "/var/log/ringwall", read_only=True),
            Volume("fail2ban_data", "/var/lib/fail2ban"),
        ),
        tmpfs={"/run/fail2ban": _tmpfs(0, 8), _TMP: _tmpfs(0, 16)},
        waits_for=_BEFORE_THE_SBC,
        inside="kamailio_sbc",
        capabilities=("NET_ADMIN",),
    )


def _rtpengine(settings: Settings, addresses: Addresses) -> Container:
    rtp = settings.instance.ports.rtp
    return Container(
        role="rtpengine",
        component="rtpengine",
        networks={"edge": addresses.rtpengine_edge, "sbc": addresses.rtpengine_sbc},
        health=Health(("bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/9900")),
        memory_mb=512,
        ports=(f"{rtp}:{rtp}/udp",),
        binds={"./rtpengine": "/etc/ringwall"},
        tmpfs={"/run": _tmpfs(2002, 8), _TMP: _tmpfs(2002, 16)},
    )


def _asterisk(node: Node) -> Container:
    return Container(
        role=node.name,
        component="asterisk",
        networks={"sbc": node.address},
        health=Health(("asterisk", "-rx", "core waitfullybooted")),
        memory_mb=768,
        processes=4096,
        binds={"./asterisk": "/etc/ringwall", "../secrets/asterisk": _SECRETS},
        volumes=(
            Volume("voicemail", "/var/spool/asterisk/voicemail"),
            Volume("pbx_shared", _PBX_SHARED, read_only=True),
        ),
        tmpfs={"/run/asterisk": _tmpfs(2003, 64), _TMP: _tmpfs(2003, 64)},
        environment={"NODE_NAME": node.name},
    )


def _control(settings: Settings, addresses: Addresses) -> Container:
    ask = (
        "from urllib.request import urlopen; "
        f"urlopen('http://127.0.0.1:{API_PORT}/api/v1/health', timeout=4)"
    )
    return Container(
        role="control",
        component="control",
        networks={"sbc": addresses.control, "mgmt": addresses.control_mgmt},
        health=Health(("python3", "-ISc", ask), interval=3),
        memory_mb=512,
        processes=256,
        ports=(f"127.0.0.1:{settings.instance.ports.api}:{API_PORT}/tcp",),
        binds={"./control": "/etc/ringwall", "../secrets/control": _SECRETS},
        volumes=(Volume("pbx_shared", _PBX_SHARED), Volume("control_spool", _SPOOL)),
        tmpfs={_TMP: _tmpfs(2006, 64)},
        waits_for=("mariadb",),
    )


def _mariadb(addresses: Addresses) -> Container:
    return Container(
        role="mariadb",
        component="mariadb",
        networks={"sbc": addresses.mariadb},
        health=Health(("healthcheck",), interval=3),
        memory_mb=1024,
        processes=512,
        stop_seconds=60,
        binds={"../secrets/mariadb": _SECRETS},
        volumes=(Volume("mariadb_data", "/var/lib/mysql"),),
        tmpfs={"/run/mysqld": _tmpfs(2004, 8, "0755"), _TMP: _tmpfs(2004, 256)},
    )


def _syslog(addresses: Addresses) -> Container:
    return Container(
        role="syslog",
        component="syslog",
        networks={"sbc": addresses.syslog},
        health=Health(("healthcheck",)),
        memory_mb=128,
        volumes=(Volume("logs", "/var/log"),),
        tmpfs={_TMP: _tmpfs(2005, 16)},
    )
