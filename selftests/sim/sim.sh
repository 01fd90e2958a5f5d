#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The simulator as a test: the worked example, then as many connections as
# SIM_RUNS says over networks that lose, repeat, reorder and damage packets.
set -uo pipefail

# make OUTPUT=... builds elsewhere.
source=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
here=$(cd "${OUTPUT:-$source}" && pwd)
runs=${SIM_RUNS:-50000}
failed=0

# report NUMBER NAME COMMAND...: one line of TAP
report() {
	local number=$1 name=$2
	shift 2
	if "$@"; then
		echo "ok $number $name"
	else
		echo "not ok $number $name"
		failed=1
	fi
}

worked_example() {
	"$here/sim" --example | sed 's/^/# /'
}

many_runs() {
	"$here/sim" --runs "$runs" --seed "${SIM_SEED:-1}" | sed 's/^/# /'
}

# A seed is the same run for every compiler: C leaves the order of evaluation open
# in places, and a simulator must not. Without sanitizers, since it is quicker.
other_compiler() {
	local digests program
	# a make that we may have been called by would hand its OUTPUT on
	env -u MAKEFLAGS -u MAKEOVERRIDES -u MAKELEVEL make -s -C "$source" \
		CC=clang OPTIMIZE=-O1 SANITIZE= OUT="$here/clang" \
		</dev/null 2>&1 | sed 's/^/# /' || return
	digests=$(for program in "$here/sim" "$here/clang/sim"; do
		"$program" --runs 2000 | grep digest
	done)
	echo "$digests"
	[ "$(wc -l <<<"$digests")" = 2 ] && [ "$(uniq <<<"$digests" | wc -l)" = 1 ]
}

# What becomes of a packet depends on its number and the seed: where another one
# is lost, all others fare as before.
fates() {
	local calm lost
	calm=$(fates_of) && lost=$(fates_of --lose c5) || return
	grep -q '^client 5 arrives' <<<"$calm" &&
		grep -q '^client 5 lost' <<<"$lost" &&
		[ "$(grep -c lost <<<"$calm")" -gt 20 ] || return
	# one list is longer: the numbers that both have
	LC_ALL=C join -j 1 <(rows <<<"$calm") <(rows <<<"$lost") |
		awk '$1 != "client_5" && $2 != $3 { print "# " $0; bad = 1 }
		     END { exit bad || NR < 200 }'
}

# A calm run is within its bounds; the option finds those that are not, here by a
# bound that none can meet; and it says how many.
slow_runs() {
	local calm lossy many
	calm=$("$here/sim" --slow)
	lossy=$("$here/sim" --slow --bytes 3000000 --rtt 50 --loss 1)
	many=$("$here/sim" --slow --beyond 1 --runs 30)
	printf '# %s\n' "${many%%$'\n'*}"
	[ "$(grep -c ' 0 of 1 runs beyond 100% of the bound' <<<"$calm")" = 5 ] &&
		grep -q 'seconds: 0 of 1 runs' <<<"$lossy" &&
		grep -qE 'seconds: (1[5-9]|2[0-9]|30) of 30 runs beyond 1%' <<<"$many" &&
		grep -qE '^  seed [0-9]+: (client|server) [0-9]+: [0-9.]+: [0-9.]+ where' \
			<<<"$many"
}

fates_of() {
	"$here/sim" --fates --bytes 200000 --loss 10 --reorder 10 --dup 0 \
		--corrupt 2 --rate 200000 "$@"
}

# client 5 late by 10 us -> client_5 late_by_10_us, sorted for join
rows() {
	sed 's/ /_/; s/ /\t/; :a; s/\(\t.*\) /\1_/; ta' | LC_ALL=C sort -s -k 1,1
}

# What once cost 2 to 500 times what it should.
scenes() {
	"$source/scenes.sh" "$here/sim"
}

# Two connections through one bottleneck get 40 to 60 % each.
fairness() {
	"$here/sim" --fairness --runs 2 | sed 's/^/# /'
}

bad_arguments() {
	local argument
	for argument in --no-such-option "--loss x" "--loss 101" "--loss 1," \
			"--runs 0" "--mtu" "stray" "--bytes 1,2" "--at 5" \
			"--at 5:bytes=1" "--at 5:mtu=1" "--at 5:mtu=99 --at 4:mtu=99" \
			"--congestion vegas" "--congestion ,reno" "--mischief fun" \
			"--mischief rst," "--slow 5" "--slow --beyond 0" "--beyond" \
			"--rounds 0" "--sack 2" "--fates 1" "--at 5:rounds=2"; do
		# shellcheck disable=SC2086
		"$here/sim" $argument >/dev/null 2>&1
		[ $? = 2 ] || { echo "# accepted: $argument"; return 1; }
	done
}

echo "TAP version 13"
echo "1..8"
report 1 "worked_example" worked_example
report 2 "runs_$runs" many_runs
report 3 "bad_arguments" bad_arguments
report 4 "fates" fates
report 5 "slow_runs" slow_runs
report 6 "scenes" scenes
report 7 "fairness" fairness
if command -v clang >/dev/null; then
	report 8 "other_compiler" other_compiler
else
	echo "ok 8 other_compiler # SKIP no clang: apt install clang"
fi
exit $failed
