#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# usage: probe.sh PROBES.C HEADER COMPILER FLAG...
#
# Compiles PROBES.C once for each PROBE_name in it and writes HEADER: one
# "#define TOYTCP_HAVE_name" for each that compiles against this kernel.

probes=$1 header=$2
shift 2
work=$header.probing
rm -rf "$work"
mkdir -p "$work"
trap 'rm -rf "$work"' EXIT

names=$(sed -n 's/^#ifdef PROBE_\([A-Z0-9_]*\).*/\1/p' "$probes")

# A wrong type must fail; a mere warning (unused, no prototype, ...) must not.
compiles() {
	"$@" -Wno-error -Werror=incompatible-pointer-types \
		-Werror=implicit-function-declaration -Werror=int-conversion \
		-fsyntax-only "$probes" >"$work/$name.log" 2>&1
}

for name in $names; do
	compiles "$@" "-DPROBE_$name" && : >"$work/$name.yes" &
done
wait

# Otherwise the results mean nothing.
if [ ! -e "$work/ALWAYS.yes" ] || [ -e "$work/NEVER.yes" ]; then
	echo "toytcp: probing this kernel's headers failed:" >&2
	head -n 20 "$work/ALWAYS.log" >&2
	exit 1
fi

{
	echo "/* What this kernel has; made by module/compat/probe.sh. */"
	for name in $names; do
		[ "$name" = ALWAYS ] || [ ! -e "$work/$name.yes" ] ||
			echo "#define TOYTCP_HAVE_$name 1"
	done
} >"$work/header"
mv "$work/header" "$header"
