// SPDX-License-Identifier: MIT
// What a conn demands of the peer beyond one proof: a CA by name, hashes and sizes of keys, what keyd cannot look at.
#include "keyd/import/ipsec.h"

#include "keyd/conf/file.h"
#include "keyd/conf/id.h"
#include "keyd/crypto/cert.h"
#include "keyd/crypto/sig.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- the CA by its name --- */

struct wanted {				/* the name that each certificate of a file must have */
	struct view name;
	unsigned n;
	bool other;
};

static int look_at(void *arg, struct crypto_cert *c)
{
	struct wanted *w = arg;

	w->n++;
	w->other = w->other || !crypto_cert_has_name(c, CRYPTO_NAME_DN, w->name);
	crypto_cert_free(c);
	return 0;
}

/* Why a file of CAs cannot be read is told, as nobody looks at it any more where the section is refused. */
static bool is_of(struct ipsec *i, struct ipsec_conn *c, const char *file, struct view name)
{
	struct wanted w = { .name = name };
	struct conf_file f;
	char why[256];
	bool is;

	if (conf_file_read(&f, file, CRYPTO_CERT_FILE_MAX, why, sizeof(why))) {
		draft_note(i->d, c->peer, IMPORT_NOT, ipsec_at(c, !c->local, KEY_CA), "\"%s\" cannot be read: %s",
			   file, strerror(errno));
		return false;
	}
	is = !crypto_certs_from_file((struct view){ (const uint8_t *)f.text, f.n }, look_at, &w) && w.n && !w.other;
	conf_file_clear(&f);
	return is;
}

/* Of the files that 'ca' names those that are of this CA, as 'ca' takes them; NULL: none is. */
static const char *files_of(struct ipsec *i, struct ipsec_conn *c, const char *cas, struct view name)
{
	const char *list = NULL;

	for (const char *at = cas ? strchr(cas, '"') : NULL; at; at = strchr(at, '"')) {
		size_t n = strcspn(at + 1, "\"\\");

		if (at[1 + n] != '"')
			return NULL;	/* a name with escapes */
		if (is_of(i, c, draft_text(i->d, "%.*s", (int)n, at + 1), name))
			list = draft_text(i->d, "%s%s%.*s", list ?: "", list ? ", " : "", (int)n + 2, at);
		at += n + 2;
	}
	return list;
}

static int take_issuer(void *arg, struct crypto_cert *c)
{
	struct conf_id *id = arg;
	struct view issuer = crypto_cert_issuer(c);

	if (!id->len && issuer.n <= sizeof(id->data)) {
		id->len = (uint16_t)issuer.n;
		memcpy(id->data, issuer.p, issuer.n);
	}
	crypto_cert_free(c);
	return 0;
}

/* "%same": whoever vouches for us. False: that is not known. */
static bool our_issuer(struct ipsec *i, const struct draft_peer *p, struct conf_id *id)
{
	const char *cert = p->set[SET_CERT];
	struct conf_file f;
	char why[256];
	bool known;

	*id = (struct conf_id){ .type = CONF_ID_DN };
	if (!cert || conf_file_read(&f, draft_text(i->d, "%.*s", (int)strcspn(cert + 1, "\"\\"), cert + 1),
				    CRYPTO_CERT_FILE_MAX, why, sizeof(why)))
		return false;
	known = !crypto_certs_from_file((struct view){ (const uint8_t *)f.text, f.n }, take_issuer, id) && id->len;
	conf_file_clear(&f);
	return known;
}

static void set_ca(struct ipsec *i, struct ipsec_conn *c)
{
	const char *text = ipsec_said(c, !c->local, KEY_CA), *why, *list = NULL;
	struct import_at at = ipsec_at(c, !c->local, KEY_CA);
	struct draft_peer *p = c->peer;
	struct conf_id id;
	bool same = text && !strcasecmp(text, "%same"), known;

	if (!text || !*text || !strcasecmp(text, "%any") || !p->set[SET_CA])
		return;			/* or it is no CA that vouches for the peer */
	known = same ? our_issuer(i, p, &id) : !conf_id_set_dn(&id, text, strlen(text), &why);
	if (known && i->d->options->look)
		list = files_of(i, c, p->set[SET_CA], (struct view){ id.data, id.len });
	if (list) {
		draft_say(p, SET_CA, at, list);
		return;
	}
	draft_note(i->d, p, IMPORT_NOT, at,
		   "the CA \"%s\" must vouch for the peer, and no other: name its file, and no other, with 'ca'", text);
	if (i->d->options->look)
		draft_refuse(i->d, p, "none of its files of CAs is known to be the one that must vouch for the peer");
}

/* --- hashes and sizes --- */

#define HASHES_ANY 0

struct strength {
	unsigned hashes;		/* bit n: hash n of RFC 7427; HASHES_ANY: none is named */
	unsigned rsa, ec;		/* bits, 0: any */
	bool chain;			/* it is about those who vouch for the peer, too */
	const char *unknown;
};

/* One word of "rsa-2048-sha256", "ike:pubkey-sha384" or "rsa-sha2_512"; before: which kind of key a number is about. */
static void take_word(struct strength *s, const char *word, const char **kind)
{
	static const struct {
		const char *word;
		unsigned hash;
	} hashes[] = {
		{ "sha1", 1 }, { "sha256", 2 }, { "sha2_256", 2 }, { "sha384", 3 }, { "sha2_384", 3 }, { "sha512", 4 },
		{ "sha2_512", 4 },
	};
	static const char *const others[] = {
		"pubkey", "pss", "sha2", "identity", "ed25519", "ed448", "any", "rsasig", "ecdsasig", "psk", "secret",
		"never",
	};

	for (size_t n = 0; n < sizeof(hashes) / sizeof(*hashes); n++)
		if (!strcasecmp(word, hashes[n].word)) {
			s->hashes |= 1U << hashes[n].hash;
			return;
		}
	if (isdigit((unsigned char)*word)) {
		unsigned bits = (unsigned)strtoul(word, NULL, 10);

		*(!strncasecmp(*kind, "rsa", 3) ? &s->rsa : &s->ec) = bits;
		return;
	}
	*kind = word;
	if (!strcasecmp(word, "rsa") || !strcasecmp(word, "ecdsa"))
		return;
	for (size_t n = 0; n < sizeof(others) / sizeof(*others); n++)
		if (!strcasecmp(word, others[n]))
			return;
	s->unknown = word;
}

static struct strength strength_of(struct ipsec *i, const char *text)
{
	struct strength s = { .chain = strncasecmp(text, "ike:", 4) != 0 };
	char *copy = (char *)draft_text(i->d, "%s", text + (s.chain ? 0 : 4)), *save = NULL;
	const char *kind = "";

	for (char *word = *copy ? strtok_r(copy, "-,|+", &save) : NULL; word; word = strtok_r(NULL, "-,|+", &save))
		take_word(&s, word, &kind);
	return s;
}

static const char *signatures_of(struct ipsec *i, unsigned hashes)
{
	const char *list = NULL;

	for (const struct crypto_sig *s = crypto_sig_next(NULL); s; s = crypto_sig_next(s))
		if (!s->bare && !s->legacy && hashes >> s->hash & 1)
			list = draft_text(i->d, "%s%s%s", list ?: "", list ? ", " : "", s->name);
	return list;
}

/* The least that keyd takes by itself. */
#define FLOOR_RSA 2048
#define FLOOR_EC 256

static void set_strength(struct ipsec *i, struct ipsec_conn *c)
{
	const char *own = ipsec_said(c, !c->local, KEY_AUTH), *text = own ?: SAID(c, KEY_AUTHBY);
	struct import_at at = own ? ipsec_at(c, !c->local, KEY_AUTH) : ipsec_at(c, LEFT, KEY_AUTHBY);
	struct draft_peer *p = c->peer;
	struct strength s;
	unsigned hashes;

	if (!text || !p->set[SET_AUTH_REMOTE] || !strcmp(p->set[SET_AUTH_REMOTE], "psk"))
		return;
	s = strength_of(i, text);
	hashes = s.hashes & ~3U;	/* SHA-1 is not needed by anybody who has another */
	if (s.unknown && own)
		draft_refuse(i->d, p, "\"%s\" demands what is not known: '%s'", text, s.unknown);
	if (hashes && !draft_is_version1(p))
		draft_say(p, SET_SIGNATURES, at, signatures_of(i, hashes));
	else if (hashes)
		draft_note(i->d, p, IMPORT_NOT, at,
			   "%s: in IKEv1 the hash of signatures is that of 'ike': name there what you want", text);
	if (own && s.chain && hashes && !(hashes & 1U << 2))
		draft_refuse(i->d, p,
			     "\"%s\" demands these hashes of the certificates above the peer's, too, "
			     "which keyd only asks for SHA-256 or better: write ike:%s", text, text);
	if (s.rsa > FLOOR_RSA || s.ec > FLOOR_EC)
		draft_say(p, SET_KEY_FLOOR, at,
			  draft_text(i->d, "rsa %u, ec %u",
				     s.rsa > FLOOR_RSA ? s.rsa : FLOOR_RSA, s.ec > FLOOR_EC ? s.ec : FLOOR_EC));
}

/* --- what keyd cannot ask for --- */

static bool is_xauth(const char *text)
{
	return !strncasecmp(text, "xauth", 5) || !strcasecmp(text, "any") || !strcasecmp(text, "never");
}

/* What a statement demands, unless it says no; each is told where it stands. */
static const struct {
	enum conn_key key;
	bool of_peer;			/* it stands with left or right */
	const char *why, *instead;
} demands[] = {
	{ KEY_CERTPOLICY, true, "policies of certificates are not compared", "say with 'id remote' who may come" },
	{ KEY_GROUPS, true, "attribute certificates are not read, and so nobody's groups are known",
	  "say with 'id remote' who may come" },
	{ KEY_PAM, false, "there is no PAM", "say with 'id remote' who may come" },
	{ KEY_DNS_MATCH, false, "identities are not looked up in DNS", "say with 'id remote' who may come" },
	{ KEY_PPK, false, "postquantum preshared keys are not done",
	  "take a proposal with a group that you trust for as long" },
	{ KEY_LABEL, false, "policies of keyd's have no security labels", "write them for setkey" },
};

static void refuse_rest(struct ipsec *i, struct ipsec_conn *c)
{
	for (size_t n = 0; n < sizeof(demands) / sizeof(*demands); n++) {
		unsigned side = demands[n].of_peer ? !c->local : LEFT;
		const char *text = ipsec_said(c, side, demands[n].key);

		if (!text || !*text || ipsec_no(text) || !strcasecmp(text, "propose"))
			continue;
		draft_note(i->d, c->peer, IMPORT_NOT, ipsec_at(c, side, demands[n].key),
			   "%s=%s: %s: %s, and leave this out",
			   c->said[side][demands[n].key]->words[0].s, text, demands[n].why, demands[n].instead);
		draft_refuse(i->d, c->peer, "it demands of the peer what keyd cannot look at: %s", demands[n].why);
	}
	for (unsigned side = 0; side < SIDES; side++) {
		const char *second = ipsec_said(c, side, KEY_AUTH2);

		if (!second || !*second || is_xauth(second))
			continue;
		draft_note(i->d, c->peer, IMPORT_NOT, ipsec_at(c, side, KEY_AUTH2),
			   "a second proof (%s): write 'auth %s' with both ways into a section of keyd.conf",
			   second, side == c->local ? "local" : "remote");
		draft_refuse(i->d, c->peer, "%s is to prove twice who it is, and one proof is less",
			     side == c->local ? "this side" : "the peer");
	}
}

/* What a conn says of us, for the other end to ask. */
static void tell_ours(struct ipsec *i, struct ipsec_conn *c)
{
	static const enum conn_key keys[] = { KEY_CA, KEY_CERTPOLICY, KEY_GROUPS };

	for (size_t n = 0; n < sizeof(keys) / sizeof(*keys); n++)
		if (ipsec_said(c, c->local, keys[n]))
			draft_note(i->d, c->peer, IMPORT_IDLE, ipsec_at(c, c->local, keys[n]),
				   "%s is about this end: the peer asks for it",
				   c->said[c->local][keys[n]]->words[0].s);
}

void ipsec_demands(struct ipsec *i, struct ipsec_conn *c)
{
	tell_ours(i, c);
	set_ca(i, c);
	set_strength(i, c);
	refuse_rest(i, c);
}
