#!/bin/sh
# links.sh - fail if a relative link in our Markdown files leads nowhere.
# usage: links.sh [FOLDER]: those of an installation
set -eu
cd "${1:-$(dirname "$0")/..}"
pages=$([ $# -gt 0 ] && find . -name '*.md' || git ls-files --cached --others --exclude-standard -- '*.md')
checked=0
broken=0
for page in $pages; do
	for target in $(grep -o '](\([^)#]*\)' "$page" | sed 's/^](//' | grep -v '^[a-z]*:'); do
		checked=$((checked + 1))
		[ -e "$(dirname "$page")/$target" ] && continue
		echo "$page: $target is not there"
		broken=$((broken + 1))
	done
done
echo "links: $checked followed, $broken lead nowhere"
[ "$broken" -eq 0 ] && [ "$checked" -gt 0 ]
