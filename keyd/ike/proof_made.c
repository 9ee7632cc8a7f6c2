// SPDX-License-Identifier: MIT
// What proofs of both versions of IKE have in common: why ours could not be made, and what the peer shows with its own.
#include "keyd/ike/proof.h"

#include "keyd/card/token.h"
#include "keyd/conf/load.h"
#include "keyd/ike/away.h"
#include "keyd/ike/report.h"
#include "keyd/util/wr.h"

#include <stdio.h>

#define ITEM_HEAD 4		/* of trust_request.certs: the length before each */

/* What an error of the auth role means where a signature of ours was asked for. */
static const char *no_signature(int error, const char *no_scheme)
{
	switch (error) {
	case AUTH_NO_KEY:
		return "our private key is not there: \"key\" or \"cert\" in its section must name it";
	case AUTH_LOCKED:
		return "our private key is encrypted, and no passphrase was given: \"keydctl unlock\", or "
		       "\"key FILE passphrase …\" in its section";
	case AUTH_NO_SCHEME:
		return no_scheme;
	default:
		return "our proof of identity could not be made";
	}
}

static enum engine_reason token_reason(const struct auth_answer *an)
{
	static const uint8_t reasons[TOKEN_NEEDS] = {
		[TOKEN_WANT_TOKEN] = REASON_TOKEN_ABSENT, [TOKEN_WANT_PIN] = REASON_TOKEN_LOCKED,
		[TOKEN_WANT_HUMAN] = REASON_TOKEN_LOCKED, [TOKEN_WANT_OTHER_PIN] = REASON_TOKEN_PIN,
		[TOKEN_WANT_UNBLOCK] = REASON_TOKEN_BLOCKED, [TOKEN_WANT_PIN_EACH] = REASON_TOKEN_LOCKED,
		[TOKEN_WANT_RELEASE] = REASON_TOKEN_LOCKED,
	};
	uint8_t reason = an->need < TOKEN_NEEDS ? reasons[an->need] : 0;

	return reason ? (enum engine_reason)reason : REASON_TOKEN_FAILING;
}

static enum engine_reason error_reason(const struct auth_answer *an)
{
	switch (an->error) {
	case AUTH_TOKEN:
		return token_reason(an);
	case AUTH_LOCKED:
		return REASON_KEY_LOCKED;
	case AUTH_FAILED:
		return REASON_PROOF_FAILED;
	default:
		return REASON_NO_KEY;
	}
}

void proof_not_signed(struct ike_sa *sa, const char *exchange, const struct auth_answer *an, const char *no_scheme, char *reason,
		      size_t n)
{
	if (an->error == AUTH_TOKEN)
		snprintf(reason, n, "%.*s", AUTH_TEXT_MAX - 1, an->text);
	else
		snprintf(reason, n, "%s", no_signature(an->error, no_scheme));
	sa->secret_at = an->at;
	report_reason(sa, error_reason(an));
	report_sa(sa, LOG_LEVEL_WARNING, exchange, "failed", "%s", reason);
	if (an->error == AUTH_TOKEN)
		away_failed(sa);
}

/* The key has signed, but its certificate is not known yet, or we did not know whom it names when we said who we are. */
bool proof_half_known(struct ike_sa *sa, uint8_t way, const struct cred *c)
{
	const struct conf_peer *now = conf_peer_by_name(&sa->e->conf, sa->peer->conf.name);

	if (way != CONF_AUTH_CERT || !c || !c->conf.token)
		return false;
	if (!c->conf.unseen &&
	    !(now && now->id_of_cert && !sa->peer->conf.id_of_cert && !conf_cred_has_name(&c->conf, &sa->local_id)))
		return false;
	report_reason(sa, REASON_TOKEN_ABSENT);
	away_failed(sa);
	return true;
}

/* All bodies of CERT payloads. 0 or -1: no memory. */
int proof_certs(const struct wire_message *m, uint8_t type, struct secret *out)
{
	size_t n = 0;
	struct wr w;

	for (const struct wire_payload *p = NULL; (p = wire_next(m, type, p));)
		n += ITEM_HEAD + p->body.n;
	if (!n)
		return 0;
	if (secret_alloc(out, n))
		return -1;
	w = wr_of(out->p, out->n);
	for (const struct wire_payload *p = NULL; (p = wire_next(m, type, p));) {
		wr_u32(&w, (uint32_t)p->body.n);
		wr_put(&w, p->body);
	}
	return 0;
}
