"""``python -m connector``: the command line, for where the script is not on the path. It owns nothing."""

from connector.cli.main import process

process()
