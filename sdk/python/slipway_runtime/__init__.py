"""What stands between a Python function and the platform.

    main     decides from the handler's spelling what to run
    loader   imports the user's module and finds the object in it
    events   the loop of the Lambda Runtime API: next event, handler, answer
    client   the Runtime API on the wire
    context  the second argument of a handler
    stream   answers that a handler yields
    errors   exceptions as Lambda's error documents
    initfailure  what goes wrong before the first event
    documents    JSON without the module json
    http1    HTTP/1.1 heads and framing, shared by the two servers
    wsgi     a threaded server for a WSGI application
    asgi     an asyncio server for an ASGI application

Nothing but the standard library is imported, and of that as little as possible
before the first event: imports are most of a cold start.
"""
