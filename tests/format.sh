#!/bin/sh
# format.sh - fail if a C file is not as .clang-format says; --fix rewrites it. Comments, which
# clang-format leaves alone, stay within the same columns.
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
	# shellcheck disable=SC2086
	awk '/\/\*/ || /\*\/$/ || /^[ \t]*\* / {
		line = $0
		while (tab = index(line, "\t"))
			line = substr(line, 1, tab - 1) sprintf("%*s", 8 - (tab - 1) % 8, "") substr(line, tab + 1)
		if (length(line) > 100) {
			print FILENAME ":" FNR ": over 100 columns"
			bad = 1
		}
	} END { exit bad }' $files
	echo "format: $(echo "$files" | wc -l) files as .clang-format says"
fi
