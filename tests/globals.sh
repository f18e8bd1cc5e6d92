#!/bin/sh
# globals.sh - fail if the library has global state: a symbol of our objects that can be
# written to, or that every thread has for itself. (Tables with pointers in them, in
# .data.rel.ro, are read-only once they are loaded.) usage: tests/globals.sh LIBRARY.a CC
set -eu
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The symbols that are state; those of sections themselves (flag d) say nothing.
state_in() {
	objdump -t "$1" | grep -E '^[0-9a-f]+ .{7} (\.data|\.bss|\.tdata|\.tbss|\*COM\*)' |
		grep -v -e '^[0-9a-f]* .\{5\}d' -e ' \.data\.rel\.ro' || true
}

# It must be able to fail.
cat >"$scratch/state.c" <<EOT
static int a;
int b = 3;
static _Thread_local int c;
static const char *const table[] = { "x" };
int
f(void)
{
	static int d = 5;
	return a++ + b++ + c++ + d++ + table[0][0];
}
EOT
"$2" -fPIC -c -o "$scratch/state.o" "$scratch/state.c"
seen=$(state_in "$scratch/state.o" | wc -l)
[ "$seen" -eq 4 ] || { echo "globals: sees $seen of 4 variables"; exit 1; }

functions=$(objdump -t "$1" | grep -c ' F \.text')
found=$(state_in "$1")
[ -z "$found" ] || { echo "global state in $1:"; echo "$found"; exit 1; }
echo "globals: none beside $functions functions"
[ "$functions" -gt 500 ]
