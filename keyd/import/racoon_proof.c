// SPDX-License-Identifier: MIT
// remote of racoon.conf: who is who, and what proves it.
#include "keyd/import/racoon.h"

#include "keyd/conf/id.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>

/* --- identities --- */

static const struct {
	const char *name;
	uint8_t type;
} id_types[] = {
	{ "user_fqdn", CONF_ID_RFC822 }, { "fqdn", CONF_ID_FQDN }, { "keyid", CONF_ID_KEY_ID },
	{ "asn1dn", CONF_ID_DN }, { "address", CONF_ID_IPV4 },
};

/*
 * Without a value: of ours the address or what the certificate says; of the peer's its address, or, a DN, that of its
 * certificate.
 */
static const char *without_value(struct racoon *r, struct draft_peer *p, const struct import_stmt *s,
				 enum draft_set set, uint8_t type)
{
	bool of_peer = set == SET_ID_REMOTE;

	if (type == CONF_ID_IPV4 && of_peer && p->remote.family)
		return draft_text(r->d, "%s", p->set[SET_ADDRESS]);
	if (type == CONF_ID_DN || (type == CONF_ID_IPV4 && !of_peer))
		return NULL;
	racoon_note(r, p, IMPORT_NOT, s, "%s %s: its value is missing", import_word(s, 0), import_word(s, 1));
	if (of_peer)
		draft_refuse(r->d, p,
			     "peers_identifier %s without a value is about peers that keyd could not tell from others",
			     import_word(s, 1));
	return NULL;
}

/* racoon compares all but DNs as they are; to keyd "*" in front is a pattern. */
static bool is_pattern(uint8_t type, const char *value)
{
	return (type == CONF_ID_FQDN || type == CONF_ID_RFC822) && *value == '*';
}

static const char *with_value(struct racoon *r, struct draft_peer *p, const struct import_stmt *s, enum draft_set set,
			      uint8_t type, const char *value)
{
	struct ipsec_addr a;
	const char *text;

	if (type == CONF_ID_IPV4 && !ipsec_addr_parse(&a, value) && a.family == AF_INET6)
		type = CONF_ID_IPV6;
	text = draft_id(r->d, p, s->at, type, value);
	if (set == SET_ID_REMOTE && (!text || is_pattern(type, value)))
		draft_refuse(r->d, p,
			     "\"%s\" of peers_identifier is no identity that keyd could ask for: "
			     "without it, anybody would be taken for the peer", value);
	return text;
}

/* The identity of a statement as keyd.conf has it; NULL: none is said, or none can be. */
static const char *identity(struct racoon *r, struct draft_peer *p, const struct import_stmt *s, enum draft_set set)
{
	bool file = import_word_is(s, 2, "file"), tag = import_word_is(s, 2, "tag");
	const char *value = import_word(s, 2 + (file || tag));
	const char *which = set == SET_ID_LOCAL ? "local" : "remote";

	for (size_t i = 0; i < sizeof(id_types) / sizeof(*id_types) && !file; i++)
		if (import_word_is(s, 1, id_types[i].name))
			return *value ? with_value(r, p, s, set, id_types[i].type, value) :
			       without_value(r, p, s, set, id_types[i].type);
	if (file)
		racoon_note(r, p, IMPORT_NOT, s, "keyid file: put what is in '%s' behind 'id %s keyid'", value, which);
	else
		racoon_note(r, p, IMPORT_NOT, s,
			    "%s: an identity of type '%s' is not known to keyd: take fqdn, user_fqdn, "
			    "keyid, asn1dn or address", import_word(s, 0), import_word(s, 1));
	if (set == SET_ID_REMOTE)
		draft_refuse(r->d, p,
			     "whom its peers_identifier means is not known: "
			     "without it, anybody would be taken for the peer");
	return NULL;
}

void racoon_my_identifier(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	if (import_word_is(s, 1, "login"))	/* as it was written before there was xauth_login */
		racoon_xauth_login(r, p, s);
	else
		draft_say(p, SET_ID_LOCAL, s->at, identity(r, p, s, SET_ID_LOCAL));
}

/* Several are alternatives. Those of the section itself take the place of those that it inherits. */
void racoon_peers_identifier(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	struct racoon_remote *m = r->now;
	const char *id = identity(r, p, s, SET_ID_REMOTE);

	if (!r->quiet && !m->own_ids) {
		draft_say(p, SET_ID_REMOTE, s->at, NULL);
		p->nids = 0;
		m->any_id = false;
	}
	m->own_ids = !r->quiet;
	m->ids_at = s->at;
	if (!id)
		m->any_id = true;
	else if (!p->set[SET_ID_REMOTE])
		draft_say(p, SET_ID_REMOTE, s->at, id);
	else
		draft_id_add(r->d, p, s->at, id);
	if (m->any_id && p->set[SET_ID_REMOTE])
		draft_refuse(r->d, p,
			     "of its peers_identifier statements one is about whoever has a certificate, "
			     "another is not: make two sections of it");
}

void racoon_verify_identifier(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	r->now->verify_id = racoon_switch(r, p, s, NULL) == 1;
}

/* --- proofs --- */

static const char *in_cert_dir(struct racoon *r, const char *name)
{
	return draft_quote(r->d, *name == '/' ? name : draft_text(r->d, "%s/%s", r->cert_dir, name));
}

void racoon_certificate_type(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	if (import_word_is(s, 1, "x509") && s->nwords == 4) {
		draft_say(p, SET_CERT, s->at, in_cert_dir(r, import_word(s, 2)));
		draft_say(p, SET_KEY, s->at, in_cert_dir(r, import_word(s, 3)));
	} else if (import_word_is(s, 1, "plain_rsa") && s->nwords == 3) {
		racoon_note(r, p, IMPORT_NOT, s,
			    "plain_rsa: '%s' is no form of keys that keyd reads: make another with "
			    "'keydctl keygen FILE', write 'key FILE' here and what it prints at the peer",
			    import_word(s, 2));
		r->now->cert_type = "plain_rsa";
	} else {
		racoon_note(r, p, IMPORT_NOT, s,
			    "certificate_type: x509 with a certificate and a key, "
			    "or plain_rsa with a key, are expected");
	}
}

void racoon_ca_type(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	if (import_word_is(s, 1, "x509") && s->nwords == 3)
		draft_say(p, SET_CA, s->at, in_cert_dir(r, import_word(s, 2)));
	else
		racoon_note(r, p, IMPORT_NOT, s, "ca_type: x509 and a file are expected");
}

void racoon_peers_certfile(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	unsigned i = import_word_is(s, 1, "x509") ? 2 : 1;

	if (import_word_is(s, 1, "plain_rsa") || import_word_is(s, 1, "dnssec") || s->nwords != i + 1)
		racoon_note(r, p, IMPORT_NOT, s,
			    "peers_certfile %s: write 'remote-key' "
			    "with what 'keydctl keygen --public' prints at the peer",
			    import_word(s, 1));
	else
		draft_say(p, SET_REMOTE_KEY, s->at, draft_text(r->d, "file %s", in_cert_dir(r, import_word(s, i))));
}

void racoon_verify_cert(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	r->now->verify_cert = racoon_switch(r, p, s, NULL) != 0;
	if (!r->now->verify_cert)
		racoon_note(r, p, IMPORT_NOT, s,
			    "verify_cert off: keyd takes no certificate that nobody vouches for: "
			    "name the CA with 'ca', or the peer's own key with 'remote-key'");
}

static const struct method {
	const char *name, *local, *remote;
	bool xauth;
	const char *why;		/* it cannot be */
} methods[] = {
	{ "pre_shared_key", "psk", "psk", false, NULL },
	{ "rsasig", "cert", "cert", false, NULL },
	{ "dsssig", NULL, NULL, false, "DSA keys are not used any more: make new ones (keydctl keygen)" },
	{ "rsaenc", NULL, NULL, false, "proof by RSA encryption belongs to IKEv1: use rsasig" },
	{ "rsarev", NULL, NULL, false, "proof by RSA encryption belongs to IKEv1: use rsasig" },
	{ "gssapi_krb", NULL, NULL, false, "GSS-API belongs to IKEv1: use certificates" },
	{ "hybrid_rsa_client", "psk", "cert", true, NULL },
	{ "hybrid_rsa_server", "cert", "psk", true, NULL },
	{ "hybrid_dss_client", NULL, NULL, true, "DSA keys are not used any more: make new ones (keydctl keygen)" },
	{ "hybrid_dss_server", NULL, NULL, true, "DSA keys are not used any more: make new ones (keydctl keygen)" },
	{ "xauth_psk_client", "psk", "psk", true, NULL },
	{ "xauth_psk_server", "psk", "psk", true, NULL },
	{ "xauth_rsa_client", "cert", "cert", true, NULL },
	{ "xauth_rsa_server", "cert", "cert", true, NULL },
};

static void set_xauth(struct racoon *r, struct racoon_remote *m, const struct method *method)
{
	struct draft_peer *p = m->peer;
	bool server = strstr(method->name, "_server") != NULL;

	if (draft_is_version1(p)) {
		if (server)
			draft_xauth_server(r->d, p, m->auth_at);
		else
			draft_xauth_client(r->d, p, m->auth_at, m->login);
		return;
	}
	if (!strcmp(method->remote, "psk") && server)
		draft_note(r->d, p, IMPORT_CHOICE, m->auth_at,
			   "%s: IKEv2 has no XAUTH. Each user needs a secret of his own (a line 'user@host SECRET' of "
			   "psk.txt) in place of the password; whoever has the group's secret gets in as long as it "
			   "is there: take it away", method->name);
	else if (!strcmp(method->local, "psk") && !server)
		draft_note(r->d, p, IMPORT_CHOICE, m->auth_at,
			   "%s: IKEv2 has no XAUTH: a secret of the user's own takes the place of the password",
			   method->name);
	else
		draft_note(r->d, p, IMPORT_CHOICE, m->auth_at,
			   "%s: IKEv2 has no XAUTH: the certificate alone is the proof", method->name);
	if (m->login && !strcmp(method->local, "psk"))
		draft_say(p, SET_ID_LOCAL, m->auth_at,
			  draft_id(r->d, p, m->auth_at, strchr(m->login, '@') ? CONF_ID_RFC822 : CONF_ID_KEY_ID,
				   m->login));
}

static void set_auth(struct racoon *r, struct racoon_remote *m)
{
	struct draft_peer *p = m->peer;

	if (!m->auth) {
		draft_note(r->d, p, IMPORT_NOT, m->stmt->at,
			   "no proposal has an authentication_method: 'auth' is missing");
		return;
	}
	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
		if (strcmp(methods[i].name, m->auth) != 0)
			continue;
		if (methods[i].xauth)
			set_xauth(r, m, &methods[i]);
		if (methods[i].why)
			p->off = methods[i].why;
		draft_say(p, SET_AUTH_LOCAL, m->auth_at,
			  draft_is_version1(p) && !strcmp(m->auth, "hybrid_rsa_client") ? "none" : methods[i].local);
		draft_say(p, SET_AUTH_REMOTE, m->auth_at,
			  draft_is_version1(p) && !strcmp(m->auth, "hybrid_rsa_server") ? "none" : methods[i].remote);
		if (m->cert_type && p->set[SET_AUTH_LOCAL] && !strcmp(p->set[SET_AUTH_LOCAL], "cert")) {
			draft_say(p, SET_AUTH_LOCAL, m->auth_at, "key");
			draft_say(p, SET_AUTH_REMOTE, m->auth_at, "key");
		}
		return;
	}
	p->off = draft_text(r->d, "'%s' is no authentication_method that is known", m->auth);
}

/* Without ca_type, racoon believes all CAs whose hashed names are in its folder. */
static void look_for_cas(struct racoon *r, struct racoon_remote *m)
{
	struct draft_peer *p = m->peer;
	const char *list = NULL;
	glob_t found;

	if (p->set[SET_CA] || p->set[SET_REMOTE_KEY] || !p->set[SET_AUTH_REMOTE] ||
	    strcmp(p->set[SET_AUTH_REMOTE], "cert") != 0)
		return;
	draft_note(r->d, p, IMPORT_CHOICE, m->stmt->at,
		   "without ca_type, racoon believes every CA in %s that has the name of its hash: "
		   "'ca' must name the files", r->cert_dir);
	if (!r->d->options->look || glob(draft_text(r->d, "%s/*.0", r->cert_dir), 0, NULL, &found))
		return;
	for (size_t i = 0; i < found.gl_pathc && i < CONF_CAS_MAX; i++)
		list = draft_text(r->d, "%s%s%s", list ?: "", list ? ", " : "", draft_quote(r->d, found.gl_pathv[i]));
	if (found.gl_pathc > CONF_CAS_MAX)
		draft_note(r->d, p, IMPORT_NOT, m->stmt->at,
			   "%s has more than %u CAs: the first count; put several into one file, "
			   "and name it with ca_type", r->cert_dir, CONF_CAS_MAX);
	globfree(&found);
	draft_say(p, SET_CA, m->stmt->at, list);
}

void racoon_take_crls(struct racoon *r)
{
	struct draft *d = r->d;
	glob_t found;

	if (!d->options->look || glob(draft_text(d, "%s/*.r[0-9]", r->cert_dir), 0, NULL, &found))
		return;
	for (size_t i = 0; i < found.gl_pathc && i < CONF_CRLS_MAX; i++)
		d->crl.text = draft_text(d, "%s%s%s", d->crl.text ?: "", i ? ", " : "",
					 draft_quote(d, found.gl_pathv[i]));
	d->crl.at.line = 1;
	if (found.gl_pathc > CONF_CRLS_MAX)
		draft_note(d, NULL, IMPORT_NOT, d->crl.at,
			   "keyd takes %u lists of revoked certificates at most, and %s has more: "
			   "put them into a folder, and write 'crl FOLDER'", CONF_CRLS_MAX, r->cert_dir);
	globfree(&found);
}

void racoon_xauth_login(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	r->now->login = import_word(s, s->nwords - 1);
	if (!draft_is_version1(p))
		racoon_note(r, p, IMPORT_IKEV1, s, "%s: XAUTH needs IKEv1", import_word(s, 0));
}

void racoon_proof_finish(struct racoon *r, struct racoon_remote *m)
{
	set_auth(r, m);
	look_for_cas(r, m);
	if (m->peer->set[SET_ID_REMOTE] && !m->verify_id)
		draft_note(r->d, m->peer, draft_less(r->d), m->ids_at,
			   "without verify_identifier on, racoon lets another name pass; keyd does not");
}
