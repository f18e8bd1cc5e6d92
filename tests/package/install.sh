#!/bin/sh
# install.sh - an installation can be built against, by CMake and by pkg-config, from C and from
# C++, shared and static; it exports nothing but snnfit_*; and links of its pages lead somewhere.
# usage: install.sh BUILD_DIR CMAKE C_FLAGS
set -eu
build=$1 cmake=$2 flags=${3:-}
here=$(dirname "$(readlink -f "$0")")
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
prefix=$root/prefix

fail() {
	echo "install: $*"
	exit 1
}

"$cmake" --install "$build" --prefix "$prefix" >/dev/null
library=$(find "$prefix" -name 'libsnnfit.so')
[ -n "$library" ] || fail "no libsnnfit.so was installed"
libdir=$(dirname "$library")
[ -f "$libdir/libsnnfit.a" ] || fail "no libsnnfit.a was installed"
[ -f "$prefix/include/snnfit.h" ] || fail "no snnfit.h was installed"

pages=$(dirname "$(find "$prefix" -name README.md)")
[ -f "$pages/docs/cli.md" ] || fail "no docs/cli.md was installed beside README.md"
"$here/../links.sh" "$pages" || fail "pages are installed without what they link to"

readelf -d "$library" | grep -q 'SONAME.*\[libsnnfit\.so\.0\]' || fail "SONAME is not libsnnfit.so.0"
exported=$(nm -D --defined-only "$library" | awk '{ print $3 }')
[ -n "$exported" ] || fail "libsnnfit.so exports nothing"
foreign=$(echo "$exported" | grep -v '^snnfit_' || true)
[ -z "$foreign" ] || fail "libsnnfit.so exports more than snnfit_*: $foreign"

# The header declares what the library exports, no more and no less.
echo "$exported" | sort >"$root/exported"
sed 's/SNNFIT_API\(_VOID\)\?/@/' "$prefix/include/snnfit.h" | tr '\n' ' ' | grep -o '@[^;()]*(' |
	grep -o 'snnfit_[a-z0-9_]*($' | tr -d '(' | sort >"$root/declared"
diff "$root/declared" "$root/exported" || fail "snnfit.h (<) and libsnnfit.so (>) do not agree"

# With CMake.
CFLAGS=$flags CXXFLAGS=$flags "$cmake" -S "$here/consumer" -B "$root/cmake" \
	-DCMAKE_PREFIX_PATH="$prefix" >"$root/log" 2>&1 || { cat "$root/log"; fail "find_package"; }
"$cmake" --build "$root/cmake" >"$root/log" 2>&1 || { cat "$root/log"; fail "build with CMake"; }
for program in consumer_c consumer_cxx consumer_static; do
	"$root/cmake/$program" || fail "$program does not run"
done

# With pkg-config.
export PKG_CONFIG_PATH="$libdir/pkgconfig"
# shellcheck disable=SC2046,SC2086 # flags are words
{
	cc $flags "$here/consumer/consumer.c" -o "$root/c" $(pkg-config --cflags --libs snnfit)
	c++ $flags "$here/consumer/consumer.cc" -o "$root/cxx" $(pkg-config --cflags --libs snnfit)
	cc $flags "$here/consumer/consumer.c" -o "$root/static" $(pkg-config --cflags snnfit) \
		"$libdir/libsnnfit.a" $(pkg-config --libs --static snnfit | sed 's/-lsnnfit//')
}
for program in c cxx; do
	LD_LIBRARY_PATH=$libdir "$root/$program" || fail "pkg-config $program does not run"
done
"$root/static" || fail "pkg-config static does not run"
echo "install: $(wc -l <"$root/exported") symbols, all of them snnfit_*; consumers in C and C++ run"
