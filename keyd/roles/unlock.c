// SPDX-License-Identifier: MIT
// Passphrases of private keys, and passwords, that are given while keyd runs.
#include "keyd/auth/codec.h"
#include "keyd/conf/load.h"
#include "keyd/crypto/key.h"
#include "keyd/roles/parent.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* As long as it was locked nobody could see whether it belongs to its certificate. */
static bool is_pair(const struct conf_key *k, const struct crypto_key *key)
{
	struct conf_digest digest;

	return !crypto_key_digest(key, digest.b) && !memcmp(digest.b, k->key.b, sizeof(digest.b));
}

/* In clear from now on, unless the passphrase does not fit, or it is another certificate's key (told in r). */
static void open_key(const struct parent *p, struct conf_key *k, struct view passphrase, struct message_result *r)
{
	char at[CONF_PATH_MAX + 16];
	struct crypto_key *key;
	struct secret pem = { 0 };

	if (crypto_key_from_private(&key, secret_view(&k->bytes), passphrase))
		return;
	conf_at_format(&p->conf, k->at, at, sizeof(at));
	if (!is_pair(k, key)) {
		r->error = -EINVAL;
		snprintf(r->text, sizeof(r->text), "%s: the passphrase fits, but the private key is not that of its certificate", at);
		log_error("%s", r->text);
	} else if (!crypto_key_private_pem(key, &pem)) {
		secret_move(&k->bytes, &pem);
		k->locked = false;
		log_notice("%s: a private key is unlocked", at);
	}
	crypto_key_free(key);
}

static unsigned locked(const struct parent *p)
{
	unsigned n = 0;

	for (size_t i = 0; i < p->secrets.nkeys; i++)
		n += p->secrets.keys[i].locked;
	return n;
}

void unlock_keys(struct parent *p, struct view passphrase, struct message_result *r)
{
	unsigned before = locked(p), opened;

	*r = (struct message_result){ 0 };
	for (size_t i = 0; i < p->secrets.nkeys; i++)
		if (p->secrets.keys[i].locked)
			open_key(p, &p->secrets.keys[i], passphrase, r);
	opened = before - locked(p);
	if (!before) {
		snprintf(r->text, sizeof(r->text), "no private key is locked");
		return;
	}
	if (!opened && !r->error) {
		r->error = -EACCES;
		snprintf(r->text, sizeof(r->text), "the passphrase fits none of the keys that are locked: %u", before);
		log_warning("unlock: result=failed locked=%u", before);
	}
	if (!opened)
		return;
	handover_secrets(p);
	handover_conf(p);		/* what failed for want of it begins at once */
	if (!r->error)
		snprintf(r->text, sizeof(r->text), "unlocked: %u; still locked: %u", opened, before - opened);
}

static const struct conf_peer *peer_by_name(const struct conf *c, const char *name)
{
	for (unsigned i = 0; i < c->npeers; i++)
		if (!strcmp(c->peers[i].name, name))
			return &c->peers[i];
	return NULL;
}

/* NULL, or why nobody waits for it. */
static const char *no_password(const struct conf_peer *peer)
{
	if (!peer)
		return "there is no such peer in the configuration";
	if (peer->xauth != CONF_XAUTH_CLIENT)
		return "its section has no 'xauth client', so no password is asked for";
	return peer->login_asked ? NULL : "its password is in the configuration: change it there";
}

void unlock_password(struct parent *p, const char *name, struct view password, struct message_result *r)
{
	const struct conf_peer *peer = peer_by_name(&p->conf, name);
	const char *why = no_password(peer);
	struct conf_login l = { .hashed = false };
	uint8_t buf[AUTH_LOGIN_MAX];
	struct wr w = wr_of(buf, sizeof(buf));

	*r = (struct message_result){ .error = why ? -EINVAL : 0 };
	snprintf(r->text, sizeof(r->text), "peer '%s': %s", name, why ? why : "its password is there");
	if (why)
		return;
	l.key = peer->login;
	memcpy(l.user, peer->xauth_user, sizeof(l.user));
	if (secret_set(&l.password, password.p, password.n)) {
		r->error = -ENOMEM;
		return;
	}
	auth_login_put(&w, &l);
	ipc_send(p->children[ROLE_AUTH].ch, M_PASSWORD, 0, w.buf, w.len);
	secret_cleanse(buf, sizeof(buf));
	conf_login_clear(&l);
	log_notice("peer '%s': somebody has given its password", name);
	handover_conf(p);		/* what failed for want of it begins at once */
}

void unlock_keep(const struct conf_secrets *old, struct conf_secrets *fresh)
{
	for (size_t i = 0; i < fresh->nkeys; i++) {
		struct conf_key *k = &fresh->keys[i];

		for (size_t j = 0; k->locked && j < old->nkeys; j++)
			if (!old->keys[j].locked && !memcmp(&old->keys[j].key, &k->key, sizeof(k->key)) &&
			    !secret_set(&k->bytes, old->keys[j].bytes.p, old->keys[j].bytes.n))
				k->locked = false;
	}
}
