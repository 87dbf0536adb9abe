"""What Kamailio's TLS sockets offer and ask for, and the switches of transport.cfg and srtp.cfg."""

from __future__ import annotations

from ringwall.config.model import Settings

CLIENT_CA = "clients.pem"
CLIENT_CRL = "revoked.pem"
_CERTIFICATES = "/etc/kamailio/certs"


def tls(settings: Settings) -> str:
    """Return tls.cfg."""
    chosen = settings.security.tls
    return _TLS.format(
        method=f"TLSv{chosen.minimum}+",
        ciphers=_CIPHERS[chosen.minimum],
        clients=_NO_CLIENTS if chosen.client_certificates == "off" else _CLIENTS,
    )


def defines(settings: Settings) -> dict[str, str]:
    """Return the switches of the transport policy and of the media's."""
    chosen, srtp = settings.security.tls, settings.security.srtp.edge
    switches = [] if srtp == "off" else [f"SRTP_{srtp.upper()}"]
    if chosen.required or chosen.client_certificates == "required":
        switches.append("TLS_REQUIRED")
    if chosen.client_certificates != "off":
        switches += ["CLIENT_CERTIFICATES", f"CERTIFICATE_{chosen.client_certificates.upper()}"]
    return dict.fromkeys(switches, "")


# Up to 1.2 the list is of that version's; those of 1.3 are all good and named otherwise.
_CIPHERS = {
    "1.2": "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL",
    "1.3": "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256",
}

_NO_CLIENTS = """\
verify_certificate = no
require_certificate = no
"""

# The handshake lets everyone through, so that routes/transport.cfg can say why it refuses.
_CLIENTS = f"""\
verify_client = optional_no_ca
ca_list = {_CERTIFICATES}/{CLIENT_CA}
crl = {_CERTIFICATES}/{CLIENT_CRL}
"""

_TLS = f"""\
# Made by `ringwall up`; changes here are lost. Connections come in; none is opened to strangers.
[server:default]
method = {{method}}
{{clients}}private_key = {_CERTIFICATES}/key.pem
certificate = {_CERTIFICATES}/fullchain.pem
cipher_list = {{ciphers}}

[client:default]
method = TLSv1.2+
verify_certificate = yes
require_certificate = yes
"""
