"""What goes wrong before the first event, in Lambda's words."""

import sys

from slipway_runtime import errors, loader
from slipway_runtime.client import ConnectionLost


def tell(client, spec, error):
    """Says to the platform, and in the log, why the handler cannot be loaded."""
    error_type, said = describe(spec, error)
    told = type(error)(said) if isinstance(error, loader.NotFound) else RuntimeError(said)
    told.__traceback__ = error.__traceback__
    if isinstance(error, SyntaxError):
        told = error
        told.msg = said
    errors.report(told, error_type=error_type)
    try:
        client.fail_init(errors.document(told, error_type=error_type), error_type)
    except (ConnectionLost, OSError):
        pass  # the log has it; the exit status says the rest
    return 1


def describe(spec, error):
    """Lambda's type for error, and its message."""
    module = spec.rpartition(".")[0]
    if isinstance(error, loader.NotFound):
        return "Runtime.HandlerNotFound", str(error)
    if isinstance(error, ImportError):
        return "Runtime.ImportModuleError", f"Unable to import module '{module}': {errors.message(error)}"
    if isinstance(error, SyntaxError):
        return "Runtime.UserCodeSyntaxError", f"Syntax error in module '{module}': {error.msg}"
    if isinstance(error, SystemExit):
        return "Runtime.ExitError", f"the module '{module}' called exit({error.code!r}) while it was loaded"
    return type(error).__name__, errors.message(error)
