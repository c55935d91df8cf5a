"""Imports the user's module and finds the object in it."""

import os
import sys
from importlib import import_module


class NotFound(Exception):
    """The handler names something that is not there. The message says what was looked for."""


def load(spec):
    """Returns the object that spec, module.name or module:name, stands for."""
    module_name, name = split(spec)
    module = load_module(spec, module_name)
    target = module
    for part in name.split("."):
        target = getattr(target, part, None)
        if target is None:
            raise NotFound(f"handler {spec}: {_file(module)} has no {name!r}{_suggestion(module)}")
    if not callable(target):
        raise NotFound(f"handler {spec}: {name!r} in {_file(module)} cannot be called, it is of type {type(target).__name__}")
    return target


def split(spec):
    module, colon, name = spec.partition(":")
    if not colon:
        module, _, name = spec.rpartition(".")
    # Lambda lets a handler in a folder be spelled folder/module.function.
    module = module.replace("/", ".").strip(".")
    if not module or not name:
        raise NotFound(f"handler {spec!r}: it must be module.function, as in handler.handler for the function handler in handler.py")
    return module, name


def load_module(spec, name):
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        # Only the handler's own module: one that it imports is the user's own error.
        if error.name and (name == error.name or name.startswith(error.name + ".")):
            raise NotFound(f"handler {spec}: there is no module {name!r}; looked for {name.replace('.', '/')}.py in {sys.path[0]}{_files()}") from None
        raise


def _file(module):
    return os.path.basename(getattr(module, "__file__", None) or module.__name__)


def _files():
    try:
        found = sorted(f for f in os.listdir(sys.path[0]) if f.endswith(".py"))
    except OSError:
        return ""
    return ", which has " + ", ".join(found) if found else ", which has no *.py at all"


def _suggestion(module):
    functions = sorted(
        name for name, value in vars(module).items()
        if callable(value) and not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    )
    return "; it has " + ", ".join(functions) if functions else ""
