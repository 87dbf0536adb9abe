"""Talking to the running parts: Kamailio, RTPengine, Asterisk."""
