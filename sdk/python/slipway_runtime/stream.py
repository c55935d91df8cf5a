"""Streamed answers: a handler that yields them.

    def handler(event, context):
        yield {"statusCode": 200, "headers": {"Content-Type": "text/plain"}}
        yield "one "
        yield b"two"

A dict that comes first is status, headers and cookies of the answer to an HTTP request;
what follows is text or bytes, and leaves as it comes.
"""

from slipway_runtime import documents, errors

INTEGRATION = "application/vnd.awslambda.http-integration-response"


def is_stream(result):
    """Says whether what a handler returned is to be sent piece by piece."""
    return type(result).__name__ in ("generator", "async_generator")


def serve(client, request_id, result, run):
    """Sends the pieces; run completes a coroutine. An exception that comes before the first
    piece goes to the caller of this."""
    pieces = iter(result) if hasattr(result, "__next__") else _awaited(result, run)
    first = next(pieces, b"")
    head = b""
    if isinstance(first, dict):
        content_type, head = INTEGRATION, documents.dump(first).encode() + bytes(8)
    else:
        content_type = "text/plain; charset=utf-8" if isinstance(first, str) else "application/octet-stream"
        head = _bytes(first)
    out = client.begin_stream(request_id, content_type)
    out.write(head)
    try:
        for piece in pieces:
            out.write(_bytes(piece))
    except Exception as error:
        errors.report(error, request_id)
        out.fail(type(error).__name__, errors.document(error, request_id))
    else:
        out.end()


def _awaited(result, run):
    while True:
        try:
            yield run(result.__anext__())
        except StopAsyncIteration:
            return


def _bytes(piece):
    if isinstance(piece, str):
        return piece.encode()
    if isinstance(piece, (bytes, bytearray, memoryview)):
        return bytes(piece)
    raise TypeError(f"a streamed answer is made of str and bytes, not of {type(piece).__name__}")
