"""The servers beside which Usher is measured, each as a WSGI factory. They own nothing of Usher's."""

import io
from typing import Any

TOKEN = "a-token-for-the-bench"
CONSTANT = b'{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada"}'


def scim2_server() -> Any:
    """The reference server of the scim2 family, in memory."""
    from scim2_models import ScimProvider
    from scim2_server.memory import InMemoryStorage
    from scim2_server.service import ScimService
    from scim2_server.testserver.application import BearerTokenApplication
    from scim2_server.utils import (
        load_default_resource_types,
        load_default_schemas,
        load_default_service_provider_config,
    )

    provider = ScimProvider.from_discovery(
        load_default_schemas().values(),
        load_default_resource_types().values(),
        config=load_default_service_provider_config(),
    )
    service = ScimService(provider, secret=TOKEN)
    application = BearerTokenApplication(
        InMemoryStorage(), provider, service=service, bearer_tokens=[TOKEN]
    )

    def without_endless_reads(environ: dict[str, Any], start_response: Any) -> Any:
        """It reads a body without a length to the end, which granian's input does not offer."""
        if not environ.get("CONTENT_LENGTH"):
            environ["wsgi.input"] = io.BytesIO()
        return application(environ, start_response)

    return without_endless_reads


def bare_flask() -> Any:
    """One route that answers one constant: what the web framework costs."""
    from flask import Flask, Response

    app = Flask("bare")

    @app.get("/scim/acme/v2/Users/<user>")
    def one(user: str) -> Response:
        return Response(CONSTANT, mimetype="application/scim+json")

    return app
