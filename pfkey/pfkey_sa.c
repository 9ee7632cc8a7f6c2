// SPDX-License-Identifier: MIT
/* SAs to PF_KEY messages and back. */
#include "pfkey/alg.h"
#include "pfkey/pfkey.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SHA256_ICV_BITS 96	/* what Linux makes of HMAC-SHA-256 when nobody says another length, as without SADB_X_EXT_ICV nobody can */

static const struct { uint16_t ours; uint32_t flag; } sa_flags[] = {
	{ IPSEC_SA_NOECN, SADB_SAFLAGS_NOECN },
	{ IPSEC_SA_DECAP_DSCP, SADB_SAFLAGS_DECAP_DSCP },
	{ IPSEC_SA_NOPMTUDISC, SADB_SAFLAGS_NOPMTUDISC },
};
#define SA_FLAGS (sizeof(sa_flags) / sizeof(sa_flags[0]))
#define ODD_FLAGS "flags of an SA other than noecn, decap-dscp, nopmtudisc"
#define SA_FLAGS_CARRIED (IPSEC_SA_NOECN | IPSEC_SA_DECAP_DSCP | IPSEC_SA_NOPMTUDISC)

/* ---- what cannot be said ---- */

static uint16_t default_icv(const struct ipsec_alg_info *info)
{
	return info->kind == IPSEC_ALG_AUTH && info->sadb == SADB_X_AALG_SHA2_256HMAC ? SHA256_ICV_BITS : info->icv_bits;
}

static const struct ipsec_alg_info *alg_info(enum ipsec_alg_kind kind, const struct ipsec_alg *alg)
{
	const struct ipsec_alg_info *info = alg->name[0] ? ipsec_alg_by_kernel(kind, alg->name, alg->icv_bits) : NULL;

	return info && info->sadb ? info : NULL;
}

static int alg_refused(enum ipsec_alg_kind kind, const struct ipsec_alg *alg, bool extended, char *why, size_t n)
{
	const struct ipsec_alg_info *info = alg_info(kind, alg);

	if (!alg->name[0])
		return 0;
	if (!info) {
		snprintf(why, n, "PF_KEY has no number for the algorithm %s", alg->name);
		return -EOPNOTSUPP;
	}
	if (kind == IPSEC_ALG_AUTH && !extended && alg->icv_bits && alg->icv_bits != default_icv(info)) {
		snprintf(why, n, "PF_KEY cannot carry the length of an ICV: %s has %u bits there, not %u (say -trunc %u)",
			 alg->name, default_icv(info), alg->icv_bits, default_icv(info));
		return -EOPNOTSUPP;
	}
	return 0;
}

struct barrier {
	bool there;
	const char *what;
};

static int barred(const struct barrier *rows, size_t count, char *why, size_t n)
{
	for (size_t i = 0; i < count; i++)
		if (rows[i].there) {
			snprintf(why, n, "PF_KEY cannot carry %s", rows[i].what);
			return -EOPNOTSUPP;
		}
	return 0;
}

/* What takes the extensions of pfkeyv2.ko. */
static int plain_refused(const struct ipsec_sa *sa, char *why, size_t n)
{
	const struct barrier cannot[] = {
		{ sa->aead.name[0], "an algorithm that encrypts and authenticates in one (AEAD)" },
		{ sa->flags & IPSEC_SA_ESN, "extended sequence numbers" },
		{ sa->replay_window > 32, "a replay window of more than 32 packets" },
		{ sa->resume, "sequence numbers to go on from" },
		{ sa->encap.type && !ipsec_addr_is_any(&sa->encap.oa), "the original address of NAT-T, which Linux drops there" },
		{ sa->flags & IPSEC_SA_AF_UNSPEC, ODD_FLAGS },
		{ !pfkey_sa_selector_fits(sa), "more of an SA's selector than its source" },
	};

	return barred(cannot, sizeof(cannot) / sizeof(cannot[0]), why, n);
}

int pfkey_sa_refused(const struct ipsec_sa *sa, bool extended, char *why, size_t n)
{
	const struct barrier cannot[] = {
		{ sa->mark.mask, "a mark" },
		{ sa->output_mark.mask, "an output mark" },
		{ sa->if_id, "an if_id" },
		{ sa->offload.kind != IPSEC_OFFLOAD_NONE, "offload to a device" },
		{ sa->dir != IPSEC_SA_DIR_ANY, "the direction of an SA" },
		{ sa->nat_keepalive, "the interval of NAT keepalives" },
		{ sa->tfc_pad, "padding of the traffic flow (TFC)" },
		{ sa->ae == IPSEC_AE_FIRST, "a word about an SA's first packet" },
		{ sa->resume && sa->usage.add_time, "counters and times to go on from" },
		{ sa->flags & ~(SA_FLAGS_CARRIED | IPSEC_SA_ESN | IPSEC_SA_AF_UNSPEC), ODD_FLAGS },
		{ sa->flags & IPSEC_SA_AF_UNSPEC && (sa->sel.src.family || sa->mode != IPSEC_MODE_TUNNEL), ODD_FLAGS },
		{ !pfkey_lifetimes_fit(&sa->soft, &sa->hard), "a limit of more than 4294967295 packets" },
	};
	const struct { enum ipsec_alg_kind kind; const struct ipsec_alg *alg; } algs[] = {
		{ IPSEC_ALG_AEAD, &sa->aead }, { IPSEC_ALG_ENC, &sa->enc }, { IPSEC_ALG_AUTH, &sa->auth }, { IPSEC_ALG_COMP, &sa->comp },
	};
	int err = extended ? 0 : plain_refused(sa, why, n);

	if (!err)
		err = barred(cannot, sizeof(cannot) / sizeof(cannot[0]), why, n);
	for (size_t i = 0; !err && i < sizeof(algs) / sizeof(algs[0]); i++)
		err = alg_refused(algs[i].kind, algs[i].alg, extended, why, n);
	return err;
}

/* ---- values to messages ---- */

static void ends_put(struct pfkey_msg *m, const struct ipsec_addr *src, const struct ipsec_addr *dst)
{
	uint8_t bits = ipsec_addr_bits(dst->family);

	pfkey_addr_put(m, SADB_EXT_ADDRESS_SRC, src, bits, 0, 0);
	pfkey_addr_put(m, SADB_EXT_ADDRESS_DST, dst, bits, 0, 0);
}

static void sa2_put(struct pfkey_msg *m, const struct ipsec_sa *sa)
{
	struct sadb_x_sa2 *x = pfkey_ext_room(m, SADB_X_EXT_SA2, sizeof(*x));

	x->sadb_x_sa2_mode = pfkey_mode_put(sa->mode);
	x->sadb_x_sa2_reqid = sa->reqid;
}

/* A key of 0 bits (the null algorithms) is sent as well: af_key wants the extension. */
static void key_put(struct pfkey_msg *m, uint16_t type, const struct ipsec_alg *alg)
{
	struct sadb_key *x = pfkey_ext_room(m, type, sizeof(*x) + alg->key_bits / 8);

	x->sadb_key_bits = alg->key_bits;
	memcpy(x + 1, alg->key, alg->key_bits / 8);
}

static uint8_t algs_put(struct pfkey_msg *m, const struct ipsec_sa *sa, uint8_t *auth)
{
	const struct ipsec_alg *enc = sa->aead.name[0] ? &sa->aead : &sa->enc;
	const struct ipsec_alg_info *e = alg_info(enc == &sa->aead ? IPSEC_ALG_AEAD : IPSEC_ALG_ENC, enc);
	const struct ipsec_alg_info *a = alg_info(IPSEC_ALG_AUTH, &sa->auth), *c = alg_info(IPSEC_ALG_COMP, &sa->comp);

	*auth = a ? a->sadb : 0;
	if (e)
		key_put(m, SADB_EXT_KEY_ENCRYPT, enc);
	if (a)
		key_put(m, SADB_EXT_KEY_AUTH, &sa->auth);
	return e ? e->sadb : c ? c->sadb : 0;
}

static void nat_port_put(struct pfkey_msg *m, uint16_t type, uint16_t port)
{
	struct sadb_x_nat_t_port *x = pfkey_ext_room(m, type, sizeof(*x));

	x->sadb_x_nat_t_port_port = htons(port);
}

static void encap_put(struct pfkey_msg *m, const struct ipsec_encap *encap)
{
	struct sadb_x_nat_t_type *x;

	if (!encap->type)
		return;
	x = pfkey_ext_room(m, SADB_X_EXT_NAT_T_TYPE, sizeof(*x));
	x->sadb_x_nat_t_type_type = (uint8_t)encap->type;
	nat_port_put(m, SADB_X_EXT_NAT_T_SPORT, encap->sport);
	nat_port_put(m, SADB_X_EXT_NAT_T_DPORT, encap->dport);
}

void pfkey_sa_put(struct pfkey_msg *m, const struct ipsec_sa *sa, bool update)
{
	const struct ipsec_alg_info *auth = alg_info(IPSEC_ALG_AUTH, &sa->auth);
	struct sadb_sa *x;

	pfkey_msg_start(m, update ? SADB_UPDATE : SADB_ADD, pfkey_satype(sa->proto));
	/* The kernel keeps it with the SA, and removes a larval SA that has the same: no number of our own may stand here. */
	m->head.sadb_msg_seq = sa->acquire_seq;
	x = pfkey_ext_room(m, SADB_EXT_SA, sizeof(*x));
	x->sadb_sa_spi = htonl(sa->spi);
	x->sadb_sa_replay = sa->replay_window < UINT8_MAX ? (uint8_t)sa->replay_window : UINT8_MAX;
	x->sadb_sa_state = SADB_SASTATE_MATURE;
	for (size_t i = 0; i < SA_FLAGS; i++)
		if (sa->flags & sa_flags[i].ours)
			x->sadb_sa_flags |= sa_flags[i].flag;
	sa2_put(m, sa);
	ends_put(m, &sa->src, &sa->dst);
	if (sa->sel.src.family && pfkey_sa_selector_fits(sa))
		pfkey_addr_put(m, SADB_EXT_ADDRESS_PROXY, &sa->sel.src, sa->sel.src_len, 0, PFKEY_PROTO_ANY);
	x->sadb_sa_encrypt = algs_put(m, sa, &x->sadb_sa_auth);
	pfkey_lifetimes_put(m, &sa->soft, &sa->hard);
	encap_put(m, &sa->encap);
	pfkey_ctx_put(m, sa->ctx);
	pfkey_sa_extended_put(m, sa, auth ? default_icv(auth) : 0);
}

void pfkey_sa_id_put(struct pfkey_msg *m, uint8_t type, const struct ipsec_sa_id *id)
{
	const struct ipsec_addr any = { .family = id->dst.family };	/* must be there, and is not looked at */
	struct sadb_sa *x;

	pfkey_msg_start(m, type, pfkey_satype(id->proto));
	x = pfkey_ext_room(m, SADB_EXT_SA, sizeof(*x));
	x->sadb_sa_spi = htonl(id->spi);
	ends_put(m, &any, &id->dst);
}

void pfkey_getspi_put(struct pfkey_msg *m, const struct ipsec_sa *larval, uint32_t min, uint32_t max)
{
	struct sadb_spirange *x;

	pfkey_msg_start(m, SADB_GETSPI, pfkey_satype(larval->proto));
	m->head.sadb_msg_seq = larval->acquire_seq;
	ends_put(m, &larval->src, &larval->dst);
	sa2_put(m, larval);
	x = pfkey_ext_room(m, SADB_EXT_SPIRANGE, sizeof(*x));
	x->sadb_spirange_min = min;
	x->sadb_spirange_max = max;
}

void pfkey_filter_put(struct pfkey_msg *m, const struct ipsec_addr *src, const struct ipsec_addr *dst)
{
	struct sadb_x_filter *x = pfkey_ext_room(m, SADB_X_EXT_FILTER, sizeof(*x));

	x->sadb_x_filter_family = src->family ? src->family : dst->family;
	x->sadb_x_filter_splen = ipsec_addr_bits(src->family);
	x->sadb_x_filter_dplen = ipsec_addr_bits(dst->family);
	memcpy(x->sadb_x_filter_saddr, src->b, ipsec_addr_size(src->family));
	memcpy(x->sadb_x_filter_daddr, dst->b, ipsec_addr_size(dst->family));
}

void pfkey_acquire_put(struct pfkey_msg *m, uint8_t proto, uint32_t seq, uint8_t err)
{
	pfkey_msg_start(m, SADB_ACQUIRE, pfkey_satype(proto));
	m->head.sadb_msg_seq = seq;
	m->head.sadb_msg_errno = err;
}

/* ---- messages to values ---- */

static int alg_get(const struct pfkey_exts *t, enum ipsec_alg_kind kind, uint8_t number, uint16_t key_type,
		   struct ipsec_alg *alg)
{
	const struct ipsec_alg_info *info = ipsec_alg_by_sadb(kind, number);
	const struct sadb_key *key = t->e[key_type];

	if (!number)
		return 0;
	if (info && info->kernel[0])
		strcpy(alg->name, info->kernel[0]);
	else
		snprintf(alg->name, sizeof(alg->name), "sadb(%u)", number);
	if (info && kind != IPSEC_ALG_COMP)
		alg->icv_bits = default_icv(info);
	if (!key || kind == IPSEC_ALG_COMP)
		return 0;
	if (key->sadb_key_bits > IPSEC_KEY_MAX * 8)
		return -EBADMSG;
	alg->key_bits = key->sadb_key_bits;
	memcpy(alg->key, key + 1, (key->sadb_key_bits + 7u) / 8);
	return 0;
}

static int algs_get(const struct pfkey_exts *t, const struct sadb_sa *x, struct ipsec_sa *sa)
{
	int err = alg_get(t, IPSEC_ALG_AUTH, x->sadb_sa_auth, SADB_EXT_KEY_AUTH, &sa->auth);

	if (err)
		return err;
	if (sa->proto == IPPROTO_COMP)
		return alg_get(t, IPSEC_ALG_COMP, x->sadb_sa_encrypt, SADB_EXT_KEY_ENCRYPT, &sa->comp);
	if (ipsec_alg_by_sadb(IPSEC_ALG_AEAD, x->sadb_sa_encrypt))
		return alg_get(t, IPSEC_ALG_AEAD, x->sadb_sa_encrypt, SADB_EXT_KEY_ENCRYPT, &sa->aead);
	return alg_get(t, IPSEC_ALG_ENC, x->sadb_sa_encrypt, SADB_EXT_KEY_ENCRYPT, &sa->enc);
}

/*
 * The kernel says PROXY wherever the selector's source is not the SA's own, also where there is no selector, and always
 * in the family of the SA: of a selector of the other family nothing sensible comes out.
 */
static void proxy_get(const struct pfkey_exts *t, struct ipsec_sa *sa)
{
	struct ipsec_selector *s = &sa->sel;
	struct pfkey_addr proxy;

	pfkey_addr_get(&proxy, t, SADB_EXT_ADDRESS_PROXY);
	if (!proxy.addr.family || proxy.len > ipsec_addr_bits(proxy.addr.family))
		return;
	if (!proxy.len && !proxy.proto && !proxy.port)
		return;
	s->src = proxy.addr;
	s->src_len = proxy.len;
	s->dst.family = proxy.addr.family;
	s->proto = proxy.proto;
	s->sport = proxy.port;
	s->sport_mask = proxy.port ? 0xffff : 0;
}

static uint16_t nat_port_get(const struct pfkey_exts *t, uint16_t type)
{
	const struct sadb_x_nat_t_port *x = t->e[type];

	return x ? ntohs(x->sadb_x_nat_t_port_port) : 0;
}

static void encap_get(const struct pfkey_exts *t, struct ipsec_sa *sa)
{
	const struct sadb_x_nat_t_type *x = t->e[SADB_X_EXT_NAT_T_TYPE];
	struct pfkey_addr oa;

	if (!x || !x->sadb_x_nat_t_type_type)
		return;
	sa->encap.type = x->sadb_x_nat_t_type_type;
	sa->encap.sport = nat_port_get(t, SADB_X_EXT_NAT_T_SPORT);
	sa->encap.dport = nat_port_get(t, SADB_X_EXT_NAT_T_DPORT);
	pfkey_addr_get(&oa, t, SADB_X_EXT_NAT_T_OA);
	if (!ipsec_addr_is_any(&oa.addr))
		sa->encap.oa = oa.addr;
}

/* Of other protocols the kernel has in its SAD only the tunnels that go with IPComp, made by itself. */
static uint8_t proto_of(uint8_t satype, uint16_t family)
{
	uint8_t proto = pfkey_proto(satype);

	return proto ? proto : family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
}

int pfkey_sa_get(const struct sadb_msg *msg, const struct pfkey_exts *t, struct ipsec_sa *sa)
{
	static const uint8_t states[] = {
		[SADB_SASTATE_LARVAL] = IPSEC_STATE_LARVAL, [SADB_SASTATE_MATURE] = IPSEC_STATE_MATURE,
		[SADB_SASTATE_DYING] = IPSEC_STATE_DYING, [SADB_SASTATE_DEAD] = IPSEC_STATE_DEAD,
	};
	const struct sadb_x_sa2 *sa2 = t->e[SADB_X_EXT_SA2];
	const struct sadb_sa *x = t->e[SADB_EXT_SA];
	struct pfkey_addr src, dst;

	memset(sa, 0, sizeof(*sa));
	pfkey_addr_get(&src, t, SADB_EXT_ADDRESS_SRC);
	pfkey_addr_get(&dst, t, SADB_EXT_ADDRESS_DST);
	if (!x || !dst.addr.family || src.addr.family != dst.addr.family || x->sadb_sa_state > SADB_SASTATE_MAX)
		return -EBADMSG;
	sa->src = src.addr;
	sa->dst = dst.addr;
	sa->proto = proto_of(msg->sadb_msg_satype, dst.addr.family);
	sa->spi = ntohl(x->sadb_sa_spi);
	sa->state = states[x->sadb_sa_state];
	sa->replay_window = x->sadb_sa_replay;
	for (size_t i = 0; i < SA_FLAGS; i++)
		if (x->sadb_sa_flags & sa_flags[i].flag)
			sa->flags |= sa_flags[i].ours;
	if (sa2) {
		sa->mode = pfkey_mode_get(sa2->sadb_x_sa2_mode);
		sa->reqid = sa2->sadb_x_sa2_reqid;
	}
	pfkey_lifetimes_get(t, &sa->soft, &sa->hard, &sa->usage);
	proxy_get(t, sa);
	encap_get(t, sa);
	if (algs_get(t, x, sa) || pfkey_sa_extended_get(t, sa) || pfkey_ctx_get(t, sa->ctx))
		return -EBADMSG;
	return 0;
}
