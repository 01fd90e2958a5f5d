#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The simulator as a test: the worked example, then as many connections as
# SIM_RUNS says over networks that lose, repeat, reorder and damage packets.
set -uo pipefail

# make OUTPUT=... builds elsewhere.
here=$(cd "${OUTPUT:-$(dirname "${BASH_SOURCE[0]}")}" && pwd)
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

bad_arguments() {
	local argument
	for argument in --no-such-option "--loss x" "--loss 101" "--loss 1," \
			"--runs 0" "--mtu" "stray" "--bytes 1,2" "--at 5" \
			"--at 5:bytes=1" "--at 5:mtu=1" "--at 5:mtu=99 --at 4:mtu=99" \
			"--congestion vegas" "--congestion ,reno" "--mischief fun" "--mischief rst,"; do
		# shellcheck disable=SC2086
		"$here/sim" $argument >/dev/null 2>&1
		[ $? = 2 ] || { echo "# accepted: $argument"; return 1; }
	done
}

echo "TAP version 13"
echo "1..3"
report 1 "worked_example" worked_example
report 2 "runs_$runs" many_runs
report 3 "bad_arguments" bad_arguments
exit $failed
