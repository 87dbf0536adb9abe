"""What Kamailio's static configuration needs to know of this site."""

from __future__ import annotations

from ringwall.config.addresses import Addresses
from ringwall.config.model import Node, Settings
from ringwall.render import blocklist, encryption, flood, lockout, scanners, signature
from ringwall.render.containers import API_PORT
from ringwall.render.facts import Facts

PBX_SET = 1
RPC_PORT = 9090


def render(settings: Settings, facts: Facts) -> dict[str, bytes]:
    """Return the files of ``/etc/kamailio/local``."""
    addresses = Addresses(settings)
    files = {
        "settings.cfg": _settings(settings, facts, addresses),
        "dispatcher.list": _dispatcher(settings, addresses),
        "tls.cfg": encryption.tls(settings),
        "database": f"{addresses.mariadb}:3306\n",
        "control": f"{addresses.control}:{API_PORT}\n",
    }
    return {f"kamailio/{name}": text.encode() for name, text in files.items()}


def _settings(settings: Settings, facts: Facts, addresses: Addresses) -> str:
    """Return the file of defines; kamailio.cfg reads it first."""
    defines = {
        **_listeners(settings, facts, addresses),
        **_numbers(settings),
        **_texts(settings, addresses),
        **_digest(settings),
        **({"RECORDS": ""} if settings.records.enabled else {}),
        **encryption.defines(settings),
        **blocklist.defines(settings),
        **flood.defines(settings, f"http://{addresses.control}:{API_PORT}/internal"),
        **lockout.defines(settings.security.digest.lockout),
        **scanners.defines(settings.security.scanners),
        **signature.defines(settings.security.signature),
    }
    served = dict.fromkeys(
        [*settings.sbc.domains, str(addresses.kamailio_edge), str(facts.public_address)]
    )
    return "".join(
        [
            "# Made by `ringwall up` from ringwall.yaml; changes here are lost.\n",
            *(f"#!define {name} {value}".rstrip() + "\n" for name, value in defines.items()),
            f'#!substdefs "!REALM!{settings.sbc.domains[0]}!g"\n',
            f'#!substdefs "!SBC_NODE!{addresses.container("kamailio_sbc")}!g"\n',
            *(f'alias="{name}"\n' for name in served),
        ]
    )


def _listeners(settings: Settings, facts: Facts, addresses: Addresses) -> dict[str, str]:
    """Return the sockets: edge ones advertise the public address, inside ones do not."""
    ports = settings.instance.ports
    edge, core, public = addresses.kamailio_edge, addresses.kamailio_sbc, facts.public_address

    def at_edge(transport: str, inside: int, outside: int) -> str:
        return f'{transport}:{edge}:{inside} advertise {public}:{outside} name "edge_{transport}"'

    return {
        "LISTEN_EDGE_UDP": at_edge("udp", 5060, ports.sip),
        "LISTEN_EDGE_TCP": at_edge("tcp", 5060, ports.sip),
        "LISTEN_EDGE_TLS": at_edge("tls", 5061, ports.tls),
        "LISTEN_CORE_UDP": f'udp:{core}:5060 name "core_udp"',
        "LISTEN_RPC": f'tcp:{core}:{RPC_PORT} name "rpc"',
    }


def _numbers(settings: Settings) -> dict[str, str]:
    registrar, probe = settings.registrar, settings.pbx.probe
    numbers = {
        "PBX_SET": PBX_SET,
        "RPC_PORT": RPC_PORT,
        "FLAG_OFFERED": 1,
        "NONCE_LIFETIME": settings.security.digest.nonce_lifetime.seconds,
        "MAX_CONTACTS": registrar.max_contacts,
        "DEFAULT_EXPIRES": registrar.default_expires.seconds,
        "MIN_EXPIRES": registrar.min_expires.seconds,
        "MAX_EXPIRES": registrar.max_expires.seconds,
        "CONNECTION_LIFETIME": registrar.max_expires.seconds + 100,
        "KEEPALIVE": registrar.keepalive.seconds,
        "MEDIA_TIMEOUT": settings.pbx.media_timeout.seconds,
        "HOLD_TIMEOUT": settings.pbx.hold_timeout.seconds,
        "PROBE_INTERVAL": probe.interval.seconds,
        "PROBE_DOWN_AFTER": probe.down_after,
        "PROBE_UP_AFTER": probe.up_after,
    }
    return {name: str(value) for name, value in numbers.items()}


def _texts(settings: Settings, addresses: Addresses) -> dict[str, str]:
    realm = settings.sbc.domains[0]
    rooms = settings.pbx.conference_rooms.replace(",", "|")
    texts = {
        "CORE_ADDRESS": addresses.kamailio_sbc,
        "CONTROL_ADDRESS": addresses.control,
        "CORE_SUBNET": settings.instance.subnets.sbc,
        "EDGE_SUBNET": settings.instance.subnets.edge,
        "RTPENGINE_SOCK": f"udp:{addresses.rtpengine_sbc}:22222",
        "EVENTS_URL": f"http://{addresses.control}:{API_PORT}/internal/events",
        "KEEPALIVE_FROM": f"sip:keepalive@{realm}",
        "PROBE_FROM": f"sip:probe@{addresses.kamailio_sbc}",
        "CONFERENCE_ROOMS": f"^({rooms})$",
        "MD5_ONLY_AGENTS": _begins_with(settings.security.digest.md5_only_agents),
    }
    return {name: f'"{value}"' for name, value in texts.items()}


def _begins_with(beginnings: tuple[str, ...]) -> str:
    """Return a POSIX expression for text that begins like this; none: one that never fits."""
    # A class of one character needs no escape, neither in the expression nor in the file.
    literal = ("".join(c if c.isalnum() else f"[{c}]" for c in text) for text in beginnings)
    return f"^({'|'.join(literal)})" if beginnings else "^$."


def _digest(settings: Settings) -> dict[str, str]:
    """Return the switches for the algorithms, and where SHA-256 stands among them."""
    offered = settings.security.digest.algorithms
    switches = []
    if "MD5" in offered:
        switches.append("DIGEST_MD5")
    if "SHA-256" in offered:
        first = offered[0] == "SHA-256"
        switches += ["DIGEST_SHA256", f"CHALLENGE_SHA256_{'FIRST' if first else 'LAST'}"]
    return dict.fromkeys(switches, "")


def _dispatcher(settings: Settings, addresses: Addresses) -> str:
    return "".join(_target(node, addresses) for node in settings.pbx.nodes)


def _target(node: Node, addresses: Addresses) -> str:
    """Return a node's line; its attributes are read in routes/source.cfg."""
    inside = addresses.is_inside(node)
    attributes = {
        "node": node.name,
        "sockname": "core_udp" if inside else "edge_udp",
    }
    text = ";".join(f"{key}={value}" for key, value in attributes.items())
    return f"{PBX_SET} sip:{node.address}:{node.port} 0 0 {text}\n"
