#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Each fuzzer for a bounded number of inputs, from a fixed seed: the same run
# every time. FUZZ_SECONDS= fuzzes for that long instead, FUZZ_SEED= from
# another seed. A crash leaves its input beside the fuzzers.
set -uo pipefail

# make OUTPUT=... builds elsewhere.
here=$(cd "${OUTPUT:-$(dirname "${BASH_SOURCE[0]}")}" && pwd)
seed=${FUZZ_SEED:-1}

# The number of inputs that take about 15 s with nothing else running.
declare -A RUNS=([fuzz_segment]=1500000 [fuzz_reassembly]=250000
	[fuzz_connection]=120000 [fuzz_listener]=200000)

bound() {
	if [ -n "${FUZZ_SECONDS:-}" ]; then
		echo "-max_total_time=$FUZZ_SECONDS"
	else
		echo "-runs=${RUNS[$1]}"
	fi
}

# fuzz NAME: its last lines as TAP comments
fuzz() {
	local name=$1 log status
	log=$(mktemp)
	"$here/$name" -seed="$seed" "$(bound "$name")" -max_len=1024 \
		-timeout=20 -print_final_stats=1 \
		-artifact_prefix="$here/$name-" >"$log" 2>&1
	status=$?
	if [ $status = 0 ]; then
		sed -n 's/^stat::number_of_executed_units: */# inputs: /p' "$log"
	else
		tail -n 60 "$log" | sed 's/^/# /'
	fi
	rm -f "$log"
	return $status
}

echo "TAP version 13"
echo "1..${#RUNS[@]}"
number=0 failed=0
for name in fuzz_segment fuzz_reassembly fuzz_connection fuzz_listener; do
	number=$((number + 1))
	if fuzz "$name"; then
		echo "ok $number $name"
	else
		echo "not ok $number $name"
		failed=1
	fi
done
exit $failed
