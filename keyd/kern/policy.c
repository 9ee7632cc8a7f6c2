// SPDX-License-Identifier: MIT
// Policies of keyd's own: set as a whole, replaced without a moment in between, never mistaken for somebody else's.
#include "keyd/kern/policy.h"

#include "pfkey/backend.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

/* Inbound first: nothing is sent before its answer may come in. */
static const uint8_t dirs[] = { IPSEC_DIR_IN, IPSEC_DIR_FWD, IPSEC_DIR_OUT };
#define DIRS (sizeof(dirs) / sizeof(dirs[0]))

static bool has_ports(uint8_t proto)
{
	return proto != IPPROTO_ICMP && proto != IPPROTO_ICMPV6 && proto != 135;
}

static void turn(struct ipsec_selector *s)
{
	struct ipsec_selector from = *s;

	s->src = from.dst;
	s->src_len = from.dst_len;
	s->dst = from.src;
	s->dst_len = from.src_len;
	if (!has_ports(s->proto))
		return;
	s->sport = from.dport;
	s->sport_mask = from.dport_mask;
	s->dport = from.sport;
	s->dport_mask = from.sport_mask;
}

void policy_of_traffic(const struct kern_traffic *t, unsigned int i, uint8_t dir, struct ipsec_policy *out)
{
	bool outbound = dir == IPSEC_DIR_OUT;

	*out = (struct ipsec_policy){ .sel = t->sel[i], .dir = dir, .priority = KERN_OWN_PRIORITY, .ntmpl = 1 };
	if (!outbound)
		turn(&out->sel);
	out->tmpl[0] = (struct ipsec_tmpl){ .proto = IPPROTO_ESP, .mode = IPSEC_MODE_TRANSPORT, .reqid = t->reqid };
	if (t->transport)
		return;
	/* The reqid says which SA is meant. Where its packets come from may change before anybody here knows. */
	out->tmpl[0] = (struct ipsec_tmpl){
		.src = outbound ? t->local : (struct ipsec_addr){ .family = t->remote.family },
		.dst = outbound ? t->remote : t->local,
		.proto = IPPROTO_ESP,
		.mode = IPSEC_MODE_TUNNEL,
		.reqid = t->reqid,
	};
}

static bool own_traffic(const struct ipsec_policy *pol)
{
	return pol->priority == KERN_OWN_PRIORITY && pol->ntmpl == 1 &&
	       pol->tmpl[0].reqid - KERN_OWN_REQID < KERN_OWN_REQIDS;
}

static bool own_guard(const struct ipsec_policy *pol)
{
	return pol->priority == KERN_GUARD_PRIORITY && pol->action == IPSEC_ACTION_BLOCK;
}

static bool own(const struct ipsec_policy *pol)
{
	return own_traffic(pol) || own_guard(pol);
}

/* Adds or replaces. *fresh becomes false where there was one before. */
static int set(struct ipsec *ip, const struct ipsec_policy *pol, bool *fresh, char *why, size_t n)
{
	struct ipsec_policy there;
	int r = ipsec_policy_get(ip, pol, &there);

	if (!r && !own(&there)) {
		snprintf(why, n, "there is a policy for the same traffic already, which keyd has not made (setkey -DP shows it)");
		return -EEXIST;
	}
	if (!r)
		*fresh = false;
	return ipsec_policy_update(ip, pol);
}

/* By its index: the selector alone may be somebody else's by now. */
static int clear(struct ipsec *ip, const struct ipsec_policy *pol)
{
	struct ipsec_policy there;
	int r = ipsec_policy_get(ip, pol, &there);

	if (r == -ENOENT || r == -ESRCH)
		return 0;
	if (r)
		return r;
	if (!own(&there) || (pol->ntmpl && there.tmpl[0].reqid != pol->tmpl[0].reqid))
		return 0;
	r = ipsec_policy_delete(ip, &there);
	return r == -ENOENT || r == -ESRCH ? 0 : r;
}

/* What is between two hosts is forwarded by neither. */
static bool wants(const struct kern_traffic *t, uint8_t dir)
{
	return dir != IPSEC_DIR_FWD || !t->transport;
}

int policy_traffic_set(struct ipsec *ip, const struct kern_traffic *t, char *why, size_t n)
{
	struct ipsec_policy pol;
	bool fresh = true;
	int r = 0;

	for (unsigned int k = 0; !r && k < t->n * DIRS; k++) {
		if (!wants(t, dirs[k % DIRS]))
			continue;
		policy_of_traffic(t, k / DIRS, dirs[k % DIRS], &pol);
		r = set(ip, &pol, &fresh, why, n);
	}
	if (r && fresh)
		policy_traffic_clear(ip, t);
	return r;
}

int policy_traffic_clear(struct ipsec *ip, const struct kern_traffic *t)
{
	struct ipsec_policy pol;
	int first = 0, r;

	for (unsigned int k = t->n * DIRS; k--;) {
		if (!wants(t, dirs[k % DIRS]))
			continue;
		policy_of_traffic(t, k / DIRS, dirs[k % DIRS], &pol);
		r = clear(ip, &pol);
		first = first ? first : r;
	}
	return first;
}

void policy_of_guard(const struct ipsec_selector *sel, uint8_t dir, struct ipsec_policy *out)
{
	*out = (struct ipsec_policy){ .sel = *sel, .dir = dir, .action = IPSEC_ACTION_BLOCK, .priority = KERN_GUARD_PRIORITY };
	if (dir != IPSEC_DIR_OUT)
		turn(&out->sel);
}

int policy_guard_set(struct ipsec *ip, const struct ipsec_selector *sel, char *why, size_t n)
{
	struct ipsec_policy pol;
	bool fresh;
	int r = 0;

	for (unsigned int k = 0; !r && k < DIRS; k++) {
		policy_of_guard(sel, dirs[k], &pol);
		r = set(ip, &pol, &fresh, why, n);
	}
	return r;
}

int policy_guard_clear(struct ipsec *ip, const struct ipsec_selector *sel)
{
	struct ipsec_policy pol;
	int first = 0, r;

	for (unsigned int k = 0; k < DIRS; k++) {
		policy_of_guard(sel, dirs[k], &pol);
		r = clear(ip, &pol);
		first = first ? first : r;
	}
	return first;
}
