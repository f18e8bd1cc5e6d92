#!/bin/sh
# tutorial.sh - the tutorial finds exactly what was planted, and its model is read back.
# usage: tests/api/tutorial.sh TUTORIAL SNNFIT
set -eu
tutorial=$1
snnfit=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

"$tutorial" "$folder/tutorial.onnx" >"$folder/said"

# Each line, in this order.
line=0
while read -r expected; do
	found=$(awk -v from="$line" -v text="$expected" \
		'NR > from && index($0, text) { print NR; exit }' "$folder/said")
	if [ -z "$found" ]; then
		echo "tutorial: after line $line nobody says '$expected':"
		cat "$folder/said"
		exit 1
	fi
	line=$found
done <<'EOT'
redundancy_elimination
dead neurons removed    0
redundant pairs merged  8
the default passes
dead neurons removed    30
redundant pairs merged  8
parameters before       217728
parameters after        190400
fit to ecp5-25k
fits          YES
parameters    217,728 -> 190,400
steps taken:
quantize to 14 bits
hidden1 has 226 of 256 neurons; neuron 3 was neuron 4
error: unknown pass 'magic'
error: target abacus
EOT

"$snnfit" inspect "$folder/tutorial.onnx" >"$folder/inspected"
for units in 226 56 10; do
	grep -q "spiking *$units " "$folder/inspected"
done
"$snnfit" report "$folder/tutorial.onnx" | grep -q '^fits  *YES$'
echo "tutorial: 30 dead, 8 pairs, 217,728 -> 190,400, and read back"
