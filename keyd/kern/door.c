// SPDX-License-Identifier: MIT
// Carries out requests and tells events through libpfkey.
#include "keyd/kern/door.h"

#include "keyd/kern/await.h"
#include "keyd/kern/move.h"
#include "keyd/kern/policy.h"
#include "keyd/kern/virtual.h"
#include "keyd/util/secret.h"
#include "pfkey/backend.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TELL_TRIES 8
#define LARVALS_MAX 1024

struct door {
	struct ipsec *ip;
	const struct door_hooks *hooks;
	void *arg;
	bool overrun;
	struct kern_allows allowed;
	struct awaits awaits;
	struct virtual *virtual;	/* NULL: this backend is no kernel */
};

static void wipe_sa(struct ipsec_sa *sa)
{
	secret_cleanse(sa->aead.key, sizeof(sa->aead.key));
	secret_cleanse(sa->enc.key, sizeof(sa->enc.key));
	secret_cleanse(sa->auth.key, sizeof(sa->auth.key));
	secret_cleanse(sa->comp.key, sizeof(sa->comp.key));
}

int door_over(struct door **out, struct ipsec *ip, const struct door_hooks *hooks, void *arg, char *why, size_t n)
{
	struct door *d = calloc(1, sizeof(*d));
	int r;

	if (!d) {
		snprintf(why, n, "out of memory");
		ipsec_close(ip);
		return -ENOMEM;
	}
	*d = (struct door){ .ip = ip, .hooks = hooks, .arg = arg };
	/* Before any dump, so that nothing falls between the two. */
	r = ipsec_subscribe(ip);
	if (r) {
		snprintf(why, n, "the kernel does not tell its IPsec events: %s",
			 *ipsec_error(ip) ? ipsec_error(ip) : strerror(-r));
		door_close(d);
		return r;
	}
	r = strcmp(ipsec_backend_name(ip), "fake") ? virtual_open(&d->virtual) : 0;
	if (r) {
		snprintf(why, n, "the kernel lets nobody change routes: %s", strerror(-r));
		door_close(d);
		return r;
	}
	*out = d;
	return 0;
}

/* A kernel in memory has no policies. These ask for ESP between all hosts, so that keyd has something to agree to. */
static int fake_policies(struct ipsec *ip)
{
	static const uint16_t families[] = { AF_INET, AF_INET6 };
	int r = 0;

	for (unsigned i = 0; !r && i < sizeof(families) / sizeof(families[0]); i++) {
		struct ipsec_policy pol = { .dir = IPSEC_DIR_OUT, .ntmpl = 1 };

		pol.sel.src.family = pol.sel.dst.family = families[i];
		pol.tmpl[0].proto = IPPROTO_ESP;
		pol.tmpl[0].mode = IPSEC_MODE_TRANSPORT;
		r = ipsec_policy_add(ip, &pol);
		pol.dir = IPSEC_DIR_IN;
		r = r ? r : ipsec_policy_add(ip, &pol);
	}
	return r;
}

int door_open(struct door **out, const char *backend, const struct door_hooks *hooks, void *arg, char *why, size_t n)
{
	struct ipsec *ip;
	/* Never PF_KEY unasked: as af_key has it, it carries neither selectors of SAs nor the AEADs that peers agree on first. */
	int r = ipsec_open(&ip, backend ? backend : "xfrm", why, n);

	if (!r && backend && !strcmp(backend, "fake"))
		r = fake_policies(ip);
	return r ? r : door_over(out, ip, hooks, arg, why, n);
}

void door_close(struct door *d)
{
	if (!d)
		return;
	awaits_free(&d->awaits, d->ip);
	ipsec_close(d->ip);
	virtual_close(d->virtual);
	allows_free(&d->allowed);
	free(d);
}

const char *door_backend(const struct door *d)
{
	return ipsec_backend_name(d->ip);
}

int door_fd(const struct door *d)
{
	return ipsec_event_fd(d->ip);
}

static void on_event(const struct ipsec_event *ev, void *arg)
{
	struct door *d = arg;
	struct ipsec_event copy = *ev;

	if (!await_wanted(&d->awaits, d->ip, ev))
		return;
	if (ev->type == IPSEC_EVENT_OVERRUN)
		d->overrun = true;
	if (ev->type == IPSEC_EVENT_SA_NEW || ev->type == IPSEC_EVENT_SA_UPDATE)
		wipe_sa(&copy.sa);
	else if (ev->type == IPSEC_EVENT_EXPIRE)
		wipe_sa(&copy.expire.sa);
	d->hooks->event(d->arg, &copy);
}

int door_read(struct door *d)
{
	int n = ipsec_events_read(d->ip, on_event, d);
	int r;

	if (n == -ENOBUFS)
		d->overrun = true;
	if (!d->overrun)
		return n;
	d->overrun = false;
	r = door_tell(d);
	if (!r && d->hooks->told)
		r = d->hooks->told(d->arg);
	return r ? r : n;
}

static int on_policy(const struct ipsec_policy *pol, void *arg)
{
	struct door *d = arg;
	struct ipsec_event ev = { .type = IPSEC_EVENT_POLICY_NEW };

	ev.policy = *pol;
	return d->hooks->event(d->arg, &ev);
}

static int on_sa(const struct ipsec_sa *sa, void *arg)
{
	struct door *d = arg;
	struct ipsec_sa copy = *sa;

	if (sa->state == IPSEC_STATE_LARVAL)
		return 0;
	wipe_sa(&copy);
	return d->hooks->orphan(d->arg, &copy);
}

static int tell_policies(struct door *d)
{
	const struct ipsec_event reset = { .type = IPSEC_EVENT_POLICY_FLUSH };
	int r = d->hooks->event(d->arg, &reset);

	return r ? r : ipsec_policy_dump(d->ip, on_policy, d);
}

static int tell_sas(struct door *d)
{
	return ipsec_sa_dump(d->ip, on_sa, d);
}

/* A dump that changed under us is asked for again. After too often what was missed still shows as an event. */
static int tell(struct door *d, int (*what)(struct door *d))
{
	int r = -EINTR;

	for (int i = 0; i < TELL_TRIES && r == -EINTR; i++)
		r = what(d);
	return r == -EINTR ? 0 : r;
}

int door_tell(struct door *d)
{
	int r = tell(d, tell_policies);

	return r ? r : tell(d, tell_sas);
}

struct larvals {
	unsigned int n;
	struct ipsec_sa sa[LARVALS_MAX];
};

static int note_larval(const struct ipsec_sa *sa, void *arg)
{
	struct larvals *l = arg;

	if (sa->state == IPSEC_STATE_LARVAL && !sa->spi && l->n < LARVALS_MAX)
		l->sa[l->n++] = *sa;
	return 0;
}

int door_forget_larvals(struct door *d)
{
	struct larvals *l = calloc(1, sizeof(*l));
	int r = l ? ipsec_sa_dump(d->ip, note_larval, l) : -ENOMEM;

	/* One that is gone by now is as good. Of more than fit the rest expires by itself. */
	for (unsigned int i = 0; !r && i < l->n; i++)
		ipsec_larval_delete(d->ip, &l->sa[i]);
	free(l);
	return r == -EINTR ? 0 : r;
}

/* Why the last operation failed, in libpfkey's words, unless it has been said. */
static void take_words(const struct door *d, struct kern_answer *an, int error)
{
	const char *words = ipsec_error(d->ip);

	if (!an->why[0])
		snprintf(an->why, sizeof(an->why), "%s", *words ? words : strerror(-error));
}

static int sa_add(struct door *d, const struct kern_request *rq, struct kern_answer *an)
{
	int r = ipsec_sa_add(d->ip, &rq->sa);

	if (r) {
		take_words(d, an, r);	/* what follows has its own */
		await_cancel(&d->awaits, d->ip, &rq->sa);
	}
	return r;
}

static struct ipsec_sa_id sa_id(const struct ipsec_sa *sa)
{
	return (struct ipsec_sa_id){ .dst = sa->dst, .proto = sa->proto, .spi = sa->spi, .mark = sa->mark };
}

static int sa_delete(struct door *d, const struct kern_request *rq, struct kern_answer *an)
{
	struct ipsec_sa_id id = sa_id(&rq->sa);
	int r = ipsec_sa_delete(d->ip, &id);

	(void)an;
	return r == -ESRCH ? 0 : r;
}

static int sa_get(struct door *d, const struct kern_request *rq, struct kern_answer *an)
{
	struct ipsec_sa_id id = sa_id(&rq->sa);
	struct ipsec_sa found = { 0 };
	int r = ipsec_sa_get(d->ip, &id, &found);

	if (!r)
		an->usage = found.usage;
	wipe_sa(&found);
	return r;
}

static int sa_move(struct door *d, const struct kern_request *rq, struct kern_answer *an)
{
	return move_sa(d->ip, rq, an->why, sizeof(an->why));
}

static int larval_delete(struct door *d, const struct kern_request *rq, struct kern_answer *an)
{
	int r = ipsec_larval_delete(d->ip, &rq->sa);

	(void)an;
	return r == -ESRCH ? 0 : r;
}

static int traffic_set(struct door *d, const struct kern_request *rq, struct kern_answer *an)
{
	return policy_traffic_set(d->ip, &rq->traffic, an->why, sizeof(an->why));
}

static int traffic_clear(struct door *d, const struct kern_request *rq, struct kern_answer *an)
{
	(void)an;
	return policy_traffic_clear(d->ip, &rq->traffic);
}

static int guard_set(struct door *d, const struct kern_request *rq, struct kern_answer *an)
{
	return policy_guard_set(d->ip, &rq->guard, an->why, sizeof(an->why));
}

static int guard_clear(struct door *d, const struct kern_request *rq, struct kern_answer *an)
{
	(void)an;
	return policy_guard_clear(d->ip, &rq->guard);
}

static int address_set(struct door *d, const struct kern_request *rq, struct kern_answer *an)
{
	return d->virtual ? virtual_set(d->virtual, &rq->virtual, an->why, sizeof(an->why)) : 0;
}

static int address_clear(struct door *d, const struct kern_request *rq, struct kern_answer *an)
{
	return d->virtual ? virtual_clear(d->virtual, &rq->virtual, an->why, sizeof(an->why)) : 0;
}

static int source_get(struct door *d, const struct kern_request *rq, struct kern_answer *an)
{
	if (!d->virtual) {
		snprintf(an->why, sizeof(an->why), "there are no routes without a kernel");
		return -ENETUNREACH;
	}
	return virtual_source(d->virtual, &rq->source, &an->addr, an->why, sizeof(an->why));
}

/* Each may say why in the answer; else libpfkey does. */
static int (*const operations[KERN_OPS])(struct door *, const struct kern_request *, struct kern_answer *) = {
	[KERN_SA_ADD] = sa_add,
	[KERN_SA_DELETE] = sa_delete,
	[KERN_SA_GET] = sa_get,
	[KERN_LARVAL_DELETE] = larval_delete,
	[KERN_SA_MOVE] = sa_move,
	[KERN_TRAFFIC_SET] = traffic_set,
	[KERN_TRAFFIC_CLEAR] = traffic_clear,
	[KERN_GUARD_SET] = guard_set,
	[KERN_GUARD_CLEAR] = guard_clear,
	[KERN_VIRTUAL_SET] = address_set,
	[KERN_VIRTUAL_CLEAR] = address_clear,
	[KERN_SOURCE_GET] = source_get,
};

/* Does a request carry keys? */
static bool has_sa(const struct kern_request *rq)
{
	return rq->op <= KERN_SA_MOVE || rq->op >= KERN_OPS;
}

void door_allow(struct door *d, struct kern_allows *a)
{
	allows_free(&d->allowed);
	d->allowed = *a;
	*a = (struct kern_allows){ 0 };
}

void door_execute(struct door *d, struct kern_request *rq, struct kern_answer *an)
{
	*an = (struct kern_answer){ .id = rq->id };
	an->error = door_check(&d->allowed, rq, an->why, sizeof(an->why));
	if (!an->error) {
		an->why[0] = 0;
		if (rq->op == KERN_SA_ADD)
			await_prepare(&d->awaits, d->ip, &rq->sa, rq->settled);
		an->error = operations[rq->op](d, rq, an);
		if (an->error)
			take_words(d, an, an->error);
	}
	if (has_sa(rq))
		wipe_sa(&rq->sa);
}
