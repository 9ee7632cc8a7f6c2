// SPDX-License-Identifier: MIT
// Names, keys and signatures of a peer.
#include "keyd/trust/proof.h"

#include "keyd/crypto/dn.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define METHOD_DIGITAL_SIGNATURE 14
#define NAMES_MAX 120			/* bytes of the names in a sentence */

static void plain(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

enum trust_error proof_refuse(struct trust_answer *an, enum trust_error error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(an->text, sizeof(an->text), fmt, ap);
	va_end(ap);
	plain(an->text);
	an->error = error;
	return error;
}

void proof_subject(struct trust_answer *an, const struct crypto_cert *c)
{
	crypto_dn_format(crypto_cert_subject(c), an->subject, sizeof(an->subject));
}

/* --- names --- */

struct search {
	const struct conf_id *id;
	bool found;
};

/* The peer's own words are no pattern: a DN is only the same if each fits the other. */
static bool same_name(uint8_t type, struct view a, struct view b)
{
	switch (type) {
	case CRYPTO_NAME_DN:
		return crypto_dn_match(a, b) && crypto_dn_match(b, a);
	case CRYPTO_NAME_FQDN:
	case CRYPTO_NAME_RFC822:
		return view_equal_nocase(a, b);
	default:
		return a.n == b.n && !memcmp(a.p, b.p, a.n);
	}
}

static void look(void *arg, enum crypto_name type, struct view name)
{
	struct search *s = arg;

	if (!s->found && (unsigned)type == s->id->type && s->id->len)
		s->found = same_name(s->id->type, (struct view){ s->id->data, s->id->len }, name);
}

struct listing {
	char text[NAMES_MAX];
	size_t n;
	bool more;
};

static void list_name(void *arg, enum crypto_name type, struct view name)
{
	struct listing *l = arg;
	char one[NAMES_MAX];
	int n;

	if (type == CRYPTO_NAME_DN)
		crypto_dn_format(name, one, sizeof(one));
	else if (type == CRYPTO_NAME_IPV4 || type == CRYPTO_NAME_IPV6)
		inet_ntop(type == CRYPTO_NAME_IPV4 ? AF_INET : AF_INET6, name.p, one, sizeof(one));
	else
		snprintf(one, sizeof(one), "%.*s", (int)(name.n < sizeof(one) ? name.n : sizeof(one)), (const char *)name.p);
	n = snprintf(l->text + l->n, sizeof(l->text) - l->n, "%s%s", l->n ? "; " : "", one);
	if ((size_t)n < sizeof(l->text) - l->n)
		l->n += (size_t)n;
	else
		l->more = true;
	l->text[l->n] = 0;
}

enum trust_error proof_name(const struct crypto_cert *c, const struct conf_id *id, struct trust_answer *an)
{
	struct listing all = { .n = 0 };
	struct search s = { .id = id };

	crypto_cert_names(c, look, &s);
	if (s.found)
		return TRUST_OK;
	proof_subject(an, c);
	crypto_cert_names(c, list_name, &all);
	if (!all.n)
		return proof_refuse(an, TRUST_WRONG_NAME, "it has no name that IKE knows");
	return proof_refuse(an, TRUST_WRONG_NAME, "it is for %s%s", all.text, all.more ? "; and others" : "");
}

/* --- signatures --- */

static bool allowed(const struct crypto_sig *scheme, uint32_t schemes)
{
	const struct crypto_sig *s = NULL;

	for (unsigned bit = 0; bit < 32 && (s = crypto_sig_next(s)); bit++)
		if (s == scheme)
			return schemes >> bit & 1;
	return false;
}

static void hex(struct view v, char *out, size_t n)
{
	out[0] = 0;
	for (size_t i = 0; i < v.n && 2 * i + 2 < n; i++)
		snprintf(out + 2 * i, 3, "%02x", v.p[i]);
}

/* RFC 7427 3: the length of an AlgorithmIdentifier, it itself, then the signature. */
static enum trust_error digital_signature(struct rd r, struct proof_signature *sig, struct trust_answer *an)
{
	struct view algid;
	char text[81];
	uint8_t n;

	if (rd_u8(&r, &n) || rd_view(&r, n, &algid))
		return proof_refuse(an, TRUST_SCHEME, "is cut short");
	sig->scheme = crypto_sig_by_algid(algid);
	sig->bytes = rd_rest(&r);
	if (sig->scheme)
		return TRUST_OK;
	hex(algid, text, sizeof(text));
	return proof_refuse(an, TRUST_SCHEME, "is of an algorithm that is not known: AlgorithmIdentifier %s", text);
}

/* What was agreed on before; "signatures" is about IKEv2. */
static enum trust_error ikev1_scheme(const struct trust_request *rq, struct proof_signature *sig, struct trust_answer *an)
{
	sig->scheme = crypto_sig_by_ikev1_method(rq->method);
	if (!sig->scheme)
		return proof_refuse(an, TRUST_SCHEME, "is of IKEv1's authentication method %u, which is not known", rq->method);
	snprintf(an->scheme, sizeof(an->scheme), "%s", sig->scheme->name);
	return TRUST_OK;
}

enum trust_error proof_scheme(const struct trust_request *rq, struct proof_signature *sig, struct trust_answer *an)
{
	enum trust_error error = TRUST_OK;

	*sig = (struct proof_signature){ .bytes = rq->auth };
	if (rq->form == TRUST_IKEV1)
		return ikev1_scheme(rq, sig, an);
	if (rq->method == METHOD_DIGITAL_SIGNATURE)
		error = digital_signature(rd_of_view(rq->auth), sig, an);
	else
		sig->scheme = crypto_sig_by_method(rq->method);
	if (error)
		return error;
	if (!sig->scheme)
		return proof_refuse(an, TRUST_SCHEME, "is of authentication method %u, which is not known", rq->method);
	snprintf(an->scheme, sizeof(an->scheme), "%s", sig->scheme->name);
	if (!allowed(sig->scheme, rq->rules.schemes))
		return proof_refuse(an, TRUST_SCHEME, "is made with %s, which \"signatures\" does not allow", sig->scheme->name);
	return TRUST_OK;
}

enum trust_error proof_signed(const struct trust_request *rq, const struct proof_signature *sig, const struct crypto_key *k,
			      struct trust_answer *an)
{
	const struct view parts[] = { rq->message, rq->nonce, rq->macid };

	crypto_key_name(k, an->key, sizeof(an->key));
	if (crypto_key_bits(k) < crypto_key_floor(k, rq->rules.rsa_bits, rq->rules.ec_bits))
		return proof_refuse(an, TRUST_SCHEME, "is made with a key (%s) that is shorter than \"key-floor\" allows", an->key);
	if (!crypto_sig_fits(sig->scheme, k))
		return proof_refuse(an, TRUST_SCHEME, "says that it is made with %s, which a key of %s cannot do", sig->scheme->name,
				    an->key);
	if (crypto_sig_check(sig->scheme, k, parts, 3, sig->bytes))
		return proof_refuse(an, TRUST_SIGNATURE, "(%s) was not made over this exchange by the %s key", sig->scheme->name, an->key);
	return TRUST_OK;
}
