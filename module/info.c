// SPDX-License-Identifier: GPL-2.0
/*
 * TCP_INFO: STATUS, RFC 9293 section 3.10.6, in the form programs know. Context:
 * the socket lock.
 */
#include <linux/tcp.h>

#include "toytcp.h"

/* What a connection with text on its way waits for. */
enum wait {
	WAIT_NONE,	/* for its user: all is acknowledged */
	WAIT_PATH,
	WAIT_WINDOW,	/* the peer's window takes no full segment more */
};

static enum wait waits_for(const struct tcb *tcb)
{
	if (tcb->snd.una == tcb->snd.end + tcb->fin_sent ||
	    toytcp_tcb_in(tcb, STATES_SYN))
		return WAIT_NONE;
	return toytcp_tcb_unsent(tcb) &&
	       tcb->snd.wnd < toytcp_tcb_flight(tcb) + tcb->snd.mss ?
		WAIT_WINDOW : WAIT_PATH;
}

/* Closes the books on the time since then. */
static void book(struct toytcp_info *info, u64 now)
{
	u64 took = now > info->since ? now - info->since : 0;

	if (info->waits != WAIT_NONE)
		info->busy += took;
	if (info->waits == WAIT_WINDOW)
		info->window_limited += took;
	info->since = now;
}

/*
 * toytcp_info_settle() - keep the books after an event; @sk is locked
 *
 * Text goes out, and all of it is acknowledged, at tcb.progress: most events
 * need no look at the clock.
 */
void toytcp_info_settle(struct sock *sk)
{
	struct toytcp_info *info = &toytcp_sk(sk)->info;
	const struct tcb *tcb = &toytcp_sk(sk)->tcb;
	enum wait wait = waits_for(tcb);

	if (wait == info->waits)
		return;
	book(info, wait == WAIT_WINDOW || info->waits == WAIT_WINDOW ?
	     toytcp_now() : tcb->progress);
	info->waits = wait;
}

/* toytcp_info_sent() - a segment with text goes out; @again: not the first time */
void toytcp_info_sent(struct sock *sk, u32 len, bool again, u64 now)
{
	struct toytcp_info *info = &toytcp_sk(sk)->info;

	info->text_sent = now;
	info->bytes_sent += len;
	if (again)
		info->bytes_again += len;
}

static u8 options_of(const struct tcb *tcb)
{
	if (tcb->state == TCP_SYN_SENT)	/* offered, not yet agreed on */
		return 0;
	return (tcb->scaled ? TCPI_OPT_WSCALE : 0) |
	       (tcb->timestamps ? TCPI_OPT_TIMESTAMPS : 0) |
	       (tcb->ecn ? TCPI_OPT_ECN : 0) |
	       (tcb->ecn_seen ? TCPI_OPT_ECN_SEEN : 0) |
	       (tcb->sack_ok ? TCPI_OPT_SACK : 0);
}

/* Milliseconds since @then; since the connection began if it never happened. */
static u32 ms_since(const struct toytcp_sock *tp, u64 then, u64 now)
{
	then = max(then, tp->info.began);
	return !then || now < then ? 0 : div_u64(now - then, USEC_PER_MSEC);
}

static void fill_times(const struct toytcp_sock *tp, struct tcp_info *info)
{
	struct toytcp_info books = tp->info;
	u64 now = toytcp_now();

	book(&books, now);
	info->tcpi_busy_time = books.busy;
	if (books.busy)
		info->tcpi_delivery_rate = mul_u64_u64_div_u64(tp->tcb.bytes_acked,
							       SECOND, books.busy);
	info->tcpi_rwnd_limited = books.window_limited;
	info->tcpi_last_data_sent = ms_since(tp, books.text_sent, now);
	info->tcpi_last_data_recv = ms_since(tp, books.text_received, now);
	info->tcpi_last_ack_recv = ms_since(tp, tp->tcb.heard, now);
}

static void fill_sender(const struct toytcp_sock *tp, struct tcp_info *info)
{
	const struct tcb *tcb = &tp->tcb;
	u32 mss = tcb->snd.mss;

	info->tcpi_ca_state = tcb->cc.recovering ? TCP_CA_Recovery :
		tcb->rtt.backoff ? TCP_CA_Loss : TCP_CA_Open;
	info->tcpi_retransmits = tcb->rtt.backoff;
	info->tcpi_probes = tcb->probes;
	info->tcpi_backoff = tcb->rtt.backoff;
	info->tcpi_rto = toytcp_rtt_timeout(&tcb->rtt);
	info->tcpi_snd_mss = mss;
	info->tcpi_unacked = DIV_ROUND_UP(toytcp_tcb_flight(tcb), mss);
	info->tcpi_sacked = DIV_ROUND_UP(tcb->board.sacked, mss);
	info->tcpi_lost = DIV_ROUND_UP(tcb->board.lost, mss);
	info->tcpi_retrans =
		DIV_ROUND_UP(toytcp_scoreboard_retransmitted(&tcb->board), mss);
	info->tcpi_reordering = DUPACKS;	/* beyond that, time counts */
	info->tcpi_reord_seen = tcb->rack.reordering_seen;
	info->tcpi_rtt = tcb->rtt.srtt;
	info->tcpi_rttvar = tcb->rtt.rttvar;
	info->tcpi_min_rtt = tcb->rack.min_rtt ?: tcb->rtt.srtt;
	info->tcpi_snd_ssthresh = tcb->cc.ssthresh / mss;
	info->tcpi_snd_cwnd = tcb->cc.cwnd / mss;
	info->tcpi_notsent_bytes = toytcp_tcb_unsent(tcb);
	info->tcpi_snd_wnd = tcb->snd.wnd;
	info->tcpi_total_retrans = tcb->retransmits;
	info->tcpi_bytes_acked = tcb->bytes_acked;
	info->tcpi_bytes_sent = tp->info.bytes_sent;
	info->tcpi_bytes_retrans = tp->info.bytes_again;
	info->tcpi_delivered = DIV_ROUND_UP_ULL(tcb->bytes_acked +
						tcb->board.sacked, mss);
	info->tcpi_segs_out = tp->segs_out;
	info->tcpi_data_segs_out = tp->data_segs_out;
	info->tcpi_dsack_dups = tp->dsacks;
}

static void fill_receiver(const struct toytcp_sock *tp, struct tcp_info *info)
{
	const struct tcb *tcb = &tp->tcb;

	info->tcpi_ato = DELAYED_ACK;
	info->tcpi_rcv_mss = tcb->rcv.mss;
	info->tcpi_advmss = tcb->rcv.announced;
	info->tcpi_rcv_rtt = tp->tuning.shortest;
	info->tcpi_rcv_space = tcb->rcv.buf;
	info->tcpi_rcv_ssthresh = tcb->rcv.buf;
	info->tcpi_rcv_ooopack = tp->info.out_of_order;
	info->tcpi_bytes_received = tcb->bytes_received;
	info->tcpi_segs_in = tp->segs_in;
	info->tcpi_data_segs_in = tp->data_segs_in;
}

/* toytcp_info_fill() - what TCP_INFO returns; @sk is locked, @info all zero */
void toytcp_info_fill(struct sock *sk, struct tcp_info *info)
{
	const struct toytcp_sock *tp = toytcp_sk(sk);
	const struct dst_entry *dst = __sk_dst_get(sk);
	unsigned long rate = READ_ONCE(sk->sk_max_pacing_rate);

	info->tcpi_state = sk->sk_state;
	info->tcpi_max_pacing_rate = rate == ~0ul ? U64_MAX : rate;
	info->tcpi_pacing_rate = info->tcpi_max_pacing_rate;
	if (sk->sk_state == TCP_LISTEN) {	/* the accept queue */
		info->tcpi_unacked = READ_ONCE(sk->sk_ack_backlog);
		info->tcpi_sacked = READ_ONCE(sk->sk_max_ack_backlog);
		return;
	}
	info->tcpi_options = options_of(&tp->tcb);
	info->tcpi_snd_wscale = tp->tcb.snd.wscale;
	info->tcpi_rcv_wscale = tp->tcb.rcv.wscale;
	info->tcpi_pmtu = dst ? dst_mtu(dst) : 0;
	fill_times(tp, info);
	fill_sender(tp, info);
	fill_receiver(tp, info);
}
