// SPDX-License-Identifier: MIT
// Policies in a story: as setkey says them, the nearest of ours, and the one that would fit.
#include "keyd/ike/selector.h"
#include "keyd/ike/story.h"

#include <netinet/in.h>
#include <stdio.h>

static size_t side(char *buf, size_t n, const struct ipsec_addr *a, uint8_t len, uint16_t port, uint16_t mask)
{
	char text[IPSEC_ADDR_STRLEN];
	size_t used = (size_t)snprintf(buf, n, "%s", ipsec_addr_format(a, text, sizeof(text)));

	if (len != ipsec_addr_bits(a->family) && used < n)
		used += (size_t)snprintf(buf + used, n - used, "/%u", len);
	if (mask && used < n)
		used += (size_t)snprintf(buf + used, n - used, "[%u]", port);
	return used < n ? used : n - 1;
}

const char *story_policy(const struct ipsec_policy *pol, char *buf, size_t n)
{
	const struct ipsec_selector *sel = &pol->sel;
	const struct ipsec_tmpl *t = &pol->tmpl[0];
	char src[IPSEC_ADDR_STRLEN + 24], dst[IPSEC_ADDR_STRLEN + 24], proto[8] = "any";
	char from[IPSEC_ADDR_STRLEN], to[IPSEC_ADDR_STRLEN];
	bool tunnel = t->mode == IPSEC_MODE_TUNNEL;

	side(src, sizeof(src), &sel->src, sel->src_len, sel->sport, sel->sport_mask);
	side(dst, sizeof(dst), &sel->dst, sel->dst_len, sel->dport, sel->dport_mask);
	if (sel->proto)
		snprintf(proto, sizeof(proto), "%u", sel->proto);
	snprintf(buf, n, "spdupdate %s %s %s -P %s ipsec esp/%s/%s%s%s/require;", src, dst, proto,
		 pol->dir == IPSEC_DIR_OUT ? "out" : "in", tunnel ? "tunnel" : "transport",
		 tunnel ? ipsec_addr_format(&t->src, from, sizeof(from)) : "", tunnel ? "-" : "",
		 tunnel ? ipsec_addr_format(&t->dst, to, sizeof(to)) : "");
	return buf;
}

/* What the other end needs so that pol fits: its own outbound policy. */
static struct ipsec_policy mirrored(const struct ipsec_policy *pol)
{
	struct ipsec_policy back = { .dir = IPSEC_DIR_OUT, .sel = pol->sel, .ntmpl = 1 };

	selector_turn(&back.sel);
	back.tmpl[0].mode = pol->tmpl[0].mode;
	back.tmpl[0].src = pol->tmpl[0].dst;
	back.tmpl[0].dst = pol->tmpl[0].src;
	return back;
}

void story_policy_refused(const struct ipsec_policy *pol, struct story_pending *p)
{
	struct ipsec_policy theirs = mirrored(pol);

	story_policy(pol, p->policy, sizeof(p->policy));
	story_policy(&theirs, p->policy_wanted, sizeof(p->policy_wanted));
}

#define NEAREST 7u

/* How near an outbound policy is to what is asked for: between these ends, then sharing either side. */
static unsigned nearness(const struct ipsec_policy *pol, const struct ike_sa *sa, const struct wire_ts_list *local,
			 const struct wire_ts_list *remote)
{
	struct wire_ts_list common;
	struct wire_ts src, dst;
	unsigned near = 0;

	if (pol->tmpl[0].proto != IPPROTO_ESP)
		return 0;
	if (spd_policy_joins(pol, &sa->local, &sa->remote))
		near += 4;
	else if (pol->tmpl[0].mode != IPSEC_MODE_TUNNEL || !ipsec_addr_equal(&pol->tmpl[0].dst, &sa->remote))
		return 0;
	selector_to_ts(&pol->sel, SELECTOR_SRC, &src);
	selector_to_ts(&pol->sel, SELECTOR_DST, &dst);
	near += ts_list_narrow(&src, local, &common) ? 1 : 0;
	near += ts_list_narrow(&dst, remote, &common) ? 1 : 0;
	return near + 1;
}

static const struct ipsec_policy *nearest(const struct ike_sa *sa, const struct wire_ts_list *local,
					  const struct wire_ts_list *remote)
{
	const struct ipsec_policy *best = NULL;
	unsigned most = 0;

	list_each(p, &sa->e->spd.policies, struct spd_policy, link) {
		unsigned near = nearness(&p->pol, sa, local, remote);

		if (near > most) {
			most = near;
			best = &p->pol;
		}
	}
	return best;
}

static enum engine_reason reason_of(const struct ipsec_policy *near, const struct ike_sa *sa,
				    const struct wire_ts_list *local, const struct wire_ts_list *remote, bool transport)
{
	if (!near || !spd_policy_joins(near, &sa->local, &sa->remote))
		return REASON_NO_POLICY;
	if (near->tmpl[0].mode == IPSEC_MODE_TRANSPORT && !transport && nearness(near, sa, local, remote) == NEAREST)
		return REASON_MODE_MISMATCH;
	return REASON_TS_UNACCEPTABLE;
}

enum engine_reason story_policy_asked(const struct ike_sa *sa, const struct wire_ts_list *local,
				      const struct wire_ts_list *remote, bool transport, struct story_pending *p)
{
	const struct ipsec_policy *near = nearest(sa, local, remote);
	struct ipsec_policy wanted = { .dir = IPSEC_DIR_OUT, .ntmpl = 1 };
	/* The packet that asked comes first, all that the policy covers last. */
	struct wire_ts_list l = { .n = 1, .ts = { local->ts[local->n - 1] } };
	struct wire_ts_list r = { .n = 1, .ts = { remote->ts[remote->n - 1] } };

	ts_list_format(remote, p->theirs, sizeof(p->theirs) / 2);
	ts_list_format(local, p->ours, sizeof(p->ours));
	if (near)
		story_policy(near, p->policy, sizeof(p->policy));
	selector_around(&l, &r, &wanted.sel);
	if (!wanted.sel.src.family)
		return reason_of(near, sa, local, remote, transport);
	wanted.tmpl[0].mode = transport ? IPSEC_MODE_TRANSPORT : IPSEC_MODE_TUNNEL;
	wanted.tmpl[0].src = sa->local;
	wanted.tmpl[0].dst = sa->remote;
	story_policy(&wanted, p->policy_wanted, sizeof(p->policy_wanted));
	return reason_of(near, sa, local, remote, transport);
}
