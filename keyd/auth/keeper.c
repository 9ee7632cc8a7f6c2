// SPDX-License-Identifier: MIT
// Finds the secret for a pair of identities, or the key, and proves that we have it.
#include "keyd/auth/keeper.h"

#include "keyd/crypto/keymat.h"

#define METHOD_SHARED_KEY 2	/* RFC 7296 3.8 */

static int shared_key(const struct conf_secrets *secrets, const struct auth_request *rq, struct auth_answer *an)
{
	const struct crypto_alg *prf = crypto_alg_by_id(CRYPTO_PRF, rq->prf, 0);
	const struct psk_entry *e = psk_find(secrets, rq->local.type ? &rq->local : NULL,
					     rq->remote.type ? &rq->remote : NULL,
					     rq->remote_addr.family ? &rq->remote_addr : NULL);

	if (!e)
		return AUTH_NO_SECRET;
	_Static_assert(CRYPTO_PRF_MAX <= AUTH_DATA_MAX, "a PRF's output is AUTH data");
	if (!prf || ikev2_auth_psk(prf, secret_view(&e->key), rq->message, rq->nonce, rq->macid, an->data))
		return AUTH_FAILED;
	an->at = e->at;
	an->n = prf->prf;
	an->method = METHOD_SHARED_KEY;
	return AUTH_OK;
}

void keeper_answer(const struct keeper *k, const struct auth_request *rq, struct auth_answer *an)
{
	*an = (struct auth_answer){ .id = rq->id, .error = AUTH_FAILED };
	if (rq->way == CONF_AUTH_PSK)
		an->error = shared_key(&k->secrets, rq, an);
	else if (rq->way == CONF_AUTH_CERT || rq->way == CONF_AUTH_KEY)
		keys_sign(&k->keys, rq, an);
}

void keeper_free(struct keeper *k)
{
	conf_secrets_free(&k->secrets);
	keys_free(&k->keys);
}
