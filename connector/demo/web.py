"""Serves the demo's own pages on loopback, each in a thread. It owns the little server; it must not know
what the pages say.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from flask import Flask, Response
from werkzeug.serving import WSGIRequestHandler, make_server

from connector.demo.errors import DemoError
from connector.foundation.resources import templates_dir

HOST = "127.0.0.1"


def page_app(name: str) -> Flask:
    """A Flask application whose templates are the demo's and whose answers nobody keeps."""
    app = Flask(name, template_folder=str(templates_dir() / "demo"), static_folder=None)
    app.config["TRUSTED_HOSTS"] = [HOST]
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True

    app.after_request(_unkept)
    return app


def _unkept(response: Response) -> Response:
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    return response


@contextmanager
def serving(app: Flask, port: int) -> Iterator[str]:
    """The URL (no trailing slash) at which ``app`` answers until the block ends.

    :raises DemoError: the port was taken meanwhile.
    """
    try:
        server = make_server(HOST, port, app, threaded=True, request_handler=_Silent)
    except (OSError, SystemExit) as error:
        raise DemoError(
            f"The port {port} was taken by another program meanwhile.", "Start again."
        ) from error
    thread = threading.Thread(target=server.serve_forever, name=app.name, daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def clock_time(at: float) -> str:
    """Hours, minutes and seconds on this machine's clock."""
    return datetime.fromtimestamp(at).astimezone().strftime("%H:%M:%S")


class _Silent(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Links of mails are in the requests: nothing is logged."""
