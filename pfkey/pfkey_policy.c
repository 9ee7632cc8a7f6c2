// SPDX-License-Identifier: MIT
/* Policies to PF_KEY messages and back. */
#include "pfkey/pfkey.h"

#include <errno.h>
#include <linux/xfrm.h>
#include <stdio.h>
#include <string.h>

static int refuse(char *why, size_t n, const char *what)
{
	snprintf(why, n, "PF_KEY cannot carry %s", what);
	return -EOPNOTSUPP;
}

/* ---- what cannot be said ---- */

/* A port of 0 is any port, so one port is all bits of the mask and not 0. */
static bool port_fits(uint16_t port, uint16_t mask)
{
	return port ? mask == 0xffff : !mask;
}

static const char *selector_lacks(const struct ipsec_selector *s)
{
	const bool icmp = s->proto == IPPROTO_ICMP || s->proto == IPPROTO_ICMPV6;

	if (s->ifindex)
		return "the interface of a selector";
	if (s->proto == PFKEY_PROTO_ANY)
		return "the protocol 255, which means any there";
	if ((!s->sport && s->sport_mask) || (!s->dport && s->dport_mask))
		return icmp ? "the ICMP type or code 0, which means any there" : "the port 0, which means any there";
	if (!port_fits(s->sport, s->sport_mask) || !port_fits(s->dport, s->dport_mask))
		return "ports with a mask";
	return NULL;
}

static const char *tmpl_lacks(const struct ipsec_tmpl *t)
{
	if (t->spi)
		return "the SPI of a rule";
	if (t->optional && t->reqid)
		return "the level use together with a reqid";
	if (t->reqid > PFKEY_REQID_MAX)
		return "a reqid of more than 16383 in a policy: Linux would choose another";
	if (t->mode == IPSEC_MODE_BEET)
		return "a rule in BEET mode: Linux drops its addresses there";
	if (t->mode != IPSEC_MODE_TUNNEL && !(ipsec_addr_is_any(&t->src) && ipsec_addr_is_any(&t->dst)))
		return "the addresses of a rule in transport mode";
	return NULL;
}

int pfkey_policy_key_refused(const struct ipsec_policy *key, char *why, size_t n)
{
	const struct { bool there; const char *what; } cannot[] = {
		{ key->type != XFRM_POLICY_TYPE_MAIN, "policies of type sub" },
		{ key->mark.mask, "the mark of a policy" },
		{ key->if_id, "the if_id of a policy" },
	};
	const char *lacks;

	for (size_t i = 0; i < sizeof(cannot) / sizeof(cannot[0]); i++)
		if (cannot[i].there)
			return refuse(why, n, cannot[i].what);
	lacks = key->index ? NULL : selector_lacks(&key->sel);
	return lacks ? refuse(why, n, lacks) : 0;
}

int pfkey_policy_refused(const struct ipsec_policy *pol, char *why, size_t n)
{
	const struct { bool there; const char *what; } cannot[] = {
		{ pol->offload.kind != IPSEC_OFFLOAD_NONE, "offload to a device" },
		{ pol->flags, "flags of a policy (localok, icmp)" },
		{ pol->action == IPSEC_ACTION_BLOCK && pol->ntmpl, "rules of a policy that discards" },
		{ !pfkey_lifetimes_fit(&pol->soft, &pol->hard), "a limit of more than 4294967295 packets" },
	};
	const char *lacks = selector_lacks(&pol->sel);
	int err = pfkey_policy_key_refused(pol, why, n);

	if (err)
		return err;
	for (size_t i = 0; i < sizeof(cannot) / sizeof(cannot[0]); i++)
		if (cannot[i].there)
			return refuse(why, n, cannot[i].what);
	for (unsigned int i = 0; i < pol->ntmpl && !lacks; i++)
		lacks = tmpl_lacks(&pol->tmpl[i]);
	return lacks ? refuse(why, n, lacks) : 0;
}

/* ---- values to messages ---- */

static size_t request_size(const struct ipsec_tmpl *t)
{
	size_t n = sizeof(struct sadb_x_ipsecrequest);

	return t->mode == IPSEC_MODE_TUNNEL ? n + pfkey_pair_size(t->dst.family) : n;
}

static void request_put(void *p, const struct ipsec_tmpl *t)
{
	struct sadb_x_ipsecrequest *rq = p;

	rq->sadb_x_ipsecrequest_len = (uint16_t)request_size(t);
	rq->sadb_x_ipsecrequest_proto = t->proto;
	rq->sadb_x_ipsecrequest_mode = pfkey_mode_put(t->mode);
	rq->sadb_x_ipsecrequest_level = t->optional ? PFKEY_LEVEL_USE : t->reqid ? PFKEY_LEVEL_UNIQUE : PFKEY_LEVEL_REQUIRE;
	rq->sadb_x_ipsecrequest_reqid = t->reqid;
	if (t->mode == IPSEC_MODE_TUNNEL)
		pfkey_pair_put(rq + 1, &t->src, &t->dst);
}

static struct sadb_x_policy *policy_ext(struct pfkey_msg *m, const struct ipsec_policy *pol, size_t n)
{
	struct sadb_x_policy *x = pfkey_ext_room(m, SADB_X_EXT_POLICY, sizeof(*x) + n);

	x->sadb_x_policy_dir = (uint8_t)(pol->dir + 1);
	x->sadb_x_policy_type = pol->action == IPSEC_ACTION_BLOCK ? PFKEY_POLICY_DISCARD :
				pol->ntmpl ? PFKEY_POLICY_IPSEC : PFKEY_POLICY_NONE;
	x->sadb_x_policy_priority = pol->priority;
	return x;
}

void pfkey_policy_put(struct pfkey_msg *m, uint8_t type, const struct ipsec_policy *pol)
{
	size_t n = 0;
	uint8_t *p;

	pfkey_msg_start(m, type, SADB_SATYPE_UNSPEC);
	pfkey_selector_put(m, &pol->sel);
	pfkey_lifetimes_put(m, &pol->soft, &pol->hard);
	for (unsigned int i = 0; i < pol->ntmpl; i++)
		n += request_size(&pol->tmpl[i]);
	p = (uint8_t *)(policy_ext(m, pol, n) + 1);
	for (unsigned int i = 0; i < pol->ntmpl; i++) {
		request_put(p, &pol->tmpl[i]);
		p += request_size(&pol->tmpl[i]);
	}
	pfkey_ctx_put(m, pol->ctx);
}

void pfkey_policy_key_put(struct pfkey_msg *m, const struct ipsec_policy *key)
{
	pfkey_msg_start(m, SADB_X_SPDDELETE, SADB_SATYPE_UNSPEC);
	pfkey_selector_put(m, &key->sel);
	policy_ext(m, key, 0);
	pfkey_ctx_put(m, key->ctx);
}

void pfkey_policy_index_put(struct pfkey_msg *m, uint8_t type, uint32_t index)
{
	struct sadb_x_policy *x;

	pfkey_msg_start(m, type, SADB_SATYPE_UNSPEC);
	x = pfkey_ext_room(m, SADB_X_EXT_POLICY, sizeof(*x));
	x->sadb_x_policy_id = index;
}

/* Two requests: where it is, and where it goes. */
static void move_put(uint8_t *p, const struct ipsec_event *ev, const struct ipsec_addr *src, const struct ipsec_addr *dst)
{
	const struct ipsec_tmpl t = { .src = *src, .dst = *dst, .proto = ev->migrate.proto, .mode = IPSEC_MODE_TUNNEL,
				      .reqid = ev->migrate.reqid };

	request_put(p, &t);
	((struct sadb_x_ipsecrequest *)p)->sadb_x_ipsecrequest_mode = pfkey_mode_put(ev->migrate.mode);
}

void pfkey_migrate_put(struct pfkey_msg *m, const struct ipsec_event *ev)
{
	const struct ipsec_policy pol = { .dir = ev->migrate.dir, .ntmpl = 1 };
	const size_t head = sizeof(struct sadb_x_ipsecrequest);
	size_t old = head + pfkey_pair_size(ev->migrate.old_dst.family);
	size_t new = head + pfkey_pair_size(ev->migrate.new_dst.family);
	uint8_t *p;

	pfkey_msg_start(m, SADB_X_MIGRATE, pfkey_satype(ev->migrate.proto));
	pfkey_selector_put(m, &ev->migrate.sel);
	p = (uint8_t *)(policy_ext(m, &pol, old + new) + 1);
	move_put(p, ev, &ev->migrate.old_src, &ev->migrate.old_dst);
	move_put(p + old, ev, &ev->migrate.new_src, &ev->migrate.new_dst);
}

/* ---- messages to values ---- */

/* One request at p, of n bytes, as has been checked. */
static int request_get(struct ipsec_tmpl *t, const uint8_t *p, size_t n)
{
	struct sadb_x_ipsecrequest rq;

	memcpy(&rq, p, sizeof(rq));
	if (rq.sadb_x_ipsecrequest_proto > UINT8_MAX)
		return -EBADMSG;
	t->proto = (uint8_t)rq.sadb_x_ipsecrequest_proto;
	t->mode = pfkey_mode_get(rq.sadb_x_ipsecrequest_mode);
	t->optional = rq.sadb_x_ipsecrequest_level == PFKEY_LEVEL_USE;
	t->reqid = rq.sadb_x_ipsecrequest_reqid;
	if (t->mode != IPSEC_MODE_TUNNEL)
		return 0;
	return pfkey_pair_get(&t->src, &t->dst, p + sizeof(rq), n - sizeof(rq));
}

static int requests_get(const struct sadb_x_policy *x, struct ipsec_policy *pol)
{
	size_t n = x->sadb_x_policy_len * sizeof(uint64_t), at = sizeof(*x);
	const uint8_t *p = (const uint8_t *)x;

	while (at < n) {
		struct sadb_x_ipsecrequest rq;

		memcpy(&rq, p + at, sizeof(rq));
		if (pol->ntmpl == IPSEC_TMPL_MAX || request_get(&pol->tmpl[pol->ntmpl], p + at, rq.sadb_x_ipsecrequest_len))
			return -EBADMSG;
		pol->ntmpl++;
		at += rq.sadb_x_ipsecrequest_len;
	}
	return 0;
}

int pfkey_policy_get(const struct pfkey_exts *t, struct ipsec_policy *pol)
{
	const struct sadb_x_policy *x = t->e[SADB_X_EXT_POLICY];
	unsigned int dir;

	memset(pol, 0, sizeof(*pol));
	if (!x || pfkey_selector_get(&pol->sel, t))
		return -EBADMSG;
	/* Those of sockets use the directions from XFRM_POLICY_MAX up. */
	dir = x->sadb_x_policy_dir - 1u;
	pol->socket = dir >= XFRM_POLICY_MAX;
	if (dir >= 2 * XFRM_POLICY_MAX)
		return -EBADMSG;
	pol->dir = (uint8_t)(dir % XFRM_POLICY_MAX);
	pol->action = x->sadb_x_policy_type == PFKEY_POLICY_DISCARD ? IPSEC_ACTION_BLOCK : IPSEC_ACTION_ALLOW;
	pol->index = x->sadb_x_policy_id;
	pol->priority = x->sadb_x_policy_priority;
	pfkey_lifetimes_get(t, &pol->soft, &pol->hard, &pol->usage);
	if (requests_get(x, pol))
		return -EBADMSG;
	return pfkey_ctx_get(t, pol->ctx);
}
