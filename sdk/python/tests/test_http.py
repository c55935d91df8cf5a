"""Applications and programs that listen on $PORT."""

import http.client
import signal
import unittest

from tests.fake_platform import Instance, connect, free_port

WSGI = '''
import sys
def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/boom":
        raise ValueError("boom")
    if path == "/sized":
        start_response("200 OK", [("Content-Length", "2"), ("X-Kind", environ.get("HTTP_X_KIND", ""))])
        return [b"ok"]
    if path == "/ignore":
        start_response("204 No Content", [])
        return []
    body = environ["wsgi.input"].read()
    start_response("201 Created", [("Content-Type", "text/plain")])
    return iter([environ["REQUEST_METHOD"].encode(), b" ", environ["QUERY_STRING"].encode(), b" ", str(len(body)).encode()])
'''

ASGI = '''
state = []
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            state.append(message["type"])
            print(message["type"])
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    if scope["path"] == "/boom":
        raise ValueError("boom")
    if scope["path"] == "/sized":
        kind = dict(scope["headers"]).get(b"x-kind", b"")
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2"), (b"x-kind", kind)]})
        await send({"type": "http.response.body", "body": b"ok"})
        return
    if scope["path"] == "/ignore":
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})
        return
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message["body"]), message["more_body"]
    await send({"type": "http.response.start", "status": 201, "headers": [(b"content-type", b"text/plain")]})
    for part in (scope["method"].encode(), b" ", scope["query_string"], b" ", str(size).encode()):
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body"})
'''


class Application:
    """What both kinds of application must do."""

    source = ""

    def setUp(self):
        self.port = free_port()
        self.instance = Instance({"app.py": self.source}, "app:app", PORT=str(self.port))
        self.addCleanup(self.instance.close)
        self.client = http.client.HTTPConnection("127.0.0.1", self.port)
        self.client.sock = connect(self.port)
        self.addCleanup(self.client.close)

    def call(self, method, target, body=None, headers=None, **more):
        self.client.request(method, target, body, headers or {}, **more)
        answer = self.client.getresponse()
        return answer.status, answer.read(), answer.headers

    def test_one_connection_serves_many_requests(self):
        self.assertEqual(self.call("GET", "/x?y=1")[:2], (201, b"GET y=1 0"))
        kept = self.client.sock
        self.assertEqual(self.call("POST", "/x", b"z" * 300_000)[:2], (201, b"POST  300000"))
        self.assertEqual(self.call("PUT", "/x", iter([b"ab", b"c" * 100_000]), encode_chunked=True)[:2], (201, b"PUT  100002"))
        self.assertEqual(self.call("GET", "/sized", headers={"X-Kind": "k"})[2]["X-Kind"], "k")
        self.assertEqual(self.call("HEAD", "/sized")[:2], (200, b""))
        self.assertIs(self.client.sock, kept)

    def test_body_that_nobody_reads(self):
        self.assertEqual(self.call("POST", "/ignore", b"z" * 300_000)[0], 204)
        self.assertEqual(self.call("GET", "/x")[:2], (201, b"GET  0"))

    def test_exception_is_500(self):
        self.assertEqual(self.call("GET", "/boom")[0], 500)
        self.client.close()
        self.assertEqual(self.call("GET", "/x")[0], 201)

    def test_malformed(self):
        for raw in (b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", b"GET / HTTP/1.1\r\nbad\r\n\r\n"):
            with connect(self.port) as sock:
                sock.sendall(raw)
                self.assertTrue(sock.makefile("rb").readline().startswith(b"HTTP/1.1 400"), raw)

    def test_expect_continue(self):
        with connect(self.port) as sock, sock.makefile("rb") as reader:
            sock.sendall(b"POST /x HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
            self.assertEqual(reader.readline(), b"HTTP/1.1 100 Continue\r\n")
            sock.sendall(b"abc")
            reader.readline()
            self.assertEqual(reader.readline(), b"HTTP/1.1 201 Created\r\n")

    def test_http_1_0(self):
        with connect(self.port) as sock, sock.makefile("rb") as reader:
            sock.sendall(b"GET /x HTTP/1.0\r\n\r\n")
            self.assertTrue(reader.read().endswith(b"\r\n\r\nGET  0"))

    def test_sigterm(self):
        self.call("GET", "/x")
        self.client.close()
        self.instance.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.instance.end()[0], 0)


class WSGIApplication(Application, unittest.TestCase):
    source = WSGI


class ASGIApplication(Application, unittest.TestCase):
    source = ASGI

    def test_lifespan(self):
        self.call("GET", "/x")
        self.instance.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.instance.end()[:2], (0, "lifespan.startup\nlifespan.shutdown\n"))


class Program(unittest.TestCase):
    def start(self, files, spec, **env):
        instance = Instance(files, spec, **env)
        self.addCleanup(instance.close)
        return instance

    def test_main_is_run_as_main(self):
        source = "import sys, helper\nif __name__ == '__main__':\n    print(sys.argv, helper.x)\n    sys.exit(4)\n"
        self.assertEqual(self.start({"main.py": source, "helper.py": "x = 5\n"}, "main.py").end(), (4, "['main.py'] 5\n", ""))

    def test_no_file(self):
        status, _, err = self.start({}, "main.py").end()
        self.assertEqual(status, 1)
        self.assertIn("there is no such file", err)

    def test_no_application(self):
        status, _, err = self.start({"app.py": "x = 1\n"}, "app:app").end()
        self.assertEqual(status, 1)
        self.assertIn("app.py has no 'app'", err)


if __name__ == "__main__":
    unittest.main()
