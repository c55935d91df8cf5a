"""Greets who the event names, and says what it was asked."""

import base64
import json


def handler(event, context):
    # Invoked by the API, the event is the document itself.
    if "requestContext" not in event:
        return {"message": greeting(event), "request_id": context.aws_request_id}

    # An HTTP request: whatever its body is, the answer says how long it was.
    body = event.get("body") or ""
    body = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
    return {
        "message": greeting(document(body)),
        "path": event["rawPath"],
        "query": event.get("queryStringParameters") or {},
        "bytes": len(body),
        "request_id": context.aws_request_id,
    }


def document(body):
    try:
        return json.loads(body)
    except ValueError:
        return {}


def greeting(doc):
    name = doc.get("name", "world") if isinstance(doc, dict) else "world"
    return f"Hello, {name}!"
