#!/bin/sh
# layers_can_fail.sh - the layering test sees each kind of forbidden include, and no allowed one.
set -eu
layers=$(dirname "$(readlink -f "$0")")/layers.sh
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

# module include verdict(0 allowed, 1 forbidden)
while read -r module included verdict; do
	rm -rf "$root"/*
	mkdir -p "$root/$module"
	printf '#include <stdio.h>\n#include "%s"\n' "$included" >"$root/$module/probe.c"
	got=0
	"$layers" "$root" >"$root/said" || got=$?
	if [ "$got" -ne "$verdict" ]; then
		echo "$module including \"$included\": verdict $got, expected $verdict"
		cat "$root/said"
		exit 1
	fi
done <<'EOT'
core core/arena.h 0
core snnfit.h 0
core proto/model.h 1
proto onnx.pb-c.h 0
graph onnx.pb-c.h 1
graph importer/axes.h 1
importer graph/graph.h 0
importer data/npz.h 0
data core/file.h 0
data proto/model.h 0
data graph/graph.h 1
opt graph/graph.h 0
opt estimator/device.h 1
opt onnx.pb-c.h 1
estimator opt/pass.h 1
exporter importer/importer.h 1
simulator proto/model.h 0
simulator importer/importer.h 1
api estimator/device.h 0
cli snnfit.h 0
cli core/text.h 0
cli arena.h 1
EOT
