// SPDX-License-Identifier: MIT
// Keys, tokens and answers of workers as bytes, and out of bytes that a hostile module may have written.
#include "keyd/card/wire.h"

#include "keyd/crypto/cert.h"

#include <string.h>

#define FLAG_SEEN 1
#define FLAG_EACH 2
#define FLAG_OPEN 4

void card_wire_key_put(struct wr *w, const struct card_key *k)
{
	struct view cert = k->cert.n <= CARD_WIRE_CERT_MAX ? secret_view(&k->cert) : (struct view){ 0 };
	struct secret spki = { 0 };
	size_t nlabel = strnlen(k->label, sizeof(k->label) - 1);

	if (crypto_key_spki(k->public, &spki))
		w->overflow = true;
	wr_u8(w, (k->seen ? FLAG_SEEN : 0) | (k->each ? FLAG_EACH : 0) | (k->open ? FLAG_OPEN : 0));
	wr_u32(w, k->schemes);
	wr_u8(w, (uint8_t)k->nid);
	wr_mem(w, k->id, k->nid);
	wr_u8(w, (uint8_t)nlabel);
	wr_mem(w, k->label, nlabel);
	wr_u16(w, (uint16_t)spki.n);
	wr_put(w, secret_view(&spki));
	wr_u16(w, (uint16_t)cert.n);
	wr_put(w, cert);
	secret_clear(&spki);
}

/* So that a line of a terminal or a log can show it. Nothing stays behind its end. */
static void make_text(char *s, size_t size)
{
	size_t n = strnlen(s, size - 1);

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			s[i] = '?';
	memset(s + n, 0, size - n);
}

static int counted(struct rd *r, size_t n, size_t max, void *out)
{
	struct view v;

	if (n > max || rd_view(r, n, &v))
		return -1;
	if (v.n)
		memcpy(out, v.p, v.n);
	return 0;
}

static int take_public(struct view spki, struct card_key *k)
{
	const struct crypto_sig *s = NULL;
	uint32_t bit = 1, fit = 0;

	if (crypto_key_from_spki(&k->public, spki) || crypto_key_digest(k->public, k->digest))
		return -1;
	for (; (s = crypto_sig_next(s)); bit <<= 1)
		fit |= crypto_sig_fits(s, k->public) ? bit : 0;
	k->schemes &= fit;
	return 0;
}

/* Cards may have one that is damaged, or of a key that was there before: then the key has none. */
static int take_cert(struct view der, struct card_key *k)
{
	struct crypto_cert *c = NULL;
	struct crypto_key *of = NULL;
	bool good = der.n && der.n <= CARD_WIRE_CERT_MAX && !crypto_cert_from_der(&c, der) && !crypto_cert_key(c, &of) &&
		    crypto_key_equal(of, k->public);

	crypto_key_free(of);
	crypto_cert_free(c);
	return good ? secret_set(&k->cert, der.p, der.n) : 0;
}

int card_wire_key_get(struct rd *r, struct card_key *k)
{
	uint8_t flags, nid, nlabel;
	uint16_t nspki, ncert;
	struct view spki, cert;

	if (rd_u8(r, &flags) || rd_u32(r, &k->schemes) || rd_u8(r, &nid) || counted(r, nid, sizeof(k->id), k->id) ||
	    rd_u8(r, &nlabel) || counted(r, nlabel, sizeof(k->label) - 1, k->label) || rd_u16(r, &nspki) ||
	    rd_view(r, nspki, &spki) || rd_u16(r, &ncert) || rd_view(r, ncert, &cert) || rd_left(r))
		return -1;
	k->seen = flags & FLAG_SEEN;
	k->each = flags & FLAG_EACH;
	k->open = (flags & FLAG_OPEN) && !k->each;
	k->nid = nid;
	make_text(k->label, sizeof(k->label));
	return take_public(spki, k) || take_cert(cert, k) ? -1 : 0;
}

/* Memory that is no bool must not be read as one. */
static bool make_bool(bool *b)
{
	uint8_t byte;

	memcpy(&byte, b, 1);
	if (byte > 1)
		return false;
	*b = byte;
	return true;
}

int card_wire_token_get(struct view body, struct card_token *t)
{
	if (body.n != sizeof(*t))
		return -1;
	memcpy(t, body.p, sizeof(*t));
	if (!make_bool(&t->login) || !make_bool(&t->pad) || t->tries < -1 || t->tries > UINT8_MAX)
		return -1;
	make_text(t->label, sizeof(t->label));
	make_text(t->manufacturer, sizeof(t->manufacturer));
	make_text(t->model, sizeof(t->model));
	make_text(t->serial, sizeof(t->serial));
	make_text(t->reader, sizeof(t->reader));
	return 0;
}

int card_wire_done_get(struct view body, struct card_wire_done *d)
{
	if (body.n != sizeof(*d))
		return -1;
	memcpy(d, body.p, sizeof(*d));
	make_text(d->why, sizeof(d->why));
	return d->error > 0 || d->error < CARD_ADMIN_BLOCKED ? -1 : 0;
}

int card_wire_readers_get(struct view body, struct card_wire_reader *out, unsigned *n)
{
	unsigned room = *n;

	*n = 0;
	if (body.n % sizeof(*out) || body.n / sizeof(*out) > room)
		return -1;
	*n = (unsigned)(body.n / sizeof(*out));
	if (body.n)
		memcpy(out, body.p, body.n);
	for (unsigned i = 0; i < *n; i++)
		if (!out[i].name[0] || !memchr(out[i].name, 0, sizeof(out[i].name)))
			return -1;
	return 0;
}

const struct crypto_sig *card_wire_scheme(unsigned n)
{
	const struct crypto_sig *s = NULL;

	do
		s = crypto_sig_next(s);
	while (s && n--);
	return s;
}

unsigned card_wire_scheme_number(const struct crypto_sig *s)
{
	const struct crypto_sig *other = NULL;
	unsigned n = 0;

	while ((other = crypto_sig_next(other)) && other != s)
		n++;
	return n;
}
