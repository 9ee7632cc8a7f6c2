/* SPDX-License-Identifier: MIT */
/* Compares SAs and policies field by field (padding is nobody's) and names the first one that differs; NULL: the same. */
#ifndef TESTS_LIB_PFKEY_SAME_H
#define TESTS_LIB_PFKEY_SAME_H

#include "pfkey/ipsec.h"

#include <string.h>

#define SAME(field) do { if (a->field != b->field) return #field; } while (0)
#define SAME_ADDR(field) do { if (!ipsec_addr_equal(&a->field, &b->field)) return #field; } while (0)
#define SAME_TEXT(field) do { if (strcmp(a->field, b->field)) return #field; } while (0)
#define SAME_PART(how, field) do { if (how(&a->field, &b->field)) return #field; } while (0)

static inline const char *selector_differs(const struct ipsec_selector *a, const struct ipsec_selector *b)
{
	SAME_ADDR(src); SAME_ADDR(dst); SAME(src_len); SAME(dst_len); SAME(proto);
	SAME(sport); SAME(sport_mask); SAME(dport); SAME(dport_mask); SAME(ifindex);
	return NULL;
}

static inline const char *alg_differs(const struct ipsec_alg *a, const struct ipsec_alg *b)
{
	SAME_TEXT(name); SAME(key_bits); SAME(icv_bits);
	return memcmp(a->key, b->key, sizeof(a->key)) ? "key" : NULL;
}

static inline const char *lifetime_differs(const struct ipsec_lifetime *a, const struct ipsec_lifetime *b)
{
	SAME(bytes); SAME(packets); SAME(add_seconds); SAME(use_seconds);
	return NULL;
}

static inline const char *encap_differs(const struct ipsec_encap *a, const struct ipsec_encap *b)
{
	SAME(type); SAME(sport); SAME(dport); SAME_ADDR(oa);
	return NULL;
}

static inline const char *offload_differs(const struct ipsec_offload *a, const struct ipsec_offload *b)
{
	SAME(ifindex); SAME(kind); SAME(inbound);
	return NULL;
}

/* All that is set by who adds it; not state, usage and acquire_seq. */
static inline const char *sa_differs(const struct ipsec_sa *a, const struct ipsec_sa *b)
{
	SAME_ADDR(src); SAME_ADDR(dst); SAME(proto); SAME(mode); SAME(flags); SAME(spi); SAME(reqid);
	SAME_PART(selector_differs, sel);
	SAME_PART(alg_differs, aead); SAME_PART(alg_differs, enc); SAME_PART(alg_differs, auth); SAME_PART(alg_differs, comp);
	SAME_PART(encap_differs, encap);
	SAME(mark.value); SAME(mark.mask); SAME(output_mark.value); SAME(output_mark.mask); SAME(if_id);
	SAME(replay_window); SAME(tfc_pad); SAME(dir); SAME(nat_keepalive);
	SAME_PART(offload_differs, offload);
	SAME_PART(lifetime_differs, soft); SAME_PART(lifetime_differs, hard);
	SAME_TEXT(ctx);
	return NULL;
}

static inline const char *tmpl_differs(const struct ipsec_tmpl *a, const struct ipsec_tmpl *b)
{
	SAME_ADDR(src); SAME_ADDR(dst); SAME(proto); SAME(mode); SAME(optional); SAME(reqid); SAME(spi);
	return NULL;
}

/* The index only when a has one. */
static inline const char *policy_differs(const struct ipsec_policy *a, const struct ipsec_policy *b)
{
	SAME_PART(selector_differs, sel);
	SAME(dir); SAME(action); SAME(type); SAME(flags); SAME(priority); SAME(mark.value); SAME(mark.mask); SAME(if_id); SAME(ntmpl);
	SAME(socket);
	SAME_PART(offload_differs, offload);
	for (unsigned int i = 0; i < a->ntmpl; i++)
		SAME_PART(tmpl_differs, tmpl[i]);
	SAME_PART(lifetime_differs, soft); SAME_PART(lifetime_differs, hard);
	SAME_TEXT(ctx);
	if (a->index)
		SAME(index);
	return NULL;
}

#endif
