#!/bin/sh
# Every measure of attribution beside its baselines, as a Markdown table.
# usage: bench/attribution.sh FOLDER   (groups.json, eval_*.json, infra/; docs/attribution.md)
set -eu
exec "${WHODUNIT:-$(dirname "$0")/../build/whodunit}" knowledge evaluate "${1:?a folder of trials}" --table
