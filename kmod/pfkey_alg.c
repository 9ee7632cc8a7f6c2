// SPDX-License-Identifier: GPL-2.0-only
/* Algorithms: those of <net/xfrm.h> by their numbers, AEADs of our own table, what is supported, what is proposed. */
#include "pfkey.h"

/* The kernel finds AEADs by name and length of the ICV only. */
static const struct pfkey_aead aeads[] = {
	{ SADB_X_EALG_AES_CCM_ICV8, 64, 152, 280, "rfc4309(ccm(aes))" },
	{ SADB_X_EALG_AES_CCM_ICV12, 96, 152, 280, "rfc4309(ccm(aes))" },
	{ SADB_X_EALG_AES_CCM_ICV16, 128, 152, 280, "rfc4309(ccm(aes))" },
	{ SADB_X_EALG_AES_GCM_ICV8, 64, 160, 288, "rfc4106(gcm(aes))" },
	{ SADB_X_EALG_AES_GCM_ICV12, 96, 160, 288, "rfc4106(gcm(aes))" },
	{ SADB_X_EALG_AES_GCM_ICV16, 128, 160, 288, "rfc4106(gcm(aes))" },
	{ SADB_X_EALG_NULL_AES_GMAC, 128, 160, 288, "rfc4543(gcm(aes))" },
	{ SADB_X_EALG_CHACHA20POLY1305, 128, 288, 288, "rfc7539esp(chacha20,poly1305)" },
};

#define AEAD_IV_BYTES 8

const struct pfkey_aead *pfkey_aead_by_id(u8 id)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(aeads); i++)
		if (aeads[i].id == id)
			return &aeads[i];
	return NULL;
}

u8 pfkey_aead_id(const struct xfrm_algo_aead *aead)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(aeads); i++)
		if (aeads[i].icv_bits == aead->alg_icv_len && !strcmp(aeads[i].name, aead->alg_name))
			return aeads[i].id;
	return 0;
}

static bool usable(const struct xfrm_algo_desc *alg)
{
	return alg->pfkey_supported && alg->available;
}

static bool aead_usable(const struct pfkey_aead *aead, bool probe)
{
	const struct xfrm_algo_desc *alg = xfrm_aead_get_byname(aead->name, aead->icv_bits, probe);

	return alg && alg->available;
}

/* ---- SADB_REGISTER ---- */

static void put_alg(struct pfkey_msg *m, u8 id, u8 ivlen, u16 minbits, u16 maxbits)
{
	struct sadb_alg *x = pfkey_put_more(m, sizeof(*x));

	if (!x)
		return;
	x->sadb_alg_id = id;
	x->sadb_alg_ivlen = ivlen;
	x->sadb_alg_minbits = minbits;
	x->sadb_alg_maxbits = maxbits;
}

static void put_desc(struct pfkey_msg *m, const struct xfrm_algo_desc *alg)
{
	if (usable(alg))
		put_alg(m, alg->desc.sadb_alg_id, alg->desc.sadb_alg_ivlen, alg->desc.sadb_alg_minbits,
			alg->desc.sadb_alg_maxbits);
}

void pfkey_put_supported(struct pfkey_msg *m)
{
	const struct xfrm_algo_desc *alg;
	unsigned int i;

	xfrm_probe_algs();
	pfkey_put(m, SADB_EXT_SUPPORTED_AUTH, sizeof(struct sadb_supported));
	for (i = 0; (alg = xfrm_aalg_get_byidx(i)); i++)
		put_desc(m, alg);
	pfkey_put(m, SADB_EXT_SUPPORTED_ENCRYPT, sizeof(struct sadb_supported));
	for (i = 0; (alg = xfrm_ealg_get_byidx(i)); i++)
		put_desc(m, alg);
	for (i = 0; i < ARRAY_SIZE(aeads); i++)
		if (aead_usable(&aeads[i], true))
			put_alg(m, aeads[i].id, AEAD_IV_BYTES, aeads[i].min_bits, aeads[i].max_bits);
}

/* ---- SADB_ACQUIRE ---- */

/* Lifetimes that KAME's kernels propose, in seconds; every key manager has its own. */
#define HARD_ADD (24 * 60 * 60)
#define SOFT_ADD (20 * 60 * 60)
#define HARD_USE (8 * 60 * 60)
#define SOFT_USE (7 * 60 * 60)

static struct sadb_comb *put_comb(struct pfkey_msg *m, const struct xfrm_algo_desc *auth)
{
	struct sadb_comb *x = pfkey_put_more(m, sizeof(*x));

	if (!x)
		return NULL;
	if (auth) {
		x->sadb_comb_auth = auth->desc.sadb_alg_id;
		x->sadb_comb_auth_minbits = auth->desc.sadb_alg_minbits;
		x->sadb_comb_auth_maxbits = auth->desc.sadb_alg_maxbits;
	}
	x->sadb_comb_hard_addtime = HARD_ADD;
	x->sadb_comb_soft_addtime = SOFT_ADD;
	x->sadb_comb_hard_usetime = HARD_USE;
	x->sadb_comb_soft_usetime = SOFT_USE;
	return x;
}

/* Who wrote the template may have chosen, by bits 1 << number. */
static bool allowed(const struct xfrm_tmpl *t, u32 mask, u8 id)
{
	return t->allalgs || (id < 32 && mask & BIT(id));
}

static void put_esp_combs(struct pfkey_msg *m, const struct xfrm_tmpl *t, const struct xfrm_algo_desc *enc)
{
	const struct xfrm_algo_desc *auth;
	struct sadb_comb *x;
	unsigned int i;

	for (i = 0; (auth = xfrm_aalg_get_byidx(i)); i++) {
		/* Secret and open to changes: not proposed. */
		if (!usable(auth) || auth->desc.sadb_alg_id == SADB_X_AALG_NULL ||
		    !allowed(t, t->aalgos, auth->desc.sadb_alg_id))
			continue;
		x = put_comb(m, auth);
		if (!x)
			return;
		x->sadb_comb_encrypt = enc->desc.sadb_alg_id;
		x->sadb_comb_encrypt_minbits = enc->desc.sadb_alg_minbits;
		x->sadb_comb_encrypt_maxbits = enc->desc.sadb_alg_maxbits;
	}
}

static void put_aead_combs(struct pfkey_msg *m, const struct xfrm_tmpl *t)
{
	struct sadb_comb *x;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(aeads); i++) {
		if (!aead_usable(&aeads[i], false) || !allowed(t, t->ealgos, aeads[i].id))
			continue;
		x = put_comb(m, NULL);
		if (!x)
			return;
		x->sadb_comb_encrypt = aeads[i].id;
		x->sadb_comb_encrypt_minbits = aeads[i].min_bits;
		x->sadb_comb_encrypt_maxbits = aeads[i].max_bits;
	}
}

void pfkey_put_proposal(struct pfkey_msg *m, u8 proto, const struct xfrm_tmpl *t)
{
	struct sadb_prop *x = pfkey_put(m, SADB_EXT_PROPOSAL, sizeof(*x));
	const struct xfrm_algo_desc *alg;
	unsigned int i;

	if (!x)
		return;
	x->sadb_prop_replay = IPSEC_REPLAYWSIZE;
	if (proto == IPPROTO_AH)
		for (i = 0; (alg = xfrm_aalg_get_byidx(i)); i++)
			if (usable(alg) && allowed(t, t->aalgos, alg->desc.sadb_alg_id))
				put_comb(m, alg);
	if (proto != IPPROTO_ESP)
		return;
	put_aead_combs(m, t);
	for (i = 0; (alg = xfrm_ealg_get_byidx(i)); i++)
		if (usable(alg) && allowed(t, t->ealgos, alg->desc.sadb_alg_id))
			put_esp_combs(m, t, alg);
}
