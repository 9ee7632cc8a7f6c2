// SPDX-License-Identifier: MIT
/* From a resolved statement to the values that libpfkey takes. */
#include "setkey/lang/convert.h"

#include <errno.h>
#include <linux/udp.h>
#include <linux/xfrm.h>
#include <stdio.h>
#include <string.h>

#define NATT_PORT 4500		/* RFC 3948 */

static const struct more_spec nothing_more;

static const struct more_spec *more_of(const struct statement *st)
{
	return st->more ? st->more : &nothing_more;
}

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

static int set_algs(struct ipsec_sa *sa, const struct statement *st, char *why, size_t n)
{
	const struct sa_spec *spec = st->sa;
	struct ipsec_alg *enc = statement_has_aead(st) ? &sa->aead : &sa->enc;
	uint16_t trunc = more_of(st)->trunc;
	int err;

	err = set_alg(enc, &spec->enc, why, n);
	if (!err)
		err = set_alg(&sa->auth, &spec->auth, why, n);
	if (!err)
		err = set_alg(&sa->comp, &spec->comp, why, n);
	if (trunc && spec->auth.alg)
		sa->auth.icv_bits = trunc;
	else if (trunc && spec->enc.alg)
		enc->icv_bits = trunc;
	return err;
}

static uint16_t natt_port(const struct endpoint *ep)
{
	return ep->port.number ? ep->port.number : NATT_PORT;
}

static void set_encap(struct ipsec_sa *sa, const struct statement *st)
{
	const struct endpoint *oa = &more_of(st)->oa;

	if (!(st->sa->flags & SPEC_ENCAP))
		return;
	sa->encap.type = UDP_ENCAP_ESPINUDP;
	sa->encap.sport = natt_port(&st->src);
	sa->encap.dport = natt_port(&st->dst);
	if (oa->naddrs)
		sa->encap.oa = oa->addrs[0];
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

static void set_upper(struct ipsec_selector *sel, const struct endpoint *src, const struct endpoint *dst,
		      const struct upper_spec *upper)
{
	sel->proto = upper->proto;
	sel->sport = src->port.number;
	sel->sport_mask = src->port.mask;
	sel->dport = dst->port.number;
	sel->dport_mask = dst->port.mask;
	if (!upper->have_type)
		return;
	sel->sport = upper->type;
	sel->sport_mask = UINT16_MAX;
	sel->dport = upper->code;
	sel->dport_mask = upper->have_code ? UINT16_MAX : 0;
}

static int set_selector(struct ipsec_selector *sel, const struct endpoint *src, const struct endpoint *dst,
			const struct upper_spec *upper, char *why, size_t n)
{
	int err;

	err = set_net(&sel->src, &sel->src_len, src, why, n);
	if (!err)
		err = set_net(&sel->dst, &sel->dst_len, dst, why, n);
	set_upper(sel, src, dst, upper);
	return err;
}

/* What XFRM has beyond the classic language. */
static int set_more(struct ipsec_sa *sa, const struct more_spec *more, char *why, size_t n)
{
	uint8_t offload_dir = more->offload_dir ? more->offload_dir : more->dir;

	sa->hard = more->hard;
	sa->soft = more->soft;
	sa->mark = more->mark;
	sa->output_mark = more->output_mark;
	sa->if_id = more->if_id;
	sa->tfc_pad = more->tfc;
	sa->nat_keepalive = more->nat_keepalive;
	sa->flags = more->flags;
	sa->dir = more->dir;
	if (more->offload)
		sa->offload = (struct ipsec_offload){
			.ifindex = more->offload_dev.index,
			.kind = more->offload,
			.inbound = offload_dir == IPSEC_SA_DIR_IN,
		};
	if (!more->sel)
		return 0;
	sa->sel.ifindex = more->dev.index;
	return set_selector(&sa->sel, &more->sel->src, &more->sel->dst, &more->sel->upper, why, n);
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
	set_encap(sa, st);
	err = set_more(sa, more_of(st), why, n);
	if (!err)
		err = set_algs(sa, st, why, n);
	if (!err)
		err = set_ctx(sa->ctx, &more_of(st)->ctx, why, n);
	return err;
}

void convert_sa_id(const struct statement *st, const struct ipsec_addr *dst, struct ipsec_sa_id *id)
{
	*id = (struct ipsec_sa_id){ .dst = *dst, .proto = st->proto, .spi = st->sa->spi, .mark = more_of(st)->mark };
}

static void set_tmpl(struct ipsec_tmpl *tmpl, const struct rule_spec *rule)
{
	tmpl->proto = rule->proto;
	tmpl->mode = rule->mode;
	tmpl->optional = rule->level == LEVEL_USE;
	tmpl->reqid = rule->reqid;
	tmpl->spi = rule->spi;
	/* In transport mode the packet's own addresses are the ends, whatever was written. */
	if (rule->mode != IPSEC_MODE_TRANSPORT) {
		tmpl->src = rule->src;
		tmpl->dst = rule->dst;
	}
}

int convert_policy(const struct statement *st, struct ipsec_policy *pol, char *why, size_t n)
{
	const struct policy_spec *spec = st->policy;
	const struct more_spec *more = more_of(st);
	int err;

	memset(pol, 0, sizeof(*pol));
	if (spec->tag) {
		snprintf(why, n, "Linux has no packet tags in policies");
		return -EOPNOTSUPP;
	}
	err = set_selector(&pol->sel, &st->src, &st->dst, &spec->upper, why, n);
	if (!err)
		err = set_ctx(pol->ctx, &more->ctx, why, n);
	if (err)
		return err;
	pol->sel.ifindex = more->dev.index;
	pol->dir = spec->dir;
	pol->action = spec->action == POLICY_DISCARD ? IPSEC_ACTION_BLOCK : IPSEC_ACTION_ALLOW;
	pol->type = more->ptype;
	pol->flags = (uint8_t)more->flags;
	pol->priority = spec->priority;
	pol->index = more->index;
	pol->mark = more->mark;
	pol->if_id = more->if_id;
	pol->offload = (struct ipsec_offload){ .ifindex = more->offload_dev.index, .kind = more->offload };
	pol->hard = more->hard;
	pol->soft = more->soft;
	pol->ntmpl = spec->nrules;
	for (unsigned int i = 0; i < spec->nrules; i++)
		set_tmpl(&pol->tmpl[i], &spec->rules[i]);
	return 0;
}

void convert_to_fwd(const struct statement *st, struct ipsec_policy *pol)
{
	pol->dir = IPSEC_DIR_FWD;
	/* An index tells the direction in its last bits, and belongs to one policy. */
	pol->index = 0;
	if (pol->ntmpl && st->policy->rules[0].level == LEVEL_UNIQUE)
		pol->tmpl[0].reqid = 0;
}
