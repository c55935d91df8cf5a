"""Exceptions as Lambda's error documents: errorType, errorMessage, requestId, stackTrace."""

import os
import sys

from slipway_runtime import documents

_OWN = os.path.dirname(os.path.abspath(__file__))


def document(error, request_id="", error_type=None):
    """The error document of an exception, as bytes of JSON."""
    return documents.dump({
        "errorMessage": message(error),
        "errorType": error_type or type(error).__name__,
        "requestId": request_id,
        "stackTrace": _frames(error),
    }).encode("utf-8", "replace")


def message(error):
    """What an exception says; one may fail even in that."""
    try:
        return str(error)
    except Exception:
        return f"<{type(error).__name__} whose __str__ failed>"


def report(error, request_id="", error_type=None):
    """Writes the exception to the log as one block, the way Lambda shows it."""
    frames = "".join(_frames(error))
    about = f" RequestId: {request_id}" if request_id else ""
    block = f"[ERROR] {error_type or type(error).__name__}: {message(error)}{about}\n"
    if frames:
        block += "Traceback (most recent call last):\n" + frames
    sys.stdout.flush()
    sys.stderr.write(block)
    sys.stderr.flush()


def _frames(error):
    """The user's part of the stack, one string per frame, outermost first."""
    import traceback  # slow to import; only a failure pays for it

    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if not (f.filename.startswith(_OWN) or f.filename.startswith("<frozen importlib"))]
    lines = traceback.format_list(own)
    if isinstance(error, SyntaxError):
        lines += traceback.format_exception_only(type(error), error)[:-1]
    return lines
