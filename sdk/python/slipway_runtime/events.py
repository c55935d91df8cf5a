"""The loop of the Lambda Runtime API: next event, handler, answer."""

import os
import sys

from slipway_runtime import documents, loader
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
        from slipway_runtime import initfailure

        return initfailure.tell(Client(address), spec, error)
    loops = int(os.environ.get("AWS_LAMBDA_MAX_CONCURRENCY") or 1)
    if loops > 1:
        start_threads(loops - 1, address, handler)
    return loop(Client(address), handler)


def start_threads(count, address, handler):
    import threading

    for _ in range(count):
        threading.Thread(target=loop_or_leave, args=(Client(address), handler), daemon=True).start()


def loop_or_leave(client, handler):
    """loop in a thread, in which exit() must end the process, too."""
    try:
        loop(client, handler)
    except SystemExit as leaving:
        sys.stdout.flush()
        code = leaving.code
        if code is not None and not isinstance(code, int):
            print(code, file=sys.stderr, flush=True)
            code = 1
        os._exit(code or 0)


def loop(client, handler):
    """Serves one event after another until the platform hangs up."""
    runner = Runner()
    try:
        while True:
            headers, body = client.next()
            serve(client, handler, runner, headers, body)
    except ConnectionLost:
        return 0


def serve(client, handler, runner, headers, body):
    request_id = headers.get("lambda-runtime-aws-request-id", "")
    if trace := headers.get("lambda-runtime-trace-id"):
        os.environ["_X_AMZN_TRACE_ID"] = trace
    try:
        event = decode(body)
        result = handler(event, Context(headers))
        kind = type(result).__name__
        if kind == "coroutine":
            result = runner.run(result)
            kind = type(result).__name__
        if kind in ("generator", "async_generator"):
            from slipway_runtime import stream

            stream.serve(client, request_id, result, runner.run)
            return
        result = encode(result)
    except Failure as failure:
        fail(client, request_id, failure.cause, failure.error_type)
    except Exception as error:
        fail(client, request_id, error, None)
    else:
        sys.stdout.flush()  # what was printed without a newline belongs to this invocation
        client.respond(request_id, result)


class Runner:
    """Runs coroutines of async handlers, all in one event loop: what a handler keeps between
    events, such as a client's connections, belongs to it."""

    def __init__(self):
        self._loop = None

    def run(self, coroutine):
        import asyncio  # takes long; only async handlers pay for it

        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._loop)
        return self._loop.run_until_complete(coroutine)


class Failure(Exception):
    """An error of the exchange around the handler, with Lambda's name for it."""

    def __init__(self, error_type, cause):
        super().__init__(str(cause))
        self.error_type, self.cause = error_type, cause


def decode(body):
    try:
        return documents.load(body.decode()) if body else None
    except ValueError as error:
        raise Failure("Runtime.UnmarshalError", ValueError(f"Unable to unmarshal input: {error}")) from None


def encode(result):
    try:
        return documents.dump(result).encode()
    except (TypeError, ValueError, RecursionError) as error:  # UnicodeEncodeError is a ValueError
        raise Failure("Runtime.MarshalError", TypeError(f"Unable to marshal response: {error}")) from None


def fail(client, request_id, error, error_type):
    from slipway_runtime import errors

    errors.report(error, request_id, error_type)
    client.fail(request_id, errors.document(error, request_id, error_type), error_type or type(error).__name__)
