"""A web application as bootstrap makes it, of the blueprints that a test is about."""

import time

from flask import Blueprint, Flask

from connector.foundation.web_requests import observe_requests
from tests.support.builders import CountingIds


def an_app(*blueprints: Blueprint) -> Flask:
    ids = CountingIds()
    app = Flask("test", static_folder=None)
    observe_requests(app, fresh_id=lambda: ids.token(128), seconds=time.perf_counter)
    for blueprint in blueprints:
        app.register_blueprint(blueprint)
    return app
