# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Shared by all scripts here: messages, errors, installing packages, locks.
# Source it: . "$(dirname "$0")/lib.sh"

REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
CACHE=${TOYTCP_CACHE:-${HOME:-/root}/.cache/toytcp}
# The directory for builds of this checkout. Checkouts must not share one, or
# they would test each other's code.
TREE=$CACHE/trees/$(printf '%s' "$REPO" | sha256sum | cut -c 1-12)
# The source of the debug kernel and of the kselftest library.
SOURCE_PACKAGE=linux-source-6.12

# Packages by purpose; scripts/setup installs those that are missing.
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

# skip REASON: something is not available here; status 4 is kselftest's for
# "skip".
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

# as_root COMMAND...: only for apt; all else stays inside the cache.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		return 1
	fi
}

# Prints those of the packages that are not installed.
missing_packages() {
	local have
	have=$(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' "$@" \
		2>/dev/null | sed -n 's/^ii *//p') || true
	printf '%s\n' "$@" | grep -vxF "${have:-none}" || true
}

apt_update_once() {
	[ -z "${APT_UPDATED:-}" ] || return 0
	as_root apt-get -o DPkg::Lock::Timeout=600 -qq update >&2 ||
		say "warning: apt-get update failed; using the old package lists"
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

# hold_lock NAME [DIR]: take a lock shared by all checkouts, or by those that
# work in DIR. It is held until drop_lock, or until the shell and its children
# end.
hold_lock() {
	local lock=${2:-$CACHE}/lock/$1
	mkdir -p "${lock%/*}"
	exec {LOCK_FD}>"$lock"
	flock -n "$LOCK_FD" && return
	say "waiting for another run, which holds $lock"
	flock "$LOCK_FD"
}

drop_lock() {
	exec {LOCK_FD}>&-
}

# own_tree: call this before building anything in $TREE. It also removes the
# directories of checkouts that no longer exist.
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

# Lists the files of the tree known to git, and new ones (git lists a file with
# a merge conflict several times); without git, all files except build results.
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

# synchronise DIR: update the copy of the tree in DIR, keeping build results.
# Changed files get the time of copying: with the original's time, make would
# miss a file that was saved during the last build.
synchronise() {
	local list=$1/.synchronised
	mkdir -p "$1"
	list_tree >"$list.new"
	rsync -lp --checksum --files-from="$list.new" "$REPO/" "$1/"
	[ ! -e "$list" ] || LC_ALL=C comm -23 "$list" "$list.new" |
		(cd "$1" && xargs -r -d '\n' rm -f)
	mv "$list.new" "$list"
}

# Wall time in milliseconds.
now_ms() {
	local t=${EPOCHREALTIME/[.,]/}
	printf '%s\n' $((t / 1000))
}

# The seconds since then, as "12.3".
seconds_since() {
	local ms=$(($(now_ms) - $1))
	printf '%d.%d\n' $((ms / 1000)) $((ms % 1000 / 100))
}
