"""The Lambda Runtime API on the wire: HTTP/1.1 on one kept connection.

http.client would do, but takes longer to import than the interpreter takes to
start. The peer is the platform, so this understands just what HTTP/1.1 says an
answer can be: a status line, header fields, and a body by length or in chunks.
"""

try:
    import _socket as socket  # what the module socket is built on, without its imports
except ImportError:
    import socket

_VERSION = "/2018-06-01/runtime"


class ConnectionLost(Exception):
    """The platform closed the connection: it is shutting this instance down."""


class Client:
    """One connection to the Runtime API. Not for use by several threads."""

    def __init__(self, address):
        """address is host:port, as AWS_LAMBDA_RUNTIME_API says it."""
        self._address = address
        host, _, port = address.rpartition(":")
        self._peer = (host.strip("[]"), int(port))
        self._socket = None
        self._buffer = b""

    def next(self):
        """Waits for the next event; returns its header fields and its bytes."""
        status, headers, body = self._exchange("GET", "/invocation/next", None, ())
        if status != 200:
            raise ConnectionLost(f"the Runtime API answered {status} to next: {body[:200]!r}")
        return headers, body

    def respond(self, request_id, body):
        """Gives the result of an invocation. False when the platform refused it."""
        status, _, answer = self._exchange("POST", f"/invocation/{request_id}/response", body, ())
        return _accepted(status, answer)

    def fail(self, request_id, body, error_type):
        """Gives the error document of an invocation. False when the platform refused it."""
        fields = (("Lambda-Runtime-Function-Error-Type", _plain(error_type)),)
        status, _, answer = self._exchange("POST", f"/invocation/{request_id}/error", body, fields)
        return _accepted(status, answer)

    def begin_stream(self, request_id, content_type):
        """Begins a streamed answer; what it returns has write, end and fail."""
        return Stream(self, request_id, content_type)

    def fail_init(self, body, error_type):
        """Says that the function could not be loaded."""
        fields = (("Lambda-Runtime-Function-Error-Type", _plain(error_type)),)
        self._exchange("POST", "/init/error", body, fields)

    def _exchange(self, method, path, body, fields):
        lines = [f"{method} {_VERSION}{path} HTTP/1.1", f"Host: {self._address}"]
        if body is not None:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in fields]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        if self._socket is None:
            self._connect()
        try:
            # One write for head and body: one packet, one wake-up of the other side.
            self._socket.sendall(head + body if body else head)
            return self._read_answer()
        except OSError as error:
            raise ConnectionLost(str(error)) from None

    def _connect(self):
        family = socket.AF_INET6 if ":" in self._peer[0] else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.connect(self._peer)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _read_answer(self):
        head = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        status = int(head[0].split(" ", 2)[1])
        headers = {}
        for line in head[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return status, headers, self._chunks()
        return status, headers, self._exactly(int(headers.get("content-length") or 0))

    def _chunks(self):
        chunks = []
        while size := int(self._until(b"\r\n").split(b";")[0], 16):
            chunks.append(self._exactly(size))
            self._until(b"\r\n")
        while self._until(b"\r\n"):
            pass  # trailer fields say nothing to us
        return b"".join(chunks)

    def _until(self, mark):
        while (at := self._buffer.find(mark)) < 0:
            self._fill()
        found, self._buffer = self._buffer[:at], self._buffer[at + len(mark):]
        return found

    def _exactly(self, size):
        parts, have = [self._buffer[:size]], min(size, len(self._buffer))
        self._buffer = self._buffer[size:]
        while have < size:
            part = self._socket.recv(min(size - have, 1 << 20))
            if not part:
                raise ConnectionLost("the Runtime API closed the connection")
            parts.append(part)
            have += len(part)
        return b"".join(parts)

    def _fill(self):
        part = self._socket.recv(1 << 16)
        if not part:
            raise ConnectionLost("the Runtime API closed the connection")
        self._buffer += part


class Stream:
    """An answer that leaves in pieces: chunks, and trailers when it fails in its middle."""

    def __init__(self, client, request_id, content_type):
        self._client = client
        if client._socket is None:
            client._connect()
        self._send("\r\n".join((
            f"POST {_VERSION}/invocation/{request_id}/response HTTP/1.1", f"Host: {client._address}", f"Content-Type: {content_type}",
            "Lambda-Runtime-Function-Response-Mode: streaming", "Transfer-Encoding: chunked",
            "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body", "", "")).encode("latin-1"))

    def write(self, data):
        if data:
            self._send(b"%x\r\n%b\r\n" % (len(data), data))

    def end(self, trailers=""):
        self._send(f"0\r\n{trailers}\r\n".encode("latin-1"))
        status, _, answer = self._client._read_answer()
        return _accepted(status, answer)

    def fail(self, error_type, document):
        from binascii import b2a_base64

        body = b2a_base64(document, newline=False).decode()
        return self.end(f"Lambda-Runtime-Function-Error-Type: {_plain(error_type)}\r\nLambda-Runtime-Function-Error-Body: {body}\r\n")

    def _send(self, data):
        try:
            self._client._socket.sendall(data)
        except OSError as error:
            raise ConnectionLost(str(error)) from None


def _plain(text):
    """text as a header field may have it: a class can be named anything."""
    return "".join(c if "!" <= c <= "~" else "?" for c in text)


def _accepted(status, answer):
    if status < 300:
        return True
    import sys

    print(f"the Runtime API refused the answer with {status}: {answer[:300].decode('utf-8', 'replace').strip()}", file=sys.stderr)
    return False
