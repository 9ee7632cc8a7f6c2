// SPDX-License-Identifier: MIT
// Encodes and decodes what the keeper of keys is told and asked.
#include "keyd/auth/codec.h"

#include <string.h>

static void id_put(struct wr *w, const struct conf_id *id)
{
	wr_u8(w, id->type);
	wr_u16(w, id->len);
	wr_mem(w, id->data, id->len);
}

RD_MUST_CHECK static int id_get(struct rd *r, struct conf_id *id)
{
	struct view data;

	*id = (struct conf_id){ 0 };
	if (rd_u8(r, &id->type) || rd_u16(r, &id->len) || id->len > sizeof(id->data) || rd_view(r, id->len, &data))
		return -1;
	if (data.n)
		memcpy(id->data, data.p, data.n);
	return 0;
}

static void addr_put(struct wr *w, const struct ipsec_addr *a)
{
	size_t n = ipsec_addr_size(a->family);

	wr_u8(w, (uint8_t)n);
	wr_mem(w, a->b, n);
}

RD_MUST_CHECK static int addr_get(struct rd *r, struct ipsec_addr *a)
{
	struct view bytes;
	uint8_t n;

	*a = (struct ipsec_addr){ 0 };
	if (rd_u8(r, &n) || rd_view(r, n, &bytes))
		return -1;
	return n ? ipsec_addr_from_bytes(a, bytes.p, bytes.n) : 0;
}

static void bytes_put(struct wr *w, struct view v)
{
	wr_u32(w, (uint32_t)v.n);
	wr_put(w, v);
}

RD_MUST_CHECK static int bytes_get(struct rd *r, struct view *v)
{
	uint32_t n;

	return rd_u32(r, &n) || rd_view(r, n, v) ? -1 : 0;
}

void auth_request_put(struct wr *w, const struct auth_request *rq)
{
	wr_u8(w, rq->form);
	wr_u8(w, rq->method);
	wr_u8(w, rq->way);
	wr_u16(w, rq->prf);
	id_put(w, &rq->local);
	id_put(w, &rq->remote);
	addr_put(w, &rq->local_addr);
	addr_put(w, &rq->remote_addr);
	wr_mem(w, rq->key.b, sizeof(rq->key.b));
	wr_u32(w, rq->schemes);
	wr_u8(w, rq->hashes);
	bytes_put(w, rq->message);
	bytes_put(w, rq->nonce);
	bytes_put(w, rq->macid);
}

int auth_request_get(struct rd *r, struct auth_request *rq)
{
	struct view key;

	*rq = (struct auth_request){ 0 };
	if (rd_u8(r, &rq->form) || rd_u8(r, &rq->method) || rd_u8(r, &rq->way) || rd_u16(r, &rq->prf) ||
	    id_get(r, &rq->local) || id_get(r, &rq->remote) || addr_get(r, &rq->local_addr) ||
	    addr_get(r, &rq->remote_addr) || rd_view(r, sizeof(rq->key.b), &key) || rd_u32(r, &rq->schemes) ||
	    rd_u8(r, &rq->hashes) || bytes_get(r, &rq->message) || bytes_get(r, &rq->nonce) ||
	    bytes_get(r, &rq->macid))
		return -1;
	memcpy(rq->key.b, key.p, key.n);
	return rd_left(r) ? -1 : 0;
}

static void at_put(struct wr *w, struct conf_at at)
{
	wr_u32(w, (uint32_t)at.line << 8 | at.file);
}

RD_MUST_CHECK static int at_get(struct rd *r, struct conf_at *at)
{
	uint32_t v;

	if (rd_u32(r, &v))
		return -1;
	*at = (struct conf_at){ .line = v >> 8, .file = (uint8_t)v };
	return 0;
}

void auth_secret_put(struct wr *w, const struct psk_entry *e)
{
	id_put(w, &e->id);
	id_put(w, &e->local);
	addr_put(w, &e->remote);
	wr_u8(w, e->remote_len);
	at_put(w, e->at);
	bytes_put(w, secret_view(&e->key));
}

int auth_secret_get(struct rd *r, struct psk_entry *e)
{
	struct view key;

	*e = (struct psk_entry){ 0 };
	if (id_get(r, &e->id) || id_get(r, &e->local) || addr_get(r, &e->remote) || rd_u8(r, &e->remote_len) ||
	    at_get(r, &e->at) || bytes_get(r, &key) || rd_left(r) || !key.n || key.n > PSK_KEY_MAX)
		return -1;
	return secret_set(&e->key, key.p, key.n);
}

void auth_key_put(struct wr *w, const struct conf_key *k)
{
	wr_mem(w, k->key.b, sizeof(k->key.b));
	wr_mem(w, k->uri.b, sizeof(k->uri.b));
	at_put(w, k->at);
	wr_u8(w, (uint8_t)(k->locked | k->token << 1));
	bytes_put(w, secret_view(&k->bytes));
}

int auth_key_get(struct rd *r, struct conf_key *k)
{
	struct view digest, uri, bytes;
	uint8_t flags;

	*k = (struct conf_key){ 0 };
	if (rd_view(r, sizeof(k->key.b), &digest) || rd_view(r, sizeof(k->uri.b), &uri) || at_get(r, &k->at) ||
	    rd_u8(r, &flags) || bytes_get(r, &bytes) || rd_left(r) || (!bytes.n && flags != 2) ||
	    bytes.n > CRYPTO_KEY_FILE_MAX || flags > 2)
		return -1;
	memcpy(k->key.b, digest.p, digest.n);
	memcpy(k->uri.b, uri.p, uri.n);
	k->locked = flags == 1;
	k->token = flags == 2;
	return secret_set(&k->bytes, bytes.p, bytes.n);
}

void auth_login_put(struct wr *w, const struct conf_login *l)
{
	const struct view user = { (const uint8_t *)l->user, strlen(l->user) };

	wr_mem(w, l->key.b, sizeof(l->key.b));
	bytes_put(w, user);
	at_put(w, l->at);
	wr_u8(w, l->hashed);
	bytes_put(w, secret_view(&l->password));
	bytes_put(w, secret_view(&l->totp));
}

int auth_login_get(struct rd *r, struct conf_login *l)
{
	struct view key, user, password, totp;
	uint8_t hashed;

	*l = (struct conf_login){ 0 };
	if (rd_view(r, sizeof(l->key.b), &key) || bytes_get(r, &user) || at_get(r, &l->at) || rd_u8(r, &hashed) ||
	    bytes_get(r, &password) || bytes_get(r, &totp) || rd_left(r) || !user.n || user.n >= sizeof(l->user) ||
	    hashed > 1 || password.n > AUTH_LOGIN_SECRET_MAX || totp.n > AUTH_LOGIN_SECRET_MAX ||
	    (hashed && !password.n) || (!hashed && password.n > CONF_PASSWORD_MAX))
		return -1;
	memcpy(l->key.b, key.p, key.n);
	memcpy(l->user, user.p, user.n);
	l->hashed = hashed;
	if (secret_set(&l->password, password.p, password.n) || secret_set(&l->totp, totp.p, totp.n)) {
		conf_login_clear(l);
		return -1;
	}
	return 0;
}
