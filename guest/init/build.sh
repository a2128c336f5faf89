#!/bin/sh
# Compiles hearth-init, static and small: with musl-gcc if there is one, else with gcc and the C library it has.
# Usage: build.sh OUTPUT [extra compiler flags]
set -eu

here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 1 ] || { sed -n '2,3s/^# //p' "$0" >&2; exit 2; }
output=$1
shift

if [ -z "${CC-}" ]; then
  for CC in musl-gcc gcc cc; do
    command -v $CC > /dev/null && break
  done
fi

cd "$here"
exec $CC -std=gnu11 -D_GNU_SOURCE -static -Os -s -Wall -Wextra -Werror -ffunction-sections -fdata-sections \
  -Wl,--gc-sections -Wl,--build-id=none "$@" -o "$output" ./*.c
