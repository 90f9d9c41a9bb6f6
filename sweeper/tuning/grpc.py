"""Asks a server whether it speaks gRPC, as a Ray cluster does, with one HTTP/2 request. Loads no library."""

import socket

DATA, HEADERS, SETTINGS = 0, 1, 4
"""Types of HTTP/2 frames."""
END_STREAM, END_HEADERS = 1, 4
"""Flags of frames."""
PATH = b"/grpc.health.v1.Health/Check"
EMPTY_MESSAGE = bytes(5)
"""A message of gRPC without content: not compressed, 0 bytes long."""
OK = 0x88
""":status 200 in the table of HTTP/2 (RFC 7541, appendix A). gRPC answers with it, also for unknown methods."""


def speaks_grpc(host: str, port: int, timeout: float) -> bool | None:
    """Whether the server at an address speaks gRPC; None if it does not answer within `timeout` seconds.

    Raises OSError if it accepts no connection.
    """
    with socket.create_connection((host, port), timeout=timeout) as connection:
        connection.settimeout(timeout)
        try:
            connection.sendall(_request(f"{host}:{port}".encode()))
            return _status(connection) == OK
        except TimeoutError:
            return None
        except OSError:  # the server has closed the connection
            return False


def _request(authority: bytes) -> bytes:
    # Appendix A of RFC 7541: 0x83 is ":method: POST", 0x86 is ":scheme: http", 1 is :authority, 4 is :path, 31 is
    # content-type; 0 starts a field with a name of its own.
    fields = b"\x83\x86" + b"\x04" + _text(PATH) + b"\x01" + _text(authority)
    fields += b"\x0f\x10" + _text(b"application/grpc") + b"\x00" + _text(b"te") + _text(b"trailers")
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(SETTINGS, 0, 0, b"")
    return preface + _frame(HEADERS, END_HEADERS, 1, fields) + _frame(DATA, END_STREAM, 1, EMPTY_MESSAGE)


def _frame(kind: int, flags: int, stream: int, content: bytes) -> bytes:
    return len(content).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + content


def _text(value: bytes) -> bytes:
    return bytes((len(value),)) + value  # up to 126 bytes


def _status(connection: socket.socket) -> int:
    """The first byte of the headers of the answer, which is its status; -1 if the server speaks another protocol."""
    while True:
        head = _exactly(connection, 9)
        size, kind = int.from_bytes(head[:3], "big"), head[3]
        if size > 2**14 or kind > 9:
            return -1
        content = _exactly(connection, size)
        if kind == HEADERS:
            # A change of the size of the table may come first.
            return next((byte for byte in content if byte >> 5 != 1), -1)


def _exactly(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        part = connection.recv(size - len(received))
        if not part:
            raise ConnectionError("The server has closed the connection.")
        received += part
    return received
