"""Entry point of a Python instance: python3 /var/runtime/bootstrap.py [HANDLER].

_HANDLER, when it is set, wins over the argument, so that a function's
configuration can name another handler without a new image. Everything else is
in the package beside this file, which is compiled ahead of time; a script that
is run directly never is, so this one stays this short.
"""

import os
import sys

sys.path[0] = os.environ.get("LAMBDA_TASK_ROOT", "/var/task")
sys.path.append(os.path.dirname(os.path.abspath(__file__)))

from slipway_runtime import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main.run(os.environ.get("_HANDLER") or (sys.argv[1] if len(sys.argv) > 1 else "")))
