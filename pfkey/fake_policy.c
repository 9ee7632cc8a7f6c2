// SPDX-License-Identifier: MIT
/* The fake backend's SPD. */
#include "pfkey/fake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void fake_policy_free_all(struct fake *f)
{
	struct fake_policy *p;

	while ((p = TAILQ_FIRST(&f->policies))) {
		TAILQ_REMOVE(&f->policies, p, all);
		free(p);
	}
}

static bool same_selector(const struct ipsec_selector *a, const struct ipsec_selector *b)
{
	return ipsec_addr_equal(&a->src, &b->src) && ipsec_addr_equal(&a->dst, &b->dst) && a->src_len == b->src_len &&
	       a->dst_len == b->dst_len && a->proto == b->proto && a->sport == b->sport && a->dport == b->dport &&
	       a->sport_mask == b->sport_mask && a->dport_mask == b->dport_mask && a->ifindex == b->ifindex;
}

/* The priority is no part of a policy's identity. */
static struct fake_policy *find(struct fake *f, const struct ipsec_policy *key, bool by_index)
{
	struct fake_policy *p;

	TAILQ_FOREACH(p, &f->policies, all) {
		const struct ipsec_policy *pol = &p->pol;

		if (by_index && key->index) {
			if (pol->index == key->index)
				return p;
			continue;
		}
		if (pol->dir == key->dir && pol->type == key->type && pol->if_id == key->if_id &&
		    pol->mark.value == key->mark.value && pol->mark.mask == key->mark.mask &&
		    same_selector(&pol->sel, &key->sel) && !strcmp(pol->ctx, key->ctx))
			return p;
	}
	return NULL;
}

/* xfrm_gen_index(): the lowest three bits are the direction. */
static uint32_t new_index(struct fake *f, const struct ipsec_policy *pol)
{
	struct ipsec_policy key = { .index = pol->index };

	if (key.index && !find(f, &key, true))
		return key.index;
	do {
		f->last_index += 8;
		key.index = f->last_index | pol->dir;
	} while (!f->last_index || find(f, &key, true));
	return key.index;
}

int fake_policy_add(struct ipsec *ip, const struct ipsec_policy *pol, bool update)
{
	struct ipsec_event ev = { .type = update ? IPSEC_EVENT_POLICY_UPDATE : IPSEC_EVENT_POLICY_NEW };
	struct fake *f = ip->state;
	struct fake_policy *p = find(f, pol, false);
	uint32_t index = p ? p->pol.index : new_index(f, pol);
	int err = fake_refuse(ip);

	if (err)
		return err;
	if (p && !update)
		return ipsec_fail(ip, -EEXIST, "there is such a policy already");
	if (p) {
		TAILQ_REMOVE(&f->policies, p, all);
	} else {
		p = calloc(1, sizeof(*p));
		if (!p)
			return -ENOMEM;
	}
	p->pol = *pol;
	p->pol.index = index;
	p->pol.socket = false;
	memset(&p->pol.usage, 0, sizeof(p->pol.usage));
	TAILQ_INSERT_HEAD(&f->policies, p, all);
	ev.policy = p->pol;
	fake_raise(f, &ev);
	return 0;
}

int fake_policy_get(struct ipsec *ip, const struct ipsec_policy *key, struct ipsec_policy *out)
{
	struct fake_policy *p = find(ip->state, key, true);

	if (!p)
		return ipsec_fail(ip, -ENOENT, "there is no such policy");
	*out = p->pol;
	return 0;
}

int fake_policy_delete(struct ipsec *ip, const struct ipsec_policy *key)
{
	struct ipsec_event ev = { .type = IPSEC_EVENT_POLICY_DELETE };
	struct fake *f = ip->state;
	struct fake_policy *p = find(f, key, true);
	int err = fake_refuse(ip);

	if (err)
		return err;
	if (!p)
		return ipsec_fail(ip, -ENOENT, "there is no such policy");
	ev.policy = p->pol;
	TAILQ_REMOVE(&f->policies, p, all);
	free(p);
	fake_raise(f, &ev);
	return 0;
}

int fake_policy_flush(struct ipsec *ip)
{
	struct ipsec_event ev = { .type = IPSEC_EVENT_POLICY_FLUSH };
	struct fake *f = ip->state;
	int err = fake_refuse(ip);

	if (err)
		return err;
	if (TAILQ_EMPTY(&f->policies))
		return -ESRCH;
	fake_policy_free_all(f);
	fake_raise(f, &ev);
	return 0;
}

int fake_policy_dump(struct ipsec *ip, ipsec_policy_fn *fn, void *arg)
{
	struct fake *f = ip->state;
	struct ipsec_policy *copy;
	struct fake_policy *p;
	size_t n = 0;
	int err = 0;

	TAILQ_FOREACH(p, &f->policies, all)
		n++;
	copy = malloc(sizeof(*copy) * (n + 1));
	if (!copy)
		return -ENOMEM;
	n = 0;
	TAILQ_FOREACH(p, &f->policies, all)
		copy[n++] = p->pol;
	for (size_t i = 0; i < n && !err; i++)
		err = fn(&copy[i], arg);
	free(copy);
	return err;
}
