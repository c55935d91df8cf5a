"""Decides from the handler's spelling what to run.

    module.function   a handler: function(event, context), by the Lambda Runtime API
    module:object     a WSGI or ASGI application, served on $PORT
    file.py           a program of its own, run as __main__

module.app and module.application are applications too.
"""

import os
import sys

from slipway_runtime import loader


def run(spec):
    """Runs until the platform ends the process; returns its exit status."""
    # One write per line: a line in the log is whole, and there at once.
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)
    os.chdir(sys.path[0])
    if spec.endswith(".py"):
        return run_program(spec)
    if is_application(spec):
        return run_application(spec)
    from slipway_runtime import events

    return events.run(spec)


def is_application(spec):
    return ":" in spec or spec.rpartition(".")[2] in ("app", "application")


def run_program(path):
    sys.argv = [path]
    try:
        with open(path, "rb") as source:
            code = compile(source.read(), os.path.abspath(path), "exec")
    except FileNotFoundError:
        print(f"handler {path}: there is no such file in {os.getcwd()}", file=sys.stderr)
        return 1
    # The program is __main__ as if it had been started by itself.
    module = type(sys)("__main__")
    module.__file__ = path
    sys.modules["__main__"] = module
    exec(code, module.__dict__)
    return 0


def run_application(spec):
    try:
        app = loader.load(spec)
    except loader.NotFound as error:
        print(error, file=sys.stderr)
        return 1
    port = int(os.environ.get("PORT") or 8080)
    if is_asgi(app):
        from slipway_runtime import asgi

        return asgi.serve(app, port)
    from slipway_runtime import wsgi

    return wsgi.serve(app, port)


CO_COROUTINE = 0x80  # inspect.CO_COROUTINE; inspect itself takes 10 ms to import


def is_asgi(app):
    """An ASGI application is a coroutine function, or an object whose __call__ is one."""
    code = getattr(app, "__code__", None) or getattr(getattr(app, "__func__", None), "__code__", None)
    if code is None:
        code = getattr(getattr(type(app), "__call__", None), "__code__", None)
    return bool(code and code.co_flags & CO_COROUTINE)
