// SPDX-License-Identifier: MIT
// Authentication methods of phase 1.
#include "keyd/ikev1/method.h"

#include "keyd/auth/request.h"
#include "keyd/crypto/key.h"
#include "keyd/ike/creds.h"
#include "keyd/ike/engine_state.h"
#include "keyd/ikev1/state.h"
#include "keyd/wire/isakmp.h"

enum { PRF_SHA2_256 = 5, PRF_SHA2_384 = 6, PRF_SHA2_512 = 7 };	/* crypto_alg.ikev2_id */

/* init: the initiator of phase 1 is asked for a password; resp: the responder is. 0: there is no such number. */
static const struct {
	uint16_t plain, init, resp;
	uint16_t prf;			/* 0: the one that was agreed on */
} methods[] = {
	{ ISAKMP_AUTH_PSK, ISAKMP_AUTH_XAUTH_INIT_PSK, ISAKMP_AUTH_XAUTH_RESP_PSK, 0 },
	{ ISAKMP_AUTH_RSA_SIG, ISAKMP_AUTH_XAUTH_INIT_RSA, ISAKMP_AUTH_XAUTH_RESP_RSA, 0 },
	{ ISAKMP_AUTH_RSA_SIG, ISAKMP_AUTH_HYBRID_INIT_RSA, ISAKMP_AUTH_HYBRID_RESP_RSA, 0 },
	{ ISAKMP_AUTH_ECDSA_256, 0, 0, PRF_SHA2_256 },
	{ ISAKMP_AUTH_ECDSA_384, 0, 0, PRF_SHA2_384 },
	{ ISAKMP_AUTH_ECDSA_521, 0, 0, PRF_SHA2_512 },
};
enum { ROW_PSK, ROW_RSA, ROW_HYBRID, ROW_P256, ROW_P384, ROW_P521, ROWS };

/* A token's key that nobody has seen is taken for RSA, as most of those in IKEv1 are. */
static int row_of_key(const struct cred *c)
{
	struct crypto_key *k = NULL;
	int row = ROW_RSA;

	if (!c || !c->conf.nspki || crypto_key_from_spki(&k, (struct view){ c->conf.spki, c->conf.nspki }))
		return ROW_RSA;
	if (crypto_key_type(k) == CRYPTO_KEY_EC)
		row = crypto_key_bits(k) == 256 ? ROW_P256 : crypto_key_bits(k) == 384 ? ROW_P384 : ROW_P521;
	else if (crypto_key_type(k) != CRYPTO_KEY_RSA)
		row = ROWS;
	crypto_key_free(k);
	return row;
}

static int row_of(const struct engine *e, const struct conf_peer *conf)
{
	if (conf->auth_local[0] == CONF_AUTH_PSK || conf->auth_remote[0] == CONF_AUTH_PSK)
		return ROW_PSK;
	if (!conf->auth_local[0])
		return ROW_HYBRID;
	if (!conf->auth_remote[0])
		return row_of_key(creds_find(&e->creds, &conf->key)) == ROW_RSA ? ROW_HYBRID : ROWS;
	return row_of_key(creds_find(&e->creds, &conf->key));
}

uint16_t v1_method(const struct engine *e, const struct conf_peer *conf, bool initiator)
{
	int row = row_of(e, conf);

	if (row == ROWS)
		return 0;
	/* ECDSA has no number of its own for XAUTH: both ends' sections say that there is one. */
	if (conf->xauth == CONF_XAUTH_OFF || !methods[row].init)
		return methods[row].plain;
	return (conf->xauth == CONF_XAUTH_CLIENT) == initiator ? methods[row].init : methods[row].resp;
}

/* ROWS: none of them. */
static unsigned find(uint16_t method)
{
	unsigned i = 0;

	while (i < ROWS && (!method || ((method != methods[i].plain || i == ROW_HYBRID) && method != methods[i].init &&
					method != methods[i].resp)))
		i++;
	return i;
}

bool v1_method_signs(uint16_t method)
{
	return find(method) != ROW_PSK && find(method) != ROWS;
}

uint8_t v1_method_base(uint16_t method)
{
	unsigned row = find(method);

	_Static_assert((int)ISAKMP_AUTH_ECDSA_521 == (int)AUTH_IKEV1_ECDSA521 &&
		       (int)ISAKMP_AUTH_RSA_SIG == (int)AUTH_IKEV1_RSA, "the same numbers");
	return row == ROWS ? 0 : (uint8_t)methods[row].plain;
}

bool v1_signs(const struct ike_sa *sa, bool of_initiator)
{
	uint16_t method = sa->v1->method;

	if (method == ISAKMP_AUTH_HYBRID_INIT_RSA)
		return !of_initiator;
	if (method == ISAKMP_AUTH_HYBRID_RESP_RSA)
		return of_initiator;
	return v1_method_signs(method);
}

const struct crypto_alg *v1_method_prf(const struct ike_sa *sa)
{
	unsigned row = find(sa->v1->method);

	return row == ROWS || !methods[row].prf ? sa->v1->suite.prf : crypto_alg_by_id(CRYPTO_PRF, methods[row].prf, 0);
}
