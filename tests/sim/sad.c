// SPDX-License-Identifier: MIT
// A kernel's SAs, after net/xfrm/xfrm_state.c of Linux 6.1.
#include "tests/sim/sad.h"

#include "keyd/ike/selector.h"
#include "keyd/ike/timer.h"
#include "tests/sim/sim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PACKET_BYTES 1400		/* each */

void sad_init(struct host *h)
{
	list_init(&h->sad.sas);
	h->sad.acquire_expires = SAD_ACQUIRE_EXPIRES;
}

static void ksa_free(struct ksa *s)
{
	list_del(&s->link);
	free(s);
}

static void forget_spi(struct sad *sad, uint32_t spi)
{
	sad->forgotten = realloc(sad->forgotten, (sad->nforgotten + 1) * sizeof(*sad->forgotten));
	if (!sad->forgotten)
		abort();
	sad->forgotten[sad->nforgotten++] = spi;
}

bool sad_forgot(const struct host *h, uint32_t spi)
{
	for (unsigned i = 0; i < h->sad.nforgotten; i++)
		if (h->sad.forgotten[i] == spi)
			return true;
	return false;
}

void sad_clear(struct host *h, bool forget)
{
	list_each(s, &h->sad.sas, struct ksa, link) {
		if (forget && !s->larval && !s->outbound) {
			forget_spi(&h->sad, s->sa.spi);
			key_forgotten(s->key);
		}
		ksa_free(s);
	}
}

void sad_flush(struct host *h)
{
	const struct ipsec_event ev = { .type = IPSEC_EVENT_SA_FLUSH };

	if (list_empty(&h->sad.sas))
		return;
	sad_clear(h, true);
	host_tell(h, &ev);
}

struct ksa *sad_find(struct host *h, const struct ipsec_addr *dst, uint32_t spi)
{
	list_each(s, &h->sad.sas, struct ksa, link)
		if (!s->larval && s->sa.spi == spi && ipsec_addr_equal(&s->sa.dst, dst))
			return s;
	return NULL;
}

/* --- lifetimes --- */

struct expiry {
	struct event ev;
	struct host *h;
	uint64_t number;		/* of the SA */
	bool hard;
};

static void tell_expire(struct host *h, const struct ksa *s, bool hard)
{
	struct ipsec_event ev = { .type = IPSEC_EVENT_EXPIRE, .expire = { .sa = s->sa, .hard = hard } };

	sim_trace(h->w, h, "kernel: %s limit of %08x met%s", hard ? "hard" : "soft", s->sa.spi, s->larval ? " (larval)" : "");
	host_tell(h, &ev);
}

static void tell_delete(struct host *h, const struct ipsec_sa *sa)
{
	struct ipsec_event ev = { .type = IPSEC_EVENT_SA_DELETE };

	ev.sa_id = (struct ipsec_sa_id){ .dst = sa->dst, .proto = sa->proto, .spi = sa->spi };
	host_tell(h, &ev);
}

static void over(struct host *h, struct ksa *s)
{
	tell_expire(h, s, true);
	ksa_free(s);
}

static void expiry_run(struct event *ev)
{
	struct expiry *x = (struct expiry *)ev;

	list_each(s, &x->h->sad.sas, struct ksa, link) {
		if (s->number != x->number)
			continue;
		if (x->hard) {
			over(x->h, s);
		} else if (!s->dying) {
			s->dying = true;
			tell_expire(x->h, s, false);
		}
		return;
	}
}

/* The kernel first looks after a second; what goes on where another SA was is older than it has been here. */
static void expires(struct host *h, const struct ksa *s, uint64_t seconds, bool hard)
{
	int64_t left = (int64_t)(s->add_s + seconds - host_seconds(h));
	struct expiry *x;

	if (!seconds)
		return;
	x = event_add(&h->w->events, h->w->now + SECONDS(left > 1 ? (uint64_t)left : 1), sizeof(*x), expiry_run);
	x->h = h;
	x->number = s->number;
	x->hard = hard;
}

/* xfrm_state_check_expire() */
bool sad_limits(struct host *h, struct ksa *s)
{
	struct ipsec_usage *u = &s->sa.usage;

	if ((s->sa.hard.bytes && u->bytes >= s->sa.hard.bytes) ||
	    (s->sa.hard.packets && u->packets >= s->sa.hard.packets)) {
		over(h, s);
		return false;
	}
	if (!s->dying && ((s->sa.soft.bytes && u->bytes >= s->sa.soft.bytes) ||
			  (s->sa.soft.packets && u->packets >= s->sa.soft.packets))) {
		s->dying = true;
		tell_expire(h, s, false);
	}
	return true;
}

void sad_count(struct ksa *s)
{
	s->sa.usage.packets++;
	s->sa.usage.bytes += PACKET_BYTES;
}

/* --- replay windows --- */

const char SAD_TWICE[] = "there was one with its sequence number";

static bool seen(const struct ksa *s, uint64_t seq)
{
	return s->seen[seq % SAD_REPLAY_MAX / 64] >> seq % 64 & 1;
}

static void mark(struct ksa *s, uint64_t seq, bool on)
{
	uint64_t bit = UINT64_C(1) << seq % 64;

	if (on)
		s->seen[seq % SAD_REPLAY_MAX / 64] |= bit;
	else
		s->seen[seq % SAD_REPLAY_MAX / 64] &= ~bit;
}

const char *sad_replay(const struct ksa *s, uint64_t seq)
{
	if (!s->sa.replay_window)
		return NULL;
	if (seq + s->sa.replay_window <= s->top)
		return "older than the replay window";
	return seq <= s->top && seen(s, seq) ? SAD_TWICE : NULL;
}

void sad_received(struct ksa *s, uint64_t seq)
{
	if (!s->sa.replay_window)
		return;
	if (seq > s->top + SAD_REPLAY_MAX)
		memset(s->seen, 0, sizeof(s->seen));
	else
		for (uint64_t i = s->top + 1; i < seq; i++)
			mark(s, i, false);
	if (seq > s->top)
		s->top = seq;
	mark(s, seq, true);
}

/* --- what the daemon asks for --- */

static bool same_ends(const struct ipsec_sa *a, const struct ipsec_sa *b)
{
	return a->mode == b->mode && a->reqid == b->reqid && a->proto == b->proto && ipsec_addr_equal(&a->src, &b->src) &&
	       ipsec_addr_equal(&a->dst, &b->dst);
}

static struct ksa *find_answered(struct host *h, const struct ipsec_sa *sa)
{
	list_each(s, &h->sad.sas, struct ksa, link)
		if (s->larval && s->sa.acquire_seq == sa->acquire_seq)
			return s->sa.proto == sa->proto && ipsec_addr_equal(&s->sa.dst, &sa->dst) ? s : NULL;
	return NULL;
}

/* xfrm_state_add(): the larval SA whose place it takes: that of the ACQUIRE that it answers, else one with its ends. */
static struct ksa *find_larval(struct host *h, const struct ipsec_sa *sa)
{
	struct ksa *answered = find_answered(h, sa);

	if (answered)
		return answered;
	list_each(s, &h->sad.sas, struct ksa, link)
		if (s->larval && same_ends(&s->sa, sa))
			return s;
	return NULL;
}

/* As libpfkey fills the window of an SA that goes on: all up to the last number counts as received. */
static void resume(struct ksa *s)
{
	s->top = s->sa.usage.seq;
	memset(s->seen, 0xff, sizeof(s->seen));
	if (s->sa.usage.add_time)
		s->add_s = s->sa.usage.add_time;
}

static struct ksa *insert(struct host *h, const struct ipsec_sa *sa)
{
	struct ksa *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->sa = *sa;
	s->number = ++h->sad.last;
	s->add_s = host_seconds(h);
	s->outbound = ipsec_addr_equal(&sa->src, &h->addr);
	list_add_head(&h->sad.sas, &s->link);
	return s;
}

int sad_add(struct host *h, const struct ipsec_sa *sa)
{
	struct ksa *s, *larval;

	if (sad_find(h, &sa->dst, sa->spi))
		return -EEXIST;
	larval = find_larval(h, sa);
	s = insert(h, sa);
	if (larval)
		ksa_free(larval);
	s->sa.state = IPSEC_STATE_MATURE;
	if (sa->resume)
		resume(s);
	if (!sa->resume || !sa->usage.add_time)
		s->sa.usage = (struct ipsec_usage){ .add_time = s->add_s };
	if (h->w->plan->bug == BUG_NO_MARGIN && sa->soft.packets)
		s->sa.hard.packets = sa->soft.packets + 1;
	s->key = key_added(h->w, h, sa, s->outbound);
	s->range = s->outbound ? key_range(s->key) : 0;
	expires(h, s, sa->soft.add_seconds, false);
	expires(h, s, sa->hard.add_seconds, true);
	if (h->w->plan->bug == BUG_NO_STRAGGLERS && s->outbound)
		list_each(old, &h->sad.sas, struct ksa, link)
			if (!old->outbound && !old->larval && old->sa.reqid == sa->reqid && old->number + 1 < s->number)
				ksa_free(old);
	check_number(h->w, h);
	sim_probe(h->w);
	return 0;
}

int sad_delete(struct host *h, const struct ipsec_sa *sa)
{
	struct ksa *s = sad_find(h, &sa->dst, sa->spi);

	if (!s)
		return -ESRCH;
	if (s->outbound && h->w->plan->bug == BUG_SAS_STAY)
		return 0;
	if (s->excused && !s->outbound)
		forget_spi(&h->sad, s->sa.spi);
	tell_delete(h, &s->sa);
	ksa_free(s);
	sim_probe(h->w);
	return 0;
}

void sad_delete_larval(struct host *h, const struct ipsec_sa *sa)
{
	list_each(s, &h->sad.sas, struct ksa, link) {
		if (!s->larval || s->sa.acquire_seq != sa->acquire_seq || !same_ends(&s->sa, sa))
			continue;
		ksa_free(s);
		return;
	}
}

void sad_delete_larvals(struct host *h)
{
	list_each(s, &h->sad.sas, struct ksa, link)
		if (s->larval)
			ksa_free(s);
}

#define SKIP (1u << 20)			/* as in kern/move.c */

/* xfrm_state_update(): it has UDP from its beginning, or never; and whoever was told of its soft limit will be once more. */
static int update(struct host *h, struct ksa *s, const struct ipsec_encap *encap)
{
	if (s->sa.encap.type != encap->type)
		return -EINVAL;
	s->sa.encap = *encap;
	s->dying = false;
	expires(h, s, s->sa.soft.add_seconds, false);
	if (s->sa.usage.packets)
		sad_limits(h, s);
	return 0;
}

int sad_move(struct host *h, const struct kern_request *rq)
{
	struct ksa *s = sad_find(h, &rq->old_dst, rq->sa.spi);
	struct ipsec_sa copy;

	if (!s)
		return -ESRCH;
	if (ipsec_addr_equal(&rq->old_dst, &rq->sa.dst))
		return update(h, s, &rq->sa.encap);
	copy = s->sa;
	copy.src = rq->sa.src;
	copy.dst = rq->sa.dst;
	copy.encap = rq->sa.encap;
	copy.acquire_seq = 0;
	copy.resume = true;
	copy.usage.seq = s->top;
	copy.usage.oseq = key_oseq(s->key, s->range) + (h->w->plan->bug == BUG_COPY_WITHOUT_SKIP ? 0 : SKIP);
	return sad_add(h, &copy);
}

/* --- packets --- */

static bool addr_fits(const struct ipsec_addr *of_sa, const struct ipsec_addr *wanted)
{
	return ipsec_addr_equal(of_sa, wanted) || ipsec_addr_is_any(wanted);
}

/* xfrm_state_find(), xfrm_state_look_at(): not dying, then the newest second, then what was inserted last. */
struct ksa *sad_select(struct host *h, const struct ipsec_tmpl *t, const struct ipsec_addr *src,
		       const struct ipsec_addr *dst, const struct ipsec_selector *flow, bool *waits)
{
	struct ksa *best = NULL;

	*waits = false;
	list_each(s, &h->sad.sas, struct ksa, link) {
		if (s->sa.reqid != t->reqid || s->sa.mode != t->mode || s->sa.proto != t->proto ||
		    !ipsec_addr_equal(&s->sa.dst, dst) || !addr_fits(&s->sa.src, src) || (t->spi && t->spi != s->sa.spi))
			continue;
		if (s->larval) {
			*waits = true;
			continue;
		}
		if (s->sa.sel.src.family && !selector_covers(&s->sa.sel, flow))
			continue;
		if (!best || best->dying > s->dying || (best->dying == s->dying && best->add_s < s->add_s))
			best = s;
	}
	return best;
}

void sad_acquire(struct host *h, const struct ipsec_policy *pol, const struct ipsec_addr *src,
		 const struct ipsec_addr *dst, const struct ipsec_selector *flow)
{
	struct ipsec_event ev = { .type = IPSEC_EVENT_ACQUIRE };
	struct ipsec_sa sa = { .src = *src, .dst = *dst, .proto = pol->tmpl[0].proto, .mode = pol->tmpl[0].mode,
			       .reqid = pol->tmpl[0].reqid, .sel = *flow };
	struct ksa *s;

	if (!h->engine)		/* nobody listens: km_query() fails, and there will be no larval SA */
		return;
	sa.acquire_seq = ++h->sad.acquire_seq;
	s = insert(h, &sa);
	s->larval = true;
	expires(h, s, h->sad.acquire_expires, true);
	ev.acquire.seq = sa.acquire_seq;
	ev.acquire.src = *src;
	ev.acquire.dst = *dst;
	ev.acquire.proto = sa.proto;
	ev.acquire.sel = *flow;
	ev.acquire.policy = *pol;
	host_tell(h, &ev);
}
