#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# scenes.sh SIM: networks and users that once cost 2 to 500 times what they should.
# Each scene stands for a rule of the core: without the rule, its bound (bound.c) does
# not hold. The bounds are of the run's duration, segments sent again, MSS, SRTT and
# losses undone.
set -uo pipefail

sim=$1
failed=0
answers="--rounds 100 --bytes 10000 --reply 9991200 --window 1000000"
long="--reply 0 --buffer 6291456 --rate 125000000"
queue="--reply 0 --rate 12500000 --queue 1250000 --buffer 16000000"

# scene NAME KIND OPTION...: KIND is what must be within its bound, or "all" five
scene() {
	local name=$1 kind=$2 bounds wanted=5 slow
	shift 2
	[ "$kind" = all ] && bounds='^slow:' || bounds="^slow: $kind:" wanted=1
	# shellcheck disable=SC2048,SC2086
	slow=$("$sim" --slow $*) &&
		[ "$(grep "$bounds" <<<"$slow" | grep -c ' 0 of 1 runs')" = $wanted ] &&
		return
	echo "# $name: sim --slow $*"
	grep "$bounds" <<<"$slow" | grep -v ' 0 of 1 runs' | sed 's/^/# /'
	failed=1
}

scene newreno_partial_acks seconds --sack 0 --bytes 10000000 --rtt 100 "$queue"
scene eifel_without_sack all --sack 0 --bytes 20000000 --rtt 50 --reorder 5,0 "$long"
scene eifel_without_sack_early all --sack 0 --bytes 20000000 --rtt 50 --early 1,0 "$long"
scene dsack_of_network all --bytes 10000000 --loss 1,0 --dup 1,0 --rtt 50 "$long"
scene tail_loss_flight all "$answers" --rtt 20 \
	--lose s208,s415,s622,s829,s1036,s1243,s1450,s1657
scene probe_without_dsack all "$answers" --rtt 20 --at 1000:delay=60 \
	--at 1300:delay=10 --dsack 0 --timestamps 0
scene overshoot all --bytes 50000000 --rtt 100 "$queue"
scene outages all --bytes 200000000 --rtt 20 "$queue" --at 1000:down=1 \
	--at 4000:down=0 --at 8000:down=1 --at 11000:down=0 --at 15000:down=1 \
	--at 18000:down=0
scene frto_first_ack all --rounds 10 --bytes 1000 --reply 144800 --rtt 20 \
	--window 1000000 --lose s43,c32,c33,c34,c35,c36,c37,c38,c39,c40,c41
scene timeouts_for_nothing all --bytes 5000000 --reply 5000000 --rtt 1 --rate 5000000 \
	--buffer 3000000 --at 200:delay=300 --at 500:delay=0.5 --at 600:delay=400 \
	--at 1000:delay=0.5 --at 1100:delay=900 --at 2000:delay=0.5
scene syn_in_time_wait all --runs 1 --seed 15621
scene nagle_and_delayed_ack all --bytes 200000 --reply 200000 --rounds 100 --rtt 2 \
	--window 1000000
# 20 % loss is a matter of luck: 0.1 to 1.6 times the bound; without the rule, 10 times.
scene lost_acks_are_no_samples all --beyond 300 --bytes 3000000 --reply 0 --loss 20 \
	--rtt 50
exit $failed
