"""An asyncio HTTP/1.1 server for an ASGI application (ASGI 3.0, HTTP and lifespan).

WebSockets are not spoken here: an application that needs them starts a server of
its own from main.py.
"""

import asyncio
import signal
import sys
from urllib.parse import unquote

from slipway_runtime import errors, http1

GRACE = 1.5  # seconds that running requests have after SIGTERM; the platform waits 2
SPEC = {"version": "3.0", "spec_version": "2.4"}


def serve(app, port, host="0.0.0.0"):
    """Serves app until SIGTERM; returns the exit status."""
    return asyncio.run(_serve(app, port, host))


async def _serve(app, port, host):
    lifespan = Lifespan(app)
    if not await lifespan.startup():
        return 1
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    running = set()

    async def connected(reader, writer):
        connection = Connection(app, lifespan.state, reader, writer, port, stop)
        running.add(connection)
        try:
            await connection.run()
        finally:
            running.discard(connection)

    def protocol():
        return asyncio.StreamReaderProtocol(Reader(limit=http1.MAX_HEAD), connected)

    server = await asyncio.get_running_loop().create_server(protocol, host, port, backlog=512)
    await stop.wait()
    server.close()
    busy = [c.finished.wait() for c in running if c.busy]
    if busy:
        await asyncio.wait([asyncio.ensure_future(b) for b in busy], timeout=GRACE)
    await lifespan.shutdown()
    return 0


class Lifespan:
    """The application's own start and end. One that does not know it is left alone."""

    def __init__(self, app):
        self._app = app
        self._to_app, self._from_app = asyncio.Queue(), asyncio.Queue()
        self._task = None
        self.state = {}

    async def startup(self):
        scope = {"type": "lifespan", "asgi": SPEC, "state": self.state}
        self._task = asyncio.ensure_future(self._app(scope, self._to_app.get, self._from_app.put))
        answer = await self._ask("lifespan.startup")
        if answer and answer["type"] == "lifespan.startup.failed":
            print("the application did not start: " + answer.get("message", ""), file=sys.stderr)
            return False
        return True

    async def shutdown(self):
        if not self._task.done():
            await self._ask("lifespan.shutdown")
        self._task.cancel()

    async def _ask(self, what):
        await self._to_app.put({"type": what})
        answer = asyncio.ensure_future(self._from_app.get())
        await asyncio.wait((answer, self._task), return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            return answer.result()
        answer.cancel()
        self._task.exception()  # an exception means: the application does not support lifespan
        return None


class Reader(asyncio.StreamReader):
    """A reader that can be asked to say when the client is gone."""

    def __init__(self, limit):
        super().__init__(limit)
        self.gone = asyncio.Event()

    def feed_eof(self):
        super().feed_eof()
        self.gone.set()

    def set_exception(self, exc):
        super().set_exception(exc)
        self.gone.set()


class Connection:
    """One client, request after request."""

    def __init__(self, app, state, reader, writer, port, stopping):
        self._app, self._state, self._port, self._stopping = app, state, port, stopping
        self._reader, self._writer = reader, writer
        self.busy = False
        self.finished = asyncio.Event()

    async def run(self):
        try:
            while not self._stopping.is_set() and await self._one():
                pass
        except http1.Malformed as error:
            self._writer.write(http1.plain(400, str(error)))
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client went away, or does not speak HTTP
        finally:
            self.finished.set()
            self._writer.close()

    async def _one(self):
        head = http1.Head((await self._reader.readuntil(b"\r\n\r\n"))[:-4])
        self.busy = True
        try:
            return await self._serve(head)
        finally:
            self.busy = False
            if self._stopping.is_set():
                self.finished.set()

    async def _serve(self, head):
        exchange = Exchange(head, self._reader, self._writer)
        try:
            await self._app(self._scope(head), exchange.receive, exchange.send)
            await exchange.finish()
        except OSError:
            raise
        except Exception as error:
            errors.report(error)
            if not exchange.started:
                self._writer.write(http1.plain(500, "Internal Server Error"))
                await self._writer.drain()
            return False
        return exchange.keep_alive

    def _scope(self, head):
        peer = self._writer.get_extra_info("peername")
        return {
            "type": "http", "asgi": SPEC, "http_version": head.version[5:], "method": head.method,
            "scheme": head.get("x-forwarded-proto", "http").split(",")[0].strip(),
            "path": unquote(head.path), "raw_path": head.path.encode("latin-1"),
            "query_string": head.query.encode("latin-1"), "root_path": "",
            "headers": [(n.encode("latin-1"), v.encode("latin-1")) for n, v in head.fields],
            "client": tuple(peer[:2]) if peer else None, "server": (head.get("host").rpartition(":")[0] or "localhost", self._port),
            "state": self._state.copy(),
        }


class Exchange:
    """receive and send of one request."""

    def __init__(self, head, reader, writer):
        self._head, self._reader, self._writer = head, reader, writer
        self._left = head.length or 0  # of the body, or of the present chunk
        self._read_whole = False
        self._status = self._fields = self._framing = None
        self._complete = asyncio.Event()
        self.started = False

    async def receive(self):
        if self._read_whole:
            await self._disconnected()
            return {"type": "http.disconnect"}
        if self._head.expects_continue:
            self._head.expects_continue = False
            self._writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await self._piece()
        return {"type": "http.request", "body": body, "more_body": not self._read_whole}

    async def send(self, message):
        kind = message["type"]
        if kind == "http.response.start":
            if self._status is not None:
                raise RuntimeError("http.response.start was sent twice")
            self._status, self._fields = message["status"], [(bytes(n), bytes(v)) for n, v in message.get("headers", ())]
        elif kind == "http.response.body":
            await self._send_body(message.get("body", b""), message.get("more_body", False))
        else:
            raise RuntimeError(f"{kind} is not a message of an HTTP response")

    async def finish(self):
        """Ends the exchange: the response must be whole, and the rest of the request is read."""
        if not self._complete.is_set():
            raise RuntimeError("the application returned without a complete response")
        while not self._read_whole and not self._head.expects_continue:
            await self.receive()
        sys.stdout.flush()

    @property
    def keep_alive(self):
        return self._framing.keep_alive and not self._head.expects_continue

    async def _send_body(self, body, more):
        if self._status is None:
            raise RuntimeError("http.response.body was sent before http.response.start")
        if self._complete.is_set():
            raise RuntimeError("http.response.body was sent after the end of the response")
        out = b""
        if not self.started:
            self.started = True
            self._framing = http1.Framing(self._head, self._status, self._fields)
            reason = http1.REASONS.get(self._status, "Status")
            out = self._framing.head(f"{self._status} {reason}".encode(), self._fields)
        out += self._framing.part(bytes(body))
        if not more:
            self._complete.set()
            out += self._framing.end()
        self._writer.write(out)
        await self._writer.drain()

    async def _disconnected(self):
        """Waits until the response is whole or the client is gone."""
        waits = [asyncio.ensure_future(w.wait()) for w in (self._complete, self._reader.gone)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _piece(self):
        if self._head.chunked and not self._left:
            self._left = await self._next_chunk()
        if not self._left:
            self._read_whole = True
            return b""
        data = await self._reader.read(min(self._left, 1 << 16))
        if not data:
            raise ConnectionResetError("the client went away within the body")
        self._left -= len(data)
        if self._head.chunked and not self._left:
            await self._reader.readexactly(2)  # the CRLF after a chunk
        self._read_whole = not self._left and not self._head.chunked
        return data

    async def _next_chunk(self):
        size = http1.chunk_size((await self._reader.readuntil(b"\r\n"))[:-2])
        if not size:
            while await self._reader.readuntil(b"\r\n") != b"\r\n":
                pass  # trailer fields have no place here
        return size
