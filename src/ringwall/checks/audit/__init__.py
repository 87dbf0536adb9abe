"""Attacks Ringwall's own system, and tells what held."""
