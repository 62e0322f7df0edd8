#!/bin/sh
# boot.sh COMMAND…: boots the kernel of build_kernel.sh on this machine's own files, read only, and runs the command in
# it; its words and exit status are the command's. A relative path without an option is a test or folder of tests.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
out=$(mktemp -d "$root/.cache/uml/run.XXXXXX")
trap 'rm -rf "$out"' EXIT
case "$1" in tests/*) set -- "$root/.venv/bin/python" -m pytest -q -rs -p no:cacheprovider -p no:rerunfailures "$@" ;; esac
# random.trust_cpu: the random numbers of the host, believed; on an idle machine there is nothing to gather them from.
printf '%s\n' "$@" >"$out/command"
TMPDIR="$out" timeout -k 5 "${LIMIT_S:-300}" "$root/.cache/uml/linux" mem=1G \
  root=none rootfstype=hostfs rootflags=/ ro quiet random.trust_cpu=on panic=-1 con=null con0=fd:0,fd:1 \
  init="$here/inside.sh" OUT="$out" ROOT="$root" </dev/null >"$out/console" 2>&1 || true
cat "$out/words" 2>/dev/null || cat "$out/console"
exit "$(cat "$out/status" 2>/dev/null || echo 1)"
