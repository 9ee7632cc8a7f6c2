// SPDX-License-Identifier: MIT
// remote of racoon.conf: the peer, its identities, proofs and proposals.
#include "keyd/import/racoon.h"

#include "keyd/conf/id.h"
#include "keyd/crypto/alg.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>

#define LIFETIME_MOST (366ULL * 86400)	/* seconds that keyd takes for an IKE SA */

/* --- whom --- */

/* The head as it stands, for a comment. */
static const char *head_text(struct draft *d, const struct import_stmt *s)
{
	const char *text = "";

	for (unsigned i = 0; i < s->nwords; i++)
		text = draft_text(d, "%s%s%s", text, i ? " " : "", s->words[i].s);
	return text;
}

/* "remote 192.0.2.1 [500]", "remote_address 192.0.2.1 [500]" */
static bool set_remote(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	const char *address = import_word(s, 1), *port = import_word(s, 2);
	struct ipsec_addr a;
	unsigned long n = *port == '[' ? strtoul(port + 1, NULL, 10) : 500;

	if (ipsec_addr_parse(&a, address)) {
		if (!draft_host(r->d, p, s->at, address))
			return false;
	} else {
		p->remote = a;
		p->remote_len = ipsec_addr_bits(a.family);
		draft_say(p, SET_ADDRESS, s->at, draft_text(r->d, "%s", address));
	}
	if (n != 500 && n > 0 && n < 65536)
		draft_say(p, SET_PORT, s->at, draft_text(r->d, "%lu", n));
	return true;
}

void racoon_remote_head(struct racoon *r, struct racoon_remote *m)
{
	const struct import_stmt *s = m->stmt;
	const char *who = import_word(s, 1);
	struct draft_peer *p = draft_peer_add(r->d, s->at, who, head_text(r->d, s));

	m->peer = p;
	if (!p)
		return;
	draft_say(p, SET_ADDRESS, s->at, "any");
	draft_version1(r->d, p, s->at);	/* racoon knows nothing else */
	if (import_word_is(s, 1, "anonymous") || s->words[s->nwords > 1].quoted)
		return;
	if (!set_remote(r, p, s))
		p->off = draft_text(r->d, "\"%s\" is neither an address nor a host name", who);
}

void racoon_remote_address(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	if (!set_remote(r, p, s))
		racoon_note(r, p, IMPORT_NOT, s, "remote_address: '%s' is no address: put it into 'address'", import_word(s, 1));
}

void racoon_ph1id(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	(void)r;
	p->ph1id = import_word(s, 1);
}

/* --- identities --- */

static const struct {
	const char *name;
	uint8_t type;
} id_types[] = {
	{ "user_fqdn", CONF_ID_RFC822 }, { "fqdn", CONF_ID_FQDN }, { "keyid", CONF_ID_KEY_ID }, { "asn1dn", CONF_ID_DN },
	{ "address", CONF_ID_IPV4 },
};

/* Without a value: of ours the address or what the certificate says; of the peer's its address, or, a DN, that of its certificate. */
static const char *without_value(struct racoon *r, struct draft_peer *p, const struct import_stmt *s, enum draft_set set, uint8_t type)
{
	bool of_peer = set == SET_ID_REMOTE;

	if (type == CONF_ID_IPV4 && of_peer && p->remote.family)
		return draft_text(r->d, "%s", p->set[SET_ADDRESS]);
	if (type == CONF_ID_DN || (type == CONF_ID_IPV4 && !of_peer))
		return NULL;
	racoon_note(r, p, IMPORT_NOT, s, "%s %s: its value is missing", import_word(s, 0), import_word(s, 1));
	if (of_peer)
		draft_refuse(r->d, p, "peers_identifier %s without a value is about peers that keyd could not tell from others", import_word(s, 1));
	return NULL;
}

/* racoon compares all but DNs as they are; to keyd "*" in front is a pattern. */
static bool is_pattern(uint8_t type, const char *value)
{
	return (type == CONF_ID_FQDN || type == CONF_ID_RFC822) && *value == '*';
}

static const char *with_value(struct racoon *r, struct draft_peer *p, const struct import_stmt *s, enum draft_set set, uint8_t type, const char *value)
{
	struct ipsec_addr a;
	const char *text;

	if (type == CONF_ID_IPV4 && !ipsec_addr_parse(&a, value) && a.family == AF_INET6)
		type = CONF_ID_IPV6;
	text = draft_id(r->d, p, s->at, type, value);
	if (set == SET_ID_REMOTE && (!text || is_pattern(type, value)))
		draft_refuse(r->d, p, "\"%s\" of peers_identifier is no identity that keyd could ask for: without it, anybody would be taken for the peer", value);
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
			return *value ? with_value(r, p, s, set, id_types[i].type, value) : without_value(r, p, s, set, id_types[i].type);
	if (file)
		racoon_note(r, p, IMPORT_NOT, s, "keyid file: put what is in '%s' behind 'id %s keyid'", value, which);
	else
		racoon_note(r, p, IMPORT_NOT, s, "%s: an identity of type '%s' is not known to keyd: take fqdn, user_fqdn, keyid, asn1dn or address",
			    import_word(s, 0), import_word(s, 1));
	if (set == SET_ID_REMOTE)
		draft_refuse(r->d, p, "whom its peers_identifier means is not known: without it, anybody would be taken for the peer");
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
		draft_refuse(r->d, p, "of its peers_identifier statements one is about whoever has a certificate, another is not: make two sections of it");
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
		racoon_note(r, p, IMPORT_NOT, s, "plain_rsa: '%s' is no form of keys that keyd reads: make another with 'keydctl keygen FILE', write 'key FILE' "
			    "here and what it prints at the peer", import_word(s, 2));
		r->now->cert_type = "plain_rsa";
	} else {
		racoon_note(r, p, IMPORT_NOT, s, "certificate_type: x509 with a certificate and a key, or plain_rsa with a key, are expected");
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
		racoon_note(r, p, IMPORT_NOT, s, "peers_certfile %s: write 'remote-key' with what 'keydctl keygen --public' prints at the peer",
			    import_word(s, 1));
	else
		draft_say(p, SET_REMOTE_KEY, s->at, draft_text(r->d, "file %s", in_cert_dir(r, import_word(s, i))));
}

void racoon_verify_cert(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	r->now->verify_cert = racoon_switch(r, p, s, NULL) != 0;
	if (!r->now->verify_cert)
		racoon_note(r, p, IMPORT_NOT, s, "verify_cert off: keyd takes no certificate that nobody vouches for: name the CA with 'ca', or the peer's own key "
			    "with 'remote-key'");
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
		draft_note(r->d, p, IMPORT_CHOICE, m->auth_at, "%s: IKEv2 has no XAUTH. Each user needs a secret of his own (a line 'user@host SECRET' of psk.txt) "
			   "in place of the password; whoever has the group's secret gets in as long as it is there: take it away", method->name);
	else if (!strcmp(method->local, "psk") && !server)
		draft_note(r->d, p, IMPORT_CHOICE, m->auth_at, "%s: IKEv2 has no XAUTH: a secret of the user's own takes the place of the password", method->name);
	else
		draft_note(r->d, p, IMPORT_CHOICE, m->auth_at, "%s: IKEv2 has no XAUTH: the certificate alone is the proof", method->name);
	if (m->login && !strcmp(method->local, "psk"))
		draft_say(p, SET_ID_LOCAL, m->auth_at, draft_id(r->d, p, m->auth_at, strchr(m->login, '@') ? CONF_ID_RFC822 : CONF_ID_KEY_ID, m->login));
}

static void set_auth(struct racoon *r, struct racoon_remote *m)
{
	struct draft_peer *p = m->peer;

	if (!m->auth) {
		draft_note(r->d, p, IMPORT_NOT, m->stmt->at, "no proposal has an authentication_method: 'auth' is missing");
		return;
	}
	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
		if (strcmp(methods[i].name, m->auth) != 0)
			continue;
		if (methods[i].xauth)
			set_xauth(r, m, &methods[i]);
		if (methods[i].why)
			p->off = methods[i].why;
		draft_say(p, SET_AUTH_LOCAL, m->auth_at, draft_is_version1(p) && !strcmp(m->auth, "hybrid_rsa_client") ? "none" : methods[i].local);
		draft_say(p, SET_AUTH_REMOTE, m->auth_at, draft_is_version1(p) && !strcmp(m->auth, "hybrid_rsa_server") ? "none" : methods[i].remote);
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

	if (p->set[SET_CA] || p->set[SET_REMOTE_KEY] || !p->set[SET_AUTH_REMOTE] || strcmp(p->set[SET_AUTH_REMOTE], "cert") != 0)
		return;
	draft_note(r->d, p, IMPORT_CHOICE, m->stmt->at, "without ca_type, racoon believes every CA in %s that has the name of its hash: 'ca' must name the files",
		   r->cert_dir);
	if (!r->d->options->look || glob(draft_text(r->d, "%s/*.0", r->cert_dir), 0, NULL, &found))
		return;
	for (size_t i = 0; i < found.gl_pathc && i < CONF_CAS_MAX; i++)
		list = draft_text(r->d, "%s%s%s", list ?: "", list ? ", " : "", draft_quote(r->d, found.gl_pathv[i]));
	if (found.gl_pathc > CONF_CAS_MAX)
		draft_note(r->d, p, IMPORT_NOT, m->stmt->at, "%s has more than %u CAs: the first count; put several into one file, and name it with ca_type", r->cert_dir, CONF_CAS_MAX);
	globfree(&found);
	draft_say(p, SET_CA, m->stmt->at, list);
}

void racoon_xauth_login(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	r->now->login = import_word(s, s->nwords - 1);
	if (!draft_is_version1(p))
		racoon_note(r, p, IMPORT_IKEV1, s, "%s: XAUTH needs IKEv1", import_word(s, 0));
}

/* --- proposals --- */

void racoon_dh_group(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	(void)p;
	r->dh_group = import_word(s, 1);
}

static void add_alg(struct racoon *r, struct draft_peer *p, const struct import_stmt *s, struct draft_algs *a, unsigned kind, const char *word,
		    unsigned bits)
{
	const struct crypto_alg *alg = draft_alg(kind, word, bits);

	if (alg)
		draft_alg_add(a, alg);
	else
		racoon_note(r, p, r->d->options->modernise ? IMPORT_CHOICE : IMPORT_NOT, s, "%s: keyd does not have %s%s: take aes 256, sha256, modp2048 or better",
			    import_word(s, 0), word, bits ? " of that size" : "");
}

void racoon_life_ike(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	bool bytes;
	unsigned long long v = racoon_lifetime(r, p, s, &bytes);

	if (v && bytes)
		racoon_note(r, p, IMPORT_NOT, s, "lifetime byte: IKE SAs are renewed by time only");
	else if (v > LIFETIME_MOST)
		racoon_note(r, p, IMPORT_NOT, s, "lifetime: more than a year is no limit; keyd's own counts");
	else if (v)
		draft_say(p, SET_LIFE_IKE, s->at, draft_seconds(r->d, v));
}

static void take_auth(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	struct racoon_remote *m = r->now;

	if (m->auth && strcmp(m->auth, import_word(s, 1)) != 0) {
		racoon_note(r, p, IMPORT_NOT, s, "authentication_method %s: a section of keyd has one way to prove, that of its first proposal: make another section, "
			    "with another identity", import_word(s, 1));
		return;
	}
	m->auth = import_word(s, 1);
	m->auth_at = s->at;
}

void racoon_proposal(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	struct draft_algs a = { .n = { 0 } };
	const char *group = r->dh_group;

	for (const struct import_stmt *at = s->inside; at; at = at->next) {
		const char *word = import_word(at, 1);

		if (import_word_is(at, 0, "encryption_algorithm"))
			add_alg(r, p, at, &a, CRYPTO_ENCR, word, (unsigned)strtoul(import_word(at, 2), NULL, 10));
		else if (import_word_is(at, 0, "hash_algorithm"))
			add_alg(r, p, at, &a, CRYPTO_INTEG, word, 0);
		else if (import_word_is(at, 0, "dh_group"))
			group = word;
		else if (import_word_is(at, 0, "authentication_method"))
			take_auth(r, p, at);
		else if (import_word_is(at, 0, "lifetime"))
			racoon_life_ike(r, p, at);
		else if (import_word_is(at, 0, "gss_id") || import_word_is(at, 0, "gssapi_id"))
			racoon_note(r, p, IMPORT_NOT, at, "GSS-API belongs to IKEv1: use certificates");
		else
			racoon_note(r, p, IMPORT_UNKNOWN, at, "'%s' is no statement of proposal: see racoon.conf(5)", import_word(at, 0));
	}
	if (group)
		add_alg(r, p, s, &a, CRYPTO_KE, group, 0);
	draft_propose(r->d, p, s->at, false, &a);
}

/* --- the rest --- */

void racoon_exchange_mode(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	const char *list = "";

	for (unsigned i = 1; i < s->nwords; i++)
		if (!import_word_is(s, i, ","))
			list = draft_text(r->d, "%s%s%s", list, *list ? "," : "", import_word(s, i));
	if (draft_is_version1(p))
		draft_exchange(r->d, p, s->at, list);
}

void racoon_initial_contact(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	if (racoon_switch(r, p, s, NULL) == 0)
		draft_say(p, SET_UNIQUE, s->at, "never");
	else
		draft_say(p, SET_UNIQUE, s->at, NULL);
}

void racoon_passive(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	r->now->passive = racoon_switch(r, p, s, NULL) == 1;
	if (r->now->passive && (p->remote.family || p->host))
		racoon_note(r, p, IMPORT_NOT, s, "passive on: keyd begins when a packet meets a policy of setkey's: use level 'use', or no policy until the peer has come");
}

void racoon_script(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	static const char *const whens[] = { [IMPORT_UP] = "phase1_up", [IMPORT_DOWN] = "phase1_down", [IMPORT_DEAD] = "phase1_dead" };
	const char *name = import_word(s, 1);

	for (unsigned when = 0; when < sizeof(whens) / sizeof(*whens); when++) {
		if (!*name || strpbrk(name, " \t") || !import_word_is(s, 2, whens[when]))
			continue;
		p->script[when] = *name == '/' ? name : draft_text(r->d, "%s/%s", r->script_dir, name);
		racoon_note(r, p, IMPORT_NOT, s, "script: keyd itself starts no programs: keyd-hook runs \"%s\", if it runs (keyd-hook -f FILE); addresses and name servers "
			    "keyd sets without it", p->script[when]);
		return;
	}
	racoon_note(r, p, IMPORT_NOT, s, "script: the name of a file without blanks, and phase1_up, phase1_down or phase1_dead are expected");
}

void racoon_generate_policy(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	static const char *const words[] = { "unique", "require", NULL };

	r->now->generate = racoon_switch(r, p, s, words) > 0;
	r->now->generate_at = s->at;
}

void racoon_nat_traversal(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	static const char *const words[] = { "force", NULL };
	int v = racoon_switch(r, p, s, words);

	draft_say(p, SET_NAT, s->at, v == 0 ? "off" : v == 2 ? "force" : NULL);
}

void racoon_ike_frag(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	static const char *const words[] = { "force", NULL };
	int v = racoon_switch(r, p, s, words);

	draft_say(p, SET_FRAGMENT, s->at, v == 0 ? "off" : NULL);
}

void racoon_mode_cfg_on(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	r->now->mode_cfg = racoon_switch(r, p, s, NULL) == 1;
}

void racoon_dpd(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	r->now->dpd_off = racoon_switch(r, p, s, NULL) == 0;
}

void racoon_dpd_delay(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	char *end;
	unsigned long v = strtoul(import_word(s, 1), &end, 10);

	if (*end || !*import_word(s, 1) || v > LIFETIME_MOST)
		racoon_note(r, p, IMPORT_NOT, s, "dpd_delay: a number of seconds is expected");
	else
		draft_say(p, SET_DPD, s->at, v ? draft_seconds(r->d, v) : "off");
}

/* The server's side: the peer comes from anywhere, and policies are made for it. */
static void finish_generate(struct racoon *r, struct racoon_remote *m)
{
	struct draft_peer *p = m->peer;

	p->own_policies = true;
	if (r->pool) {
		p->assigned = true;
		draft_say(p, SET_POOL, m->generate_at, draft_quote(r->d, r->pool->name));
		for (unsigned i = 0; i < r->nsplit; i++)
			draft_pair_add(r->d, p, m->generate_at, &(struct draft_pair){ .local = r->split[i] });
		draft_note(r->d, p, IMPORT_CHOICE, m->generate_at, "generate_policy: policies for the addresses of the pool, as 'traffic' says%s",
			   r->nsplit ? "" : "; without split_network include, all of IPv4");
	} else {
		draft_note(r->d, p, draft_less(r->d), m->generate_at, "generate_policy: keyd makes policies for the networks of sainfo, if it "
			   "has any, and for nothing that a peer asks for beyond: name them there, or give setkey the policies");
	}
}

void racoon_remote_finish(struct racoon *r, struct racoon_remote *m)
{
	struct draft_peer *p = m->peer;

	set_auth(r, m);
	look_for_cas(r, m);
	if (m->dpd_off)
		draft_say(p, SET_DPD, m->stmt->at, "off");
	if (m->generate)
		finish_generate(r, m);
	else if (m->mode_cfg && (p->remote.family || p->host)) {
		draft_say(p, SET_VIRTUAL, m->stmt->at, "ipv4");
		p->own_policies = true;
		draft_note(r->d, p, IMPORT_CHOICE, m->stmt->at, "mode_cfg on: the address goes to gapless0, for all that the gateway lets through; 'traffic assigned "
			   "<-> NETWORK' narrows it");
	} else if (m->mode_cfg) {
		draft_note(r->d, p, IMPORT_NOT, m->stmt->at, "mode_cfg on: whom is an address to be asked of? Write 'address' and 'virtual-address ipv4'");
	}
	if (p->set[SET_ID_REMOTE] && !m->verify_id)
		draft_note(r->d, p, draft_less(r->d), m->ids_at, "without verify_identifier on, racoon lets another name pass; keyd does not");
}
