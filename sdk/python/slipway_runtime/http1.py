"""HTTP/1.1 heads and framing (RFC 9112), shared by the two servers."""

MAX_HEAD = 64 << 10  # bytes of request line and header fields
MAX_CHUNK_LINE = 4 << 10

REASONS = {100: "Continue", 200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 206: "Partial Content",
           301: "Moved Permanently", 302: "Found", 303: "See Other", 304: "Not Modified", 307: "Temporary Redirect",
           308: "Permanent Redirect", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
           405: "Method Not Allowed", 409: "Conflict", 413: "Content Too Large", 422: "Unprocessable Content",
           429: "Too Many Requests", 500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway",
           503: "Service Unavailable", 504: "Gateway Timeout"}


class Malformed(Exception):
    """The peer does not speak HTTP/1.1; the connection is of no more use."""


class Head:
    """A request without its body. Names of header fields are in lower case, bytes are latin-1."""

    def __init__(self, raw):
        lines = raw.decode("latin-1").split("\r\n")
        try:
            self.method, self.target, self.version = lines[0].split(" ")
        except ValueError:
            raise Malformed(f"bad request line {lines[0]!r}") from None
        if not self.version.startswith("HTTP/1."):
            raise Malformed(f"unknown version {self.version!r}")
        self.fields = [_field(line) for line in lines[1:]]
        self.path, _, self.query = self.target.partition("?")
        self.chunked, self.length = self._framing()
        tokens = [t.strip().lower() for t in self.get("connection").split(",")]
        self.keep_alive = "close" not in tokens and (self.version != "HTTP/1.0" or "keep-alive" in tokens)
        self.expects_continue = self.get("expect").lower() == "100-continue"

    def get(self, name, default=""):
        """The values of the field called name, joined as RFC 9110 5.3 says."""
        values = [v for n, v in self.fields if n == name]
        return ", ".join(values) if values else default

    def _framing(self):
        coding, length = self.get("transfer-encoding").lower(), self.get("content-length")
        if coding:
            # Both at once is how requests are smuggled (RFC 9112 6.1).
            if coding != "chunked" or length:
                raise Malformed(f"transfer-encoding {coding!r} with content-length {length!r}")
            return True, None
        if length and not (length.isascii() and length.isdigit()):
            raise Malformed(f"content-length {length!r}")
        return False, int(length or 0)


def _field(line):
    name, colon, value = line.partition(":")
    if not colon or not name or name != name.strip():
        raise Malformed(f"bad header field {line[:80]!r}")
    return name.lower(), value.strip(" \t")


def chunk_size(line):
    """The size in the first line of a chunk; extensions are ignored."""
    digits = line.split(b";")[0].strip()
    try:
        if not digits or digits[:1] in b"+-" or b"_" in digits:
            raise ValueError
        return int(digits, 16)
    except ValueError:
        raise Malformed(f"bad chunk size {line[:40]!r}") from None


class Framing:
    """How the body of one response is delimited, decided from its head."""

    def __init__(self, request, status, fields):
        """fields are (name, value) pairs of bytes, as the application gave them."""
        names = {name.lower() for name, _ in fields}
        self.bodiless = request.method == "HEAD" or status in (204, 304) or 100 <= status < 200
        sized = b"content-length" in names
        self.chunked = not sized and not self.bodiless and request.version == "HTTP/1.1"
        closes = any(n.lower() == b"connection" and b"close" in v.lower() for n, v in fields)
        # Without a length and without chunks only the end of the connection ends the body.
        self.keep_alive = request.keep_alive and not closes and (sized or self.chunked or self.bodiless)

    def head(self, status_line, fields):
        """The bytes before the body; status_line is b"200 OK"."""
        own = (b"connection", b"transfer-encoding", b"keep-alive")
        out = [b"HTTP/1.1 " + status_line]
        out += [name + b": " + value for name, value in fields if name.lower() not in own]
        if self.chunked:
            out.append(b"Transfer-Encoding: chunked")
        out.append(b"Connection: " + (b"keep-alive" if self.keep_alive else b"close"))
        return b"\r\n".join(out) + b"\r\n\r\n"

    def part(self, data):
        """data as it goes on the wire."""
        if self.bodiless or not data:
            return b""
        return b"%x\r\n%b\r\n" % (len(data), data) if self.chunked else data

    def end(self):
        return b"0\r\n\r\n" if self.chunked else b""


def plain(status, text):
    """A whole response of the server's own, after which the connection is closed."""
    body = (text + "\n").encode()
    return (f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n").encode() + body
