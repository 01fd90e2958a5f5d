// SPDX-License-Identifier: GPL-2.0
/*
 * The user calls of RFC 9293 sections 3.10.1 to 3.10.5.
 *
 * STATUS (3.10.6) needs no function: whoever holds the lock reads the tcb. The
 * checks that give a user an error (not connected, closing...) are the
 * socket's; what arrives here is in order.
 */
#include "internal.h"
#include "seq.h"

/**
 * toytcp_user_open() - active OPEN: CLOSED -> SYN-SENT
 * @tcb: initialised, in CLOSED; rcv.wscale is set already if the receive buffer
 *	may grow
 * @iss: initial send sequence number
 * @now: microseconds
 */
void toytcp_user_open(struct tcb *tcb, u32 iss, u64 now)
{
	tcb->snd.iss = iss;
	tcb->snd.una = iss;
	tcb->snd.up = iss;
	tcb->resend = 1;
	tcb->snd.nxt = iss;
	tcb->snd.end = iss + 1;
	tcb->ecn_high = iss;
	tcb->rcv.wscale = max(tcb->rcv.wscale,
			      toytcp_window_scale(tcb->rcv.buf));
	tcb->rcv.adv = min_t(u32, tcb->rcv.buf, 65535);	/* RCV.NXT is 0 yet */
	tcb->heard = now;
	tcb->progress = now;
	toytcp_tcb_set_state(tcb, TCP_SYN_SENT, CAUSE_OPEN, NULL);
}

/**
 * toytcp_user_send() - SEND: the user has handed over more text
 * @tcb: in any state in which the user may still send
 * @n: bytes; the caller keeps them from snd.end on
 */
void toytcp_user_send(struct tcb *tcb, u32 n)
{
	tcb->snd.end += n;
}

/**
 * toytcp_user_receive() - RECEIVE: the user has taken text
 * @tcb: the connection
 * @n: bytes
 */
void toytcp_user_receive(struct tcb *tcb, u32 n)
{
	tcb->rcv.copied += n;
	if (seq_after(tcb->rcv.copied, tcb->rcv.up))
		tcb->rcv.urgent = URGENT_NONE;
	toytcp_delack_read(tcb);
}

/**
 * toytcp_user_close() - CLOSE: no more text will be sent
 * @tcb: in any state; a second call changes nothing
 *
 * Text that waits goes first. In SYN-RECEIVED the FIN is queued until the
 * connection is established, as RFC 9293 section 3.10.4 allows.
 */
void toytcp_user_close(struct tcb *tcb)
{
	switch (tcb->state) {
	case TCP_SYN_SENT:
		toytcp_tcb_set_state(tcb, TCP_CLOSE, CAUSE_CLOSE, NULL);
		break;
	case TCP_SYN_RECV:
		tcb->fin_queued = 1;
		break;
	case TCP_ESTABLISHED:
		tcb->fin_queued = 1;
		toytcp_tcb_set_state(tcb, TCP_FIN_WAIT1, CAUSE_CLOSE, NULL);
		break;
	case TCP_CLOSE_WAIT:
		tcb->fin_queued = 1;
		toytcp_tcb_set_state(tcb, TCP_LAST_ACK, CAUSE_CLOSE, NULL);
		break;
	}
}

/**
 * toytcp_user_leave() - the last user is gone; the connection ends by itself
 * @tcb: after toytcp_user_close()
 * @now: microseconds
 *
 * From here on nobody reads, and nobody waits: FIN-WAIT-2 gets a limit. What
 * was in vain before does not count against an orphan's smaller patience.
 */
void toytcp_user_leave(struct tcb *tcb, u64 now)
{
	tcb->orphan = 1;
	tcb->tries = 0;
	if (tcb->state == TCP_FIN_WAIT2)
		tcb->deadline[TIMER_IDLE] = now + (u64)tcb->fin_wait_2 * SECOND;
}

/**
 * toytcp_user_abort() - ABORT: give the connection up
 * @tcb: in any state; CLOSED afterwards
 * @now: microseconds
 * @rst: filled in if the peer is to be told; the ports are the caller's
 *
 * Return: whether to transmit @rst.
 */
bool toytcp_user_abort(struct tcb *tcb, u64 now, struct segment *rst)
{
	bool tell = toytcp_tcb_in(tcb, TCPF_SYN_RECV | TCPF_ESTABLISHED |
				  TCPF_FIN_WAIT1 | TCPF_FIN_WAIT2 |
				  TCPF_CLOSE_WAIT);

	memset(rst, 0, sizeof(*rst));
	rst->seq = toytcp_emit_number(tcb);
	rst->ctl = CTL_RST;
	if (tcb->timestamps)
		toytcp_stamp_put(&tcb->ts, now, rst);
	rst->cause = CAUSE_ABORT;
	toytcp_segment_measure(rst);
	toytcp_tcb_set_state(tcb, TCP_CLOSE, CAUSE_ABORT, NULL);
	return tell;
}
