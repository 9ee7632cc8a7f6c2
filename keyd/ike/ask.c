// SPDX-License-Identifier: MIT
// Questions to the kernel, to the keeper of keys and to who judges certificates, and whose answer it is that comes.
#include "keyd/ike/engine_state.h"
#include "keyd/ike/ike_sa.h"

void ask_cancel(struct ask *a)
{
	if (!a->id)
		return;
	a->id = 0;
	list_del(&a->link);
}

/* One question at a time: an older one of the same kind is nobody's any more. */
static void ask_open(struct engine *e, struct ask *a)
{
	ask_cancel(a);
	if (!++e->last_ask)
		e->last_ask = 1;
	a->id = e->last_ask;
	a->kern = NULL;
	a->auth = NULL;
	a->trust = NULL;
	list_add_tail(&e->asks, &a->link);
}

void ask_kern(struct engine *e, struct ask *a, const struct kern_request *rq,
	      void (*fn)(struct ask *a, const struct kern_answer *an))
{
	struct kern_request numbered = *rq;

	ask_open(e, a);
	a->kern = fn;
	numbered.id = a->id;
	leave_kern(e, &numbered);
	secret_cleanse(&numbered, sizeof(numbered));
}

void ask_auth(struct engine *e, struct ask *a, const struct auth_request *rq,
	      void (*fn)(struct ask *a, const struct auth_answer *an))
{
	struct auth_request numbered = *rq;

	ask_open(e, a);
	a->auth = fn;
	numbered.id = a->id;
	e->hooks->auth(e->hooks_arg, &numbered);
}

void leave_auth(struct engine *e, const struct auth_request *rq)
{
	struct auth_request numbered = *rq;

	if (!++e->last_ask)
		e->last_ask = 1;
	numbered.id = e->last_ask;
	e->hooks->auth(e->hooks_arg, &numbered);
}

void ask_trust(struct engine *e, struct ask *a, const struct trust_request *rq,
	       void (*fn)(struct ask *a, const struct trust_answer *an))
{
	struct trust_request numbered = *rq;

	ask_open(e, a);
	a->trust = fn;
	numbered.id = a->id;
	e->hooks->trust(e->hooks_arg, &numbered);
}

static struct ask *ask_close(struct engine *e, uint32_t id)
{
	list_each(a, &e->asks, struct ask, link) {
		if (a->id == id) {
			ask_cancel(a);
			return a;
		}
	}
	return NULL;
}

void engine_kern_answer(struct engine *e, uint64_t now, const struct kern_answer *an)
{
	struct ask *a = ask_close(e, an->id);

	e->now = now;
	if (a && a->kern)
		a->kern(a, an);
	engine_settle(e);
}

void engine_auth_answer(struct engine *e, uint64_t now, const struct auth_answer *an)
{
	struct ask *a = ask_close(e, an->id);

	e->now = now;
	if (a && a->auth)
		a->auth(a, an);
	engine_settle(e);
}

void engine_trust_answer(struct engine *e, uint64_t now, const struct trust_answer *an)
{
	struct ask *a = ask_close(e, an->id);

	e->now = now;
	if (a && a->trust)
		a->trust(a, an);
	engine_settle(e);
}
