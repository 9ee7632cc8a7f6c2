// SPDX-License-Identifier: MIT
// What the kernel is asked to do for a child: its two SAs, and the larval one that waits for them.
#include "keyd/ike/lifetime.h"
#include "keyd/ike/selector.h"

#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>

/* More than is sent before a killed daemon's successor is there: 18 s of 10 Gbit/s in the smallest packets. */
#define SEQUENCES_SKIPPED (UINT32_C(1) << 28)

void child_larval_delete(struct child_sa *c)
{
	struct kern_request rq = { .op = KERN_LARVAL_DELETE };

	rq.sa.src = c->sa->local;
	rq.sa.dst = c->sa->remote;
	rq.sa.proto = IPPROTO_ESP;
	rq.sa.mode = c->pol.tmpl[0].mode;
	rq.sa.reqid = c->pol.tmpl[0].reqid;
	rq.sa.if_id = c->pol.if_id;
	rq.sa.mark = c->pol.mark;
	rq.sa.acquire_seq = c->acquire_seq;
	leave_kern(c->sa->e, &rq);
	c->acquired = false;
	child_touch(c);
}

void acquire_larval_delete(struct engine *e, const struct ipsec_event *acquire)
{
	const struct ipsec_policy *pol = &acquire->acquire.policy;
	const struct ipsec_tmpl *t = &pol->tmpl[acquire->acquire.tmpl];
	struct kern_request rq = { .op = KERN_LARVAL_DELETE };

	rq.sa.src = acquire->acquire.src;
	rq.sa.dst = acquire->acquire.dst;
	rq.sa.proto = acquire->acquire.proto;
	rq.sa.mode = t->mode;
	rq.sa.reqid = t->reqid;
	rq.sa.if_id = pol->if_id;
	rq.sa.mark = pol->mark;
	rq.sa.acquire_seq = acquire->acquire.seq;
	leave_kern(e, &rq);
}

static void set_alg(struct ipsec_alg *to, const struct crypto_alg *alg, const struct secret *key)
{
	snprintf(to->name, sizeof(to->name), "%s", alg->kernel_name ? alg->kernel_name : "");
	to->key_bits = (uint16_t)(key->n * 8);
	to->icv_bits = alg->icv_bits;
	if (key->n && key->n <= sizeof(to->key))
		memcpy(to->key, key->p, key->n);
}

static void common_request(const struct child_sa *c, struct kern_request *rq, const struct secret *key,
			   const struct secret *auth)
{
	struct ipsec_sa *sa = &rq->sa;

	*rq = (struct kern_request){ .op = KERN_SA_ADD };
	sa->proto = IPPROTO_ESP;
	sa->mode = c->pol.tmpl[0].mode;
	sa->reqid = c->pol.tmpl[0].reqid;
	sa->if_id = c->pol.if_id;
	sa->ae = IPSEC_AE_NEVER;
	sa->replay_window = c->sa->peer->conf.replay_window;
	if (c->esn)
		sa->flags |= IPSEC_SA_ESN;
	if (c->encr->aead) {
		set_alg(&sa->aead, c->encr, key);
	} else {
		set_alg(&sa->enc, c->encr, key);
		set_alg(&sa->auth, c->integ, auth);
	}
	sa->soft = c->soft;
	sa->hard = c->hard;
}

static void set_selector(struct ipsec_sa *sa, const struct ipsec_selector *sel)
{
	sa->sel = *sel;
	if (!sel->src.family && sa->mode == IPSEC_MODE_TUNNEL)
		sa->flags |= IPSEC_SA_AF_UNSPEC;
}

static struct ipsec_encap encap(const struct child_sa *c, uint16_t from, uint16_t to)
{
	return c->sa->encap ? (struct ipsec_encap){ .type = UDP_ENCAP_ESPINUDP, .sport = from, .dport = to } :
			      (struct ipsec_encap){ 0 };
}

/*
 * What the inbound policy asks for, when a tunnel names its ends: a peer that has moved is still the one that is meant, and
 * the kernel finds the SA by its SPI.
 */
static struct ipsec_addr inbound_src(const struct child_sa *c)
{
	const struct ipsec_tmpl *t = &c->pol.tmpl[0];

	return t->mode == IPSEC_MODE_TUNNEL && !ipsec_addr_is_any(&t->dst) ? t->dst : c->sa->remote;
}

void child_inbound_request(struct child_sa *c, struct kern_request *rq)
{
	c->in_port = c->sa->remote_port;
	child_touch(c);
	lifetime_choose(c);
	common_request(c, rq, &c->key_in, &c->auth_in);
	rq->sa.src = inbound_src(c);
	rq->sa.dst = c->sa->local;
	rq->sa.spi = c->spi_in;
	rq->sa.encap = encap(c, c->sa->remote_port, c->sa->local_port);
	rq->sa.reqid = spd_inbound_reqid(&c->sa->e->spd, &c->pol);
	if (!c->initiator || c->waits)
		rq->sa.ae = IPSEC_AE_FIRST;
	set_selector(&rq->sa, &c->sel_in);
}

/*
 * An engine before this one may have added it, and somebody may have flushed it since: no sequence number is to be used again
 * with its key, as each is a nonce (RFC 4106 3). Where it still is, the kernel says so and nothing changes; where it never
 * was, the peer does not mind that its numbers begin later. af_key can do neither this nor AEAD.
 */
static void skip_used(const struct child_sa *c, struct ipsec_sa *sa)
{
	if (!c->thawed || !c->encr->aead)
		return;
	sa->resume = true;
	sa->usage.oseq = SEQUENCES_SKIPPED;
	if (!c->esn && (!sa->hard.packets || sa->hard.packets > UINT32_MAX - SEQUENCES_SKIPPED))
		sa->hard.packets = UINT32_MAX - SEQUENCES_SKIPPED;
}

void child_outbound_request(struct child_sa *c, struct kern_request *rq)
{
	c->out_addr = c->sa->remote;
	c->out_port = c->sa->remote_port;
	child_touch(c);
	common_request(c, rq, &c->key_out, &c->auth_out);
	rq->sa.src = c->sa->local;
	rq->sa.dst = c->sa->remote;
	rq->sa.spi = c->spi_out;
	rq->sa.mark = c->pol.mark;
	rq->sa.acquire_seq = c->acquire_seq;
	rq->settled = c->spi_in;
	if (rq->sa.mode == IPSEC_MODE_TUNNEL && !c->no_tfc)
		rq->sa.tfc_pad = c->sa->peer->conf.tfc;
	set_selector(&rq->sa, &c->sel);
	skip_used(c, &rq->sa);
	rq->sa.encap = encap(c, c->sa->local_port, c->sa->remote_port);
}

void child_inbound_move(struct child_sa *c, struct kern_request *rq)
{
	c->in_port = c->sa->remote_port;
	child_touch(c);
	*rq = (struct kern_request){ .op = KERN_SA_MOVE, .old_dst = c->sa->local };
	rq->sa.src = c->sa->remote;
	rq->sa.dst = c->sa->local;
	rq->sa.proto = IPPROTO_ESP;
	rq->sa.spi = c->spi_in;
	rq->sa.encap = encap(c, c->sa->remote_port, c->sa->local_port);
}

void child_outbound_move(const struct child_sa *c, struct kern_request *rq)
{
	*rq = (struct kern_request){ .op = KERN_SA_MOVE, .old_dst = c->out_addr };
	rq->sa.src = c->sa->local;
	rq->sa.dst = c->move_addr;
	rq->sa.proto = IPPROTO_ESP;
	rq->sa.spi = c->spi_out;
	rq->sa.mark = c->pol.mark;
	rq->sa.encap = encap(c, c->sa->local_port, c->move_port);
}
