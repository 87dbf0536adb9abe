"""The part `security.scanners` of ringwall.yaml."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ringwall.config.section import Section

_MOST = 5000
Agent = Annotated[str, Field(pattern=r"^[A-Za-z0-9 ._/()+-]*[A-Za-z0-9]{2}[A-Za-z0-9 ._/()+-]*$")]
Agents = Annotated[tuple[Annotated[Agent, Field(max_length=64)], ...], Field(max_length=_MOST)]
Line = Annotated[str, Field(pattern=r"^[os]=[A-Za-z0-9 ._/()+-]{2,64}$")]


class Scanners(Section):
    """Attack tools, told by the names that they give themselves (docs/security/scanners.md)."""

    enabled: bool = Field(True, description="Look at names at all.")
    block: Agents = Field(
        (
            "friendly-scanner", "friendly-request", "sipvicious", "sipcli", "sip-scan",
            "sundayddr", "iWar", "SIVuS", "Gulp", "smap", "siparmyknife", "VaxSIPUserAgent",
            "VaxIPUserAgent", "pplsip", "zxcvfdf11",
        ),
        examples=["friendly-scanner"],
        description="User-Agents that get no answer.",
    )  # fmt: skip
    score: Agents = Field(
        ("eyeBeam", "X-Lite", "CSipSimple", "Ozeki", "PBX", "test"),
        examples=["X-Lite"],
        description="User-Agents of attack tools and of real phones alike. They are served, until "
        "they exceed `score_limit`.",
    )
    score_limit: int = Field(
        600,
        ge=10,
        le=100_000,
        description="Requests a minute with such a name, or one of consonants alone, from a "
        "source that nobody is registered from; it gets no answer to any more.",
    )
    sdp: Annotated[tuple[Line, ...], Field(max_length=_MOST)] = Field(
        ("o=sipcli-Session", "s=sipcli", "s=pplsip", "s=PortSIP"),
        examples=["s=sipcli"],
        description="Beginnings of a session's description that give away tools which change "
        "their names. They get no answer, unless somebody is registered from there.",
    )
