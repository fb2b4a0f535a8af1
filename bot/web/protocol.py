"""How a connection ends when its process does: what was sent before is still read and answered."""

from __future__ import annotations

from sanic.server.protocols.websocket_protocol import WebSocketProtocol

READING_S = 0.3  # a request on its way over a line that was accepted a moment ago has come by then


class PatientProtocol(WebSocketProtocol):  # type: ignore[misc]
    """Sanic's protocol, but for idle lines: Sanic closes them in the moment in which it stops to accept.

    A line that was accepted then and not yet read would be reset with a request in it. It gets time to be read; and lines that had
    something under way are looked at again, instead of staying open until the process is out of patience.
    """

    def close_if_idle(self) -> bool:
        if self.websocket is not None:
            return bool(super().close_if_idle())  # type: ignore[no-untyped-call]
        self.loop.call_later(READING_S, self._close_when_idle)
        return False

    def _close_when_idle(self) -> None:
        gone = self.transport is None or self.transport.is_closing()
        if not gone and self.websocket is None and not super().close_if_idle():  # type: ignore[no-untyped-call]
            self.loop.call_later(READING_S, self._close_when_idle)
