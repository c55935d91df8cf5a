"""The loop of the Lambda Runtime API: next event, handler, answer."""

import json
import os
import sys

from slipway_runtime import errors, loader
from slipway_runtime.client import Client, ConnectionLost
from slipway_runtime.context import Context


def run(spec):
    """Serves events with the handler that spec names; returns the exit status."""
    address = os.environ.get("AWS_LAMBDA_RUNTIME_API")
    if not address:
        print("AWS_LAMBDA_RUNTIME_API is not set: a handler runs only on the platform, or with an emulator of Lambda's Runtime API", file=sys.stderr)
        return 1
    try:
        handler = loader.load(spec)
    except BaseException as error:  # SystemExit too: the import must not end the process without a word
        return fail_init(Client(address), error)
    loops = int(os.environ.get("AWS_LAMBDA_MAX_CONCURRENCY") or 1)
    if loops > 1:
        start_threads(loops - 1, address, handler)
    return loop(Client(address), handler)


def start_threads(count, address, handler):
    import threading

    for _ in range(count):
        threading.Thread(target=loop, args=(Client(address), handler), daemon=True).start()


def loop(client, handler):
    """Serves one event after another until the platform hangs up."""
    try:
        while True:
            headers, body = client.next()
            serve(client, handler, headers, body)
    except ConnectionLost:
        return 0


def serve(client, handler, headers, body):
    request_id = headers.get("lambda-runtime-aws-request-id", "")
    if trace := headers.get("lambda-runtime-trace-id"):
        os.environ["_X_AMZN_TRACE_ID"] = trace
    try:
        event = decode(body)
        result = encode(handler(event, Context(headers)))
    except Failure as failure:
        fail(client, request_id, failure.cause, failure.error_type)
    except Exception as error:
        fail(client, request_id, error, type(error).__name__)
    else:
        sys.stdout.flush()  # what was printed without a newline belongs to this invocation
        client.respond(request_id, result)


class Failure(Exception):
    """An error of the exchange around the handler, with Lambda's name for it."""

    def __init__(self, error_type, cause):
        super().__init__(str(cause))
        self.error_type, self.cause = error_type, cause


def decode(body):
    try:
        return json.loads(body) if body else None
    except ValueError as error:
        raise Failure("Runtime.UnmarshalError", ValueError(f"the event is not JSON: {error}")) from None


def encode(result):
    try:
        return json.dumps(result, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError) as error:  # UnicodeEncodeError is a ValueError
        raise Failure("Runtime.MarshalError", TypeError(f"the handler's result is not JSON: {error}")) from None


def fail(client, request_id, error, error_type):
    errors.report(error, request_id)
    client.fail(request_id, errors.document(error, error_type), error_type)


def fail_init(client, error):
    if isinstance(error, SystemExit):
        error = RuntimeError(f"the module called exit({error.code!r}) while it was loaded").with_traceback(error.__traceback__)
    error_type = init_type(error)
    errors.report(error)
    try:
        client.fail_init(errors.document(error, error_type), error_type)
    except (ConnectionLost, OSError):
        pass  # the log has it; the exit status says the rest
    return 1


def init_type(error):
    """Lambda's names for what can go wrong before the first event."""
    if isinstance(error, loader.NotFound):
        return "Runtime.HandlerNotFound"
    if isinstance(error, ImportError):
        return "Runtime.ImportModuleError"
    if isinstance(error, SyntaxError):
        return "Runtime.UserCodeSyntaxError"
    return type(error).__name__
