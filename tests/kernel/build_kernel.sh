#!/bin/sh
# Builds the kernel of `make test-gpio` and `make test-v4l2` from Debian's kernel source: an ordinary program that is a
# whole Linux with simulated GPIO chips and a simulated camera. Some minutes once; kept under .cache/uml until this folder's kernel.config changes.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=$(cd "$here/../.." && pwd)/.cache/uml
mkdir -p "$cache"
wanted=$(cat "$here/kernel.config" "$here/build_kernel.sh" | sha256sum | cut -c1-16)
if [ -x "$cache/linux" ] && [ "$(cat "$cache/made-from" 2>/dev/null)" = "$wanted" ]; then exit 0; fi

source=$(ls /usr/src/linux-source-*.tar.xz 2>/dev/null | sort -V | tail -n 1)
[ -n "$source" ] || { echo "no kernel source under /usr/src: install linux-source"; exit 1; }
build=$(mktemp -d "$cache/build.XXXXXX")
trap 'rm -rf "$build"' EXIT
echo "unpacking $(basename "$source")"
tar -C "$build" --strip-components=1 -xf "$source"
cd "$build"
make -s ARCH=um tinyconfig >/dev/null
scripts/kconfig/merge_config.sh -m .config "$here/kernel.config" >/dev/null
make -s ARCH=um olddefconfig
missing=$(grep '^CONFIG' "$here/kernel.config" | grep -vxFf .config || true)
[ -z "$missing" ] || { echo "this kernel source does not give:" $missing; exit 1; }
echo "building the kernel (some minutes; its words are in .cache/uml/build.log)"
nice make ARCH=um -j"$(nproc)" linux >"$cache/build.log" 2>&1 || { tail -n 30 "$cache/build.log"; exit 1; }
strip -o "$cache/linux.new" linux
mv "$cache/linux.new" "$cache/linux"
echo "$wanted" >"$cache/made-from"
echo "built: $(du -h "$cache/linux" | cut -f1)"
