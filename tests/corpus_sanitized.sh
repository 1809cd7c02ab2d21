#!/usr/bin/env bash
# The whole corpus under AddressSanitizer and UndefinedBehaviorSanitizer: tests/corpus_sanitized.sh [CORPUS]
# Fails where a run crashes, hangs, or a sanitizer reports.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
corpus=${1:-../shared/corpus/captures}
[ -d "$corpus" ] || { echo "skipped: no corpus at $corpus"; exit 0; }
export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=0 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
one() {
  timeout 300 ./build-dev/whodunit investigate "$1" --json --quiet --progress never >/dev/null 2>"$2"
  code=$?
  if grep -qE 'Sanitizer|runtime error' "$2" || { [ $code -ne 0 ] && [ $code -ne 3 ] && [ $code -ne 4 ]; }; then
    echo "FAILED ($code) $(basename "$1")"; grep -E 'Sanitizer|runtime error|#[0-4] ' "$2" | head -8
  fi
  rm -f "$2"
}
export -f one
total=$(find "$corpus" -type f | wc -l)
report=$(find "$corpus" -type f | sort | xargs -P "$(nproc)" -I{} bash -c 'one "{}" "$(mktemp)"')
[ -n "$report" ] && echo "$report"
failed=$(printf '%s' "$report" | grep -c '^FAILED' || true)
echo "$((total - failed)) passed, $failed failed"
[ "$failed" -eq 0 ]
