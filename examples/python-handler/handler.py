"""Greets who the event names."""

import json


def handler(event, context):
    # Invoked by the API the event is the document itself; by an HTTP request the
    # document is the request's body.
    document = json.loads(event["body"]) if event.get("body") else event
    return {"message": f"Hello, {document.get('name', 'world')}!", "request_id": context.aws_request_id}
