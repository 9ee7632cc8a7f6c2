// SPDX-License-Identifier: MIT
// Private keys whose passphrase is given while keyd runs.
#include "keyd/conf/load.h"
#include "keyd/crypto/key.h"
#include "keyd/roles/parent.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* In clear from now on. False: the passphrase does not fit. */
static bool open_key(struct conf_key *k, struct view passphrase)
{
	struct crypto_key *key;
	struct secret pem = { 0 };
	bool fits = !crypto_key_from_private(&key, secret_view(&k->bytes), passphrase);

	if (!fits)
		return false;
	if (!crypto_key_private_pem(key, &pem)) {
		secret_move(&k->bytes, &pem);
		k->locked = false;
	}
	crypto_key_free(key);
	return !k->locked;
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
	char at[CONF_PATH_MAX + 16];

	*r = (struct message_result){ 0 };
	for (size_t i = 0; i < p->secrets.nkeys; i++) {
		struct conf_key *k = &p->secrets.keys[i];

		if (k->locked && open_key(k, passphrase))
			log_notice("%s: a private key is unlocked", conf_at_format(&p->conf, k->at, at, sizeof(at)));
	}
	opened = before - locked(p);
	if (!before) {
		snprintf(r->text, sizeof(r->text), "no private key is locked");
		return;
	}
	if (!opened) {
		r->error = -EACCES;
		snprintf(r->text, sizeof(r->text), "the passphrase fits none of the keys that are locked: %u", before);
		log_warning("unlock: result=failed locked=%u", before);
		return;
	}
	handover_secrets(p);
	handover_conf(p);		/* what failed for want of it begins at once */
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
