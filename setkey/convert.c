// SPDX-License-Identifier: MIT
/* From a resolved statement to the values that libpfkey takes. */
#include "setkey/convert.h"

#include <errno.h>
#include <linux/udp.h>
#include <linux/xfrm.h>
#include <stdio.h>
#include <string.h>

#define NATT_PORT 4500		/* RFC 3948 */

static int set_ctx(char *out, const struct ctx_spec *ctx, char *why, size_t n)
{
	if (!ctx->label)
		return 0;
	if (ctx->doi != XFRM_SC_DOI_LSM || ctx->alg != XFRM_SC_ALG_SELINUX) {
		snprintf(why, n, "security context: Linux knows doi 1 and algorithm 1 only");
		return -EOPNOTSUPP;
	}
	snprintf(out, IPSEC_CTX_MAX, "%s", ctx->label);
	return 0;
}

static int set_alg(struct ipsec_alg *out, const struct alg_spec *spec, char *why, size_t n)
{
	int err;

	if (!spec->alg)
		return 0;
	err = ipsec_alg_set(out, spec->alg, spec->key, spec->bytes * 8u);
	if (err)
		snprintf(why, n, "Linux has no %s", spec->alg->names[0]);
	return err;
}

static int set_algs(struct ipsec_sa *sa, const struct sa_spec *spec, char *why, size_t n)
{
	bool aead = spec->enc.alg && spec->enc.alg->kind == IPSEC_ALG_AEAD;
	int err;

	err = set_alg(aead ? &sa->aead : &sa->enc, &spec->enc, why, n);
	if (!err)
		err = set_alg(&sa->auth, &spec->auth, why, n);
	if (!err)
		err = set_alg(&sa->comp, &spec->comp, why, n);
	return err;
}

static uint16_t natt_port(const struct endpoint *ep)
{
	return ep->port.number ? ep->port.number : NATT_PORT;
}

static void set_encap(struct ipsec_sa *sa, const struct statement *st)
{
	if (!(st->sa->flags & SPEC_ENCAP))
		return;
	sa->encap.type = UDP_ENCAP_ESPINUDP;
	sa->encap.sport = natt_port(&st->src);
	sa->encap.dport = natt_port(&st->dst);
	if (st->sa->oa.naddrs)
		sa->encap.oa = st->sa->oa.addrs[0];
}

int convert_sa(const struct statement *st, const struct ipsec_addr *src, const struct ipsec_addr *dst,
	       struct ipsec_sa *sa, char *why, size_t n)
{
	const struct sa_spec *spec = st->sa;
	int err;

	memset(sa, 0, sizeof(*sa));
	if (st->proto == IPPROTO_TCP || (spec->flags & SPEC_OLD)) {
		snprintf(why, n, "%s is not a protocol that Linux's IPsec has",
			 st->proto == IPPROTO_TCP ? "tcp (TCP-MD5)" : st->proto == IPPROTO_AH ? "ah-old" : "esp-old");
		return -EOPNOTSUPP;
	}
	sa->src = *src;
	sa->dst = *dst;
	sa->proto = st->proto;
	/* "any" has always become transport on Linux. */
	sa->mode = spec->mode == IPSEC_MODE_ANY ? IPSEC_MODE_TRANSPORT : spec->mode;
	sa->spi = spec->spi;
	sa->reqid = spec->reqid;
	sa->replay_window = spec->replay;
	sa->hard.add_seconds = spec->hard_seconds;
	sa->soft.add_seconds = spec->soft_seconds;
	sa->hard.bytes = spec->hard_bytes;
	sa->soft.bytes = spec->soft_bytes;
	set_encap(sa, st);
	err = set_algs(sa, spec, why, n);
	if (!err)
		err = set_ctx(sa->ctx, &spec->ctx, why, n);
	return err;
}

void convert_sa_id(const struct statement *st, const struct ipsec_addr *dst, struct ipsec_sa_id *id)
{
	*id = (struct ipsec_sa_id){ .dst = *dst, .proto = st->proto, .spi = st->sa->spi };
}

/* Without a prefix length the whole address counts. */
static int set_net(struct ipsec_addr *addr, uint8_t *len, const struct endpoint *ep, char *why, size_t n)
{
	uint8_t bits;

	*addr = ep->addrs[0];
	bits = ipsec_addr_bits(addr->family);
	if (ep->prefix > bits) {
		snprintf(why, n, "%s has %u bits, not %d", ep->host, bits, ep->prefix);
		return -EINVAL;
	}
	*len = ep->prefix < 0 ? bits : (uint8_t)ep->prefix;
	return 0;
}

static void set_upper(struct ipsec_selector *sel, const struct statement *st)
{
	const struct policy_spec *spec = st->policy;

	sel->proto = spec->proto;
	if (spec->have_type) {
		sel->sport = spec->type;
		sel->sport_mask = UINT16_MAX;
		sel->dport = spec->code;
		sel->dport_mask = spec->have_code ? UINT16_MAX : 0;
		return;
	}
	if (st->src.port.set) {
		sel->sport = st->src.port.number;
		sel->sport_mask = UINT16_MAX;
	}
	if (st->dst.port.set) {
		sel->dport = st->dst.port.number;
		sel->dport_mask = UINT16_MAX;
	}
}

static void set_tmpl(struct ipsec_tmpl *tmpl, const struct rule_spec *rule)
{
	tmpl->proto = rule->proto;
	tmpl->mode = rule->mode;
	tmpl->optional = rule->level == LEVEL_USE;
	tmpl->reqid = rule->reqid;
	/* In transport mode the packet's own addresses are the ends, whatever was written. */
	if (rule->mode == IPSEC_MODE_TUNNEL) {
		tmpl->src = rule->src;
		tmpl->dst = rule->dst;
	}
}

int convert_policy(const struct statement *st, struct ipsec_policy *pol, char *why, size_t n)
{
	const struct policy_spec *spec = st->policy;
	struct ipsec_selector *sel = &pol->sel;
	int err;

	memset(pol, 0, sizeof(*pol));
	if (spec->tag) {
		snprintf(why, n, "Linux has no packet tags in policies");
		return -EOPNOTSUPP;
	}
	err = set_net(&sel->src, &sel->src_len, &st->src, why, n);
	if (!err)
		err = set_net(&sel->dst, &sel->dst_len, &st->dst, why, n);
	if (!err)
		err = set_ctx(pol->ctx, &spec->ctx, why, n);
	if (err)
		return err;
	set_upper(sel, st);
	pol->dir = spec->dir;
	pol->action = spec->action == POLICY_DISCARD ? IPSEC_ACTION_BLOCK : IPSEC_ACTION_ALLOW;
	pol->priority = spec->priority;
	pol->ntmpl = spec->nrules;
	for (unsigned int i = 0; i < spec->nrules; i++)
		set_tmpl(&pol->tmpl[i], &spec->rules[i]);
	return 0;
}

void convert_to_fwd(const struct statement *st, struct ipsec_policy *pol)
{
	pol->dir = IPSEC_DIR_FWD;
	if (pol->ntmpl && st->policy->rules[0].level == LEVEL_UNIQUE)
		pol->tmpl[0].reqid = 0;
}
