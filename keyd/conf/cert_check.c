// SPDX-License-Identifier: MIT
// What a section says of proofs, certificates and keys, all of it together: the ways to prove, our name, what is missing.
#include "keyd/conf/id.h"
#include "keyd/conf/parser.h"
#include "keyd/crypto/dn.h"
#include "keyd/crypto/sig.h"

#include <string.h>

#define NAMES_SHOWN 400			/* bytes of a certificate's names in a message */

static bool has_way(const uint8_t ways[CONF_ROUNDS_MAX], enum conf_auth way)
{
	for (unsigned i = 0; i < CONF_ROUNDS_MAX; i++)
		if (ways[i] == way)
			return true;
	return false;
}

static bool stated(const struct conf_parser *p, enum conf_stmt stmt)
{
	return p->seen[stmt].line != 0;
}

/* Without "auth", here or in the defaults, what this section has to prove with says how it does; else it is as in the defaults. */
static void choose_way(struct conf_parser *p)
{
	struct conf_peer *peer = &p->peer;
	const struct conf_at *at = peer->at;
	uint8_t way = stated(p, CONF_STMT_CERT) ? CONF_AUTH_CERT : stated(p, CONF_STMT_KEY) ? CONF_AUTH_KEY :
		      stated(p, CONF_STMT_PSK) ? CONF_AUTH_PSK : CONF_AUTH_NONE;

	if (way == CONF_AUTH_NONE)
		return;
	if (!at[CONF_STMT_AUTH].line && !at[CONF_STMT_AUTH_LOCAL].line) {
		memset(peer->auth_local, 0, sizeof(peer->auth_local));
		peer->auth_local[0] = way;
	}
	if (!at[CONF_STMT_AUTH].line && !at[CONF_STMT_AUTH_REMOTE].line) {
		memset(peer->auth_remote, 0, sizeof(peer->auth_remote));
		peer->auth_remote[0] = way;
	}
}

/* What is needed and not there. Only a peer's section must be whole; the defaults may leave something to it. */
static void check_needs(struct conf_parser *p, const struct conf_cred *cred)
{
	const struct conf_peer *peer = &p->peer;
	bool cert = has_way(peer->auth_local, CONF_AUTH_CERT), key = has_way(peer->auth_local, CONF_AUTH_KEY);
	bool failed = p->own.failed || p->defaults_failed;	/* that was told */

	if (peer->refuse)
		return;
	if (cert && !failed && (!cred || (!cred->nchain && !cred->unseen)))
		conf_err(p, &p->peer_at, "peer '%s': we prove who we are by a certificate, and have none: 'cert FILE' is missing%s",
			 peer->name, stated(p, CONF_STMT_AUTH) || stated(p, CONF_STMT_AUTH_LOCAL) ? "" : " ('auth local' says otherwise)");
	else if (key && !failed && !cred)
		conf_err(p, &p->peer_at, "peer '%s': we prove who we are by a key, and have none: 'key FILE' is missing", peer->name);
	if (has_way(peer->auth_remote, CONF_AUTH_CERT) && !peer->trust.ncas && !peer->trust.npins && !stated(p, CONF_STMT_CA) &&
	    !stated(p, CONF_STMT_REMOTE_KEY))
		conf_err(p, &p->peer_at, "peer '%s' proves who it is by a certificate, and nobody is believed who could vouch for it: "
			 "'ca FILE' is missing", peer->name);
	if (has_way(peer->auth_remote, CONF_AUTH_KEY) && !peer->trust.npins && !stated(p, CONF_STMT_REMOTE_KEY))
		conf_err(p, &p->peer_at, "peer '%s' proves who it is by its key, and that is not known: 'remote-key' is missing (what "
			 "'keydctl keygen' prints there)", peer->name);
}

/* Statements of this section that nothing makes use of: mostly another one was forgotten. */
static void warn_of_unused(struct conf_parser *p)
{
	const struct conf_peer *peer = &p->peer;
	const uint8_t *local = peer->auth_local, *remote = peer->auth_remote;
	bool own = has_way(local, CONF_AUTH_CERT) || has_way(local, CONF_AUTH_KEY);
	bool remote_cert = has_way(remote, CONF_AUTH_CERT), remote_key = has_way(remote, CONF_AUTH_KEY);
	const struct {
		enum conf_stmt stmt;
		const char *word, *use;
		bool used;
	} rows[] = {
		{ CONF_STMT_PSK, "psk", "'auth psk'", has_way(local, CONF_AUTH_PSK) || has_way(remote, CONF_AUTH_PSK) },
		{ CONF_STMT_CERT, "cert", "'auth local cert'", own },
		{ CONF_STMT_KEY, "key", "'auth local key'", own },
		{ CONF_STMT_CA, "ca", "'auth remote cert'", remote_cert },
		{ CONF_STMT_REMOTE_KEY, "remote-key", "'auth remote key'", remote_cert || remote_key },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (stated(p, rows[i].stmt) && !rows[i].used)
			conf_warn(p, &p->seen[rows[i].stmt], "peer '%s': '%s' is not used without %s", peer->name,
				  rows[i].word, rows[i].use);
}

/* --- our name --- */

struct names {
	char text[NAMES_SHOWN];
	struct conf_id first;		/* that an identification payload can carry */
	bool too_long;			/* the subject is longer than that */
};

static void add_name(void *arg, enum crypto_name type, struct view name)
{
	struct names *n = arg;
	char text[CONF_ID_STRLEN];
	struct conf_id id = { .type = (uint8_t)type, .len = (uint16_t)name.n };
	size_t at = strlen(n->text);

	if (name.n > CONF_ID_MAX) {
		n->too_long = n->too_long || type == CRYPTO_NAME_DN;
		return;
	}
	if (type == CRYPTO_NAME_DN && name.n <= 2)
		return;			/* nothing in it */
	memcpy(id.data, name.p, name.n);
	if (!n->first.type)
		n->first = id;
	snprintf(n->text + at, sizeof(n->text) - at, "%s%s", at ? "; " : "", conf_id_format(&id, text, sizeof(text)));
}

/* Peers look for the name that we give ourselves in the certificate. Without one, it is the certificate's. */
static void check_name(struct conf_parser *p, const struct crypto_cert *c, const char *file)
{
	struct conf_peer *peer = &p->peer;
	char is[CONF_ID_STRLEN];
	struct names names = { .text = "" };
	struct view id = { peer->local_id.data, peer->local_id.len };

	crypto_cert_names(c, add_name, &names);
	if (peer->local_id.type != CONF_ID_ANY) {
		if (!crypto_cert_has_name(c, (enum crypto_name)peer->local_id.type, id))
			conf_warn(p, stated(p, CONF_STMT_ID_LOCAL) ? &p->seen[CONF_STMT_ID_LOCAL] : &p->peer_at,
				  "peer '%s': our certificate is not for \"%s\"; '%s' has: %s", peer->name,
				  conf_id_format(&peer->local_id, is, sizeof(is)), file, *names.text ? names.text : "no name");
	} else if (names.too_long) {
		conf_err(p, &p->peer_at, "peer '%s': the subject of our certificate is longer than %u bytes and cannot be our identity: "
			 "choose another of its names with 'id local'", peer->name, CONF_ID_MAX);
	} else if (!names.first.type) {
		conf_err(p, &p->peer_at, "peer '%s': our certificate '%s' has no name that could be our identity: 'id local' is missing",
			 peer->name, file);
	} else {
		peer->local_id = names.first;
		peer->id_of_cert = true;
	}
}

/* --- keys against what is asked of them --- */

static unsigned floor_of(const struct conf_trust *t, const struct crypto_key *k)
{
	return crypto_key_floor(k, t->rsa_bits, t->ec_bits);
}

static bool below_floor(const struct conf_trust *t, const struct crypto_key *k)
{
	return crypto_key_bits(k) < floor_of(t, k);
}

/* In IKEv1 the key says how it signs, whatever "signatures" are allowed. */
static bool can_sign(const struct conf_peer *peer, const struct crypto_key *k)
{
	const struct crypto_sig *s = NULL;

	for (unsigned i = 0; (s = crypto_sig_next(s)); i++)
		if ((peer->version == 1 ? s->bare : peer->trust.schemes >> i & 1) && crypto_sig_fits(s, k))
			return true;
	return false;
}

static void check_own_key(struct conf_parser *p, const struct conf_cred *cred)
{
	const struct conf_trust *t = &p->peer.trust;
	struct crypto_key *k = NULL;
	char name[32], file[CONF_PATH_MAX + 16];

	if (!t->schemes || crypto_key_from_spki(&k, (struct view){ cred->spki, cred->nspki }))
		return;
	conf_at_format(p->conf, cred->at, file, sizeof(file));
	crypto_key_name(k, name, sizeof(name));
	if (!can_sign(&p->peer, k) && p->peer.version == 1)
		conf_err(p, &p->peer_at, "peer '%s': with our key (%s, of %s) nothing can be signed in IKEv1, which "
			 "knows RSA, P-256, P-384 and P-521", p->peer.name, name, file);
	else if (!can_sign(&p->peer, k))
		conf_err(p, stated(p, CONF_STMT_SIGNATURES) ? &p->seen[CONF_STMT_SIGNATURES] : &p->peer_at,
			 "peer '%s': our key (%s, of %s) makes none of the 'signatures'", p->peer.name, name, file);
	else if (below_floor(t, k))
		conf_warn(p, &p->peer_at, "peer '%s': our own key (%s, of %s) is below the 'key-floor' of %u bits",
			  p->peer.name, name, file, floor_of(t, k));
	crypto_key_free(k);
}

static void check_pins(struct conf_parser *p)
{
	const struct conf_trust *t = &p->peer.trust;

	for (unsigned i = 0; i < p->conf->npins; i++) {
		const struct conf_pin *pin = &p->conf->pins[i];
		struct crypto_key *k = NULL;
		bool ours = false;
		char name[32];

		for (unsigned j = 0; j < t->npins; j++)
			ours = ours || conf_digest_equal(&t->pin[j], &pin->key);
		if (!ours || crypto_key_from_spki(&k, (struct view){ pin->spki, pin->nspki }))
			continue;
		if (below_floor(t, k))
			conf_err(p, stated(p, CONF_STMT_REMOTE_KEY) ? &p->seen[CONF_STMT_REMOTE_KEY] : &p->peer_at,
				 "peer '%s': its key (%s) is below the 'key-floor' of %u bits", p->peer.name,
				 crypto_key_name(k, name, sizeof(name)), floor_of(t, k));
		crypto_key_free(k);
	}
}

void conf_cert_check(struct conf_parser *p)
{
	struct conf_peer *peer = &p->peer;
	const struct conf_cred *cred;
	struct crypto_cert *c;

	/* A certificate and a key belong together: either of them here means that none comes from the defaults. */
	if (stated(p, CONF_STMT_CERT) || stated(p, CONF_STMT_KEY))
		peer->key = (struct conf_digest){ { 0 } };
	choose_way(p);
	conf_ipsec_key(p);
	conf_pin_check(p);
	conf_own_read(p, &peer->key);
	cred = conf_cred_find(p->conf, &peer->key);
	if (p->is_default) {
		p->defaults_failed = p->own.failed;
	} else {
		check_needs(p, cred);
		warn_of_unused(p);
	}
	if (cred && (has_way(peer->auth_local, CONF_AUTH_CERT) || has_way(peer->auth_local, CONF_AUTH_KEY)))
		check_own_key(p, cred);
	check_pins(p);
	c = cred && has_way(peer->auth_local, CONF_AUTH_CERT) ? conf_cred_cert(cred) : NULL;
	if (c)
		check_name(p, c, cred->cert_file);
	crypto_cert_free(c);
}
