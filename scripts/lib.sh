# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What all scripts here share: saying things, giving up, installing, locking.
# Source it: . "$(dirname "$0")/lib.sh"

REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
CACHE=${TOYTCP_CACHE:-${HOME:-/root}/.cache/toytcp}
# What is built from this checkout. Each has a directory of its own: two that
# shared one would test each other's code.
TREE=$CACHE/trees/$(printf '%s' "$REPO" | sha256sum | cut -c 1-12)
# the debug kernel and the kselftest library come from this one package
SOURCE_PACKAGE=linux-source-6.12

# Packages by purpose; set-up installs what is missing. Append freely.
PACKAGES_BUILD=(build-essential bc kmod rsync libelf-dev libssl-dev pahole)
PACKAGES_KERNEL=("$SOURCE_PACKAGE" build-essential flex bison bc libelf-dev
	libssl-dev xz-utils kmod)
PACKAGES_QEMU=(qemu-system-x86 busybox-static cpio kmod)
PACKAGES_STATIC=(sparse)
PACKAGES_TOOLS=(build-essential rsync python3 iproute2 nftables ethtool
	tcpdump curl socat iputils-ping procps clang libclang-rt-14-dev)

say() {
	printf '%s\n' "$*" >&2
}

# die CAUSE [REMEDY]
die() {
	say "${0##*/}: $1"
	[ $# -lt 2 ] || say "${0##*/}: remedy: $2"
	exit 1
}

# skip REASON: what cannot be had here; status 4, as kselftest has it.
skip() {
	say "${0##*/}: skipped: $*"
	exit 4
}

# Bad arguments: the usage line, exit status 2.
usage() {
	[ $# -lt 2 ] || say "${0##*/}: $2"
	say "usage: $1"
	exit 2
}

# offer_help USAGE ARGUMENT
offer_help() {
	case $2 in -h | --help)
		printf 'usage: %s\n' "$1"
		exit 0
		;;
	esac
}

# as_root COMMAND...: for apt only; nothing else here leaves the cache.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		return 1
	fi
}

# The packages among the arguments that are not installed.
missing_packages() {
	local have
	have=$(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' "$@" \
		2>/dev/null | sed -n 's/^ii *//p') || true
	printf '%s\n' "$@" | grep -vxF "${have:-none}" || true
}

apt_update_once() {
	[ -z "${APT_UPDATED:-}" ] || return 0
	as_root apt-get -o DPkg::Lock::Timeout=600 -qq update >&2 ||
		say "warning: apt-get update failed; going on with the old lists"
	APT_UPDATED=1
}

# need_packages WHY PACKAGE...
need_packages() {
	local why=$1 missing
	shift
	command -v dpkg-query >/dev/null ||
		die "not a Debian system: cannot install packages for $why" \
			"install the equivalents of: $*"
	mapfile -t missing < <(missing_packages "$@")
	[ "${#missing[@]}" -gt 0 ] || return 0
	say "installing ${missing[*]} ($why)"
	apt_update_once
	mkdir -p "$CACHE/log"
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y \
		-o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 \
		--no-install-recommends "${missing[@]}" \
		</dev/null >"$CACHE/log/apt.log" ||
		die "could not install: ${missing[*]}" \
			"as root: apt-get update && apt-get install ${missing[*]}"
}

# hold_lock NAME [DIR]: one at a time, held until the shell (or its children)
# end; of all checkouts, or of those that work in DIR.
hold_lock() {
	local lock=${2:-$CACHE}/lock/$1
	mkdir -p "${lock%/*}"
	exec {LOCK_FD}>"$lock"
	flock -n "$LOCK_FD" && return
	say "waiting for another run that holds $lock"
	flock "$LOCK_FD"
}

drop_lock() {
	exec {LOCK_FD}>&-
}

# own_tree: to be called before anything is built in $TREE. What belonged to
# checkouts that no longer exist is removed, or it would pile up.
own_tree() {
	local path
	mkdir -p "$TREE"
	printf '%s\n' "$REPO" >"$TREE/path.$$"
	mv "$TREE/path.$$" "$TREE/path"
	for path in "$CACHE"/trees/*/path; do
		[ ! -d "$(<"$path")" ] || continue
		say "removing ${path%/path}: its checkout, $(<"$path"), is gone"
		rm -rf "${path%/path}"
	done
}

# The files of the tree as git sees them, new ones included (those in a merge
# conflict more than once); without git, all but what builds leave.
list_tree() {
	local file
	{
		git -c safe.directory='*' -C "$REPO" ls-files -co \
			--exclude-standard 2>/dev/null ||
			(cd "$REPO" && find . -type f -not -name '*.o' \
				-not -name '*.ko' -not -name '*.mod*' \
				-not -name '.*.cmd' -not -name '*.so')
	} | while IFS= read -r file; do
		[ ! -e "$REPO/$file" ] || printf '%s\n' "$file"
	done | LC_ALL=C sort -u
}

# synchronise DIR: a copy of the tree to build in; what builds left there stays.
# What differs gets the time of copying: with the original's, a file saved while
# the last build ran would look built.
synchronise() {
	local list=$1/.synchronised
	mkdir -p "$1"
	list_tree >"$list.new"
	rsync -lp --checksum --files-from="$list.new" "$REPO/" "$1/"
	[ ! -e "$list" ] || LC_ALL=C comm -23 "$list" "$list.new" |
		(cd "$1" && xargs -r -d '\n' rm -f)
	mv "$list.new" "$list"
}

# Seconds of wall time as "12.3".
now_ms() {
	local t=${EPOCHREALTIME/[.,]/}
	printf '%s\n' $((t / 1000))
}

seconds_since() {
	local ms=$(($(now_ms) - $1))
	printf '%d.%d\n' $((ms / 1000)) $((ms % 1000 / 100))
}
