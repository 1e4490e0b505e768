"""A mail server that takes everything and keeps nothing, for whoever measures how fast mails come: run as
``python -m tests.bench.mail_sink PORT``. It owns the fewest words of RFC 5321 that a sender needs.
"""

import asyncio
import sys

HOST = "127.0.0.1"
_ANSWERS = {
    b"EHLO": b"250-sink\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n",
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 bye\r\n",
}


class Sink(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._rest = b""
        self._in_mail = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self._rest += data
        while self._in_mail or b"\r\n" in self._rest:
            end = b"\r\n.\r\n" if self._in_mail else b"\r\n"
            line, found, rest = self._rest.partition(end)
            if not found:
                return
            self._rest = rest
            self._answer(b"" if self._in_mail else line[:4].upper())

    def _answer(self, verb: bytes) -> None:
        self._in_mail = verb == b"DATA"
        self._transport.write(_ANSWERS.get(verb, b"250 fine\r\n"))
        if verb == b"QUIT":
            self._transport.close()


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Sink, HOST, port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
