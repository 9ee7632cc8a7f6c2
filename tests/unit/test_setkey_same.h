/* SPDX-License-Identifier: MIT */
/* Whether two SAs or policies are the same in all that can be asked of a kernel, member by member. */
#ifndef TEST_SETKEY_SAME_H
#define TEST_SETKEY_SAME_H

#include "pfkey/ipsec.h"

#include <string.h>

static inline bool same_selector(const struct ipsec_selector *a, const struct ipsec_selector *b)
{
	return ipsec_addr_equal(&a->src, &b->src) && ipsec_addr_equal(&a->dst, &b->dst) && a->src_len == b->src_len &&
	       a->dst_len == b->dst_len && a->proto == b->proto && a->sport == b->sport && a->dport == b->dport &&
	       a->sport_mask == b->sport_mask && a->dport_mask == b->dport_mask && a->ifindex == b->ifindex;
}

static inline bool same_alg(const struct ipsec_alg *a, const struct ipsec_alg *b)
{
	return !strcmp(a->name, b->name) && a->key_bits == b->key_bits && a->icv_bits == b->icv_bits &&
	       !memcmp(a->key, b->key, sizeof(a->key));
}

static inline bool same_lifetime(const struct ipsec_lifetime *a, const struct ipsec_lifetime *b)
{
	return a->bytes == b->bytes && a->packets == b->packets && a->add_seconds == b->add_seconds &&
	       a->use_seconds == b->use_seconds;
}

static inline bool same_mark(const struct ipsec_mark *a, const struct ipsec_mark *b)
{
	return a->value == b->value && a->mask == b->mask;
}

static inline bool same_encap(const struct ipsec_encap *a, const struct ipsec_encap *b)
{
	return a->type == b->type && a->sport == b->sport && a->dport == b->dport && ipsec_addr_equal(&a->oa, &b->oa);
}

static inline bool same_offload(const struct ipsec_offload *a, const struct ipsec_offload *b)
{
	return a->ifindex == b->ifindex && a->kind == b->kind && a->inbound == b->inbound;
}

static inline bool same_sa(const struct ipsec_sa *a, const struct ipsec_sa *b)
{
	return ipsec_addr_equal(&a->src, &b->src) && ipsec_addr_equal(&a->dst, &b->dst) && a->proto == b->proto &&
	       a->mode == b->mode && a->flags == b->flags && a->spi == b->spi && a->reqid == b->reqid &&
	       same_selector(&a->sel, &b->sel) && same_alg(&a->aead, &b->aead) && same_alg(&a->enc, &b->enc) &&
	       same_alg(&a->auth, &b->auth) && same_alg(&a->comp, &b->comp) && same_encap(&a->encap, &b->encap) &&
	       same_mark(&a->mark, &b->mark) && same_mark(&a->output_mark, &b->output_mark) && a->if_id == b->if_id &&
	       a->replay_window == b->replay_window && a->tfc_pad == b->tfc_pad && same_offload(&a->offload, &b->offload) &&
	       a->dir == b->dir && a->nat_keepalive == b->nat_keepalive && same_lifetime(&a->soft, &b->soft) &&
	       same_lifetime(&a->hard, &b->hard) && a->acquire_seq == b->acquire_seq && a->resume == b->resume &&
	       !strcmp(a->ctx, b->ctx);
}

static inline bool same_tmpl(const struct ipsec_tmpl *a, const struct ipsec_tmpl *b)
{
	return ipsec_addr_equal(&a->src, &b->src) && ipsec_addr_equal(&a->dst, &b->dst) && a->proto == b->proto &&
	       a->mode == b->mode && a->optional == b->optional && a->reqid == b->reqid && a->spi == b->spi;
}

static inline bool same_policy(const struct ipsec_policy *a, const struct ipsec_policy *b)
{
	if (a->ntmpl != b->ntmpl)
		return false;
	for (unsigned int i = 0; i < a->ntmpl && i < IPSEC_TMPL_MAX; i++)
		if (!same_tmpl(&a->tmpl[i], &b->tmpl[i]))
			return false;
	return same_selector(&a->sel, &b->sel) && a->dir == b->dir && a->action == b->action && a->type == b->type &&
	       a->flags == b->flags && a->priority == b->priority && a->index == b->index && same_mark(&a->mark, &b->mark) &&
	       a->if_id == b->if_id && same_offload(&a->offload, &b->offload) && same_lifetime(&a->soft, &b->soft) &&
	       same_lifetime(&a->hard, &b->hard) && !strcmp(a->ctx, b->ctx) && a->socket == b->socket;
}

#endif
