// SPDX-License-Identifier: MIT
// Who the two ends of a conn are, and how they prove it.
#include "keyd/import/ipsec.h"

#include "keyd/conf/file.h"
#include "keyd/conf/id.h"
#include "keyd/conf/ipsec_inside.h"
#include "keyd/conf/load.h"
#include "keyd/conf/parser.h"
#include "keyd/crypto/key_parts.h"
#include "keyd/crypto/key_text.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define RSA_GOOD 2048			/* bits, keyd's own floor */
#define RSA_LEAST 1024			/* the lowest that it takes */
#define RSA_MOST 4096			/* bytes of an RSA key as RFC 3110 has it */
#define WRITE_KEY "write 'remote-key' with what keydctl keygen prints at the peer"

/* --- identities --- */

static const char *id_text(struct ipsec *i, struct ipsec_conn *c, unsigned side, const char *text)
{
	struct ipsec_token t = { .s = text, .n = strlen(text) };
	struct conf_id id = { .type = 0 };
	struct ipsec_addr remote = { .family = 0 };
	char buf[CONF_ID_STRLEN];
	uint8_t len;
	const char *why = ipsec_value_selector(&id, &remote, &len, &t);

	if (why) {
		draft_note(i->d, c->peer, IMPORT_NOT, ipsec_at(c, side, KEY_ID), "%s", why);
		return NULL;
	}
	if (remote.family) {
		ipsec_addr_format(&remote, buf, sizeof(buf));
		return draft_text(i->d, "%s", buf);
	}
	if (id.type == CONF_ID_IPV4 || id.type == CONF_ID_IPV6)
		return draft_text(i->d, "%s", conf_id_format(&id, buf, sizeof(buf)));
	if (id.type == CONF_ID_FQDN || id.type == CONF_ID_RFC822)
		return draft_text(i->d, "%s %s", id.type == CONF_ID_FQDN ? "fqdn" : "user",
				  draft_quote(i->d, draft_text(i->d, "%.*s", (int)id.len, (const char *)id.data)));
	if (id.type == CONF_ID_DN)
		return draft_text(i->d, "dn %s", draft_quote(i->d, !strncasecmp(text, "asn1dn:", 7) ? text + 7 :
							     !strncasecmp(text, "dn:", 3) ? text + 3 : text));
	if (id.type == CONF_ID_KEY_ID) {
		const char *hex = "";

		for (unsigned n = 0; n < id.len && n < 128; n++)
			hex = draft_text(i->d, "%s\\x%02x", hex, id.data[n]);
		return draft_text(i->d, "keyid \"%s\"", hex);
	}
	return NULL;
}

/* It is whatever the certificate says, or anybody who can prove it. */
static bool is_any_id(const char *text)
{
	return !text || !*text || !strcasecmp(text, "%fromcert") || !strcasecmp(text, "%any");
}

static void local_id(struct ipsec *i, struct ipsec_conn *c)
{
	const char *text = ipsec_said(c, c->local, KEY_ID), *host = ipsec_said(c, c->local, KEY_HOST);

	if (is_any_id(text) || (host && !strcmp(text, host)))
		return;
	if (*text == '%')
		draft_note(i->d, c->peer, IMPORT_NOT, ipsec_at(c, c->local, KEY_ID),
			   "%s: write the identity with 'id local'", text);
	else
		draft_say(c->peer, SET_ID_LOCAL, ipsec_at(c, c->local, KEY_ID), id_text(i, c, c->local, text));
}

static void remote_id(struct ipsec *i, struct ipsec_conn *c)
{
	const char *text = ipsec_said(c, !c->local, KEY_ID);

	if (is_any_id(text))
		return;
	if (*text == '%')
		draft_note(i->d, c->peer, IMPORT_NOT, ipsec_at(c, !c->local, KEY_ID),
			   "%s: write the identity with 'id remote'", text);
	else
		draft_say(c->peer, SET_ID_REMOTE, ipsec_at(c, !c->local, KEY_ID), id_text(i, c, !c->local, text));
	if (!c->peer->set[SET_ID_REMOTE])
		draft_refuse(i->d, c->peer,
			     "\"%s\" is no identity that keyd could ask for: "
			     "without it, anybody would be taken for the peer", text);
}

void ipsec_ids(struct ipsec *i, struct ipsec_conn *c)
{
	local_id(i, c);
	remote_id(i, c);
}

static bool is_name(const char *host)
{
	struct ipsec_addr a;
	struct conf_id id;
	uint8_t len;

	return *host != '%' && !conf_remote_parse(host, &a, &len) &&
	       !conf_id_set(&id, CONF_ID_FQDN, host, strlen(host));
}

/*
 * Whom a CA vouches for must be asked who it is: to the plutos, who is known by an address or a name is to be called so
 * by its certificate, unless the conn says otherwise.
 */
static void usual_id(struct ipsec *i, struct ipsec_conn *c)
{
	const char *host = ipsec_said(c, !c->local, KEY_HOST), *text = ipsec_said(c, !c->local, KEY_ID);
	struct draft_peer *p = c->peer;
	struct import_at at = ipsec_at(c, !c->local, KEY_HOST);
	bool single = p->remote.family && p->remote_len == ipsec_addr_bits(p->remote.family);

	if (p->set[SET_ID_REMOTE] || (text && *text) || !host || (p->remote.family && !single))
		return;
	if (single)
		draft_say(p, SET_ID_REMOTE, at,
			  draft_net_text(i->d, &(struct draft_net){ .addr = p->remote, .len = p->remote_len }, false));
	else if (is_name(host))
		draft_say(p, SET_ID_REMOTE, at, draft_text(i->d, "fqdn %s", draft_quote(i->d, host)));
	if (p->set[SET_ID_REMOTE])
		draft_note(i->d, p, IMPORT_CHOICE, at,
			   "without an id, the peer's certificate must have its address or name: %s",
			   p->set[SET_ID_REMOTE]);
}

/* --- keys and certificates --- */

/* "0sAQ…", RFC 3110, as 'remote-key' takes it; NULL: it is none. */
static const char *raw_key(struct ipsec *i, const char *text, unsigned *bits)
{
	struct ipsec_token t = { .s = text, .n = strlen(text) };
	struct secret raw = { 0 }, spki = { 0 };
	struct crypto_key *k = NULL;
	char buf[CRYPTO_SPKI_TEXT_MAX];
	const char *out = NULL;
	size_t head, e;

	if (ipsec_value_secret(&raw, &t, RSA_MOST) || raw.n < 4) {
		secret_clear(&raw);
		return NULL;
	}
	head = raw.p[0] ? 1 : 3;
	e = raw.p[0] ?: (size_t)(raw.p[1] << 8 | raw.p[2]);
	if (raw.n > head + e &&
	    !crypto_key_from_rsa(&k, (struct view){ raw.p + head + e, raw.n - head - e },
				 (struct view){ raw.p + head, e }) &&
	    !crypto_key_spki(k, &spki) && *crypto_spki_text(secret_view(&spki), buf)) {
		out = draft_text(i->d, "%s", buf);
		*bits = crypto_key_bits(k);
		out = *bits < RSA_LEAST ? NULL : out;
	}
	crypto_key_free(k);
	secret_clear(&spki);
	secret_clear(&raw);
	return out;
}

static bool is_raw(const char *text)
{
	return text && !strncmp(text, "0", 1);
}

static bool has_suffix(const char *name)
{
	static const char *const suffixes[] = { ".pem", ".crt", ".cer", ".der", ".p12", ".pfx" };
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot && i < sizeof(suffixes) / sizeof(*suffixes); i++)
		if (!strcasecmp(dot, suffixes[i]))
			return true;
	return false;
}

/* A certificate as keyd.conf names it. */
static const char *cert_text(struct ipsec *i, struct ipsec_conn *c, unsigned side, bool ours, bool *p12)
{
	const char *name = ipsec_said(c, side, KEY_CERT);
	struct import_at at = ipsec_at(c, side, KEY_CERT);
	struct ipsec_token t = { .s = name, .n = strlen(name) };
	char uri[IPSEC_URI_MAX];
	const char *why;

	*p12 = true;
	if (!strncasecmp(name, "%smartcard", 10) || !strncmp(name, "pkcs11:", 7)) {
		why = ipsec_value_token(uri, &t);
		if (why)
			draft_note(i->d, c->peer, IMPORT_NOT, at, "%s", why);
		return why ? NULL : draft_quote(i->d, uri);
	}
	*p12 = false;
	if (*name == '/')
		return draft_quote(i->d, name);
	if (has_suffix(name) || strchr(name, '/'))
		return draft_quote(i->d, draft_text(i->d, "%s/ipsec.d/certs/%s", i->dir, name));
	*p12 = ours;
	draft_note(i->d, c->peer, IMPORT_CHOICE, at,
		   "\"%s\" is a name in NSS, and keyd reads files: %s -o %s/ipsec.d/%s.%s", name,
		   ours ? "pk12util -d sql:/etc/ipsec.d" : "certutil -L -a -d sql:/etc/ipsec.d",
		   i->dir, name, ours ? "p12" : "pem");
	return draft_quote(i->d, draft_text(i->d, "%s/ipsec.d/%s.%s", i->dir, name, ours ? "p12" : "pem"));
}

/* How much of the names' beginnings is the same, without their folders. */
static size_t alike(const char *a, const char *b)
{
	size_t n = 0;

	a = strrchr(a, '/') ? strrchr(a, '/') + 1 : a;
	b = strrchr(b, '/') ? strrchr(b, '/') + 1 : b;
	while (a[n] && a[n] == b[n])
		n++;
	return n;
}

/* The keys that ipsec.secrets names; the caller's to free. */
static void read_secrets(struct ipsec *i, struct ipsec_secrets *s)
{
	struct conf *conf = i->d->options->look ? calloc(1, sizeof(*conf)) : NULL;
	struct conf_secrets psks = { 0 };
	struct conf_file f;
	char why[256];

	if (conf && !conf_file_read(&f, i->secrets, PSK_FILE_MAX, why, sizeof(why))) {
		(void)!ipsec_secrets_read(s, &psks, conf, i->secrets, f.text, f.n, NULL, NULL);
		conf_file_clear(&f);
	}
	conf_secrets_free(&psks);
	free(conf);
}

/* Is a private key in the certificate's own file? */
static bool has_key_inside(struct draft *d, const char *quoted)
{
	const char *name = draft_text(d, "%.*s", (int)strcspn(quoted + 1, "\""), quoted + 1);
	struct conf_file f;
	char why[256];
	bool has;

	if (conf_file_read(&f, name, IMPORT_FILE_MAX, why, sizeof(why)))
		return true;		/* that is told where files are looked for */
	has = memmem(f.text, f.n, "PRIVATE KEY", 11) != NULL;
	conf_file_clear(&f);
	return has;
}

/* keyd finds the key of a certificate in ipsec.secrets by itself, if there is any. */
static void want_key(struct ipsec *i, struct ipsec_conn *c)
{
	struct ipsec_secrets s = { 0 };
	struct draft_peer *p = c->peer;

	if (!i->d->options->look)
		return;
	read_secrets(i, &s);
	if (!s.nkeys && !has_key_inside(i->d, p->set[SET_CERT])) {
		draft_note(i->d, p, IMPORT_NOT, ipsec_at(c, c->local, KEY_CERT),
			   "its private key is neither in the file nor named in %s: add ': RSA FILE' there, "
			   "and '\"PASSPHRASE\"' behind it if it is encrypted", i->secrets);
		p->off = "the private key of its certificate is not known";
	}
	ipsec_secrets_free(&s);
}

/* The private key of a certificate, as ipsec.secrets names it: of several the one with the most similar name. */
static const char *key_text(struct ipsec *i, struct ipsec_conn *c, const char *cert)
{
	struct ipsec_secrets s = { 0 };
	const struct ipsec_key *best = NULL;
	const char *out;

	read_secrets(i, &s);
	for (size_t n = 0; n < s.nkeys; n++)
		if (*s.keys[n].file && (!best || alike(s.keys[n].file, cert) > alike(best->file, cert)))
			best = &s.keys[n];
	out = best ? draft_quote(i->d, best->file) : NULL;
	ipsec_secrets_free(&s);
	if (out)
		return out;
	cert = strrchr(cert, '/') ? strrchr(cert, '/') + 1 : cert;
	out = draft_quote(i->d, draft_text(i->d, "%s/ipsec.d/private/%.*s.key", i->dir, (int)strcspn(cert, "."), cert));
	draft_note(i->d, c->peer, IMPORT_CHOICE, ipsec_at(c, c->local, KEY_CERT),
		   "%s names no file with the private key, or cannot be read: %s is a guess", i->secrets, out);
	return out;
}

static const char *all_cas(struct ipsec *i)
{
	const char *list = NULL;
	glob_t found;

	if (i->cas || !i->d->options->look || glob(draft_text(i->d, "%s/ipsec.d/cacerts/*", i->dir), 0, NULL, &found))
		return i->cas;
	for (size_t n = 0; n < found.gl_pathc && n < CONF_CAS_MAX; n++)
		list = draft_text(i->d, "%s%s%s", list ?: "", list ? ", " : "", draft_quote(i->d, found.gl_pathv[n]));
	if (found.gl_pathc > CONF_CAS_MAX)
		draft_note(i->d, NULL, IMPORT_NOT, (struct import_at){ .line = 1 },
			   "%s/ipsec.d/cacerts has more than %u files: the first count; "
			   "put several certificates into one", i->dir, CONF_CAS_MAX);
	globfree(&found);
	return i->cas = list;
}

/* --- proofs --- */

enum proof { PROOF_NONE, PROOF_PSK, PROOF_SIGNATURE, PROOF_XAUTH, PROOF_EAP, PROOF_NULL, PROOF_NEVER, PROOF_OTHER };

static enum proof proof_of(const char *word)
{
	static const struct {
		const char *begins;
		enum proof proof;
	} words[] = {
		{ "psk", PROOF_PSK }, { "secret", PROOF_PSK }, { "pubkey", PROOF_SIGNATURE },
		{ "rsa", PROOF_SIGNATURE }, { "ecdsa", PROOF_SIGNATURE }, { "ed25519", PROOF_SIGNATURE },
		{ "ed448", PROOF_SIGNATURE }, { "ike:", PROOF_SIGNATURE }, { "xauth", PROOF_XAUTH },
		{ "eap", PROOF_EAP }, { "null", PROOF_NULL }, { "never", PROOF_NEVER }, { "any", PROOF_NONE },
	};

	for (size_t i = 0; word && i < sizeof(words) / sizeof(*words); i++)
		if (!strncasecmp(word, words[i].begins, strlen(words[i].begins)))
			return words[i].proof;
	return word ? PROOF_OTHER : PROOF_NONE;
}

/* Which statement decides, and what it says; authby: xauthpsk and xauthrsasig are two things in one. */
static enum proof side_proof(const struct ipsec_conn *c, unsigned side)
{
	const char *own = ipsec_said(c, side, KEY_AUTH), *both = SAID(c, KEY_AUTHBY);

	if (own)
		return proof_of(own);
	if (both && !strncasecmp(both, "xauth", 5))
		both += 5;
	return both ? proof_of(both) : PROOF_SIGNATURE;
}

static bool wants_xauth(const struct ipsec_conn *c)
{
	const char *both = SAID(c, KEY_AUTHBY);

	for (unsigned side = 0; side < SIDES; side++)
		if (proof_of(ipsec_said(c, side, KEY_AUTH)) == PROOF_XAUTH ||
		    proof_of(ipsec_said(c, side, KEY_AUTH2)) == PROOF_XAUTH ||
		    ipsec_yes(ipsec_said(c, side, KEY_XAUTHCLIENT)) || ipsec_yes(ipsec_said(c, side, KEY_XAUTHSERVER)))
			return true;
	return both && !strncasecmp(both, "xauth", 5);
}

static struct import_at auth_at(const struct ipsec_conn *c, unsigned side)
{
	return c->said[side][KEY_AUTH] ? ipsec_at(c, side, KEY_AUTH) : ipsec_at(c, LEFT, KEY_AUTHBY);
}

/* Is it the peer who has a password? */
static bool is_xauth_server(const struct ipsec_conn *c)
{
	const char *role = SAID(c, KEY_XAUTH);

	return (role && !strcasecmp(role, "server")) || ipsec_yes(ipsec_said(c, c->local, KEY_XAUTHSERVER)) ||
	       ipsec_yes(ipsec_said(c, !c->local, KEY_XAUTHCLIENT)) ||
	       proof_of(ipsec_said(c, !c->local, KEY_AUTH)) == PROOF_XAUTH ||
	       proof_of(ipsec_said(c, !c->local, KEY_AUTH2)) == PROOF_XAUTH;
}

static const char *xauth_user(const struct ipsec_conn *c)
{
	const char *id = ipsec_said(c, c->local, KEY_ID);

	return ipsec_said(c, c->local, KEY_XAUTHUSER) ?: SAID(c, KEY_XAUTHID) ?: id && *id == '@' ? id + 1 : id;
}

static void set_xauth(struct ipsec *i, struct ipsec_conn *c)
{
	struct draft_peer *p = c->peer;
	struct import_at at = auth_at(c, c->local);

	if (draft_version1(i->d, p, p->set[SET_VERSION] ? p->set_at[SET_VERSION] : at)) {
		if (is_xauth_server(c))
			draft_xauth_server(i->d, p, auth_at(c, !c->local));
		else
			draft_xauth_client(i->d, p, at, xauth_user(c));
		return;
	}
	draft_note(i->d, p, IMPORT_CHOICE, at,
		   "IKEv2 has no XAUTH: the certificate alone is the proof, or a secret of the user's own in place of "
		   "the group's: whoever has the group's gets in as long as it is in ipsec.secrets");
}

static void ours(struct ipsec *i, struct ipsec_conn *c)
{
	struct draft_peer *p = c->peer;
	const char *cert = ipsec_said(c, c->local, KEY_CERT), *key = ipsec_said(c, c->local, KEY_RSASIGKEY);
	struct import_at at = ipsec_at(c, c->local, cert ? KEY_CERT : KEY_RSASIGKEY);
	bool whole;

	if (cert) {
		draft_say(p, SET_CERT, at, cert_text(i, c, c->local, true, &whole));
		if (p->set[SET_CERT] && !whole && i->d->options->daemon)
			want_key(i, c);
		else if (p->set[SET_CERT] && !whole)
			draft_say(p, SET_KEY, at, key_text(i, c, cert));
		draft_say(p, SET_AUTH_LOCAL, auth_at(c, c->local), "cert");
	} else if (key && *key != '%') {
		draft_say(p, SET_KEY, at, draft_quote(i->d, draft_text(i->d, "%s/ipsec.d/private/ipsec.key", i->dir)));
		draft_note(i->d, p, IMPORT_CHOICE, at,
			   "our key is in ipsec.secrets, or in NSS; keyd wants it in a file: "
			   "make one with 'keydctl keygen %s', and write what it prints at the peer", p->set[SET_KEY]);
		draft_say(p, SET_AUTH_LOCAL, auth_at(c, c->local), "key");
	} else {
		draft_say(p, SET_AUTH_LOCAL, auth_at(c, c->local), "cert");
	}
}

static void theirs(struct ipsec *i, struct ipsec_conn *c)
{
	struct draft_peer *p = c->peer;
	unsigned side = !c->local;
	const char *cert = ipsec_said(c, side, KEY_CERT), *key = ipsec_said(c, side, KEY_RSASIGKEY), *text;
	struct import_at at = ipsec_at(c, side, cert ? KEY_CERT : KEY_RSASIGKEY);
	unsigned bits = 0;
	bool whole;

	draft_say(p, SET_AUTH_REMOTE, auth_at(c, !c->local), "cert");
	if (cert) {
		text = cert_text(i, c, side, false, &whole);
		draft_say(p, SET_REMOTE_KEY, at, text ? draft_text(i->d, "file %s", text) : NULL);
	} else if (is_raw(key)) {
		draft_say(p, SET_AUTH_REMOTE, auth_at(c, !c->local), "key");
		draft_say(p, SET_REMOTE_KEY, at, raw_key(i, key, &bits));
		if (p->set[SET_REMOTE_KEY] && bits < RSA_GOOD) {
			draft_say(p, SET_KEY_FLOOR, at, draft_text(i->d, "rsa %u", bits));
			draft_note(i->d, p, IMPORT_CHOICE, at,
				   "the peer's key has %u bits, which is too weak today: it needs a new one, "
				   "and then no 'key-floor'", bits);
		}
		if (!p->set[SET_REMOTE_KEY])
			draft_note(i->d, p, IMPORT_NOT, at,
				   "this is no RSA key of 1024 bits or more as RFC 3110 has it: " WRITE_KEY);
	} else if (key && *key != '%' && !strchr(key, ':')) {
		draft_say(p, SET_AUTH_REMOTE, auth_at(c, !c->local), "key");
		text = *key == '/' ? key : draft_text(i->d, "%s/ipsec.d/certs/%s", i->dir, key);
		draft_say(p, SET_REMOTE_KEY, at, draft_text(i->d, "file %s", draft_quote(i->d, text)));
	} else if (key && *key != '%') {
		draft_say(p, SET_AUTH_REMOTE, auth_at(c, !c->local), "key");
		draft_note(i->d, p, IMPORT_NOT, at, "a key in this form is not read: " WRITE_KEY);
	} else if (key && !strncasecmp(key, "%dns", 4)) {
		draft_note(i->d, p, IMPORT_NOT, at, "%s: keys are not looked up in DNS: " WRITE_KEY, key);
		p->off = "the peer's key was to come from DNS";
	} else {
		draft_say(p, SET_CA, i->cas_at.line ? i->cas_at : c->section->at, all_cas(i));
		if (!p->set[SET_CA])
			draft_note(i->d, p, IMPORT_CHOICE, c->section->at,
				   "the CAs that vouch for the peer were known by their place: "
				   "'ca' must name their files");
		usual_id(i, c);
	}
}

void ipsec_proofs(struct ipsec *i, struct ipsec_conn *c)
{
	enum proof local = side_proof(c, c->local), remote = side_proof(c, !c->local);
	struct draft_peer *p = c->peer;

	if (wants_xauth(c))
		set_xauth(i, c);
	if (local == PROOF_EAP || remote == PROOF_EAP)
		p->off = "keyd does no EAP: give users certificates or secrets of their own";
	else if (local == PROOF_NULL || remote == PROOF_NULL)
		p->off = "keyd speaks to nobody who proves nothing (null)";
	else if (local == PROOF_OTHER || remote == PROOF_OTHER)
		draft_note(i->d, p, IMPORT_NOT, auth_at(c, c->local),
			   "a way to prove that is not known: psk and certificates are");
	if (!wants_xauth(c) && (SAID(c, KEY_XAUTH) || ipsec_said(c, c->local, KEY_XAUTHUSER)))
		draft_note(i->d, p, IMPORT_IDLE, SAID(c, KEY_XAUTH) ? ipsec_at(c, LEFT, KEY_XAUTH) :
			   ipsec_at(c, c->local, KEY_XAUTHUSER), "no auth says that XAUTH is used");
	if (local == PROOF_PSK || remote == PROOF_PSK) {
		draft_secrets(i->d, i->secrets_at.line ? i->secrets_at : c->section->at, i->secrets);
		if (SAID(c, KEY_AUTHBY) && strpbrk(SAID(c, KEY_AUTHBY), "|,"))
			draft_note(i->d, p, draft_less(i->d), ipsec_at(c, LEFT, KEY_AUTHBY),
				   "of several ways to prove, the first counts");
	}
	if (local == PROOF_SIGNATURE)
		ours(i, c);
	else
		draft_say(p, SET_AUTH_LOCAL, auth_at(c, c->local), local == PROOF_PSK ? "psk" : NULL);
	if (remote == PROOF_SIGNATURE)
		theirs(i, c);
	else
		draft_say(p, SET_AUTH_REMOTE, auth_at(c, !c->local), remote == PROOF_PSK ? "psk" : NULL);
}
