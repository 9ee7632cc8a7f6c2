// SPDX-License-Identifier: MIT
// Child SAs: how one begins, what state it is in, and when it can receive.
#include "keyd/ike/child_inside.h"

#include "keyd/crypto/rand.h"
#include "keyd/ike/lifetime.h"
#include "keyd/ike/report.h"
#include "keyd/ike/traffic.h"
#include "keyd/ike/version.h"

#include <stdlib.h>

/* SPIs below 256 are reserved (RFC 4303 2.1); those up to 4095 are what people type by hand. */
#define SPI_MIN 0x1000u

static int fresh_child_spi(struct engine *e, uint32_t *spi)
{
	do {
		if (crypto_rand(spi, sizeof(*spi)))
			return -1;
	} while (*spi < SPI_MIN || child_find(e, *spi));
	return 0;
}

/* What the kernel holds back since there was no child is for this one. */
static void take_traffic(struct child_sa *c, struct traffic *t)
{
	c->traffic = t;
	if (!t)
		return;
	traffic_hold(t);
	if (!t->acquired || c->acquired)
		return;
	c->acquired = true;
	c->acquire_seq = t->acquire_seq;
	t->acquired = false;
}

/* It is in no record of its own before it is there, but with what makes it. */
void child_touch(struct child_sa *c)
{
	keep_touch(c->sa->e, &c->keep, KEEP_CHILD);
	if (c->state == CHILD_NEW || c->unfinished)
		ike_sa_touch(c->sa);
}

void child_belongs(struct child_sa *c, struct ike_sa *sa)
{
	c->sa = sa;
	list_del(&c->link);
	list_add_tail(c->state == CHILD_NEW ? &sa->unborn : &sa->children, &c->link);
}

int child_take(struct child_sa *c, struct ike_sa *sa, uint32_t reqid)
{
	if (c->spi_in < SPI_MIN || child_find(sa->e, c->spi_in))
		return -1;
	list_init(&c->link);
	child_belongs(c, sa);
	table_add(&sa->e->by_child, &c->node, c->spi_in);
	child_index_policy(c);
	if (traffic_is_own(&c->pol))
		take_traffic(c, traffic_find(sa->e, reqid));
	return 0;
}

struct child_sa *child_new(struct ike_sa *sa, const struct ipsec_policy *pol, bool initiator)
{
	struct child_sa *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->initiator = initiator;
	c->pol = *pol;
	c->begun_at = sa->e->now;
	if (fresh_child_spi(sa->e, &c->spi_in) || child_take(c, sa, pol->tmpl[0].reqid)) {
		free(c);
		return NULL;
	}
	c->line = c->spi_in;
	return c;
}

void child_adopt(struct child_sa *c, struct traffic *t)
{
	struct traffic *before = c->traffic;

	c->pol = t->pol;
	child_index_policy(c);
	take_traffic(c, t);
	if (before)
		traffic_put(before);
}

void child_forget_keys(struct child_sa *c)
{
	secret_clear(&c->key_in);
	secret_clear(&c->auth_in);
	secret_clear(&c->key_out);
	secret_clear(&c->auth_out);
}

static const char *const state_names[CHILD_STATES] = {
	[CHILD_NEW] = "new", [CHILD_INBOUND] = "inbound", [CHILD_UP] = "up", [CHILD_REPLACED] = "replaced",
};

void child_set_state(struct child_sa *c, enum child_state to)
{
	enum child_state from = c->state;

	c->state = to;
	child_touch(c);
	report_state(c->sa, c, state_names[from], state_names[to]);
}

void child_inbound_done(struct child_sa *c)
{
	struct engine *e = c->sa->e;

	struct child_sa *old = c->replaces ? child_find(e, c->replaces) : NULL;

	if (old) {
		if (!c->redundant)
			old->replaced_by = c->spi_in;
		c->rekeys = old->rekeys + 1;
		c->line = old->line;
		c->beats = old->beats;
		if (old->nonce.n && !c->sa->version->rekeys_prove)	/* in IKEv1 each has its own, as any may cross any */
			secret_move(&c->nonce, &old->nonce);
		child_touch(old);
	}
	c->unfinished = c->initiator;
	child_set_state(c, CHILD_INBOUND);
	c->early = false;
	c->up_at = e->now;
	c->rekey_at = e->now + lifetime_soft_child(c);
	child_rekey_at(c, c->rekey_at);
	child_belongs(c, c->sa);
	child_index_out(c);
	e->stats.child_now++;
	if (c->redundant)
		child_retire(c);
}

void child_acquired(struct child_sa *c, const struct ipsec_event *acquire)
{
	c->acquired = true;
	c->acquire_seq = acquire->acquire.seq;
	if (c->state == CHILD_NEW && !c->offered)
		c->flow = acquire->acquire.sel;
	child_touch(c);
}
