"""The server for measuring the client alone: discards what it receives, and sends one file to every GET."""

# python -m bench.parts.discard_server PORT FILE: the kernel drops a PUT's body unread, a GET gets the FILE.

import os
import re
import socket
import sys

PIECE = 1 << 20


def head_of(sock: socket.socket) -> bytes:
    """The head of a request, whose body is left on the socket; empty when the client is gone."""
    while seen := sock.recv(4096, socket.MSG_PEEK):
        if b"\r\n\r\n" in seen:
            return sock.recv(seen.index(b"\r\n\r\n") + 4)
    return b""


def drop(sock: socket.socket, head: bytes) -> None:
    found = re.search(rb"Content-Length: (\d+)", head)
    left = int(found[1]) if found else 0
    while left and (count := len(sock.recv(min(PIECE, left), socket.MSG_TRUNC))):
        left -= count
    sock.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")


def give(sock: socket.socket, path: str) -> None:
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        sock.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
        sock.sendfile(file)


def serve(listener: socket.socket, path: str) -> None:
    sock, _ = listener.accept()
    with sock:
        while head := head_of(sock):
            if head.startswith(b"GET "):
                give(sock, path)
            else:
                drop(sock, head)


def main(port: str, path: str = "") -> None:
    listener = socket.create_server(("127.0.0.1", int(port)))
    while True:
        serve(listener, path)


if __name__ == "__main__":
    main(*sys.argv[1:])
