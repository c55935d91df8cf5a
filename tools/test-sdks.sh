#!/usr/bin/env bash
# The tests of the bootstraps, in the languages they are written in.
set -euo pipefail
cd "$(dirname "$0")/.."
(cd sdk/python && python3 -m unittest discover -s tests -q)
(cd sdk/node && node --test)
