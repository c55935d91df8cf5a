"""A threaded HTTP/1.1 server for a WSGI application (PEP 3333).

One thread per connection: the platform keeps as many as it sends requests at
once. Bodies stream both ways; nothing is held whole.
"""

import io
import os
import signal
import socket
import sys
import threading
from urllib.parse import unquote_to_bytes

from slipway_runtime import errors, http1

GRACE = 1.5  # seconds that running requests have after SIGTERM; the platform waits 2


def serve(app, port, host="0.0.0.0"):
    """Serves app until SIGTERM; returns the exit status."""
    listener = socket.create_server((host, port), backlog=512)
    listening = Listening(app, listener, port)
    signal.signal(signal.SIGTERM, lambda *_: listening.stop())
    listening.run()
    return 0


class Listening:
    """A listener and the requests that run."""

    def __init__(self, app, listener, port):
        self.app, self.port = app, port
        self.stopping = False
        self._listener = listener
        self._idle = threading.Condition()
        self._running = 0  # requests between head and end; guarded by _idle

    def run(self):
        while not self.stopping:
            try:
                conn, peer = self._listener.accept()
            except OSError:
                break
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=Connection(self, conn, peer).run, daemon=True).start()
        with self._idle:
            self._idle.wait_for(lambda: self._running == 0, GRACE)

    def stop(self):
        self.stopping = True
        # shutdown, unlike close, wakes the thread that is in accept.
        self._listener.shutdown(socket.SHUT_RDWR)

    def __enter__(self):
        with self._idle:
            self._running += 1

    def __exit__(self, *_):
        with self._idle:
            self._running -= 1
            self._idle.notify_all()


class Connection:
    """One client, request after request."""

    def __init__(self, server, conn, peer):
        self._server, self._conn, self._peer = server, conn, peer
        self._reader = conn.makefile("rb", 1 << 16)

    def run(self):
        try:
            while not self._server.stopping and (head := self._read_head()):
                with self._server:
                    if not self._serve(head):
                        break
        except http1.Malformed as error:
            self._send(http1.plain(400, str(error)))
        except OSError:
            pass  # the client went away
        finally:
            self._reader.close()
            self._conn.close()

    def _read_head(self):
        lines, size = [], 0
        while line := self._reader.readline(http1.MAX_HEAD):
            size += len(line)
            if size > http1.MAX_HEAD:
                raise http1.Malformed("the head is too large")
            if line == b"\r\n":
                if lines:
                    return http1.Head(b"".join(lines)[:-2])
                continue  # an empty line before a request is allowed (RFC 9112 2.2)
            if not line.endswith(b"\r\n"):
                raise http1.Malformed("a line without end")
            lines.append(line)
        return None

    def _serve(self, head):
        body = Body(self._reader, head, lambda: self._send(b"HTTP/1.1 100 Continue\r\n\r\n"))
        answer = Answer(head, self._send)
        try:
            self._call(head, body, answer)
        except OSError:
            raise
        except Exception as error:
            errors.report(error)
            if not answer.started:
                self._send(http1.plain(500, "Internal Server Error"))
            return False
        body.drain()
        return answer.keep_alive and not self._server.stopping

    def _call(self, head, body, answer):
        result = self._server.app(environ(head, body, self._server.port, self._peer), answer.start)
        try:
            for part in result:
                if part:
                    answer.write(part)
            answer.finish()
        finally:
            if hasattr(result, "close"):
                result.close()
            sys.stdout.flush()

    def _send(self, data):
        if data:
            self._conn.sendall(data)


class Answer:
    """start_response and write of PEP 3333: the head goes out with the first byte of the body."""

    def __init__(self, request, send):
        self._request, self._send = request, send
        self._status = self._fields = self._framing = None
        self.started = False

    def start(self, status, headers, exc_info=None):
        if exc_info:
            try:
                if self.started:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # no cycle through the traceback
        elif self._status:
            raise RuntimeError("start_response was called twice")
        self._status = status.encode("latin-1")
        self._fields = [(n.encode("latin-1"), v.encode("latin-1")) for n, v in headers]
        return self.write

    def write(self, data):
        self._send(self._head() + self._framing.part(data))

    def finish(self):
        self._send(self._head() + self._framing.end())

    @property
    def keep_alive(self):
        return self._framing.keep_alive

    def _head(self):
        if self.started:
            return b""
        if self._status is None:
            raise RuntimeError("the application did not call start_response")
        self.started = True
        self._framing = http1.Framing(self._request, int(self._status[:3]), self._fields)
        return self._framing.head(self._status, self._fields)


class Body(io.RawIOBase):
    """wsgi.input: the body of one request, by length or in chunks."""

    def __init__(self, reader, head, on_first_read):
        self._reader, self._chunked = reader, head.chunked
        self._left = 0 if head.chunked else head.length  # of the body, or of the present chunk
        self._more = head.chunked
        self._on_first_read = on_first_read if head.expects_continue else None

    def readable(self):
        return True

    def readinto(self, buffer):
        if not self._left and self._more:
            self._next_chunk()
        if not self._left:
            return 0
        self._say_continue()
        data = self._reader.read1(min(len(buffer), self._left))
        if not data:
            raise ConnectionResetError("the client went away within the body")
        buffer[:len(data)] = data
        self._left -= len(data)
        if self._chunked and not self._left:
            self._reader.readline(http1.MAX_CHUNK_LINE)  # the CRLF after a chunk
        return len(data)

    def drain(self):
        """Reads what the application left, so that the next request is found."""
        if not self._on_first_read:
            while self.read(1 << 16):
                pass

    def _say_continue(self):
        if self._on_first_read:
            self._on_first_read()
            self._on_first_read = None

    def _next_chunk(self):
        self._say_continue()
        self._left = http1.chunk_size(self._reader.readline(http1.MAX_CHUNK_LINE).rstrip(b"\r\n"))
        if not self._left:
            self._more = False
            while self._reader.readline(http1.MAX_HEAD) not in (b"\r\n", b""):
                pass  # trailer fields have no place in WSGI


def environ(head, body, port, peer):
    """The request as PEP 3333 and RFC 3875 name its parts."""
    scheme = head.get("x-forwarded-proto", "http").split(",")[0].strip()
    env = {
        "REQUEST_METHOD": head.method, "SCRIPT_NAME": "", "QUERY_STRING": head.query,
        "PATH_INFO": unquote_to_bytes(head.path).decode("latin-1"), "REQUEST_URI": head.target,
        "SERVER_NAME": os.environ.get("SLIPWAY_FUNCTION") or "localhost", "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": head.version, "REMOTE_ADDR": peer[0], "REMOTE_PORT": str(peer[1]),
        "wsgi.version": (1, 0), "wsgi.url_scheme": scheme, "wsgi.input": io.BufferedReader(body, 1 << 16),
        "wsgi.errors": sys.stderr, "wsgi.multithread": True, "wsgi.multiprocess": False,
        "wsgi.run_once": False, "wsgi.input_terminated": True,
    }
    for name in dict.fromkeys(n for n, _ in head.fields):
        if "_" in name:
            continue  # x_y would be taken for x-y
        key = name.upper().replace("-", "_")
        env[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else "HTTP_" + key] = head.get(name)
    return env
