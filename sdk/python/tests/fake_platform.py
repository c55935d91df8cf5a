"""A tiny Lambda Runtime API and a process of the bootstrap, for the tests."""

import http.server
import json
import os
import queue
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

BOOTSTRAP = Path(__file__).parent.parent / "bootstrap.py"
WAIT = 20  # seconds; only a hanging test sees its end


class RuntimeAPI:
    """Hands out the events that are put into it, and keeps what is posted."""

    def __init__(self, chunked=False):
        self.events, self.posts = queue.Queue(), queue.Queue()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler(chunked))
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # a killed instance resets its connection
        self.address = "127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def invoke(self, event, **headers):
        """One event there and its outcome back: (kind, document, headers); what was streamed
        is bytes, and its trailers are among the headers."""
        self.events.put((event, headers))
        return self.outcome()

    def outcome(self):
        path, headers, body = self.posts.get(timeout=WAIT)
        streamed = "Lambda-Runtime-Function-Response-Mode" in headers
        return path.rsplit("/runtime/")[1], body if streamed else json.loads(body), headers

    def _handler(api, chunked):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                event, headers = api.events.get()
                body = event if isinstance(event, bytes) else json.dumps(event).encode()
                self.send_response(200)
                for name, value in {"Lambda-Runtime-Aws-Request-Id": "id-1", "Lambda-Runtime-Deadline-Ms": str(int(time.time() * 1000) + 60000), **headers}.items():
                    self.send_header(name, value)
                if not chunked:
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                    return
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                half = len(body) // 2 or 1
                for part in (body[:half], body[half:]):
                    if part:
                        self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
                self.wfile.write(b"0\r\n\r\n")

            def do_POST(self):
                headers = dict(self.headers)
                if headers.get("Transfer-Encoding") == "chunked":
                    body = self._chunks(headers)
                else:
                    body = self.rfile.read(int(headers["Content-Length"]))
                api.posts.put((self.path, headers, body))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def _chunks(self, headers):
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                while line := self.rfile.readline().strip():
                    name, _, value = line.decode().partition(": ")
                    headers[name] = value
                return body

            def log_message(self, *_):
                pass

        return Handler


class Instance:
    """A process of the bootstrap with the given files as /var/task."""

    def __init__(self, files, spec="", api=None, **env):
        self._folder = tempfile.TemporaryDirectory()
        for name, text in files.items():
            path = Path(self._folder.name, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        environment = {"PATH": os.environ["PATH"], "LAMBDA_TASK_ROOT": self._folder.name, "PYTHONDONTWRITEBYTECODE": "1", **env}
        if api:
            environment["AWS_LAMBDA_RUNTIME_API"] = api.address
        self.process = subprocess.Popen([sys.executable, str(BOOTSTRAP)] + [spec] * bool(spec), env=environment,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def end(self):
        """Waits for the process to end by itself: (exit status, stdout, stderr)."""
        out, err = self.process.communicate(timeout=WAIT)
        return self.process.returncode, out, err

    def close(self):
        self.process.kill()
        self.process.communicate()
        self._folder.cleanup()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def connect(port):
    """Connects once something listens on port."""
    deadline = time.monotonic() + WAIT
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=WAIT)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
