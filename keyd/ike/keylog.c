// SPDX-License-Identifier: MIT
// Lines for Wireshark's ikev2_decryption_table, ikev1_decryption_table and esp_sa (epan/dissectors/packet-isakmp.c, packet-ipsec.c of 4.0).
#include "keyd/ike/keylog.h"

#include "keyd/ike/version.h"

#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>

#define LINE_MAX_BYTES 1024

/*
 * What Wireshark calls an algorithm, to the letter: one word that it does not know makes it refuse the whole file. So
 * what its 4.0 does not know is written as a comment.
 */
static const struct {
	uint8_t kind;
	uint16_t id, key_bits;
	const char *ike, *esp;		/* NULL: not known */
	bool later;			/* esp: by versions after 4.0 */
} names[] = {
	{ CRYPTO_ENCR, 20, 128, "AES-GCM-128 with 16 octet ICV [RFC5282]", "AES-GCM with 16 octet ICV [RFC4106]", false },
	{ CRYPTO_ENCR, 20, 192, "AES-GCM-192 with 16 octet ICV [RFC5282]", "AES-GCM with 16 octet ICV [RFC4106]", false },
	{ CRYPTO_ENCR, 20, 256, "AES-GCM-256 with 16 octet ICV [RFC5282]", "AES-GCM with 16 octet ICV [RFC4106]", false },
	{ CRYPTO_ENCR, 19, 128, "AES-GCM-128 with 12 octet ICV [RFC5282]", "AES-GCM with 12 octet ICV [RFC4106]", false },
	{ CRYPTO_ENCR, 19, 192, "AES-GCM-192 with 12 octet ICV [RFC5282]", "AES-GCM with 12 octet ICV [RFC4106]", false },
	{ CRYPTO_ENCR, 19, 256, "AES-GCM-256 with 12 octet ICV [RFC5282]", "AES-GCM with 12 octet ICV [RFC4106]", false },
	{ CRYPTO_ENCR, 18, 128, "AES-GCM-128 with 8 octet ICV [RFC5282]", "AES-GCM with 8 octet ICV [RFC4106]", false },
	{ CRYPTO_ENCR, 18, 192, "AES-GCM-192 with 8 octet ICV [RFC5282]", "AES-GCM with 8 octet ICV [RFC4106]", false },
	{ CRYPTO_ENCR, 18, 256, "AES-GCM-256 with 8 octet ICV [RFC5282]", "AES-GCM with 8 octet ICV [RFC4106]", false },
	{ CRYPTO_ENCR, 12, 128, "AES-CBC-128 [RFC3602]", "AES-CBC [RFC3602]", false },
	{ CRYPTO_ENCR, 12, 192, "AES-CBC-192 [RFC3602]", "AES-CBC [RFC3602]", false },
	{ CRYPTO_ENCR, 12, 256, "AES-CBC-256 [RFC3602]", "AES-CBC [RFC3602]", false },
	{ CRYPTO_ENCR, 13, 128, "AES-CTR-128 [RFC5930]", "AES-CTR [RFC3686]", false },
	{ CRYPTO_ENCR, 13, 192, "AES-CTR-192 [RFC5930]", "AES-CTR [RFC3686]", false },
	{ CRYPTO_ENCR, 13, 256, "AES-CTR-256 [RFC5930]", "AES-CTR [RFC3686]", false },
	{ CRYPTO_ENCR, 28, 0, NULL, "ChaCha20 with Poly1305 [RFC7634]", true },
	{ CRYPTO_ENCR, 11, 0, NULL, "NULL", false },
	{ CRYPTO_ENCR, 3, 0, "3DES [RFC2451]", "TripleDES-CBC [RFC2451]", false },
	{ CRYPTO_INTEG, 1, 0, "HMAC_MD5_96 [RFC2403]", "HMAC-MD5-96 [RFC2403]", false },
	{ CRYPTO_INTEG, 2, 0, "HMAC_SHA1_96 [RFC2404]", "HMAC-SHA-1-96 [RFC2404]", false },
	{ CRYPTO_INTEG, 12, 0, "HMAC_SHA2_256_128 [RFC4868]", "HMAC-SHA-256-128 [RFC4868]", false },
	{ CRYPTO_INTEG, 13, 0, "HMAC_SHA2_384_192 [RFC4868]", "HMAC-SHA-384-192 [RFC4868]", false },
	{ CRYPTO_INTEG, 14, 0, "HMAC_SHA2_512_256 [RFC4868]", "HMAC-SHA-512-256 [RFC4868]", false },
};

#define NAMES (sizeof(names) / sizeof(names[0]))

/* The row of an algorithm, or NAMES. */
static size_t row_of(const struct crypto_alg *alg)
{
	size_t i = 0;

	while (i < NAMES && (names[i].kind != alg->kind || names[i].id != alg->ikev2_id ||
			     names[i].key_bits != alg->key_bits))
		i++;
	return i;
}

struct line {
	char s[LINE_MAX_BYTES];
	size_t n;
};

static void __attribute__((format(printf, 2, 3))) put(struct line *l, const char *fmt, ...)
{
	size_t room = sizeof(l->s) - l->n;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(l->s + l->n, room, fmt, ap);
	va_end(ap);
	l->n += n > 0 && (size_t)n < room ? (size_t)n : 0;
}

static void put_hex(struct line *l, struct view v)
{
	for (size_t i = 0; i < v.n; i++)
		put(l, "%02x", v.p[i]);
}

/* Gives the line away, and wipes it. */
static void give(const struct engine *e, enum engine_key_table table, struct line *l)
{
	put(l, "\n");
	e->hooks->keys(e->hooks_arg, table, l->s, l->n);
	secret_cleanse(l, sizeof(*l));
}

/* One key for both ways, found by the initiator's cookie: Wireshark knows the algorithms from the messages. */
static void one_key(const struct ike_sa *sa)
{
	struct view key = sa->version->key(sa);
	struct line l = { .n = 0 };

	if (!key.n)
		return;
	put_hex(&l, (struct view){ sa->spi_i, sizeof(sa->spi_i) });
	put(&l, ",");
	put_hex(&l, key);
	give(sa->e, ENGINE_KEYS_IKEV1, &l);
}

static void keys_of_ike(const struct ike_sa *sa)
{
	const struct ikev2_keys *k = &sa->keys;
	size_t encr = row_of(sa->suite.encr), integ = sa->suite.integ ? row_of(sa->suite.integ) : NAMES;
	bool known = encr < NAMES && names[encr].ike && (!sa->suite.integ || (integ < NAMES && names[integ].ike));
	struct line l = { .n = 0 };

	if (!known)
		put(&l, "# Wireshark has no word for %s: ", sa->suite.encr->name);
	put_hex(&l, (struct view){ sa->spi_i, sizeof(sa->spi_i) });
	put(&l, ",");
	put_hex(&l, (struct view){ sa->spi_r, sizeof(sa->spi_r) });
	put(&l, ",");
	put_hex(&l, secret_view(&k->sk_ei));
	put(&l, ",");
	put_hex(&l, secret_view(&k->sk_er));
	put(&l, ",\"%s\",", known ? names[encr].ike : sa->suite.encr->name);
	put_hex(&l, secret_view(&k->sk_ai));
	put(&l, ",");
	put_hex(&l, secret_view(&k->sk_ar));
	put(&l, ",\"%s\"", integ < NAMES && names[integ].ike ? names[integ].ike : "NONE [RFC4306]");
	give(sa->e, ENGINE_KEYS_IKE, &l);
}

void keylog_ike(const struct ike_sa *sa)
{
	if (!sa->e->keylog)
		return;
	if (sa->version->key)
		one_key(sa);
	else
		keys_of_ike(sa);
}

static void one_way(const struct child_sa *c, bool out, const struct secret *key, const struct secret *auth)
{
	const struct ipsec_addr *src = out ? &c->sa->local : &c->sa->remote, *dst = out ? &c->sa->remote : &c->sa->local;
	size_t encr = row_of(c->encr), integ = c->integ ? row_of(c->integ) : NAMES;
	bool known = encr < NAMES && names[encr].esp && (!c->integ || (integ < NAMES && names[integ].esp));
	char from[IPSEC_ADDR_STRLEN], to[IPSEC_ADDR_STRLEN];
	struct line l = { .n = 0 };

	if (!known || names[encr].later)
		put(&l, "# Wireshark 4.0 has no word for %s; a later one may take this: ", c->encr->name);
	put(&l, "\"%s\",\"%s\",\"%s\",\"0x%08x\",\"%s\",\"%s", src->family == AF_INET6 ? "IPv6" : "IPv4",
	    ipsec_addr_format(src, from, sizeof(from)), ipsec_addr_format(dst, to, sizeof(to)),
	    out ? c->spi_out : c->spi_in, known ? names[encr].esp : c->encr->name,
	    key->n ? "0x" : "");
	put_hex(&l, secret_view(key));
	put(&l, "\",\"%s\",\"", known && c->integ ? names[integ].esp : "NULL");
	if (c->integ) {
		put(&l, "0x");
		put_hex(&l, secret_view(auth));
	}
	put(&l, "\"");
	give(c->sa->e, ENGINE_KEYS_ESP, &l);
}

void keylog_child(const struct child_sa *c)
{
	if (!c->sa->e->keylog)
		return;
	one_way(c, true, &c->key_out, &c->auth_out);
	one_way(c, false, &c->key_in, &c->auth_in);
}

void engine_keylog(struct engine *e, bool on)
{
	bool begins = on && !e->keylog;

	e->keylog = on && e->hooks->keys;
	if (!begins || !e->keylog)
		return;
	list_each(sa, &e->sas, struct ike_sa, link)
		if (sa->state >= IKE_AUTH && sa->state < IKE_DEAD && (sa->version->key || sa->keys.sk_ei.n))
			keylog_ike(sa);
}
