// SPDX-License-Identifier: MIT
// Certificates of peers after IKE_AUTH; and words for what is wrong with them.
#include "keyd/ike/proof.h"

#include "keyd/conf/load.h"
#include "keyd/crypto/trust.h"
#include "keyd/ike/away.h"
#include "keyd/ike/report.h"
#include "keyd/ike/version.h"

#include <stdio.h>
#include <string.h>

/* What the trust role says of a chain. */
static const uint8_t verdicts[] = {
	[CRYPTO_TRUST_NO_CA] = REASON_CERT_UNTRUSTED,	  [CRYPTO_TRUST_SIGNATURE] = REASON_CERT_UNTRUSTED,
	[CRYPTO_TRUST_EXPIRED] = REASON_CERT_EXPIRED,	  [CRYPTO_TRUST_NOT_YET] = REASON_CERT_EXPIRED,
	[CRYPTO_TRUST_NOT_CA] = REASON_CERT_UNTRUSTED,	  [CRYPTO_TRUST_NAME] = REASON_CERT_UNFIT,
	[CRYPTO_TRUST_USAGE] = REASON_CERT_UNFIT,	  [CRYPTO_TRUST_WEAK] = REASON_CERT_UNFIT,
	[CRYPTO_TRUST_REVOKED] = REASON_CERT_REVOKED,	  [CRYPTO_TRUST_NO_CRL] = REASON_REVOCATION_UNKNOWN,
	[CRYPTO_TRUST_REFUSED] = REASON_CERT_UNFIT,	  [CRYPTO_TRUST_FAILED] = REASON_PROOF_FAILED,
};

/* What each error of the trust role is, and the sentence; "%s": what the role says (trust/request.h). */
static const struct {
	int error;
	enum engine_reason reason;
	const char *cert, *key;		/* of peers with a certificate; with a key of their own, where that is another */
} errors[] = {
	{ TRUST_FAILED, REASON_PROOF_FAILED, "its proof could not be judged: %s", NULL },
	{ TRUST_NO_CERT, REASON_NO_CERT, "%s", NULL },
	{ TRUST_BAD_CERT, REASON_NO_CERT, "its certificate %s", "its key %s" },
	{ TRUST_WRONG_NAME, REASON_CERT_NAME, "its certificate is for somebody else: %s", NULL },
	{ TRUST_SCHEME, REASON_SIGNATURE_SCHEME, "its signature %s", NULL },
	{ TRUST_SIGNATURE, REASON_SIGNATURE,
	  "its signature %s: it does not have the private key, or something changed the messages", NULL },
	{ TRUST_WRONG_KEY, REASON_WRONG_KEY, "%s", NULL },
	{ TRUST_REFUSED_URL, REASON_NO_CERT, "%s", NULL },
};

enum engine_reason proof_reason(const struct trust_answer *an)
{
	if (an->error == TRUST_NOT_TRUSTED && an->verdict < sizeof(verdicts) && verdicts[an->verdict])
		return (enum engine_reason)verdicts[an->verdict];
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
		if (errors[i].error == an->error)
			return errors[i].reason;
	return REASON_CERT_UNFIT;
}

/* text with the first "%s" replaced; no format of printf is made of it. */
static void fill(char *buf, size_t n, const char *text, const char *with)
{
	const char *at = strstr(text, "%s");

	if (at)
		snprintf(buf, n, "%.*s%s%s", (int)(at - text), text, with, at + 2);
	else
		snprintf(buf, n, "%s", text);
}

void proof_words(const struct trust_answer *an, uint8_t way, char *buf, size_t n)
{
	const char *text = NULL;

	if (an->error == TRUST_NOT_TRUSTED) {
		snprintf(buf, n, "its certificate is not believed: \"%s\" %s", an->subject, an->text);
		return;
	}
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
		if (errors[i].error == an->error)
			text = way == CONF_AUTH_KEY && errors[i].key ? errors[i].key : errors[i].cert;
	fill(buf, n, text ? text : "its proof is refused: %s", an->text);
}

/* --- for status --- */

static void say(char *buf, size_t n, unsigned round, const char *text)
{
	size_t at = round ? strlen(buf) : 0;

	snprintf(buf + at, n - at, "%s%s", round ? " and " : "", text);
}

void proof_say_peer(struct ike_sa *sa, unsigned round, const struct trust_answer *an)
{
	char text[sizeof(sa->proof.remote)];

	if (!an)
		snprintf(text, sizeof(text), "shared key");
	else if (an->nticket || *an->subject)
		snprintf(text, sizeof(text), "certificate \"%.60s\", %s", an->subject, an->scheme);
	else
		snprintf(text, sizeof(text), "key, %s", an->scheme);
	say(sa->proof.remote, sizeof(sa->proof.remote), round, text);
}

void proof_say_ours(struct ike_sa *sa, unsigned round, uint8_t way, const char *scheme)
{
	char text[sizeof(sa->proof.local)];

	if (way == CONF_AUTH_PSK)
		snprintf(text, sizeof(text), "shared key");
	else
		snprintf(text, sizeof(text), "%s, %.16s", way == CONF_AUTH_CERT ? "certificate" : "key", scheme);
	say(sa->proof.local, sizeof(sa->proof.local), round, text);
}

/* --- as long as it lives --- */

int proof_take(struct ike_sa *sa, const struct trust_answer *an)
{
	bool ever = an->ends_in != INT64_MAX;
	uint64_t in = an->ends_in > 0 ? (uint64_t)an->ends_in : 0;

	if (an->nticket && secret_set(&sa->proof.ticket, an->ticket, an->nticket))
		return -1;
	sa->proof.news = sa->e->trust_news;
	if (ever && in < UINT32_MAX * 100ULL)
		sa->proof.ends = sa->e->now + SECONDS(in);
	return 0;
}

void proof_move(struct ike_sa *old, struct ike_sa *fresh)
{
	secret_move(&fresh->proof.ticket, &old->proof.ticket);
	fresh->proof.news = old->proof.news - (old->proof.still.id != 0);	/* then it is asked once more */
	ask_cancel(&old->proof.still);
	fresh->proof.ends = old->proof.ends;
	fresh->proof.lost = old->proof.lost;
	fresh->proof.key = old->proof.key;
	memcpy(fresh->proof.remote, old->proof.remote, sizeof(fresh->proof.remote));
	memcpy(fresh->proof.local, old->proof.local, sizeof(fresh->proof.local));
}

void proof_free(struct ike_sa *sa)
{
	ask_cancel(&sa->proof.still);
	secret_clear(&sa->proof.ticket);
}

const char *proof_lost(const struct ike_sa *sa)
{
	return sa->proof.lost ? "the peer's certificate is not good any more" :
	       away_lost(sa) ? "the token with our key is away (\"pulled no-rekey\")" : NULL;
}

/* As the configuration says now; of a section that is not there any more, as it said. */
static const struct conf_trust *rules_of(const struct ike_sa *sa)
{
	const struct conf_peer *conf = conf_peer_by_name(&sa->e->conf, sa->peer->conf.name);

	return conf && conf->trust.ncas ? &conf->trust : &sa->peer->conf.trust;
}

/* As the section says. False: it goes on. */
static bool lose(struct ike_sa *sa, enum engine_reason reason, uint8_t how, const char *what)
{
	static const char *const words[] = { [CONF_LOST_CERT_DOWN] = "down", [CONF_LOST_CERT_NO_REKEY] = "no-rekey",
					     [CONF_LOST_CERT_KEEP] = "keep" };

	const char *statement = reason == REASON_CERT_EXPIRED ? "expired" : "revoked";

	if (how == CONF_LOST_CERT_NO_REKEY && sa->proof.lost)
		return true;
	report_sa(sa, LOG_LEVEL_WARNING, "certificate", statement, "%s: \"%s %s\" in its section", what, statement, words[how]);
	if (how == CONF_LOST_CERT_KEEP)
		return false;
	sa->proof.lost = true;
	ike_sa_touch(sa);
	if (how == CONF_LOST_CERT_DOWN) {
		sa->proof.why = (uint8_t)reason;
		sa->version->delete_ike(sa);
	}
	return true;
}

const char *proof_why(const struct ike_sa *sa, enum engine_reason *reason)
{
	*reason = (enum engine_reason)sa->proof.why;
	switch (*reason) {
	case REASON_TOKEN_ABSENT: return "deleted: the token with our key is away";
	case REASON_CERT_EXPIRED: return "deleted: the peer's certificate has expired";
	case REASON_CERT_REVOKED: return "deleted: the peer's certificate is revoked";
	case REASON_CERT_UNTRUSTED: return "deleted: the CA of the peer's certificate is not believed any more";
	default: return NULL;
	}
}

bool proof_expired(struct ike_sa *sa)
{
	if (!sa->proof.ends || sa->e->now < sa->proof.ends)
		return false;
	sa->proof.ends = 0;
	return lose(sa, REASON_CERT_EXPIRED, rules_of(sa)->expired, "the peer's certificate has expired") || !sa->reauth.end;
}

static void on_still(struct ask *a, const struct trust_answer *an)
{
	struct ike_sa *sa = container_of(a, struct ike_sa, proof.still);
	char what[420];

	/* What could not be told, or is not known, changes nothing; an expiry has a timer of its own. */
	if (an->error != TRUST_NOT_TRUSTED || (an->verdict != CRYPTO_TRUST_REVOKED && an->verdict != CRYPTO_TRUST_NO_CA))
		return;
	snprintf(what, sizeof(what), "the peer's certificate \"%s\" %s", an->subject, an->text);
	lose(sa, an->verdict == CRYPTO_TRUST_REVOKED ? REASON_CERT_REVOKED : REASON_CERT_UNTRUSTED, rules_of(sa)->revoked, what);
}

static void ask_again(struct ike_sa *sa)
{
	struct trust_request rq = { .kind = TRUST_STILL, .way = CONF_AUTH_CERT, .rules = *rules_of(sa), .remote = sa->remote_id,
				    .ticket = secret_view(&sa->proof.ticket) };

	sa->proof.news = sa->e->trust_news;
	ask_cancel(&sa->proof.still);
	ask_trust(sa->e, &sa->proof.still, &rq, on_still);
}

void proof_established(struct ike_sa *sa)
{
	if (sa->proof.ticket.n && sa->proof.news != sa->e->trust_news)
		ask_again(sa);
}

void proof_ask_all(struct engine *e)
{
	e->trust_news++;
	list_each(sa, &e->sas, struct ike_sa, link)
		if (sa->proof.ticket.n && sa->state == IKE_ESTABLISHED)
			ask_again(sa);
}

void engine_trust_changed(struct engine *e, uint64_t now)
{
	e->now = now;
	proof_ask_all(e);
	engine_settle(e);
}
