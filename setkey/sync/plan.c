// SPDX-License-Identifier: MIT
/* Reads the kernel's databases past what the script wants, and notes the differences. */
#include "setkey/sync/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "setkey/sync/diff.h"
#include "setkey/sync/order.h"
#include "setkey/sync/pack.h"
#include "setkey/sync/tell.h"

#define DUMP_TRIES 5		/* while others keep changing what is being read */
#define LOCKDOWN "/sys/kernel/security/lockdown"

struct comparing {
	struct sync_plan *plan;
	struct sync_model *m;
	uint32_t policies;	/* seen so far */
	bool key_seen;		/* one that is not all zero */
};

struct sync_change *sync_plan_change(struct sync_plan *plan)
{
	struct sync_change *c;

	if (plan->n == plan->size) {
		size_t size = plan->size ? plan->size * 2 : 64;

		c = reallocarray(plan->changes, size, sizeof(*c));
		if (!c)
			return NULL;
		plan->changes = c;
		plan->size = size;
	}
	c = &plan->changes[plan->n++];
	memset(c, 0, sizeof(*c));
	return c;
}

struct sync_deed *sync_plan_deed(struct sync_plan *plan)
{
	struct sync_deed *d;

	if (plan->ndeeds == plan->deeds_size) {
		size_t size = plan->deeds_size ? plan->deeds_size * 2 : 64;

		d = reallocarray(plan->deeds, size, sizeof(*d));
		if (!d)
			return NULL;
		plan->deeds = d;
		plan->deeds_size = size;
	}
	d = &plan->deeds[plan->ndeeds++];
	memset(d, 0, sizeof(*d));
	return d;
}

void sync_plan_clear(struct sync_plan *plan)
{
	free(plan->changes);
	free(plan->deeds);
	arena_clear(&plan->arena);
	memset(plan, 0, sizeof(*plan));
}

int sync_change_new_sa(const struct sync_change *c, struct ipsec_sa *sa)
{
	char why[160];

	return sync_wish_sa(c->wish, sa, why, sizeof(why));
}

int sync_change_new_policy(const struct sync_change *c, struct ipsec_policy *pol)
{
	char why[160];

	return sync_wish_policy(c->wish, pol, why, sizeof(why));
}

void sync_change_old_sa(const struct sync_change *c, struct ipsec_sa *sa)
{
	sync_unpack(c->old, sa, sizeof(*sa));
}

int sync_change_old_policy(const struct sync_change *c, struct ipsec_policy *pol)
{
	int err = 0;

	if (c->old)
		sync_unpack(c->old, pol, sizeof(*pol));
	else
		err = sync_change_new_policy(c, pol);
	pol->index = c->index;
	return err;
}

/* ---- SAs ---- */

static int note_sa(struct comparing *cmp, const struct sync_wish *w, uint8_t op, unsigned int diff,
		   const struct ipsec_sa *have)
{
	struct sync_change *c = sync_plan_change(cmp->plan);

	if (!c)
		return -ENOMEM;
	c->wish = w;
	c->op = op;
	c->diff = diff;
	c->in_use = have->usage.use_time || have->usage.packets;
	c->old = sync_pack(&cmp->plan->arena, have, sizeof(*have));
	return c->old ? 0 : -ENOMEM;
}

static int meet_wanted_sa(struct comparing *cmp, struct sync_wish *w, const struct ipsec_sa *have)
{
	struct ipsec_sa want;
	unsigned int diff;
	char why[160];
	int err;

	err = sync_wish_sa(w, &want, why, sizeof(why));
	if (err)
		return err;
	diff = sync_sa_diff(&want, have);
	w->found = diff ? SYNC_OTHER : SYNC_SAME;
	if (!diff)
		cmp->plan->kept++;
	else
		err = note_sa(cmp, w, sync_sa_updatable(diff, &want, have) ? SYNC_UPDATE : SYNC_REPLACE, diff, have);
	explicit_bzero(&want, sizeof(want));
	return err;
}

static bool is_sa(const struct ipsec_sa *sa)
{
	return sa->state != IPSEC_STATE_LARVAL &&
	       (sa->proto == IPPROTO_ESP || sa->proto == IPPROTO_AH || sa->proto == IPPROTO_COMP);
}

static int meet_sa(const struct ipsec_sa *have, void *arg)
{
	struct comparing *cmp = arg;
	struct sync_key_buf buf;
	struct sync_key key;
	struct sync_wish *w;

	if (!is_sa(have))
		return 0;
	if ((have->aead.key_bits || have->enc.key_bits || have->auth.key_bits) && !sync_sa_keys_blank(have))
		cmp->key_seen = true;
	key = sync_key_sa(&buf, &(struct ipsec_sa_id){ have->dst, have->proto, have->spi, have->mark });
	w = sync_model_find(cmp->m, &key);
	if (w && sync_model_wants(cmp->m, w))
		return meet_wanted_sa(cmp, w, have);
	if (w || sync_model_clears_sa(cmp->m, have))
		return note_sa(cmp, w, SYNC_DELETE, 0, have);
	cmp->plan->kept++;
	return 0;
}

/* A kernel in lockdown shows zeros for keys. One that says that it is not does not. */
static bool kernel_may_hide_keys(const struct ipsec *ip)
{
	char line[128] = "";
	FILE *f = strcmp(ipsec_backend_name(ip), "fake") ? fopen(LOCKDOWN, "re") : NULL;
	bool may;

	if (!f)
		return true;
	may = !fgets(line, sizeof(line), f) || strstr(line, "[confidentiality]");
	fclose(f);
	return may;
}

/* If not one key was shown, those that seem to be zero are not. */
static void forgive_hidden_keys(struct comparing *cmp, const struct ipsec *ip)
{
	struct sync_plan *plan = cmp->plan;
	struct ipsec_sa want, have;
	size_t n = 0;

	plan->keys_hidden = !cmp->key_seen && kernel_may_hide_keys(ip);
	if (!plan->keys_hidden)
		return;
	for (size_t i = 0; i < plan->n; i++) {
		struct sync_change c = plan->changes[i];

		if (c.diff & SYNC_DIFF_KEY) {
			sync_change_old_sa(&c, &have);
			if (sync_sa_keys_blank(&have) && !sync_change_new_sa(&c, &want)) {
				plan->keys_trusted = true;
				c.diff &= ~(unsigned int)SYNC_DIFF_KEY;
				c.op = sync_sa_updatable(c.diff, &want, &have) ? SYNC_UPDATE : SYNC_REPLACE;
			}
			if (!c.diff) {
				plan->kept++;
				continue;
			}
		}
		plan->changes[n++] = c;
	}
	plan->n = n;
	explicit_bzero(&want, sizeof(want));
}

/* ---- policies ---- */

static int note_policy(struct comparing *cmp, struct sync_wish *w, uint8_t op, unsigned int diff,
		       const struct ipsec_policy *have)
{
	struct sync_change *c = sync_plan_change(cmp->plan);

	if (!c)
		return -ENOMEM;
	c->wish = w;
	c->policy = true;
	c->op = op;
	c->diff = diff;
	c->priority = have->priority;
	c->index = have->index;
	c->age = UINT32_MAX - cmp->policies;
	c->old = sync_pack(&cmp->plan->arena, have, sizeof(*have));
	return c->old ? 0 : -ENOMEM;
}

/* A reqid that was once chosen stays: SAs may have been made for it. The in policy tells its twin. */
static void keep_reqids(struct sync_wish *w, const struct ipsec_policy *want, const struct ipsec_policy *have)
{
	unsigned int chosen = w->twin ? 0 : sync_wish_chosen(w);

	for (unsigned int i = 0; i < want->ntmpl && i < have->ntmpl; i++)
		if (chosen & 1u << i && have->tmpl[i].reqid > SYNC_REQID_GIVEN_MAX)
			w->reqids[i] = have->tmpl[i].reqid;
}

static int meet_wanted_policy(struct comparing *cmp, struct sync_wish *w, const struct ipsec_policy *have)
{
	struct ipsec_policy want;
	unsigned int diff;
	char why[160];
	int err;

	err = sync_wish_policy(w, &want, why, sizeof(why));
	if (err)
		return err;
	diff = sync_policy_diff(&want, have, sync_wish_chosen(w));
	w->found = diff ? SYNC_OTHER : SYNC_SAME;
	w->priority = have->priority;
	w->index = have->index;
	w->age = UINT32_MAX - cmp->policies;
	keep_reqids(w, &want, have);
	if (diff)
		return note_policy(cmp, w, SYNC_UPDATE, diff, have);
	cmp->plan->kept++;
	return 0;
}

/*
 * What keyd(8) makes by itself, for the traffic of its configuration, is known by these numbers (keyd.conf(5)). It comes
 * and goes with its tunnels: a file says nothing of it.
 */
static bool is_keyds(const struct ipsec_policy *pol)
{
	if (pol->priority == 0x8b000000)
		return pol->ntmpl == 1 && pol->tmpl[0].reqid >> 24 == 0x6b;
	return pol->priority == 0xfb000000 && pol->action == IPSEC_ACTION_BLOCK && !pol->ntmpl;
}

/* The kernel tells what was written last first. */
static int meet_policy(const struct ipsec_policy *have, void *arg)
{
	struct comparing *cmp = arg;
	struct sync_key_buf buf;
	struct sync_key key;
	struct sync_wish *w;

	if (have->socket)
		return 0;
	cmp->policies++;
	key = sync_key_policy(&buf, have);
	w = sync_model_find(cmp->m, &key);
	if (w && sync_model_wants(cmp->m, w))
		return meet_wanted_policy(cmp, w, have);
	if (!w && is_keyds(have))
		return 0;
	if (w || sync_model_clears_policies(cmp->m))
		return note_policy(cmp, w, SYNC_DELETE, 0, have);
	cmp->plan->kept++;
	return 0;
}

/* ---- both ---- */

static int compare_once(struct comparing *cmp, struct ipsec *ip)
{
	int err;

	cmp->policies = 0;
	cmp->key_seen = false;
	cmp->plan->n = cmp->plan->kept = 0;
	arena_clear(&cmp->plan->arena);
	for (struct sync_wish *w = cmp->m->first; w; w = w->next)
		w->found = SYNC_MISSING;
	err = ipsec_sa_dump(ip, meet_sa, cmp);
	return err ? err : ipsec_policy_dump(ip, meet_policy, cmp);
}

static int note_missing(struct comparing *cmp)
{
	for (struct sync_wish *w = cmp->m->first; w; w = w->next) {
		struct sync_change *c;

		if (w->found != SYNC_MISSING || !sync_model_wants(cmp->m, w))
			continue;
		c = sync_plan_change(cmp->plan);
		if (!c)
			return -ENOMEM;
		c->wish = w;
		c->policy = w->policy;
		c->op = SYNC_ADD;
	}
	return 0;
}

static int choose_reqids(struct sync_plan *plan, struct apply *ap)
{
	for (size_t i = 0; i < plan->n; i++) {
		const struct sync_wish *w = plan->changes[i].wish;
		unsigned int chosen;

		if (!w || !w->reqids || plan->changes[i].op == SYNC_DELETE)
			continue;
		chosen = sync_wish_chosen(w);
		for (unsigned int k = 0; k < IPSEC_TMPL_MAX; k++) {
			int err = 0;

			if (chosen & 1u << k && !w->reqids[k])
				err = reqids_take(&ap->reqids, ap->ip, &w->reqids[k]);
			if (err)
				return sync_refuse(ap, w->st, err, ipsec_error(ap->ip), NULL);
		}
	}
	return 0;
}

static void count(struct sync_plan *plan)
{
	for (size_t i = 0; i < plan->n; i++) {
		switch (plan->changes[i].op) {
		case SYNC_ADD: plan->added++; break;
		case SYNC_DELETE: plan->deleted++; break;
		default: plan->changed++;
		}
	}
}

int sync_plan_make(struct sync_plan *plan, struct sync_model *m, struct apply *ap)
{
	struct comparing cmp = { .plan = plan, .m = m };
	int err = -EINTR;

	for (unsigned int i = 0; i < DUMP_TRIES && err == -EINTR; i++)
		err = compare_once(&cmp, ap->ip);
	if (err)
		return sync_refuse(ap, NULL, err, ipsec_error(ap->ip), NULL);
	forgive_hidden_keys(&cmp, ap->ip);
	err = note_missing(&cmp);
	if (err)
		return sync_refuse(ap, NULL, err, "", NULL);
	err = choose_reqids(plan, ap);
	if (err)
		return err;
	err = sync_order(plan, m);
	if (err)
		return sync_refuse(ap, NULL, err, "", NULL);
	count(plan);
	return 0;
}
