// SPDX-License-Identifier: MIT
/* SAs to XFRM messages and back. */
#include "pfkey/xfrm.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#define LEGACY_WINDOW 32	/* packets that struct xfrm_replay_state can follow */
#define AEAD_ICV_BITS 128	/* XFRM has no default of its own for these */

static const struct { uint16_t ours; uint8_t flag; uint8_t extra; } sa_flags[] = {
	{ IPSEC_SA_ESN, XFRM_STATE_ESN, 0 },
	{ IPSEC_SA_NOECN, XFRM_STATE_NOECN, 0 },
	{ IPSEC_SA_DECAP_DSCP, XFRM_STATE_DECAP_DSCP, 0 },
	{ IPSEC_SA_NOPMTUDISC, XFRM_STATE_NOPMTUDISC, 0 },
	{ IPSEC_SA_WILDRECV, XFRM_STATE_WILDRECV, 0 },
	{ IPSEC_SA_ICMP, XFRM_STATE_ICMP, 0 },
	{ IPSEC_SA_AF_UNSPEC, XFRM_STATE_AF_UNSPEC, 0 },
	{ IPSEC_SA_ALIGN4, XFRM_STATE_ALIGN4, 0 },
	{ IPSEC_SA_DONT_ENCAP_DSCP, 0, XFRM_SA_XFLAG_DONT_ENCAP_DSCP },
	{ IPSEC_SA_OSEQ_MAY_WRAP, 0, XFRM_SA_XFLAG_OSEQ_MAY_WRAP },
};
#define SA_FLAGS (sizeof(sa_flags) / sizeof(sa_flags[0]))

/* ---- values to messages ---- */

/* What NEWSA and ALLOCSPI share. */
static void usersa_put(struct xfrm_usersa_info *info, const struct ipsec_sa *sa)
{
	xfrm_addr_put(&info->saddr, &sa->src);
	xfrm_addr_put(&info->id.daddr, &sa->dst);
	info->id.spi = htonl(sa->spi);
	info->id.proto = sa->proto;
	info->family = sa->dst.family;
	info->mode = xfrm_mode_put(sa->mode);
	info->reqid = sa->reqid;
	info->seq = sa->acquire_seq;
}

static void algs_put(struct xfrm_msg *m, const struct ipsec_sa *sa)
{
	static const struct { uint16_t attr; size_t at; } plain[] = {
		{ XFRMA_ALG_CRYPT, offsetof(struct ipsec_sa, enc) },
		{ XFRMA_ALG_COMP, offsetof(struct ipsec_sa, comp) },
	};

	if (sa->aead.name[0]) {
		struct xfrm_algo_aead *x = xfrm_attr_room(m, XFRMA_ALG_AEAD, sizeof(*x) + sa->aead.key_bits / 8);

		memcpy(x->alg_name, sa->aead.name, sizeof(x->alg_name));
		x->alg_key_len = sa->aead.key_bits;
		x->alg_icv_len = sa->aead.icv_bits ? sa->aead.icv_bits : AEAD_ICV_BITS;
		memcpy(x->alg_key, sa->aead.key, sa->aead.key_bits / 8);
	}
	if (sa->auth.name[0] && sa->auth.icv_bits) {
		struct xfrm_algo_auth *x = xfrm_attr_room(m, XFRMA_ALG_AUTH_TRUNC, sizeof(*x) + sa->auth.key_bits / 8);

		memcpy(x->alg_name, sa->auth.name, sizeof(x->alg_name));
		x->alg_key_len = sa->auth.key_bits;
		x->alg_trunc_len = sa->auth.icv_bits;
		memcpy(x->alg_key, sa->auth.key, sa->auth.key_bits / 8);
	} else if (sa->auth.name[0]) {
		struct xfrm_algo *x = xfrm_attr_room(m, XFRMA_ALG_AUTH, sizeof(*x) + sa->auth.key_bits / 8);

		memcpy(x->alg_name, sa->auth.name, sizeof(x->alg_name));
		x->alg_key_len = sa->auth.key_bits;
		memcpy(x->alg_key, sa->auth.key, sa->auth.key_bits / 8);
	}
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		const struct ipsec_alg *alg = (const struct ipsec_alg *)((const char *)sa + plain[i].at);
		struct xfrm_algo *x;

		if (!alg->name[0])
			continue;
		x = xfrm_attr_room(m, plain[i].attr, sizeof(*x) + alg->key_bits / 8);
		memcpy(x->alg_name, alg->name, sizeof(x->alg_name));
		x->alg_key_len = alg->key_bits;
		memcpy(x->alg_key, alg->key, alg->key_bits / 8);
	}
}

static void legacy_resume_put(struct xfrm_msg *m, const struct ipsec_sa *sa)
{
	struct xfrm_replay_state *x = xfrm_attr_room(m, XFRMA_REPLAY_VAL, sizeof(*x));

	x->seq = (uint32_t)sa->usage.seq;
	x->oseq = (uint32_t)sa->usage.oseq;
	x->bitmap = sa->replay_window ? UINT32_MAX : 0;
}

/*
 * Windows beyond 32 packets and ESN live in their own attribute; the old field is then 0. An SA that is resumed has
 * received all that lies in its window, so that nothing can be played back.
 */
static void replay_put(struct xfrm_msg *m, struct xfrm_usersa_info *info, const struct ipsec_sa *sa)
{
	uint32_t words = (sa->replay_window + 31) / 32;
	struct xfrm_replay_state_esn *x;

	if (sa->replay_window <= LEGACY_WINDOW && !(sa->flags & IPSEC_SA_ESN)) {
		info->replay_window = (uint8_t)sa->replay_window;
		if (sa->resume)
			legacy_resume_put(m, sa);
		return;
	}
	x = xfrm_attr_room(m, XFRMA_REPLAY_ESN_VAL, sizeof(*x) + words * sizeof(x->bmp[0]));
	x->bmp_len = words;
	x->replay_window = sa->replay_window;
	if (!sa->resume)
		return;
	x->seq = (uint32_t)sa->usage.seq;
	x->seq_hi = (uint32_t)(sa->usage.seq >> 32);
	x->oseq = (uint32_t)sa->usage.oseq;
	x->oseq_hi = (uint32_t)(sa->usage.oseq >> 32);
	memset(x->bmp, 0xff, words * sizeof(x->bmp[0]));
}

/* How far its lifetimes have run: they are not to begin anew. */
static void used_put(struct xfrm_msg *m, const struct ipsec_sa *sa)
{
	const struct xfrm_lifetime_cur x = { .bytes = sa->usage.bytes, .packets = sa->usage.packets,
					     .add_time = sa->usage.add_time, .use_time = sa->usage.use_time };

	if (sa->resume && x.add_time)
		memcpy(xfrm_attr_room(m, XFRMA_LTIME_VAL, sizeof(x)), &x, sizeof(x));	/* aligned to 4 bytes only */
}

static void encap_put(struct xfrm_msg *m, const struct ipsec_encap *encap)
{
	struct xfrm_encap_tmpl *x;

	if (!encap->type)
		return;
	x = xfrm_attr_room(m, XFRMA_ENCAP, sizeof(*x));
	x->encap_type = encap->type;
	x->encap_sport = htons(encap->sport);
	x->encap_dport = htons(encap->dport);
	xfrm_addr_put(&x->encap_oa, &encap->oa);
}

/*
 * Linux tells an SA's sequence number when it has grown by a threshold, or changed since a timer last ran out; a timer that
 * finds nothing new lets the next packet tell at once. So: no threshold by number, and the shortest timer, or one that
 * nobody lives to see. (Without any timer an SA whose next packet is to tell would do so for each.) In jiffies.
 */
static void ae_when_put(struct xfrm_msg *m, uint8_t when)
{
	if (when == IPSEC_AE_SYSCTL)
		return;
	xfrm_attr_u32(m, XFRMA_REPLAY_THRESH, UINT32_MAX);
	xfrm_attr_u32(m, XFRMA_ETIMER_THRESH, when == IPSEC_AE_FIRST ? 1 : INT32_MAX / 2);
}

void xfrm_ae_put(struct xfrm_msg *m, const struct ipsec_sa_id *id, enum ipsec_ae_when when)
{
	struct xfrm_aevent_id *x = xfrm_msg_start(m, XFRM_MSG_NEWAE, NLM_F_ACK | NLM_F_REPLACE, sizeof(*x));

	xfrm_addr_put(&x->sa_id.daddr, &id->dst);
	x->sa_id.spi = htonl(id->spi);
	x->sa_id.family = id->dst.family;
	x->sa_id.proto = id->proto;
	ae_when_put(m, (uint8_t)when);
	xfrm_attr_mark(m, &id->mark, 0);
}

static void dir_put(struct xfrm_msg *m, uint8_t dir)
{
	if (dir != IPSEC_SA_DIR_ANY)
		*(uint8_t *)xfrm_attr_room(m, XFRM_ATTR_SA_DIR, sizeof(dir)) = dir;
}

void xfrm_sa_put(struct xfrm_msg *m, const struct ipsec_sa *sa, bool update)
{
	struct xfrm_usersa_info *info;
	uint32_t extra = 0;

	info = xfrm_msg_start(m, update ? XFRM_MSG_UPDSA : XFRM_MSG_NEWSA, NLM_F_ACK, sizeof(*info));
	usersa_put(info, sa);
	xfrm_selector_put(&info->sel, &sa->sel);
	xfrm_lifetime_put(&info->lft, &sa->soft, &sa->hard);
	for (size_t i = 0; i < SA_FLAGS; i++)
		if (sa->flags & sa_flags[i].ours) {
			info->flags |= sa_flags[i].flag;
			extra |= sa_flags[i].extra;
		}
	algs_put(m, sa);
	replay_put(m, info, sa);
	used_put(m, sa);
	ae_when_put(m, sa->ae);
	encap_put(m, &sa->encap);
	xfrm_attr_mark(m, &sa->mark, sa->if_id);
	if (sa->output_mark.mask) {
		xfrm_attr_u32(m, XFRMA_SET_MARK, sa->output_mark.value);
		xfrm_attr_u32(m, XFRMA_SET_MARK_MASK, sa->output_mark.mask);
	}
	if (sa->tfc_pad)
		xfrm_attr_u32(m, XFRMA_TFCPAD, sa->tfc_pad);
	if (extra)
		xfrm_attr_u32(m, XFRMA_SA_EXTRA_FLAGS, extra);
	xfrm_attr_offload(m, &sa->offload);
	dir_put(m, sa->dir);
	if (sa->nat_keepalive)
		xfrm_attr_u32(m, XFRM_ATTR_NAT_KEEPALIVE, sa->nat_keepalive);
	xfrm_attr_ctx(m, sa->ctx);
}

void xfrm_sa_id_put(struct xfrm_msg *m, uint16_t type, uint16_t flags, const struct ipsec_sa_id *id)
{
	struct xfrm_usersa_id *x = xfrm_msg_start(m, type, flags, sizeof(*x));

	xfrm_addr_put(&x->daddr, &id->dst);
	x->spi = htonl(id->spi);
	x->family = id->dst.family;
	x->proto = id->proto;
	xfrm_attr_mark(m, &id->mark, 0);
}

void xfrm_spi_put(struct xfrm_msg *m, const struct ipsec_sa *larval, uint32_t min, uint32_t max)
{
	struct xfrm_userspi_info *x = xfrm_msg_start(m, XFRM_MSG_ALLOCSPI, 0, sizeof(*x));

	usersa_put(&x->info, larval);
	x->info.id.spi = 0;
	x->min = min;
	x->max = max;
	xfrm_attr_mark(m, &larval->mark, larval->if_id);
	/* Linux lets no SA with a direction take the place of a larval one with another or none. */
	dir_put(m, larval->dir);
}

/* ---- messages to values ---- */

/* The name and the key, which begins head bytes into the attribute. */
static int alg_get(const struct nlattr *attr, size_t head, struct ipsec_alg *alg)
{
	size_t n = mnl_attr_get_payload_len(attr), key;
	const uint8_t *p = mnl_attr_get_payload(attr);
	struct xfrm_algo x;

	memcpy(&x, p, sizeof(x));
	/* IPComp has no key, and af_key leaves its length as it was in memory. */
	if (mnl_attr_get_type(attr) == XFRMA_ALG_COMP)
		x.alg_key_len = 0;
	key = x.alg_key_len / 8 + (x.alg_key_len % 8 ? 1 : 0);
	if (!memchr(x.alg_name, '\0', sizeof(x.alg_name)) || key > n - head || key > sizeof(alg->key))
		return -EBADMSG;
	memset(alg, 0, sizeof(*alg));
	if (!x.alg_name[0])
		return 0;
	strcpy(alg->name, x.alg_name);
	alg->key_bits = (uint16_t)x.alg_key_len;
	memcpy(alg->key, p + head, key);
	return 0;
}

static int algs_get(const struct xfrm_attrs *t, struct ipsec_sa *sa)
{
	/* The kernel tells an integrity algorithm twice, first without its truncation: the later row wins. */
	static const struct { uint16_t attr; size_t head, at; bool icv; } rows[] = {
		{ XFRMA_ALG_CRYPT, sizeof(struct xfrm_algo), offsetof(struct ipsec_sa, enc), false },
		{ XFRMA_ALG_COMP, sizeof(struct xfrm_algo), offsetof(struct ipsec_sa, comp), false },
		{ XFRMA_ALG_AUTH, sizeof(struct xfrm_algo), offsetof(struct ipsec_sa, auth), false },
		{ XFRMA_ALG_AUTH_TRUNC, sizeof(struct xfrm_algo_auth), offsetof(struct ipsec_sa, auth), true },
		{ XFRMA_ALG_AEAD, sizeof(struct xfrm_algo_aead), offsetof(struct ipsec_sa, aead), true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ipsec_alg *alg = (struct ipsec_alg *)((char *)sa + rows[i].at);
		const struct nlattr *attr = t->a[rows[i].attr];
		struct xfrm_algo_auth x;	/* xfrm_algo_aead has the same shape */

		if (!attr)
			continue;
		if (alg_get(attr, rows[i].head, alg))
			return -EBADMSG;
		if (!rows[i].icv || !alg->name[0])
			continue;
		memcpy(&x, mnl_attr_get_payload(attr), sizeof(x));
		if (x.alg_trunc_len > UINT16_MAX)
			return -EBADMSG;
		alg->icv_bits = (uint16_t)x.alg_trunc_len;
	}
	return 0;
}

static void replay_get(const struct xfrm_attrs *t, struct ipsec_sa *sa)
{
	struct xfrm_replay_state old;
	struct xfrm_replay_state_esn x;

	if (xfrm_attr_copy(t, XFRMA_REPLAY_VAL, &old, sizeof(old))) {
		sa->usage.seq = old.seq;
		sa->usage.oseq = old.oseq;
	}
	if (xfrm_attr_copy(t, XFRMA_REPLAY_ESN_VAL, &x, sizeof(x))) {
		sa->usage.seq = (uint64_t)x.seq_hi << 32 | x.seq;
		sa->usage.oseq = (uint64_t)x.oseq_hi << 32 | x.oseq;
		sa->replay_window = x.replay_window;
	}
}

static void encap_get(const struct xfrm_attrs *t, struct ipsec_sa *sa)
{
	struct xfrm_encap_tmpl x;

	if (!xfrm_attr_copy(t, XFRMA_ENCAP, &x, sizeof(x)) || !x.encap_type)
		return;
	sa->encap.type = x.encap_type;
	sa->encap.sport = ntohs(x.encap_sport);
	sa->encap.dport = ntohs(x.encap_dport);
	xfrm_addr_get(&sa->encap.oa, &x.encap_oa, sa->dst.family);
	if (ipsec_addr_is_any(&sa->encap.oa))
		memset(&sa->encap.oa, 0, sizeof(sa->encap.oa));
}

/* The kernel fills in a family where there was no selector: undo that, so that values come back. */
static void forget_empty_selector(struct ipsec_sa *sa)
{
	const struct ipsec_selector *s = &sa->sel;
	bool wild = !s->src_len && !s->dst_len && !s->proto && !s->sport_mask && !s->dport_mask && !s->ifindex;

	if (!s->src.family || (wild && s->src.family == sa->dst.family && !(sa->flags & IPSEC_SA_AF_UNSPEC)))
		memset(&sa->sel, 0, sizeof(sa->sel));
}

/* Nothing says "larval", but of these protocols only a larval SA has no algorithm. */
static bool is_larval(const struct ipsec_sa *sa)
{
	if (sa->proto != IPPROTO_ESP && sa->proto != IPPROTO_AH && sa->proto != IPPROTO_COMP)
		return false;
	return !sa->aead.name[0] && !sa->enc.name[0] && !sa->auth.name[0] && !sa->comp.name[0];
}

int xfrm_sa_from(const struct xfrm_usersa_info *info, const struct xfrm_attrs *t, struct ipsec_sa *sa)
{
	uint32_t extra = 0;

	memset(sa, 0, sizeof(*sa));
	if (!ipsec_addr_size(info->family))
		return -EBADMSG;
	xfrm_addr_get(&sa->src, &info->saddr, info->family);
	xfrm_addr_get(&sa->dst, &info->id.daddr, info->family);
	sa->proto = info->id.proto;
	sa->spi = ntohl(info->id.spi);
	sa->mode = xfrm_mode_get(info->mode);
	sa->reqid = info->reqid;
	sa->acquire_seq = info->seq;
	sa->replay_window = info->replay_window;
	xfrm_selector_get(&sa->sel, &info->sel);
	xfrm_lifetime_get(&sa->soft, &sa->hard, &info->lft);
	xfrm_usage_get(&sa->usage, &info->curlft);
	sa->usage.replay_failed = info->stats.replay + info->stats.replay_window;
	sa->usage.icv_failed = info->stats.integrity_failed;
	xfrm_attr_copy(t, XFRMA_SA_EXTRA_FLAGS, &extra, sizeof(extra));
	for (size_t i = 0; i < SA_FLAGS; i++)
		if (info->flags & sa_flags[i].flag || extra & sa_flags[i].extra)
			sa->flags |= sa_flags[i].ours;
	forget_empty_selector(sa);
	if (algs_get(t, sa) || xfrm_attr_get_ctx(t, sa->ctx))
		return -EBADMSG;
	replay_get(t, sa);
	encap_get(t, sa);
	xfrm_attr_get_mark(t, &sa->mark, &sa->if_id);
	if (xfrm_attr_copy(t, XFRMA_SET_MARK, &sa->output_mark.value, 4))
		sa->output_mark.mask = UINT32_MAX;
	xfrm_attr_copy(t, XFRMA_SET_MARK_MASK, &sa->output_mark.mask, 4);
	if (!sa->output_mark.mask)
		sa->output_mark.value = 0;
	xfrm_attr_copy(t, XFRMA_TFCPAD, &sa->tfc_pad, 4);
	xfrm_attr_get_offload(t, &sa->offload);
	xfrm_attr_copy(t, XFRM_ATTR_SA_DIR, &sa->dir, 1);
	if (sa->dir > IPSEC_SA_DIR_OUT)
		return -EBADMSG;
	xfrm_attr_copy(t, XFRM_ATTR_NAT_KEEPALIVE, &sa->nat_keepalive, 4);
	sa->state = is_larval(sa) ? IPSEC_STATE_LARVAL : IPSEC_STATE_MATURE;
	return 0;
}

int xfrm_sa_get(const struct nlmsghdr *nlh, struct ipsec_sa *sa)
{
	struct xfrm_usersa_info info;
	struct xfrm_attrs t;

	if (xfrm_attrs_get(&t, nlh, sizeof(info)))
		return -EBADMSG;
	memcpy(&info, mnl_nlmsg_get_payload(nlh), sizeof(info));
	return xfrm_sa_from(&info, &t, sa);
}

int xfrm_sa_id_from(const struct xfrm_usersa_id *x, const struct xfrm_attrs *t, struct ipsec_sa_id *id)
{
	memset(id, 0, sizeof(*id));
	if (!ipsec_addr_size(x->family))
		return -EBADMSG;
	xfrm_addr_get(&id->dst, &x->daddr, x->family);
	id->spi = ntohl(x->spi);
	id->proto = x->proto;
	xfrm_attr_get_mark(t, &id->mark, NULL);
	return 0;
}

void xfrm_sa_age(struct ipsec_sa *sa, uint64_t now)
{
	const struct ipsec_usage *u = &sa->usage;
	const struct ipsec_lifetime *soft = &sa->soft;

	if (sa->state != IPSEC_STATE_MATURE)
		return;
	if ((soft->bytes && u->bytes >= soft->bytes) || (soft->packets && u->packets >= soft->packets) ||
	    (soft->add_seconds && now >= u->add_time && now - u->add_time >= soft->add_seconds) ||
	    (soft->use_seconds && u->use_time && now >= u->use_time && now - u->use_time >= soft->use_seconds))
		sa->state = IPSEC_STATE_DYING;
}
