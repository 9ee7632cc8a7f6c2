// SPDX-License-Identifier: MIT
// Private keys whose passphrase is given while keyd runs.
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
