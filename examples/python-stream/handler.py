"""Answers line by line, as it goes: a handler that yields."""

import time


def handler(event, context):
    # A dict that comes first is the head of the answer to an HTTP request.
    yield {"statusCode": 200, "headers": {"Content-Type": "text/plain; charset=utf-8"}}
    for left in range(3, 0, -1):
        yield f"{left} …\n"
        time.sleep(0.2)
    yield "Hello!\n"
