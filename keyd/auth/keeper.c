// SPDX-License-Identifier: MIT
// Finds the secret for a pair of identities, or the key, and proves that we have it.
#include "keyd/auth/keeper.h"

#include "keyd/crypto/keymat.h"
#include "keyd/crypto/prf.h"

#include <string.h>

#define METHOD_SHARED_KEY 2	/* RFC 7296 3.8 */
#define NONCE_MIN 8		/* bytes, RFC 2409 5 */
#define NONCE_MAX 256
#define KEY_PAD 17		/* bytes of "Key Pad for IKEv2" (RFC 7296 2.15), which would make a MAC's key out of a secret */

/* SKEYID (RFC 2409 5.4) of two nonces, and of nothing that IKEv2 knows. */
static int skeyid(const struct crypto_alg *prf, const struct psk_entry *e, const struct auth_request *rq, struct auth_answer *an)
{
	if (rq->message.n < 2 * NONCE_MIN || rq->message.n > 2 * NONCE_MAX || rq->nonce.n || rq->macid.n)
		return AUTH_FAILED;
	if (rq->message.n == KEY_PAD && !memcmp(rq->message.p, "Key Pad for IKEv2", KEY_PAD))
		return AUTH_FAILED;
	an->method = AUTH_IKEV1_PSK;
	return crypto_prf(prf, secret_view(&e->key), &rq->message, 1, an->data) ? AUTH_FAILED : AUTH_OK;
}

static int mac(const struct crypto_alg *prf, const struct psk_entry *e, const struct auth_request *rq, struct auth_answer *an)
{
	an->method = METHOD_SHARED_KEY;
	return ikev2_auth_psk(prf, secret_view(&e->key), rq->message, rq->nonce, rq->macid, an->data) ? AUTH_FAILED : AUTH_OK;
}

static int shared_key(const struct conf_secrets *secrets, const struct auth_request *rq, struct auth_answer *an)
{
	const struct crypto_alg *prf = crypto_alg_by_id(CRYPTO_PRF, rq->prf, 0);
	const struct psk_entry *e = psk_find(secrets, rq->local.type ? &rq->local : NULL,
					     rq->remote.type ? &rq->remote : NULL,
					     rq->remote_addr.family ? &rq->remote_addr : NULL);

	if (!e)
		return AUTH_NO_SECRET;
	_Static_assert(CRYPTO_PRF_MAX <= AUTH_DATA_MAX, "a PRF's output is AUTH data");
	if (!prf)
		return AUTH_FAILED;
	an->at = e->at;
	an->n = prf->prf;
	return rq->form == AUTH_IKEV1 ? skeyid(prf, e, rq, an) : mac(prf, e, rq, an);
}

void keeper_answer(const struct keeper *k, const struct auth_request *rq, struct auth_answer *an)
{
	*an = (struct auth_answer){ .id = rq->id, .error = AUTH_FAILED };
	if (rq->form == AUTH_PASSWORD)
		logins_password(&k->logins, rq, an);
	if (rq->form > AUTH_IKEV1)
		return;
	if (rq->way == CONF_AUTH_PSK)
		an->error = shared_key(&k->secrets, rq, an);
	else if (rq->way == CONF_AUTH_CERT || rq->way == CONF_AUTH_KEY)
		keys_sign(&k->keys, rq, an);
}

void keeper_free(struct keeper *k)
{
	conf_secrets_free(&k->secrets);
	keys_free(&k->keys);
	logins_free(&k->logins);
}
