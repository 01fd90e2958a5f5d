// SPDX-License-Identifier: GPL-2.0
/*
 * The one place where core and socket meet.
 *
 * After each call of the core, toytcp_settle() carries out what it has decided:
 * it records the event, hands text over, mirrors the state into the socket,
 * transmits, arms the timer or ends the connection, and wakes sleepers.
 *
 * Four things happen elsewhere: sendmsg() transmits full skbs while it takes
 * more text (stream.c); close() arms the timer of an orphan, and states to
 * which no event leads are set where they begin (socket.c, listener.c,
 * child.c); an ICMP error may wake its user (icmp.c). Context: the socket lock,
 * by lock_sock() or bh_lock_sock().
 */
#include "compat/compat.h"
#include "toytcp.h"

#define STATES_ENDED	(TCPF_CLOSE | TCPF_TIME_WAIT)

/* What the core has noted: NOTE_* bits. */
static void count_notes(struct sock *sk, unsigned long notes)
{
	static const u8 counters[NOTES_COUNTED] = {	/* in the bits' order */
		MIB_fast_recoveries, MIB_spurious_losses, MIB_reordered,
		MIB_tail_probes, MIB_dsacks_received, MIB_dsacks_sent,
		MIB_duplicate_acks, MIB_black_holes,
	};
	int i;

	for_each_set_bit(i, &notes, NOTES_COUNTED)
		this_cpu_inc(toytcp_sock_net(sk)->mib->counter[counters[i]]);
	toytcp_sk(sk)->dsacks += !!(notes & NOTE_DSACK_IN);
}

/*
 * Received text can still be read. An orphan's last reference may be the
 * table's, which is dropped here; RCU keeps the memory for the caller.
 */
static void finish(struct sock *sk, int error)
{
	struct toytcp_net *tn = toytcp_sock_net(sk);

	sock_hold(sk);
	if (toytcp_sk(sk)->tcb.state == TCP_TIME_WAIT)
		toytcp_timewait_enter(sk);
	if ((1 << sk->sk_state) & STATES_SYN)
		toytcp_count(tn, attempt_fails);
	else if (error && (1 << sk->sk_state) &
			  (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT))
		toytcp_count(tn, established_resets);
	/* A soft ICMP error explains the silence: RFC 1122 4.2.3.9. */
	if (error == ETIMEDOUT && READ_ONCE(sk->sk_err_soft))
		error = READ_ONCE(sk->sk_err_soft);
	if (error)
		WRITE_ONCE(sk->sk_err, error);
	toytcp_connection_end(sk);
	sock_put(sk);
}

/* Before anything goes out: by then the MSS must be fitted to the path. */
static void mirror_state(struct sock *sk)
{
	const struct tcb *tcb = &toytcp_sk(sk)->tcb;

	if (tcb->fin_received) {
		sock_set_flag(sk, SOCK_DONE);
		WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | RCV_SHUTDOWN);
	}
	if (tcb->state == sk->sk_state || toytcp_tcb_in(tcb, STATES_ENDED))
		return;
	if ((1 << sk->sk_state) & STATES_SYN) {
		toytcp_transmit_sync_mss(sk, 0);
		toytcp_sk(sk)->info.began = tcb->heard;
	}
	inet_sk_set_state(sk, tcb->state);
}

/* The wait queues, and SIGIO as TCP sends it. */
static void wake(struct sock *sk, u8 bits, int error)
{
	if (sock_flag(sk, SOCK_DEAD))
		return;
	if (bits & WAKE_STATE) {
		sk->sk_state_change(sk);
		if (sk->sk_state == TCP_ESTABLISHED)
			sk_wake_async(sk, SOCK_WAKE_IO, POLL_OUT);
		else if (sk->sk_state == TCP_CLOSE)
			sk_wake_async(sk, SOCK_WAKE_WAITD, POLL_HUP);
	}
	if (bits & WAKE_URGENT)
		sk_send_sigurg(sk);
	if (bits & WAKE_READ)
		sk->sk_data_ready(sk);
	if (bits & WAKE_WRITE)
		sk->sk_write_space(sk);
	if (error)
		sk_error_report(sk);
}

/*
 * R1 of RFC 9293 section 3.8.3: IP should look for another path, and a user who
 * asked for soft errors by IP_RECVERR gets one (SHLD-9), but not in connect(),
 * which would take the error for the end.
 */
static void ask_for_path(struct sock *sk)
{
	dst_negative_advice(sk);
	if (!toytcp_compat_recverr(sk) || (1 << sk->sk_state) & STATES_SYN)
		return;
	WRITE_ONCE(sk->sk_err, ETIMEDOUT);
	sk_error_report(sk);
}

/**
 * toytcp_settle() - carry out what the core has decided
 * @sk: may have no reference left but the caller's afterwards
 * @act: filled in by the core
 * @seg: the segment that arrived, for the record; NULL if none did
 */
void toytcp_settle(struct sock *sk, struct actions *act,
		   const struct segment *seg)
{
	struct toytcp_sock *tp = toytcp_sk(sk);
	u8 before = sk->sk_state, after = tp->tcb.state;

	sock_owned_by_me(sk);
	if (seg || before != after)
		toytcp_event(toytcp_sock_net(sk), &tp->entry.who,
			     seg ? EVENT_IN : EVENT_NONE, seg, before, after,
			     act->cause);
	if (act->notes)
		count_notes(sk, act->notes);
	/* SO_RCVBUF may have changed it since the last event. */
	if (tp->tcb.rcv.buf != toytcp_buffers_text(sk))
		toytcp_user_buffer(&tp->tcb, toytcp_buffers_text(sk), false);
	if (act->ready)
		toytcp_recvq_add(sk, act->ready);
	if (act->wake & WAKE_WRITE) {
		/* MSG_MORE lasts until an ACK: TCP does not wait longer. */
		toytcp_user_cork(&tp->tcb, tp->corked);
		WRITE_ONCE(sk->sk_err_soft, 0);
		toytcp_sendq_forget(sk, tp->tcb.snd.una);
		toytcp_buffers_acked(sk);
	}
	if (act->advise)
		ask_for_path(sk);
	mirror_state(sk);
	toytcp_transmit_pending(sk, act->sends);
	toytcp_info_settle(sk);
	/* Only now: the socket has sent the ACK that begins TIME-WAIT. */
	if (!toytcp_tcb_in(&tp->tcb, STATES_ENDED))
		toytcp_timer_arm(sk);
	else if (sk->sk_state != TCP_CLOSE)
		finish(sk, act->error);
	if (act->wake || act->error)
		wake(sk, act->wake, act->error);
}

/* The same for a user's call; @call is its clause, such as CAUSE_SEND. */
void toytcp_settle_call(struct sock *sk, u8 call)
{
	struct actions act;

	toytcp_actions_init(&act, call);
	toytcp_settle(sk, &act, NULL);
}

/*
 * ABORT: resets the peer and ends the connection. sk is not in LISTEN, and the
 * caller has a reference. @error: a positive errno for the user, or 0.
 */
void toytcp_settle_abort(struct sock *sk, int error)
{
	struct toytcp_sock *tp = toytcp_sk(sk);
	struct actions act;
	struct segment rst;
	bool tell;

	sock_owned_by_me(sk);
	if (tp->tcb.state == TCP_CLOSE)
		return;
	tell = toytcp_user_abort(&tp->tcb, error, toytcp_now(), &act, &rst);
	toytcp_settle(sk, &act, NULL);
	if (tell) {
		toytcp_transmit_segment(sk, &rst);
		toytcp_count(toytcp_sock_net(sk), out_resets);
	}
}
