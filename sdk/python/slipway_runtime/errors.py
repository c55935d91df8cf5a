"""Exceptions as Lambda's error documents: errorType, errorMessage, stackTrace."""

import json
import os
import sys

_OWN = os.path.dirname(os.path.abspath(__file__))


def document(error, error_type=None):
    """The error document of an exception, as bytes of JSON."""
    return json.dumps({
        "errorMessage": str(error),
        "errorType": error_type or type(error).__name__,
        "stackTrace": _frames(error),
    }).encode()


def report(error, request_id=""):
    """Writes the exception to the log as one block, the way Lambda shows it."""
    frames = "".join(_frames(error))
    about = f" RequestId: {request_id}" if request_id else ""
    sys.stdout.flush()
    sys.stderr.write(f"[ERROR] {type(error).__name__}: {error}{about}\n")
    if frames:
        sys.stderr.write("Traceback (most recent call last):\n" + frames)
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
