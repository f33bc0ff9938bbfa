"""A relay before a server: it can be cut, so that the server is away, and be slow."""

import contextlib
import socket
import threading
import time

PIECE = 1 << 16


class Relay:
    """Listens on `port`. `delay` is in seconds for each request, `rate` in bytes a second; 0 is no limit."""

    def __init__(self, target: int) -> None:
        self.delay, self.rate = 0.0, 0
        self._target, self._is_cut = target, False
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Ends every connection, and refuses new ones."""
        self._is_cut = True
        for each in tuple(self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def restore(self) -> None:
        self._is_cut = False

    def close(self) -> None:
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            if self._is_cut:
                return
            with socket.create_connection(("127.0.0.1", self._target)) as server:
                self._open |= {client, server}
                threading.Thread(target=self._copy, args=(server, client), daemon=True).start()
                self._copy(client, server, slowly=True)
        self._open.discard(client)

    def _copy(self, source: socket.socket, target: socket.socket, *, slowly: bool = False) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(PIECE):
                if slowly:
                    time.sleep(self.delay + (len(piece) / self.rate if self.rate else 0))
                target.sendall(piece)
            target.shutdown(socket.SHUT_WR)
