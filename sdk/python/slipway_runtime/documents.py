"""JSON without the module json, whose imports take as long as the interpreter's start.

The C accelerator below it does all the work; a handler that imports json itself pays
for that itself. Where there is no accelerator, json it is.
"""

import sys

_SPACE = " \t\n\r"


def load(text):
    """The value of a JSON document. Raises ValueError."""
    scan = _scanner()
    start, end = 0, len(text)
    while start < end and text[start] in _SPACE:
        start += 1
    try:
        value, at = scan(text, start)
    except StopIteration:
        raise ValueError(f"no value at character {start}") from None
    except SystemError:  # it has an error to raise, and json, which knows how, is not imported
        import json

        return json.loads(text)
    while at < end and text[at] in _SPACE:
        at += 1
    if at != end:
        raise ValueError(f"more follows the value at character {at}")
    return value


def dump(value):
    """The JSON document of a value, as text. Raises TypeError or ValueError."""
    return "".join(_encoder()(value, 0))


class _Loading:
    """What the C scanner asks for."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float, parse_int = float, int
    memo = {}

    @staticmethod
    def parse_constant(name):
        raise ValueError(f"{name} is no JSON")


_made = {}


def _scanner():
    if "scan" not in _made:
        try:
            from _json import make_scanner
        except ImportError:
            from json.decoder import JSONDecoder

            make_scanner = lambda loading: JSONDecoder(parse_constant=loading.parse_constant).scan_once  # noqa: E731
        _made["scan"] = make_scanner(_Loading)
    return _made["scan"]


def _encoder():
    # One per call: it remembers the containers it is in, to find circles.
    try:
        from _json import encode_basestring, make_encoder

        return make_encoder({}, _other, encode_basestring, None, ":", ",", False, False, False)
    except ImportError:
        import json

        encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_other)
        return lambda value, _: (encoder.encode(value),)


def _other(value):
    """What is no type of JSON's; numbers of the module decimal are taken, as Lambda does."""
    decimal = sys.modules.get("decimal")
    if decimal and isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
