// SPDX-License-Identifier: MIT
/* Whether an SA or a policy makes sense, told before any kernel is asked. */
#include "pfkey/alg.h"
#include "pfkey/backend.h"
#include "pfkey/xfrm_compat.h"

#include <errno.h>
#include <linux/udp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SA_FLAGS_ALL ((IPSEC_SA_OSEQ_MAY_WRAP << 1) - 1)
#define LEGACY_WINDOW 32
#define POLICY_FLAGS_ALL (IPSEC_POLICY_LOCALOK | IPSEC_POLICY_ICMP)

struct reason {
	char *why;
	size_t n;
};

__attribute__((format(printf, 2, 3))) static int no(const struct reason *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (w->why && w->n)
		vsnprintf(w->why, w->n, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static bool terminated(const char *s, size_t n)
{
	return memchr(s, '\0', n) != NULL;
}

static int check_selector(const struct reason *w, const struct ipsec_selector *s)
{
	uint8_t bits = ipsec_addr_bits(s->src.family);

	if (!bits || s->src.family != s->dst.family)
		return no(w, "a selector needs two addresses of one family");
	if (s->src_len > bits || s->dst_len > bits)
		return no(w, "a prefix is longer than its address: /%u of %u bits",
			  s->src_len > bits ? s->src_len : s->dst_len, bits);
	return 0;
}

static int check_mark(const struct reason *w, const struct ipsec_mark *m, const char *what)
{
	if (m->value & ~m->mask)
		return no(w, "the %s %#x has bits outside its mask %#x", what, m->value, m->mask);
	return 0;
}

static int check_alg(const struct reason *w, enum ipsec_alg_kind kind, const struct ipsec_alg *alg)
{
	const struct ipsec_alg_info *info;

	if (!terminated(alg->name, sizeof(alg->name)))
		return no(w, "the name of an algorithm is too long");
	if (!alg->name[0])
		return 0;
	if (alg->key_bits > IPSEC_KEY_MAX * 8 || alg->key_bits % 8)
		return no(w, "a key of %u bits for %s", alg->key_bits, alg->name);
	info = ipsec_alg_by_kernel(kind, alg->name, 0);
	if (info && !ipsec_alg_key_ok(info, alg->key_bits))
		return no(w, "%s does not take a key of %u bits", info->names[0], alg->key_bits);
	if (info && alg->icv_bits && !ipsec_alg_icv_ok(info, alg->icv_bits))
		return no(w, "%s has no integrity check value of %u bits", info->names[0], alg->icv_bits);
	return 0;
}

/* Which algorithms a protocol wants (RFC 4303, RFC 4302, RFC 3173). */
static int check_algs(const struct reason *w, const struct ipsec_sa *sa)
{
	bool aead = sa->aead.name[0], enc = sa->enc.name[0], auth = sa->auth.name[0], comp = sa->comp.name[0];
	int err;

	if ((err = check_alg(w, IPSEC_ALG_AEAD, &sa->aead)) || (err = check_alg(w, IPSEC_ALG_ENC, &sa->enc)) ||
	    (err = check_alg(w, IPSEC_ALG_AUTH, &sa->auth)) || (err = check_alg(w, IPSEC_ALG_COMP, &sa->comp)))
		return err;
	switch (sa->proto) {
	case IPPROTO_ESP:
		if (aead ? enc || auth || comp : !enc || comp)
			return no(w, "ESP needs an encryption (\"null\" is one) and perhaps an integrity algorithm, "
				     "or one that does both");
		return 0;
	case IPPROTO_AH:
		return auth && !aead && !enc && !comp ? 0 : no(w, "AH needs an integrity algorithm and nothing else");
	case IPPROTO_COMP:
		return comp && !aead && !enc && !auth ? 0 : no(w, "IPComp needs a compression algorithm and nothing else");
	}
	return no(w, "protocol %u is none of ESP, AH and IPComp", sa->proto);
}

static int check_replay(const struct reason *w, const struct ipsec_sa *sa)
{
	bool esn = sa->flags & IPSEC_SA_ESN;

	if (sa->replay_window > XFRMA_REPLAY_ESN_MAX)
		return no(w, "a replay window of %u packets: at most %u", sa->replay_window, XFRMA_REPLAY_ESN_MAX);
	if (sa->proto == IPPROTO_COMP && (esn || sa->replay_window > LEGACY_WINDOW))
		return no(w, "IPComp has no sequence numbers");
	/* Linux 6.10 knows that an outbound SA receives nothing, and takes none there. */
	if (esn && !sa->replay_window && sa->dir != IPSEC_SA_DIR_OUT)
		return no(w, "extended sequence numbers need a replay window");
	if (sa->resume && sa->proto == IPPROTO_COMP)
		return no(w, "IPComp has no sequence numbers to go on with");
	if (sa->resume && !esn && (sa->usage.seq > UINT32_MAX || sa->usage.oseq > UINT32_MAX))
		return no(w, "a sequence number beyond 32 bits needs extended sequence numbers");
	return 0;
}

static int check_offload(const struct reason *w, const struct ipsec_offload *o)
{
	if (o->kind > IPSEC_OFFLOAD_PACKET)
		return no(w, "unknown kind of offload %u", o->kind);
	if (!o->kind != !o->ifindex)
		return no(w, "an offload needs a device and its kind");
	return 0;
}

/* To whom the work is given, and which way the SA looks. */
static int check_sa_place(const struct reason *w, const struct ipsec_sa *sa)
{
	int err = check_offload(w, &sa->offload);

	if (err)
		return err;
	if (sa->offload.kind && sa->proto != IPPROTO_ESP)
		return no(w, "devices offload ESP only");
	if (sa->dir > IPSEC_SA_DIR_OUT)
		return no(w, "unknown direction %u", sa->dir);
	if (sa->offload.kind && sa->dir && sa->offload.inbound != (sa->dir == IPSEC_SA_DIR_IN))
		return no(w, "the offload has another direction than the SA");
	if (sa->nat_keepalive && (sa->dir != IPSEC_SA_DIR_OUT || sa->encap.type != UDP_ENCAP_ESPINUDP))
		return no(w, "NAT keepalives are sent for an SA with UDP encapsulation and direction out");
	return 0;
}

static int check_sa_options(const struct reason *w, const struct ipsec_sa *sa)
{
	bool esp = sa->proto == IPPROTO_ESP;

	if (sa->flags & ~SA_FLAGS_ALL)
		return no(w, "unknown flags %#x", sa->flags & ~SA_FLAGS_ALL);
	if (sa->ae > IPSEC_AE_NEVER)
		return no(w, "unknown wish %u for words about its packets", sa->ae);
	if (!terminated(sa->ctx, sizeof(sa->ctx)))
		return no(w, "the security label is too long");
	if (sa->tfc_pad && (!esp || sa->mode != IPSEC_MODE_TUNNEL))
		return no(w, "padding of the traffic flow is for ESP in tunnel mode");
	if (!sa->encap.type)
		return 0;
	if (!esp)
		return no(w, "UDP encapsulation is for ESP");
	if (!sa->encap.sport || !sa->encap.dport)
		return no(w, "UDP encapsulation needs two ports");
	return 0;
}

int ipsec_sa_check(const struct ipsec_sa *sa, char *why, size_t n)
{
	const struct reason w = { why, n };
	int err;

	if (!ipsec_addr_size(sa->dst.family) || sa->src.family != sa->dst.family)
		return no(&w, "an SA needs two addresses of one family");
	if (!sa->spi)
		return no(&w, "an SA needs an SPI other than 0");
	if (sa->proto == IPPROTO_COMP && sa->spi > 0xffff)
		return no(&w, "%#x is too large for a CPI (16 bits)", sa->spi);
	if (sa->mode > IPSEC_MODE_ANY)
		return no(&w, "unknown mode %u", sa->mode);
	if (sa->sel.src.family) {
		err = check_selector(&w, &sa->sel);
		if (err)
			return err;
		if (sa->mode != IPSEC_MODE_TUNNEL && sa->mode != IPSEC_MODE_BEET &&
		    sa->sel.src.family != sa->src.family)
			return no(&w, "in transport mode the selector has the family of the addresses");
	}
	if ((err = check_algs(&w, sa)) || (err = check_replay(&w, sa)) || (err = check_sa_options(&w, sa)) ||
	    (err = check_sa_place(&w, sa)) || (err = check_mark(&w, &sa->mark, "mark")) ||
	    (err = check_mark(&w, &sa->output_mark, "output mark")))
		return err;
	return 0;
}

static int check_tmpl(const struct reason *w, const struct ipsec_tmpl *t)
{
	if (t->proto != IPPROTO_ESP && t->proto != IPPROTO_AH && t->proto != IPPROTO_COMP)
		return no(w, "protocol %u is none of ESP, AH and IPComp", t->proto);
	if (t->mode > IPSEC_MODE_ANY)
		return no(w, "unknown mode %u", t->mode);
	if (t->mode == IPSEC_MODE_TUNNEL || t->mode == IPSEC_MODE_BEET)
		if (!ipsec_addr_size(t->src.family) || t->src.family != t->dst.family)
			return no(w, "a tunnel needs two ends of one family");
	return 0;
}

static int check_policy_options(const struct reason *w, const struct ipsec_policy *pol)
{
	int err = check_offload(w, &pol->offload);

	if (err)
		return err;
	if (pol->offload.kind == IPSEC_OFFLOAD_CRYPTO)
		return no(w, "a policy is offloaded for whole packets, not for crypto");
	if (pol->offload.inbound)
		return no(w, "the offload of a policy has the policy's direction");
	if (pol->flags & ~POLICY_FLAGS_ALL)
		return no(w, "unknown flags %#x", pol->flags & ~POLICY_FLAGS_ALL);
	if (!terminated(pol->ctx, sizeof(pol->ctx)))
		return no(w, "the security label is too long");
	return check_mark(w, &pol->mark, "mark");
}

int ipsec_policy_check(const struct ipsec_policy *pol, char *why, size_t n)
{
	const struct reason w = { why, n };
	int err;

	err = check_selector(&w, &pol->sel);
	if (err)
		return err;
	if (pol->dir > IPSEC_DIR_FWD)
		return no(&w, "unknown direction %u", pol->dir);
	if (pol->action > IPSEC_ACTION_BLOCK)
		return no(&w, "unknown action %u", pol->action);
	if (pol->type >= XFRM_POLICY_TYPE_MAX)
		return no(&w, "unknown policy type %u", pol->type);
	if (pol->ntmpl > IPSEC_TMPL_MAX)
		return no(&w, "%u templates: at most %u", pol->ntmpl, IPSEC_TMPL_MAX);
	if (pol->index && (pol->index & 7) != pol->dir)
		return no(&w, "index %u belongs to another direction", pol->index);
	for (unsigned int i = 0; i < pol->ntmpl; i++) {
		err = check_tmpl(&w, &pol->tmpl[i]);
		if (err)
			return err;
	}
	return check_policy_options(&w, pol);
}
