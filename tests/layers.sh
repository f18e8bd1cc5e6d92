#!/bin/sh
# layers.sh - fail if a module includes what docs/ARCHITECTURE.md's table does not allow it.
# usage: tests/layers.sh [ROOT]
set -u
cd "${1:-$(dirname "$0")/..}" || exit 2

allowed='core:
proto:core
graph:core
data:core proto
importer:core proto graph data
opt:core graph
estimator:core graph
exporter:core proto graph
simulator:core proto graph
api:core proto graph data importer opt estimator exporter simulator
cli:core'

# "FOLDER: FILE:LINE INCLUDED" for every quoted include of a module's files.
includes_of() {
	find "$1" -name '*.[ch]' -exec grep -Hn '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' {} + |
		sed 's/^\([^:]*:[0-9]*\):[^"]*"\([^"]*\)".*/\1 \2/'
}

# The folder that an include reaches into. The generated schema belongs to proto.
layer_of() {
	case $1 in
	onnx.pb-c.h) echo proto ;;
	snnfit.h) echo public ;;
	*/*) echo "${1%%/*}" ;;
	*) echo "no-folder" ;;
	esac
}

checked=0
broken=0
while IFS=: read -r module others; do
	[ -d "$module" ] || continue
	while read -r at included; do
		[ -n "$at" ] || continue
		checked=$((checked + 1))
		layer=$(layer_of "$included")
		case " public $module $others " in
		*" $layer "*) ;;
		*)
			echo "$at: $module may not include \"$included\""
			broken=$((broken + 1))
			;;
		esac
	done <<-EOT
		$(includes_of "$module")
	EOT
done <<EOT
$allowed
EOT

echo "layers: $checked includes looked at, $broken that the table does not allow"
[ "$broken" -eq 0 ] && [ "$checked" -gt 0 ]
