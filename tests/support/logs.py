"""How tests log what an installation would: plainly, as drawing a traceback in colours takes seconds."""

import structlog


def log_plainly() -> None:
    """Replaces structlog's settings, also those that a test has made."""
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.processors.add_log_level, plain])
