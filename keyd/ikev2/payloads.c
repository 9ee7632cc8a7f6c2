// SPDX-License-Identifier: MIT
// The tables of payloads and exchanges.
#include "keyd/ikev2/payloads.h"

#include "keyd/wire/auth.h"
#include "keyd/wire/cert.h"
#include "keyd/wire/cp.h"
#include "keyd/wire/delete.h"
#include "keyd/wire/eap.h"
#include "keyd/wire/id.h"
#include "keyd/wire/ke.h"
#include "keyd/wire/nonce.h"
#include "keyd/wire/notify.h"
#include "keyd/wire/sa.h"
#include "keyd/wire/ts.h"

#include <stdio.h>

#define PL(name) WIRE_BIT(IKEV2_PL_##name)
#define ENCRYPTED (PL(SK) | PL(SKF))
/* Wherever a peer likes, as often as it likes. */
#define ANYWHERE (PL(NOTIFY) | PL(VENDOR))

/* RFC 7296 appendix C says it all at one glance. */
static const struct rule {
	uint8_t exchange;
	bool response;
	uint64_t required, once, several;	/* required ones may be there once, too */
} rules[] = {
	{ IKEV2_EXCH_IKE_SA_INIT, false, PL(SA) | PL(KE) | PL(NONCE), 0, ANYWHERE },
	{ IKEV2_EXCH_IKE_SA_INIT, true, 0, PL(SA) | PL(KE) | PL(NONCE), ANYWHERE | PL(CERTREQ) },
	/*
	 * Without AUTH it is a wish for EAP, without SA one for no child (RFC 6023), and without anything it asks for the next proof
	 * of ours (RFC 4739): auth.c answers all of them.
	 */
	{ IKEV2_EXCH_IKE_AUTH, false, 0, PL(IDI) | PL(IDR) | PL(AUTH) | PL(CP) | PL(SA) | PL(TSI) | PL(TSR) | PL(EAP),
	  ANYWHERE | PL(CERT) | PL(CERTREQ) },
	{ IKEV2_EXCH_IKE_AUTH, true, 0, PL(IDR) | PL(AUTH) | PL(CP) | PL(SA) | PL(TSI) | PL(TSR) | PL(EAP),
	  ANYWHERE | PL(CERT) | PL(CERTREQ) },
	{ IKEV2_EXCH_CREATE_CHILD_SA, false, PL(SA) | PL(NONCE), PL(KE) | PL(TSI) | PL(TSR) | PL(CP), ANYWHERE },
	{ IKEV2_EXCH_CREATE_CHILD_SA, true, 0, PL(SA) | PL(NONCE) | PL(KE) | PL(TSI) | PL(TSR) | PL(CP), ANYWHERE },
	{ IKEV2_EXCH_INFORMATIONAL, false, 0, PL(CP), ANYWHERE | PL(DELETE) },
	{ IKEV2_EXCH_INFORMATIONAL, true, 0, PL(CP), ANYWHERE | PL(DELETE) },
};

/* Does a body read as its payload type wants it? One function for each type, so that the table is plain. */
#define READS(name, kind) \
	static int name##_reads(struct view body) \
	{ \
		struct kind it; \
\
		return wire_##name##_get(&it, body); \
	}

READS(sa, wire_sa)
READS(ke, wire_ke)
READS(id, wire_id)
READS(cert, wire_cert)
READS(certreq, wire_cert)
READS(auth, wire_auth)
READS(nonce, wire_nonce)
READS(delete, wire_delete)
READS(ts, wire_ts_list)
READS(cp, wire_cp)
READS(eap, wire_eap)

/* An SPI of a strange size matters where the SPI does: other notifies are none of ours then, and are skipped. */
static int notify_reads(struct view body)
{
	struct wire_notify n;
	int error = wire_notify_get(&n, body);

	return error == WIRE_SPI && n.type != IKEV2_N_REKEY_SA ? WIRE_OK : error;
}

static int (*const readers[])(struct view body) = {
	[IKEV2_PL_SA] = sa_reads,	[IKEV2_PL_KE] = ke_reads,	  [IKEV2_PL_IDI] = id_reads,
	[IKEV2_PL_IDR] = id_reads,	[IKEV2_PL_CERT] = cert_reads,	  [IKEV2_PL_CERTREQ] = certreq_reads,
	[IKEV2_PL_AUTH] = auth_reads,	[IKEV2_PL_NONCE] = nonce_reads,	  [IKEV2_PL_NOTIFY] = notify_reads,
	[IKEV2_PL_DELETE] = delete_reads, [IKEV2_PL_TSI] = ts_reads,	  [IKEV2_PL_TSR] = ts_reads,
	[IKEV2_PL_CP] = cp_reads,	[IKEV2_PL_EAP] = eap_reads,
};

static const char *say(char *buf, const char *what, uint8_t type, const char *why)
{
	snprintf(buf, PAYLOADS_WHY, "%s %s payload%s%s", what, ikev2_payload_name(type), *why ? ": " : "", why);
	return buf;
}

static const struct rule *rule_of(const struct wire_message *m)
{
	bool response = m->h.flags & IKEV2_FLAG_RESPONSE;

	for (unsigned i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].exchange == m->h.exchange && rules[i].response == response)
			return &rules[i];
	return NULL;
}

static const char *missing(uint64_t types, char *buf)
{
	for (unsigned type = IKEV2_PL_SA; type <= IKEV2_PL_EAP; type++)
		if (WIRE_BIT(type) & types)
			return say(buf, "there is no", (uint8_t)type, "");
	return NULL;
}

/* The payloads of m from first to before end, by rule. *seen collects the types that are there. */
static const char *wrong_one(const struct wire_message *m, unsigned first, unsigned end, const struct rule *rule,
			     uint64_t *seen, char *buf)
{
	for (unsigned i = first; i < end; i++) {
		const struct wire_payload *p = &m->pl[i];
		uint64_t bit = WIRE_BIT(p->type);
		bool known = p->type < sizeof(readers) / sizeof(readers[0]) && readers[p->type];
		int error;

		if (!known && !(bit & ENCRYPTED) && p->type != IKEV2_PL_VENDOR)
			continue;
		if (!(bit & (rule->required | rule->once | rule->several)))
			return say(buf, "no place there for the", p->type, "");
		if (bit & *seen & ~rule->several)
			return say(buf, "more than one", p->type, "");
		*seen |= bit;
		error = known ? readers[p->type](p->body) : WIRE_OK;
		if (error)
			return say(buf, "malformed", p->type, wire_strerror(error));
	}
	return NULL;
}

const char *payloads_wrong(const struct wire_message *m, char buf[PAYLOADS_WHY])
{
	static const struct rule outside = { .once = ENCRYPTED };
	const struct rule *rule = rule_of(m);
	uint64_t seen_outside = 0, seen = 0;
	const char *why = NULL;
	unsigned inner = 0;

	if (!rule)
		return NULL;
	if (rule->exchange != IKEV2_EXCH_IKE_SA_INIT) {
		inner = m->n_clear;
		why = wrong_one(m, 0, inner, &outside, &seen_outside, buf);
	}
	if (!why)
		why = wrong_one(m, inner, m->n, rule, &seen, buf);
	return why ? why : missing(rule->required & ~seen, buf);
}
