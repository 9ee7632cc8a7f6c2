// SPDX-License-Identifier: MIT
// Putting a child into the kernel, inbound first.
#include "keyd/ike/child_install.h"

#include "keyd/ike/keylog.h"
#include "keyd/ike/report.h"
#include "keyd/ike/selector.h"
#include "keyd/ike/traffic.h"
#include "keyd/wire/ikev2.h"

/* The kernel counts extended sequence numbers in a window, and has none of zero packets. */
static void drop_esn(struct conf_proposal *p)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < p->n; i++)
		if (p->t[i].type != IKEV2_TRANSFORM_ESN)
			p->t[kept++] = p->t[i];
	p->t[kept++] = (struct conf_transform){ IKEV2_TRANSFORM_ESN, IKEV2_ESN_NONE, 0 };
	p->n = (uint8_t)kept;
}

void child_proposals(const struct conf_peer *conf, enum proposal_ke ke, struct conf_proposals *out)
{
	const struct conf_proposal *ike = &conf->ike.p[0];

	*out = conf->esp;
	for (unsigned i = 0; i < out->n; i++) {
		struct conf_proposal *p = &out->p[i];
		bool named = ke == PROPOSAL_KE_NONE || !conf->ike.n;

		if (!conf->replay_window)
			drop_esn(p);
		for (unsigned k = 0; k < p->n; k++)
			named = named || p->t[k].type == IKEV2_TRANSFORM_DH;
		for (unsigned k = 0; !named && k < ike->n && p->n < CONF_TRANSFORMS_MAX; k++)
			if (ike->t[k].type == IKEV2_TRANSFORM_DH)
				p->t[p->n++] = ike->t[k];
	}
}

/* What has been agreed on is what the kernel has; it must not be added again. What it has instead is removed. */
static bool early_fits(struct exchange *x)
{
	struct child_sa *c = x->child;

	if (!c->early)
		return false;
	if (c->encr == x->early.encr && c->integ == x->early.integ && c->esn == x->early.esn &&
	    selector_equal(&c->sel_in, &x->early.sel))
		return true;
	report_child(c, LOG_LEVEL_DEBUG, "CHILD_SA", "other", "the peer chose otherwise than before");
	child_early_remove(c);
	c->hard.add_seconds = 0;	/* lifetimes are chosen again, for what it is now */
	return false;
}

static void failed_install(struct exchange *x, const struct kern_answer *an)
{
	struct child_sa *c = x->child;

	c->failed = true;
	report_reason(c->sa, REASON_KERNEL_REFUSED);
	report_sides(c->sa, NULL, an->why);
	report_child(c, LOG_LEVEL_ERROR, "CHILD_SA", "failed", "the kernel refused it: %s", an->why);
	if (c->sa->state == IKE_ESTABLISHED)	/* else it is told once the IKE SA is up */
		report_event(c->sa, c, ENGINE_FAILED, "the kernel refused the child: %s", an->why);
	x->child = NULL;
	if (c->state == CHILD_NEW)
		child_free(c);
	else
		child_end(c, ENGINE_EVENT_TYPES, "its outbound half could not be installed");
	x->installed(x, NULL);
}

static void outbound_answered(struct ask *a, const struct kern_answer *an)
{
	struct exchange *x = container_of(a, struct exchange, ask);
	struct engine *e = x->sa->e;
	struct child_sa *c = x->child;

	if (an->error && !child_has_been_added(c, an)) {
		failed_install(x, an);
		return;
	}
	x->made_spi = c->spi_in;
	x->child = NULL;
	child_outbound_done(c);
	if (c->ends)
		child_end(c, ENGINE_CHILD_DOWN, "it was to end before it was there");
	x->installed(x, child_find(e, x->made_spi));
}

static void inbound_answered(struct ask *a, const struct kern_answer *an)
{
	struct exchange *x = container_of(a, struct exchange, ask);
	struct child_sa *c = x->child;
	struct kern_request rq;

	if (an->error && !child_has_been_added(c, an)) {
		failed_install(x, an);
		return;
	}
	child_inbound_done(c);
	if (!c->initiator || c->waits || c->redundant) {
		x->made_spi = c->spi_in;
		x->child = NULL;
		x->installed(x, c);
		return;
	}
	child_outbound_request(c, &rq);
	ask_kern(x->sa->e, &x->ask, &rq, outbound_answered);
	secret_cleanse(&rq, sizeof(rq));
}

static void install_inbound(struct exchange *x)
{
	const struct kern_answer there = { 0 };
	struct kern_request rq;

	if (early_fits(x)) {
		inbound_answered(&x->ask, &there);
		return;
	}
	child_inbound_request(x->child, &rq);
	ask_kern(x->sa->e, &x->ask, &rq, inbound_answered);
	secret_cleanse(&rq, sizeof(rq));
}

static void traffic_answered(struct ask *a, const struct kern_answer *an)
{
	struct exchange *x = container_of(a, struct exchange, ask);

	if (!an->error) {
		install_inbound(x);
		return;
	}
	traffic_refused(x->child);
	failed_install(x, an);
}

void child_install(struct exchange *x, void (*done)(struct exchange *x, struct child_sa *child))
{
	struct kern_request rq;

	x->installed = done;
	keylog_child(x->child);
	if (traffic_request(x->child, &rq))	/* what the SA is for must find its policies there */
		ask_kern(x->sa->e, &x->ask, &rq, traffic_answered);
	else
		install_inbound(x);
}
