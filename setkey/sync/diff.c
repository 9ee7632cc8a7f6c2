// SPDX-License-Identifier: MIT
/* In what two SAs or policies differ, what the kernel does to values left aside. */
#include "setkey/sync/diff.h"

#include <linux/xfrm.h>
#include <string.h>

#include "pfkey/alg.h"

#define SHA256_ICV_BY_ITSELF 96		/* what XFRM does to hmac(sha256) unless told otherwise */

static const char *alg_name(enum ipsec_alg_kind kind, const struct ipsec_alg *alg)
{
	const struct ipsec_alg_info *info = ipsec_alg_by_kernel(kind, alg->name, 0);

	return info ? info->kernel[0] : alg->name;
}

/* 0: not known. */
static unsigned int alg_icv(enum ipsec_alg_kind kind, const struct ipsec_alg *alg)
{
	const struct ipsec_alg_info *info;

	if (alg->icv_bits)
		return alg->icv_bits;
	info = ipsec_alg_by_kernel(kind, alg->name, 0);
	if (info && info->sadb && !strcmp(info->kernel[0], "hmac(sha256)"))
		return SHA256_ICV_BY_ITSELF;
	return info ? info->icv_bits : 0;
}

/* ESP without a cipher and with the null cipher are one and the same, and so it is with integrity. */
static bool alg_is_none(enum ipsec_alg_kind kind, const struct ipsec_alg *alg)
{
	return !alg->name[0] || (kind == IPSEC_ALG_ENC && !strcmp(alg_name(kind, alg), "ecb(cipher_null)")) ||
	       (kind == IPSEC_ALG_AUTH && !strcmp(alg_name(kind, alg), "digest_null"));
}

static bool key_equal(const struct ipsec_alg *a, const struct ipsec_alg *b)
{
	return a->key_bits == b->key_bits && !memcmp(a->key, b->key, (a->key_bits + 7u) / 8);
}

static unsigned int alg_diff(enum ipsec_alg_kind kind, const struct ipsec_alg *want, const struct ipsec_alg *have)
{
	unsigned int icv, icv_have;

	if (alg_is_none(kind, want) || alg_is_none(kind, have))
		return alg_is_none(kind, want) && alg_is_none(kind, have) ? 0 : SYNC_DIFF_ALG;
	if (strcmp(alg_name(kind, want), alg_name(kind, have)))
		return SYNC_DIFF_ALG;
	icv = alg_icv(kind, want);
	icv_have = alg_icv(kind, have);
	if ((kind == IPSEC_ALG_AUTH || kind == IPSEC_ALG_AEAD) && icv && icv_have && icv != icv_have)
		return SYNC_DIFF_ALG;
	return key_equal(want, have) ? 0 : SYNC_DIFF_KEY;
}

static bool lifetime_equal(const struct ipsec_lifetime *a, const struct ipsec_lifetime *b)
{
	return a->bytes == b->bytes && a->packets == b->packets && a->add_seconds == b->add_seconds &&
	       a->use_seconds == b->use_seconds;
}

/* No selector, or one that takes everything of the SA's own family, which is what the kernel may make of none. */
static bool selector_is_wild(const struct ipsec_sa *sa)
{
	const struct ipsec_selector *s = &sa->sel;

	return !s->src.family || (s->src.family == sa->dst.family && !s->src_len && !s->dst_len && !s->proto &&
				  !s->sport_mask && !s->dport_mask && !s->ifindex);
}

static bool selector_equal(const struct ipsec_selector *a, const struct ipsec_selector *b)
{
	return ipsec_addr_equal(&a->src, &b->src) && ipsec_addr_equal(&a->dst, &b->dst) && a->src_len == b->src_len &&
	       a->dst_len == b->dst_len && a->proto == b->proto && a->sport == b->sport && a->dport == b->dport &&
	       a->sport_mask == b->sport_mask && a->dport_mask == b->dport_mask && a->ifindex == b->ifindex;
}

static bool mark_equal(const struct ipsec_mark *a, const struct ipsec_mark *b)
{
	return a->mask == b->mask && (a->value & a->mask) == (b->value & b->mask);
}

static bool addr_same(const struct ipsec_addr *a, const struct ipsec_addr *b)
{
	return ipsec_addr_equal(a, b) || (ipsec_addr_is_any(a) && ipsec_addr_is_any(b));
}

static unsigned int encap_diff(const struct ipsec_encap *want, const struct ipsec_encap *have)
{
	if (want->type != have->type)
		return SYNC_DIFF_ENCAP_TYPE;
	if (!want->type)
		return 0;
	return want->sport == have->sport && want->dport == have->dport && addr_same(&want->oa, &have->oa) ?
	       0 : SYNC_DIFF_ENCAP;
}

static bool offload_equal(const struct ipsec_offload *a, const struct ipsec_offload *b)
{
	return a->kind == b->kind && (!a->kind || (a->ifindex == b->ifindex && a->inbound == b->inbound));
}

/* "any" has always become transport. */
static uint8_t mode_of(uint8_t mode)
{
	return mode == IPSEC_MODE_ANY ? IPSEC_MODE_TRANSPORT : mode;
}

static unsigned int sa_selector_diff(const struct ipsec_sa *want, const struct ipsec_sa *have)
{
	unsigned int flags = want->flags ^ have->flags, diff = 0;
	bool wild = selector_is_wild(want) && selector_is_wild(have);

	if (!wild && !selector_equal(&want->sel, &have->sel))
		diff |= SYNC_DIFF_SELECTOR;
	return flags ? diff | SYNC_DIFF_FLAGS : diff;
}

unsigned int sync_sa_diff(const struct ipsec_sa *want, const struct ipsec_sa *have)
{
	unsigned int diff = sa_selector_diff(want, have) | encap_diff(&want->encap, &have->encap);

	diff |= alg_diff(IPSEC_ALG_AEAD, &want->aead, &have->aead) | alg_diff(IPSEC_ALG_ENC, &want->enc, &have->enc) |
		alg_diff(IPSEC_ALG_AUTH, &want->auth, &have->auth) | alg_diff(IPSEC_ALG_COMP, &want->comp, &have->comp);
	if (!ipsec_addr_equal(&want->src, &have->src))
		diff |= SYNC_DIFF_ADDRESS;
	if (mode_of(want->mode) != mode_of(have->mode))
		diff |= SYNC_DIFF_MODE;
	if (want->reqid != have->reqid)
		diff |= SYNC_DIFF_REQID;
	if (want->replay_window != have->replay_window && want->proto != IPPROTO_COMP)
		diff |= SYNC_DIFF_REPLAY;
	if (!mark_equal(&want->output_mark, &have->output_mark))
		diff |= SYNC_DIFF_OUTPUT_MARK;
	if (want->if_id != have->if_id)
		diff |= SYNC_DIFF_IF_ID;
	if (!lifetime_equal(&want->soft, &have->soft) || !lifetime_equal(&want->hard, &have->hard))
		diff |= SYNC_DIFF_LIFETIME;
	if (!offload_equal(&want->offload, &have->offload))
		diff |= SYNC_DIFF_OFFLOAD;
	if (want->dir != have->dir)
		diff |= SYNC_DIFF_DIR;
	if (want->nat_keepalive != have->nat_keepalive)
		diff |= SYNC_DIFF_KEEPALIVE;
	if (want->tfc_pad != have->tfc_pad)
		diff |= SYNC_DIFF_TFC;
	if (strcmp(want->ctx, have->ctx))
		diff |= SYNC_DIFF_LABEL;
	return diff;
}

bool sync_sa_updatable(unsigned int diff, const struct ipsec_sa *want, const struct ipsec_sa *have)
{
	/* An update takes 0 of these two for "leave it as it is". */
	if (diff & SYNC_DIFF_OUTPUT_MARK && (!want->output_mark.mask || !have->output_mark.mask))
		return false;
	if (diff & SYNC_DIFF_IF_ID && (!want->if_id || !have->if_id))
		return false;
	return !(diff & ~(unsigned int)(SYNC_DIFF_LIFETIME | SYNC_DIFF_ENCAP | SYNC_DIFF_OUTPUT_MARK | SYNC_DIFF_IF_ID));
}

static bool key_blank(const struct ipsec_alg *alg)
{
	for (unsigned int i = 0; i < (alg->key_bits + 7u) / 8; i++)
		if (alg->key[i])
			return false;
	return true;
}

bool sync_sa_keys_blank(const struct ipsec_sa *sa)
{
	return (sa->aead.key_bits || sa->enc.key_bits || sa->auth.key_bits) && key_blank(&sa->aead) &&
	       key_blank(&sa->enc) && key_blank(&sa->auth);
}

static bool alg_shared(enum ipsec_alg_kind kind, const struct ipsec_alg *a, const struct ipsec_alg *b)
{
	return a->key_bits && !strcmp(alg_name(kind, a), alg_name(kind, b)) && key_equal(a, b);
}

bool sync_sa_shares_key(const struct ipsec_sa *a, const struct ipsec_sa *b)
{
	return alg_shared(IPSEC_ALG_AEAD, &a->aead, &b->aead) || alg_shared(IPSEC_ALG_ENC, &a->enc, &b->enc) ||
	       alg_shared(IPSEC_ALG_AUTH, &a->auth, &b->auth);
}

static bool tmpl_equal(const struct ipsec_tmpl *want, const struct ipsec_tmpl *have, bool chosen)
{
	if (want->proto != have->proto || mode_of(want->mode) != mode_of(have->mode) ||
	    want->optional != have->optional || want->spi != have->spi)
		return false;
	if (chosen ? have->reqid <= SYNC_REQID_GIVEN_MAX : want->reqid != have->reqid)
		return false;
	return addr_same(&want->src, &have->src) && addr_same(&want->dst, &have->dst);
}

static bool rules_equal(const struct ipsec_policy *want, const struct ipsec_policy *have, unsigned int chosen)
{
	if (want->ntmpl != have->ntmpl)
		return false;
	for (unsigned int i = 0; i < want->ntmpl; i++)
		if (!tmpl_equal(&want->tmpl[i], &have->tmpl[i], chosen & 1u << i))
			return false;
	return true;
}

unsigned int sync_policy_diff(const struct ipsec_policy *want, const struct ipsec_policy *have, unsigned int chosen)
{
	unsigned int diff = 0;

	if (want->action != have->action)
		diff |= SYNC_DIFF_ACTION;
	if (!rules_equal(want, have, chosen))
		diff |= SYNC_DIFF_RULES;
	if (want->priority != have->priority)
		diff |= SYNC_DIFF_PRIORITY;
	if (want->flags != have->flags)
		diff |= SYNC_DIFF_FLAGS;
	if (!offload_equal(&want->offload, &have->offload))
		diff |= SYNC_DIFF_OFFLOAD;
	if (!lifetime_equal(&want->soft, &have->soft) || !lifetime_equal(&want->hard, &have->hard))
		diff |= SYNC_DIFF_LIFETIME;
	return diff;
}
