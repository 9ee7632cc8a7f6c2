// SPDX-License-Identifier: MIT
// Receiving on a child before the peer has answered.
#include "keyd/ikev2/child_early.h"

#include "keyd/ike/report.h"
#include "keyd/ike/selector.h"
#include "keyd/ikev2/child.h"

static void answered(struct ask *a, const struct kern_answer *an)
{
	struct exchange *x = container_of(a, struct exchange, ask);
	void (*then)(struct exchange *x) = x->early.then;

	/* Refused: then it is done in the usual order, and is told there if it fails again. */
	x->child->early = !an->error;
	x->early.then = NULL;
	then(x);
}

bool child_early(struct exchange *x, void (*then)(struct exchange *x))
{
	struct child_sa *c = x->child, *old = c && c->takes_over ? child_find(x->sa->e, c->replaces) : NULL;
	struct kern_request rq;

	if (!old || !old->encr)
		return false;
	c->encr = old->encr;
	c->integ = old->integ;
	c->esn = old->esn;
	c->sel_in = old->sel_in;
	c->nat_real = old->nat_real;
	if (child_derive(x, secret_view(&x->sa->ni), secret_view(&x->sa->nr)))
		return false;
	x->early = (struct exchange_early){ .then = then, .encr = c->encr, .integ = c->integ, .esn = c->esn,
					    .sel = c->sel_in };
	child_inbound_request(c, &rq);
	ask_kern(x->sa->e, &x->ask, &rq, answered);
	secret_cleanse(&rq, sizeof(rq));
	return true;
}
