#!/bin/sh
# format.sh - fail if a C file is not as .clang-format says; --fix rewrites it.
set -eu
cd "$(dirname "$0")/.."
tool=$(command -v clang-format-14 || command -v clang-format) || {
	echo "format: clang-format is not installed (Debian: apt-get install clang-format)"
	exit 1
}
files=$(git ls-files --cached --others --exclude-standard -- '*.c' '*.h')
[ -n "$files" ]
if [ "${1:-}" = --fix ]; then
	# shellcheck disable=SC2086 # the names have no spaces
	"$tool" -i $files
else
	# shellcheck disable=SC2086
	"$tool" --dry-run --Werror $files
	echo "format: $(echo "$files" | wc -l) files as .clang-format says"
fi
