#!/bin/sh
# Counts the words of a folder of text with an array of jobs, and looks after what goes
# wrong: run.sh [FOLDER [CHILDREN]]. A server must run; see README.md.
set -eu
here=$(dirname "$0")
texts=${1:-$(go env GOROOT)/src}
children=${2:-200}

slipway definitions put pipeline "$here"
count=$(slipway jobs submit pipeline --name count --array "$children" --input "$texts" -- count)
# 16 MiB are too little to add up: the rule in job.yaml gives the second attempt 256.
total=$(slipway jobs submit pipeline --name total --memory 16 --depends-on "$count" --input-from "$count" -- total)
report=$(slipway jobs submit pipeline --name report --depends-on "$total" --input-from "$total" -- report)
# Nobody has so many words: it fails, and that is what alarm waits for.
check=$(slipway jobs submit pipeline --name check --depends-on "$total" --input-from "$total" -- check 1000000000)
alarm=$(slipway jobs submit pipeline --name alarm --depends-on "$check=failure" -- alarm)

slipway jobs wait "$count" "$total" "$report" "$alarm"
slipway jobs graph "$count"
slipway jobs show "$total"
slipway jobs logs "$report"
