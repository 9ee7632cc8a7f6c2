/* SPDX-License-Identifier: MIT */
/* Requests to the keeper of keys, and the secrets it is given, as bytes. */
#ifndef KEYD_AUTH_CODEC_H
#define KEYD_AUTH_CODEC_H

#include "keyd/auth/request.h"
#include "keyd/conf/psk.h"
#include "keyd/crypto/key.h"
#include "keyd/util/wr.h"

/* Bytes that the longest request and the longest secret need. */
#define AUTH_REQUEST_MAX (AUTH_OCTETS_MAX + 4 * CONF_ID_MAX)
#define AUTH_SECRET_MAX (PSK_KEY_MAX + 4 * CONF_ID_MAX)
#define AUTH_LOGIN_MAX 1024
#define AUTH_LOGIN_SECRET_MAX 400	/* bytes of a password, of its hash, of a key of codes */
#define AUTH_KEY_MAX (CRYPTO_KEY_FILE_MAX + 128)

/* All but the id, which travels in the header of the message. What does not fit shows in w. */
void auth_request_put(struct wr *w, const struct auth_request *rq);
/* Fills all but the id; the views point into r's bytes. 0, or -1: cut short, too long, or bytes left over. */
int auth_request_get(struct rd *r, struct auth_request *rq) RD_MUST_CHECK;

void auth_secret_put(struct wr *w, const struct psk_entry *e);
/* e's key is the caller's to clear, also after -1 (then it is empty). */
int auth_secret_get(struct rd *r, struct psk_entry *e) RD_MUST_CHECK;

void auth_key_put(struct wr *w, const struct conf_key *k);
/* k's bytes are the caller's to clear, also after -1 (then they are empty). */
int auth_key_get(struct rd *r, struct conf_key *k) RD_MUST_CHECK;

void auth_login_put(struct wr *w, const struct conf_login *l);
/* l's secrets are the caller's to clear, also after -1 (then they are empty). */
int auth_login_get(struct rd *r, struct conf_login *l) RD_MUST_CHECK;

#endif
