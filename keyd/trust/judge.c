// SPDX-License-Identifier: MIT
// Judges what a peer signs and shows, step by step; what it can make us do costs it a good signature first.
#include "keyd/crypto/hash.h"
#include "keyd/trust/shown.h"
#include "keyd/trust/state.h"

#include <stdio.h>
#include <string.h>

/* Identification types that a certificate can vouch for (RFC 4945 3.1). */
static bool in_certificates(uint8_t type)
{
	return type == CRYPTO_NAME_IPV4 || type == CRYPTO_NAME_IPV6 || type == CRYPTO_NAME_FQDN || type == CRYPTO_NAME_RFC822 ||
	       type == CRYPTO_NAME_DN;
}

static enum trust_error refuse(struct trust_answer *an, enum trust_error error, const struct crypto_verdict *v)
{
	snprintf(an->subject, sizeof(an->subject), "%s", v->subject);
	an->verdict = (uint8_t)v->result;
	return proof_refuse(an, v->result == CRYPTO_TRUST_FAILED ? TRUST_FAILED : error, "%s", v->text);
}

static void accepted(struct trust_answer *an)
{
	an->error = TRUST_OK;
	an->verdict = CRYPTO_TRUSTED;
	an->text[0] = 0;
}

static const uint8_t (*sets(const struct conf_trust *rules))[CRYPTO_DIGEST_LEN]
{
	_Static_assert(sizeof(struct conf_digest) == CRYPTO_DIGEST_LEN, "an array of digests is one of their bytes");
	return (const uint8_t (*)[CRYPTO_DIGEST_LEN])rules->ca;
}

/*
 * Who asks has the CAs of another configuration, an older one or one that has not come here yet: nothing is said of what they
 * believe, as a reload may come between.
 */
static bool knows_cas(struct trust *t, const struct conf_trust *rules, struct trust_answer *an)
{
	if (t->now.cas && crypto_trust_has_sets(t->now.cas, sets(rules), rules->ncas))
		return true;
	proof_refuse(an, TRUST_FAILED, t->now.cas ? "the CAs of its section are not known here (the configuration is being changed)" :
						    "there is no memory");
	return false;
}

/* SHA-1 in a chain is believed where somebody has allowed it in signatures by name. */
static bool sha1_allowed(uint32_t schemes)
{
	const struct crypto_sig *s = NULL;

	for (unsigned bit = 0; bit < 32 && (s = crypto_sig_next(s)); bit++)
		if (s->legacy && schemes >> bit & 1)
			return true;
	return false;
}

/* --- a key that the configuration names --- */

static bool is_pinned(const struct belief *b, const struct conf_trust *rules, const struct crypto_key *k)
{
	for (uint8_t i = 0; i < rules->npins; i++) {
		const struct pin *p = belief_pin(b, &rules->pin[i]);

		if (p && crypto_key_equal(p->key, k))
			return true;
	}
	return false;
}

/* It has shown nothing: one of its keys must have signed. A key that could have signed says more than one that could not. */
static enum trust_error try_pins(struct trust *t, const struct trust_request *rq, const struct proof_signature *sig,
				 struct trust_answer *an)
{
	enum trust_error error = proof_refuse(an, TRUST_NO_CERT, "it has shown no key, and \"remote-key\" names none");

	for (uint8_t i = 0; error && i < rq->rules.npins; i++) {
		const struct pin *p = belief_pin(&t->now, &rq->rules.pin[i]);
		struct trust_answer one = *an;
		enum trust_error e = p ? proof_signed(rq, sig, p->key, &one) : TRUST_NO_CERT;

		if (e && e != TRUST_SIGNATURE && error != TRUST_NO_CERT)
			continue;
		*an = one;
		error = e;
	}
	return error;
}

static enum trust_error prove_key(struct trust *t, const struct trust_request *rq, const struct shown *s,
				  const struct proof_signature *sig, struct trust_answer *an)
{
	struct crypto_key *of_cert = NULL;
	const struct crypto_key *k = s->key;
	enum trust_error error;
	int r;

	if (!k && !s->leaf)
		return try_pins(t, rq, sig, an);
	if (!k) {
		r = crypto_cert_key(s->leaf, &of_cert);
		if (r)
			return proof_refuse(an, TRUST_BAD_CERT, "has a key that cannot be read: %s", crypto_key_strerror(r));
		k = of_cert;
	}
	if (is_pinned(&t->now, &rq->rules, k)) {
		error = proof_signed(rq, sig, k, an);
	} else {
		crypto_key_name(k, an->key, sizeof(an->key));
		error = proof_refuse(an, TRUST_WRONG_KEY, "its key, %s, is none that \"remote-key\" names", an->key);
	}
	crypto_key_free(of_cert);
	return error;
}

/* --- a certificate --- */

static enum trust_error nothing_shown(const struct shown *s, struct trust_answer *an)
{
	if (s->url)
		return proof_refuse(an, TRUST_REFUSED_URL, "it has shown a hash and a URL, which is not followed: it "
				    "must send the certificate itself");
	if (s->key)
		return proof_refuse(an, TRUST_NO_CERT,
				    "it has shown a raw public key where a certificate is asked for (\"auth key\" would take it)");
	return proof_refuse(an, TRUST_NO_CERT, "it has shown no certificate, though we asked for one");
}

/* A certificate that is believed for its key's sake: nobody vouches for it, but it may have run out. */
static enum trust_error pinned_alone(const struct crypto_cert *c, int64_t wall, struct trust_answer *an)
{
	int64_t begins = crypto_cert_begins(c);
	char date[CRYPTO_DAY_LEN];

	an->ends = crypto_cert_ends(c);
	if (begins <= wall && wall < an->ends)
		return TRUST_OK;
	proof_subject(an, c);
	an->verdict = begins > wall ? CRYPTO_TRUST_NOT_YET : CRYPTO_TRUST_EXPIRED;
	return proof_refuse(an, TRUST_NOT_TRUSTED, "%s %s", begins > wall ? "is not valid before" : "has expired on",
			    crypto_day(begins > wall ? begins : an->ends, date));
}

static enum trust_error chain_of(struct trust *t, struct trust_time now, const struct trust_request *rq, const struct shown *s,
				 struct crypto_chain **chain, struct trust_answer *an)
{
	const struct crypto_trust_rules rules = {
		.nsets = rq->rules.ncas,
		.sets = sets(&rq->rules),
		.rsa_bits_min = rq->rules.rsa_bits,
		.ec_bits_min = rq->rules.ec_bits,
		.allow_sha1 = sha1_allowed(rq->rules.schemes),
	};
	struct crypto_verdict v;

	if (!knows_cas(t, &rq->rules, an))
		return TRUST_FAILED;
	if (crypto_trust_verify(t->now.cas, s->leaf, (const struct crypto_cert *const *)s->others, s->nothers, now.wall, &rules, &v,
				chain))
		return refuse(an, TRUST_NOT_TRUSTED, &v);
	an->ends = v.ends;
	return TRUST_OK;
}

static enum trust_error name_of(const struct trust_request *rq, const struct crypto_cert *leaf, struct trust_answer *an)
{
	/* No certificate speaks of such a name; that its key is this peer's, the configuration says. */
	if (!in_certificates(rq->remote.type) && rq->rules.npins)
		return TRUST_OK;
	return proof_name(leaf, &rq->remote, an);
}

static enum trust_error signed_by(const struct trust_request *rq, const struct crypto_key *k, const struct crypto_cert *leaf,
				  const struct proof_signature *sig, struct trust_answer *an)
{
	enum trust_error error = proof_signed(rq, sig, k, an);

	if (!error)
		proof_subject(an, leaf);
	return error;
}

/* All but revocation. *chain is the caller's; NULL where no CA is asked for. */
static enum trust_error prove_cert(struct trust *t, struct trust_time now, const struct trust_request *rq, const struct shown *s,
				   const struct proof_signature *sig, struct crypto_chain **chain, struct trust_answer *an)
{
	bool alone = rq->rules.npins && !rq->rules.ncas;
	struct crypto_key *k = NULL;
	enum trust_error error;
	int r;

	if (!s->leaf)
		return nothing_shown(s, an);
	r = crypto_cert_key(s->leaf, &k);
	if (r)
		return proof_refuse(an, TRUST_BAD_CERT, "has a key that cannot be read: %s", crypto_key_strerror(r));
	crypto_key_name(k, an->key, sizeof(an->key));
	if (rq->rules.npins && !is_pinned(&t->now, &rq->rules, k))
		error = proof_refuse(an, TRUST_WRONG_KEY, "the key of its certificate, %s, is none that \"remote-key\" names", an->key);
	else
		error = alone ? pinned_alone(s->leaf, now.wall, an) : chain_of(t, now, rq, s, chain, an);
	if (!error)
		error = name_of(rq, s->leaf, an);
	if (!error)
		error = signed_by(rq, k, s->leaf, sig, an);
	crypto_key_free(k);
	return error;
}

/* --- revocation --- */

static void take_staples(struct trust *t, struct trust_time now, const struct crypto_chain *chain, const struct shown *s)
{
	struct crypto_news news;

	for (unsigned i = 0; i < s->nstaples; i++) {
		int r = crypto_chain_add_ocsp(chain, t->status, s->staples[i], (struct view){ 0 }, now.wall, &news);

		if (r)
			trust_log(t, LOG_LEVEL_DEBUG, "an OCSP response that a peer has shown is of no use: %s", crypto_status_strerror(r));
	}
}

bool judge_waiting(struct trust *t, struct trust_time now, const struct crypto_chain *chain, struct trust_answer *an)
{
	struct crypto_verdict v;
	bool pending;

	crypto_chain_check(chain, t->status, now.wall, CRYPTO_REVOCATION_STRICT, &v, &pending);
	if (v.result == CRYPTO_TRUST_NO_CRL)
		return false;
	if (v.result)
		refuse(an, TRUST_NOT_TRUSTED, &v);
	else
		accepted(an);
	return true;
}

void judge_unknown(struct trust_answer *an, const char *why)
{
	char text[sizeof(an->text)];

	snprintf(text, sizeof(text), "%s", an->text);
	an->verdict = CRYPTO_TRUST_NO_CRL;
	proof_refuse(an, TRUST_NOT_TRUSTED, "%s%s%s", text, *why ? "; " : "", why);
}

/* Takes over chain. As judge_proof. */
static bool judge_revocation(struct trust *t, struct trust_time now, const struct trust_request *rq, struct crypto_chain *chain,
			     struct trust_answer *an)
{
	char why[TRUST_URL_MAX + TRUST_WHY_MAX] = "";
	struct crypto_verdict v;
	bool pending = false, hope = false;

	crypto_chain_check(chain, t->status, now.wall, (enum crypto_revocation)rq->rules.revocation, &v, &pending);
	if (v.result && v.result != CRYPTO_TRUST_NO_CRL) {
		refuse(an, TRUST_NOT_TRUSTED, &v);
	} else {
		an->pending = pending;
		if (rq->rules.revocation != CONF_REVOCATION_OFF)
			hope = revoke_pursue(t, now, chain, why, sizeof(why));
	}
	if (v.result != CRYPTO_TRUST_NO_CRL) {
		crypto_chain_free(chain);
		return true;
	}
	refuse(an, TRUST_NOT_TRUSTED, &v);	/* what is said if nothing comes */
	an->pending = 0;
	if (hope && !revoke_wait(t, now, chain, an))
		return false;
	if (!hope)
		crypto_chain_free(chain);
	judge_unknown(an, hope ? "too many wait for an answer already" : why);
	return true;
}

static int ticket_put(const struct crypto_chain *chain, struct trust_answer *an)
{
	size_t n = sizeof(an->ticket);

	_Static_assert(TRUST_TICKET_MAX >= CRYPTO_TICKET_MAX, "a ticket fits");
	if (crypto_chain_ticket(chain, an->ticket, &n))
		return -1;
	an->nticket = (uint16_t)n;
	return 0;
}

/* A peer's certificate that runs out soon, told once a day. */
static void warn_of_peer(struct trust *t, struct trust_time now, const struct trust_answer *an)
{
	uint64_t hash = 14695981039346656037u;	/* FNV-1a */
	int64_t left = an->ends - now.wall, day = now.wall / OWN_DAY;
	char date[CRYPTO_DAY_LEN];

	if (!t->now.warning_days || left > (int64_t)t->now.warning_days * OWN_DAY)
		return;
	for (const char *p = an->subject; *p; p++)
		hash = (hash ^ (uint8_t)*p) * 1099511628211u;
	if (t->seen[hash % SEEN_MAX].hash == hash && t->seen[hash % SEEN_MAX].day == day)
		return;
	t->seen[hash % SEEN_MAX].hash = hash;
	t->seen[hash % SEEN_MAX].day = day;
	trust_log(t, LOG_LEVEL_WARNING, "the certificate of a peer, or one above it, expires on %s, in %lld day%s: subject=\"%s\"",
		  crypto_day(an->ends, date), (long long)(left / OWN_DAY), left / OWN_DAY == 1 ? "" : "s", an->subject);
}

static bool prove(struct trust *t, struct trust_time now, const struct trust_request *rq, const struct shown *s,
		  struct trust_answer *an)
{
	struct crypto_chain *chain = NULL;
	struct proof_signature sig;
	enum trust_error error = proof_scheme(rq, &sig, an);

	if (!error && rq->way == CONF_AUTH_KEY)
		error = prove_key(t, rq, s, &sig, an);
	else if (!error && rq->way == CONF_AUTH_CERT)
		error = prove_cert(t, now, rq, s, &sig, &chain, an);
	else if (!error)
		error = proof_refuse(an, TRUST_FAILED, "nothing is signed in this way of proving");
	if (error) {
		crypto_chain_free(chain);
		return true;
	}
	accepted(an);
	if (rq->way == CONF_AUTH_CERT)
		warn_of_peer(t, now, an);
	if (!chain)
		return true;
	if (ticket_put(chain, an)) {
		crypto_chain_free(chain);
		proof_refuse(an, TRUST_FAILED, "there is no memory");
		return true;
	}
	take_staples(t, now, chain, s);
	return judge_revocation(t, now, rq, chain, an);
}

bool judge_proof(struct trust *t, struct trust_time now, const struct trust_request *rq, struct trust_answer *an)
{
	struct shown s;
	bool done = true;
	char text[sizeof(an->text)];
	enum trust_error error = shown_read(&s, rq->certs, text, sizeof(text));

	an->ends = INT64_MAX;
	if (error)
		proof_refuse(an, error, "%s", text);
	else
		done = prove(t, now, rq, &s, an);
	shown_clear(&s);
	return done;
}

void judge_still(struct trust *t, struct trust_time now, const struct trust_request *rq, struct trust_answer *an)
{
	struct crypto_verdict v;

	an->ends = INT64_MAX;
	if (!knows_cas(t, &rq->rules, an))
		return;
	if (crypto_ticket_check(rq->ticket, t->now.cas, t->status, sets(&rq->rules), rq->rules.ncas, now.wall,
				(enum crypto_revocation)rq->rules.revocation, &v)) {
		refuse(an, TRUST_NOT_TRUSTED, &v);
		return;
	}
	an->error = TRUST_OK;
	an->ends = v.ends;
	snprintf(an->subject, sizeof(an->subject), "%s", v.subject);
	memcpy(an->ticket, rq->ticket.p, rq->ticket.n);
	an->nticket = (uint16_t)rq->ticket.n;
}
