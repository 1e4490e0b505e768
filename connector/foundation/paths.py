"""The web port's own paths, for whoever asks on this machine. It owns their names."""

ALIVE = "/alive"
"""Answers 204 as long as the web process works; neither logged nor counted."""
