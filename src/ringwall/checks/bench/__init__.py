"""``ringwall bench``: what a call costs, by CPU time, side by side with the engine's own limit.

It brings up an instance of its own, with networks of its own, and places calls there alone.
"""
