#!/bin/sh
# Boots the kernel of build_kernel.sh on this machine's own files, read only, and runs a command in it; its words and
# exit status are the command's. Without one: the tests of this folder.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
out=$(mktemp -d "$root/.cache/uml/run.XXXXXX")
trap 'rm -rf "$out"' EXIT
[ $# -gt 0 ] || set -- "$root/.venv/bin/python" -m pytest -q -p no:cacheprovider -p no:rerunfailures tests/gpio
printf '%s\n' "$@" >"$out/command"
TMPDIR="$out" timeout -k 5 "${GPIO_LIMIT_S:-300}" "$root/.cache/uml/linux" mem=384M \
  root=none rootfstype=hostfs rootflags=/ ro quiet panic=-1 con=null con0=fd:0,fd:1 \
  init="$here/inside.sh" OUT="$out" ROOT="$root" </dev/null >"$out/console" 2>&1 || true
cat "$out/words" 2>/dev/null || cat "$out/console"
exit "$(cat "$out/status" 2>/dev/null || echo 1)"
