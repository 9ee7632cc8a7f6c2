// SPDX-License-Identifier: MIT
// The native driver with the cards of tests/card, without pcscd: names, PINs, keys, signatures, others beside us, enrolment.
#define CARD_DRIVER card_driver_native
#include "tests/unit/test_card_inside.h"

#include "keyd/card/uri.h"
#include "tests/unit/card_all.h"
#include "tests/unit/card_pcsc.h"

#include <openssl/evp.h>
#include <zlib.h>

#define PIN CARD_ALL_PIN
#define ADMIN CARD_ALL_ADMIN
#define MANAGER CARD_ALL_MANAGER

static struct card *opened(void)
{
	return open_module(MOCK_READER);
}

static void closed(struct card *c)
{
	d->close(c);
	assert_int_equal(mock_pcsc.contexts, 0);
	assert_int_equal(mock_pcsc.handles, 0);
	assert_int_equal(mock_pcsc.transactions, 0);
}

static void put_key(const char *app, const char *slot, const char *kind, const char *cn)
{
	if (cn)
		assert_int_equal(mock_pcsc_certify(app, slot, kind, cn), 0);
	else
		mock_pcsc_key(app, slot, kind);
}

static struct card_keys *keys_of(struct card *c, const struct card_token *t)
{
	struct card_keys *keys = calloc(1, sizeof(*keys));
	int r = d->keys(c, t, keys);

	if (r)
		fail_msg("%s: %s", card_strerror(r), d->error(c));
	return keys;
}

static void keys_end(struct card_keys *keys)
{
	card_keys_free(keys);
	free(keys);
}

static const struct card_key *key_of(const struct card_keys *keys, uint8_t id)
{
	for (unsigned i = 0; i < keys->n; i++)
		if (keys->key[i].nid == 1 && keys->key[i].id[0] == id)
			return &keys->key[i];
	fail_msg("there is no key %02x", id);
	return NULL;
}

static int login(struct card *c, const struct card_token *t, const char *pin)
{
	return d->login(c, t, text(pin));
}

/* Names are those that OpenSC 0.23 gives the same cards, so URIs are, too (tests/build/test_card_native.sh asks it). */
static void cards_are_named_as_others_name_them(void **state)
{
	static const struct {
		bool openpgp, piv;
		unsigned n;
	} rows[] = { { false, false, 0 }, { true, false, 1 }, { false, true, 1 }, { true, true, 2 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct card_token t[CARD_TOKENS_MAX] = { 0 };
		unsigned n = CARD_TOKENS_MAX;
		struct card *c;
		char uri[CARD_URI_MAX];

		mock_pcsc_new(rows[i].openpgp, rows[i].piv, true);
		c = opened();
		assert_int_equal(d->tokens(c, t, &n), 0);
		assert_int_equal(n, rows[i].n);
		if (rows[i].openpgp)
			assert_string_equal(card_uri_format(&t[0], NULL, uri, sizeof(uri)),
					    "pkcs11:model=PKCS%2315%20emulated;manufacturer=OpenPGP%20project;serial=fffe00000007;"
					    "token=OpenPGP%20card%20%28User%20PIN%29");
		if (rows[i].piv)
			assert_string_equal(card_uri_format(&t[n - 1], NULL, uri, sizeof(uri)),
					    "pkcs11:model=PKCS%2315%20emulated;manufacturer=piv_II;serial=8000000000000007;token=PIV_II");
		for (unsigned j = 0; j < n; j++) {
			assert_true(t[j].login && !t[j].pad);
			assert_int_equal(t[j].tries, 3);
			assert_string_equal(t[j].reader, MOCK_READER);
			assert_int_equal(d->check(c, &t[j]), 0);
		}
		/* Nobody is logged in: the card is free for whoever wants it for himself. */
		assert_int_equal(mock_pcsc.handles, 0);
		closed(c);
	}
}

static void a_piv_card_is_called_as_its_certificate_is(void **state)
{
	struct card *c;
	struct card_token t;

	(void)state;
	mock_pcsc_new(false, true, true);
	put_key("piv", "9c", "p256", "nine c, and this is too long for PKCS#11");
	c = opened();
	t = only_token(c);
	assert_string_equal(t.label, "nine c, and this is too long for");
	put_key("piv", "9a", "p256", "nine a");
	t = only_token(c);
	assert_string_equal(t.label, "nine a");
	closed(c);
}

static void every_key_signs_with_every_scheme(void **state)
{
	static const struct {
		const char *app, *slot, *kind;
		uint8_t id;
		unsigned schemes;
		const char *label;
	} rows[] = {
		{ "openpgp", "auth", "rsa2048", 3, 6, "Authentication key" },
		{ "openpgp", "auth", "rsa3072", 3, 6, "Authentication key" },
		{ "openpgp", "auth", "p256", 3, 5, "Authentication key" },
		{ "openpgp", "auth", "p384", 3, 5, "Authentication key" },
		{ "openpgp", "auth", "p521", 3, 5, "Authentication key" },
		{ "openpgp", "auth", "ed25519", 3, 1, "Authentication key" },
		{ "openpgp", "decrypt", "p256", 2, 0, "Encryption key" },
		{ "piv", "9a", "rsa2048", 1, 9, "PIV AUTH key" },
		{ "piv", "9a", "rsa3072", 1, 9, "PIV AUTH key" },
		{ "piv", "9a", "p256", 1, 5, "PIV AUTH key" },
		{ "piv", "9a", "p384", 1, 5, "PIV AUTH key" },
		{ "piv", "9e", "p256", 4, 5, "CARD AUTH key" },
		{ "piv", "9d", "rsa2048", 3, 0, "KEY MAN key" },
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(*rows); i++) {
		const struct card_key *k;
		struct card_keys *keys;
		struct card_token t;
		struct card *c;
		bool extended = i & 1, t0 = i & 2;

		mock_pcsc_new(!strcmp(rows[i / 2].app, "openpgp"), !strcmp(rows[i / 2].app, "piv"), extended);
		mock_pcsc.t0 = t0 && !extended;
		put_key(rows[i / 2].app, rows[i / 2].slot, rows[i / 2].kind, "gate");
		c = opened();
		t = only_token(c);
		keys = keys_of(c, &t);
		assert_int_equal(keys->n, 1);
		k = key_of(keys, rows[i / 2].id);
		assert_string_equal(k->label, rows[i / 2].label);
		assert_true(k->seen && !k->each);
		assert_int_equal(k->open, !strcmp(rows[i / 2].slot, "9e"));
		assert_true(k->cert.n > 0);
		if (strcmp(rows[i / 2].slot, "9e"))
			assert_int_equal(sign(c, &t, k, crypto_key_type(k->public) == CRYPTO_KEY_RSA ? "rsa-sha256" :
					      crypto_key_type(k->public) == CRYPTO_KEY_EC ? "ecdsa-sha256" : "ed25519", ""),
					 rows[i / 2].schemes ? CARD_LOCKED : CARD_NO_KEY);
		else
			assert_int_equal(sign(c, &t, k, "ecdsa-sha256", ""), 0);
		assert_int_equal(login(c, &t, PIN), 0);
		assert_int_equal(sign_all(c, &t, k), rows[i / 2].schemes);
		keys_end(keys);
		if (!extended)
			assert_in_range(mock_pcsc.wrote, 1, 261);
		closed(c);
	}
}

static void wrong_pins_are_told_and_counted(void **state)
{
	static const char *const apps[] = { "openpgp", "piv" };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct card *c;
		struct card_token t;

		mock_pcsc_new(!i, i, true);
		put_key(apps[i], i ? "9a" : "auth", "p256", NULL);
		c = opened();
		t = only_token(c);
		/* What is no PIN of such a card is not shown to it. */
		assert_int_equal(login(c, &t, i ? "123456789" : "12345"), CARD_PIN_WRONG);
		assert_int_equal(login(c, &t, ""), CARD_PIN_UNUSED);
		assert_int_equal(mock_pcsc_tries(apps[i], "user"), 3);
		for (int left = 2; left >= 0; left--) {
			assert_int_equal(login(c, &t, "654321"), CARD_PIN_WRONG);
			assert_int_equal(mock_pcsc_tries(apps[i], "user"), left);
			for (int j = 0; j < 5; j++)
				assert_int_equal(d->check(c, &t), 0);
			assert_int_equal(t.tries, left);
			assert_int_equal(only_token(c).tries, left);
		}
		assert_int_equal(login(c, &t, PIN), CARD_PIN_BLOCKED);
		closed(c);
	}
}

/* A look at the card while it is unlocked does not lock it, and the right PIN brings the tries back. */
static void logins_last(void **state)
{
	static const char *const apps[] = { "openpgp", "piv" };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct card *c;
		struct card_token t;
		struct card_keys *keys;
		unsigned before;

		mock_pcsc_new(!i, i, true);
		put_key(apps[i], i ? "9a" : "auth", "p256", "gate");
		c = opened();
		t = only_token(c);
		keys = keys_of(c, &t);
		assert_int_equal(login(c, &t, "654321"), CARD_PIN_WRONG);
		assert_int_equal(login(c, &t, PIN), 0);
		assert_int_equal(mock_pcsc_tries(apps[i], "user"), 3);
		assert_int_equal(mock_pcsc.handles, 1);
		for (int j = 0; j < 100; j++) {
			assert_int_equal(sign(c, &t, &keys->key[0], "ecdsa256", ""), 0);
			if (j % 3 == 0)
				assert_int_equal(d->check(c, &t), 0);
			if (j % 7 == 0)
				only_token(c);
			if (j % 11 == 0) {
				keys_end(keys);
				keys = keys_of(c, &t);
			}
			assert_int_equal(mock_pcsc.contexts, 1);
			assert_int_equal(mock_pcsc.handles, 1);
		}
		before = mock_pcsc.count;
		assert_int_equal(sign(c, &t, &keys->key[0], "ecdsa256", ""), 0);
		assert_int_equal(mock_pcsc.count, before + 1);
		assert_int_equal(d->logout(c, &t), 0);
		assert_int_equal(mock_pcsc.handles, 0);
		assert_int_equal(sign(c, &t, &keys->key[0], "ecdsa256", ""), CARD_LOCKED);
		assert_int_equal(d->logout(c, &t), 0);
		keys_end(keys);
		closed(c);
	}
}

static void keys_that_want_the_pin_each_time_get_it(void **state)
{
	static const uint8_t once = 1;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct card *c;
		struct card_token t;
		struct card_keys *keys;
		const struct card_key *k;

		mock_pcsc_new(!i, i, true);
		put_key(i ? "piv" : "openpgp", i ? "9c" : "sign", "p256", "gate");
		c = opened();
		t = only_token(c);
		keys = keys_of(c, &t);
		k = key_of(keys, i ? 2 : 1);
		assert_true(k->each);
		assert_int_equal(sign(c, &t, k, "ecdsa256", PIN), 0);
		/* That was for one signature. */
		assert_int_equal(mock_pcsc.handles, 0);
		assert_int_equal(login(c, &t, PIN), 0);
		assert_int_equal(sign(c, &t, k, "ecdsa256", ""), CARD_LOCKED);
		for (int j = 0; j < 3; j++)
			assert_int_equal(sign(c, &t, k, "ecdsa256", PIN), 0);
		assert_int_equal(sign(c, &t, k, "ecdsa256", "654321"), CARD_PIN_WRONG);
		assert_int_equal(mock_pcsc_tries(i ? "piv" : "openpgp", "user"), 2);
		keys_end(keys);
		closed(c);
	}
	/* An OpenPGP card may say that it does not. */
	mock_pcsc_new(true, false, true);
	put_key("openpgp", "sign", "p256", "gate");
	mock_pcsc_object_set("openpgp", 0xc4, (struct view){ &once, 1 });
	struct card *c = opened();
	struct card_token t = only_token(c);
	struct card_keys *keys = keys_of(c, &t);

	assert_false(keys->key[0].each);
	assert_int_equal(login(c, &t, PIN), 0);
	for (int j = 0; j < 3; j++)
		assert_int_equal(sign(c, &t, &keys->key[0], "ecdsa256", ""), 0);
	keys_end(keys);
	closed(c);
}

/* Another program resets the card, or selects the other application, between our commands. */
static void others_may_use_the_card_too(void **state)
{
	static const uint8_t piv[] = { 0, 0xa4, 4, 0, 5, 0xa0, 0, 0, 3, 8, 0 };
	static const uint8_t openpgp[] = { 0, 0xa4, 4, 0, 6, 0xd2, 0x76, 0, 1, 0x24, 1, 0 };
	static const uint8_t nothing[] = { 0, 0xa4, 4, 0, 2, 0xff, 0xff };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct card *c;
		struct card_token t[2];
		unsigned n = 2;
		struct card_keys *keys;

		mock_pcsc_new(true, true, true);
		put_key("openpgp", "auth", "rsa2048", "gate");
		put_key("piv", "9a", "p256", "gate");
		c = opened();
		assert_int_equal(d->tokens(c, t, &n), 0);
		assert_int_equal(n, 2);
		keys = keys_of(c, &t[i]);
		for (int j = 0; j < 4; j++) {
			const char *scheme = i ? "ecdsa256" : "rsa-sha256";

			assert_int_equal(login(c, &t[i], PIN), 0);
			assert_int_equal(sign(c, &t[i], &keys->key[0], scheme, ""), 0);
			if (j == 0)
				mock_pcsc.was_reset = true;
			else if (j == 1)
				assert_int_equal(mock_pcsc_other(i ? openpgp : piv, i ? sizeof(openpgp) : sizeof(piv)), 0x9000);
			else
				assert_int_equal(mock_pcsc_other(nothing, sizeof(nothing)), 0x6a82);
			if (j == 0)
				mock_pcsc_push();
			if (j == 3) {
				/* It has been looked at by us meanwhile, both applications of it. */
				n = 2;
				assert_int_equal(d->tokens(c, t, &n), 0);
				assert_int_equal(n, 2);
			}
			assert_int_equal(sign(c, &t[i], &keys->key[0], scheme, ""), j < 2 ? CARD_LOCKED : 0);
			assert_int_equal(mock_pcsc_tries(i ? "piv" : "openpgp", "user"), 3);
		}
		/* We use both ourselves. */
		for (int j = 0; j < 4; j++) {
			assert_int_equal(login(c, &t[j & 1], PIN), 0);
			assert_int_equal(d->check(c, &t[!(j & 1)]), 0);
		}
		keys_end(keys);
		closed(c);
	}
}

static void what_is_wrong_with_pcscd_and_cards_is_told(void **state)
{
	struct card *c;
	struct card_token t, later;
	struct card_keys *keys;
	unsigned n = 2;

	(void)state;
	mock_pcsc_new(true, false, true);
	put_key("openpgp", "auth", "p256", NULL);
	c = opened();
	t = later = only_token(c);
	keys = keys_of(c, &t);
	mock_pcsc.exclusive = true;
	assert_int_equal(d->check(c, &later), CARD_BROKEN);
	assert_non_null(strstr(d->error(c), "another program holds the card exclusively (scdaemon without pcsc-shared?)"));
	assert_int_equal(login(c, &t, PIN), CARD_PIN_UNUSED);
	mock_pcsc.exclusive = false;
	assert_int_equal(login(c, &t, PIN), 0);
	mock_pcsc_pull();
	assert_int_equal(sign(c, &t, &keys->key[0], "ecdsa256", ""), CARD_GONE);
	assert_int_equal(d->tokens(c, &later, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(d->check(c, &later), CARD_GONE);
	assert_int_equal(d->logout(c, &t), 0);
	mock_pcsc_push();
	assert_int_equal(d->check(c, &later), 0);
	assert_int_equal(sign(c, &t, &keys->key[0], "ecdsa256", ""), CARD_LOCKED);
	assert_int_equal(login(c, &t, PIN), 0);
	mock_pcsc.reader = false;
	assert_int_equal(sign(c, &t, &keys->key[0], "ecdsa256", ""), CARD_GONE);
	mock_pcsc.reader = true;
	assert_int_equal(login(c, &t, PIN), 0);
	mock_pcsc.service = false;
	n = 2;
	assert_int_equal(d->tokens(c, &later, &n), CARD_BROKEN);
	assert_int_equal(n, 0);
	assert_non_null(strstr(d->error(c), "pcscd is not running"));
	assert_int_equal(sign(c, &t, &keys->key[0], "ecdsa256", ""), CARD_BROKEN);
	assert_int_equal(d->reset(c), CARD_BROKEN);
	mock_pcsc.service = true;
	assert_int_equal(d->reset(c), 0);
	assert_int_equal(sign(c, &t, &keys->key[0], "ecdsa256", ""), CARD_LOCKED);
	assert_int_equal(login(c, &t, PIN), 0);
	assert_int_equal(d->reset(c), 0);
	assert_int_equal(sign(c, &t, &keys->key[0], "ecdsa256", ""), CARD_LOCKED);
	/* A card of the same kind, but another one. */
	later.serial[0] = 'e';
	assert_int_equal(d->check(c, &later), CARD_GONE);
	assert_int_equal(login(c, &later, "654321"), CARD_PIN_UNUSED);
	assert_int_equal(mock_pcsc_tries("openpgp", "user"), 3);
	keys_end(keys);
	closed(c);
	c = open_module("No such reader");
	n = 2;
	assert_int_equal(d->tokens(c, &later, &n), 0);
	assert_int_equal(n, 0);
	closed(c);
}

static int generate(struct card *c, const struct card_token *t, uint8_t id, enum crypto_key_type type, unsigned bits,
		    const char *admin, bool replace, struct card_key *out)
{
	struct card_make how = { .type = type, .bits = bits, .id = { id }, .nid = id != 0, .admin = text(admin), .replace = replace };

	return d->generate(c, t, &how, out);
}

/* From an empty card to a key that signs, with its certificate. */
static void keys_are_made_and_certified(void **state)
{
	static const struct {
		bool piv;
		uint8_t id, made;
		enum crypto_key_type type;
		unsigned bits;
		const char *scheme;
	} rows[] = {
		{ false, 0, 3, CRYPTO_KEY_EC, 256, "ecdsa256" }, { false, 3, 3, CRYPTO_KEY_RSA, 2048, "rsa-sha256" },
		{ false, 1, 1, CRYPTO_KEY_EC, 384, "ecdsa384" }, { true, 0, 1, CRYPTO_KEY_EC, 256, "ecdsa256" },
		{ true, 2, 2, CRYPTO_KEY_RSA, 2048, "rsapss-sha256" }, { true, 4, 4, CRYPTO_KEY_EC, 384, "ecdsa384" },
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(*rows); i++) {
		size_t row = i / 2;
		const char *admin = rows[row].piv ? MANAGER : ADMIN;
		struct card_key k = { 0 }, again = { 0 };
		struct secret spki = { 0 };
		struct card_keys *keys;
		struct card_token t;
		struct card *c;
		uint8_t der[2048];
		size_t n = sizeof(der);

		mock_pcsc_new(!rows[row].piv, rows[row].piv, i & 1);
		c = opened();
		t = only_token(c);
		assert_int_equal(generate(c, &t, rows[row].id, rows[row].type, rows[row].bits,
					  rows[row].piv ? "00" : "87654321", false, &k), CARD_ADMIN_WRONG);
		assert_int_equal(generate(c, &t, rows[row].id, CRYPTO_KEY_ED448, 456, admin, false, &k),
				 CARD_UNSUPPORTED);
		assert_int_equal(generate(c, &t, 9, rows[row].type, rows[row].bits, admin, false, &k), CARD_NO_KEY);
		assert_int_equal(generate(c, &t, rows[row].id, rows[row].type, rows[row].bits, admin, false, &k), 0);
		assert_int_equal(k.id[0], rows[row].made);
		assert_int_equal(crypto_key_bits(k.public), rows[row].bits);
		/* Whoever was the administrator is so no more. */
		assert_int_equal(mock_pcsc_may_administrate(rows[row].piv ? "piv" : "openpgp"), 0);
		assert_int_equal(login(c, &t, PIN), 0);
		assert_int_equal(sign(c, &t, &k, rows[row].scheme, k.each ? PIN : ""), 0);
		assert_int_equal(generate(c, &t, rows[row].id, rows[row].type, rows[row].bits, admin, false, &again),
				 CARD_KEY_THERE);
		assert_int_equal(crypto_key_spki(k.public, &spki), 0);
		assert_int_equal(mock_pcsc_make_cert(secret_view(&spki), "gate", der, &n), 0);
		assert_int_equal(d->store_cert(c, &t, &k, (struct view){ der, n },
					       text(rows[row].piv ? "ff" : "00000000")), CARD_ADMIN_WRONG);
		assert_int_equal(d->store_cert(c, &t, &k, (struct view){ der, n }, text(admin)), 0);
		keys = keys_of(c, &t);
		assert_int_equal(keys->n, 1);
		assert_memory_equal(keys->key[0].digest, k.digest, sizeof(k.digest));
		assert_int_equal(keys->key[0].cert.n, n);
		assert_memory_equal(keys->key[0].cert.p, der, n);
		assert_true(keys->key[0].schemes == k.schemes && keys->key[0].each == k.each && keys->key[0].seen);
		keys_end(keys);
		assert_int_equal(generate(c, &t, rows[row].id, rows[row].type, rows[row].bits, admin, false, &again),
				 CARD_KEY_THERE);
		assert_int_equal(generate(c, &t, rows[row].id, rows[row].type, rows[row].bits, admin, true, &again), 0);
		assert_false(crypto_key_equal(again.public, k.public));
		keys = keys_of(c, &t);
		/* A PIV card tells a key by its certificate, which is gone. */
		assert_int_equal(keys->n, !rows[row].piv);
		if (keys->n)
			assert_int_equal(keys->key[0].cert.n, 0);
		keys_end(keys);
		secret_clear(&spki);
		card_key_free(&k);
		card_key_free(&again);
		closed(c);
	}
}

static void the_administrator_has_other_ciphers_too(void **state)
{
	static const char *const keys[] = {
		"01:02:03:04:05:06:07:08:01:02:03:04:05:06:07:08",
		"0102030405060708010203040506070801020304050607080102030405060708",
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct card_key k = { 0 };
		struct card_token t;
		struct card *c;

		mock_pcsc_new(false, true, true);
		c = opened();
		t = only_token(c);
		assert_int_equal(generate(c, &t, 1, CRYPTO_KEY_EC, 256, keys[i], false, &k), 0);
		card_key_free(&k);
		closed(c);
	}
}

static void certificates_may_be_compressed(void **state)
{
	uint8_t der[2048], packed[2048] = { 0 }, object[2048];
	size_t n = sizeof(der), at = 0;
	z_stream z = { .next_in = der };
	struct card_keys *keys;
	struct card_token t;
	struct card *c;

	(void)state;
	mock_pcsc_new(false, true, true);
	assert_int_equal(mock_pcsc_make_cert(mock_pcsc_key("piv", "9a", "rsa2048"), "gate", der, &n), 0);
	z.avail_in = (uInt)n;
	z.next_out = packed;
	z.avail_out = sizeof(packed);
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	object[at++] = 0x70;
	object[at++] = 0x82;
	object[at++] = (uint8_t)(z.total_out >> 8);
	object[at++] = (uint8_t)z.total_out;
	memcpy(object + at, packed, z.total_out);
	at += z.total_out;
	memcpy(object + at, "\x71\x01\x01\xfe", 5);
	mock_pcsc_object_set("piv", 0x5fc105, (struct view){ object, at + 5 });
	c = opened();
	t = only_token(c);
	assert_string_equal(t.label, "gate");
	keys = keys_of(c, &t);
	assert_int_equal(keys->n, 1);
	assert_int_equal(keys->key[0].cert.n, n);
	assert_memory_equal(keys->key[0].cert.p, der, n);
	keys_end(keys);
	/* Damaged: it is as if there were none. */
	object[60] ^= 0x55;
	object[61] ^= 0x55;
	mock_pcsc_object_set("piv", 0x5fc105, (struct view){ object, at + 5 });
	keys = keys_of(c, &t);
	assert_int_equal(keys->n, 0);
	keys_end(keys);
	closed(c);
}

/* Yubikeys that nobody has set up, say. */
static void a_card_without_a_number_stays_logged_in(void **state)
{
	static const uint8_t nothing[] = { 0, 0xa4, 4, 0, 2, 0xff, 0xff };
	struct card_keys *keys;
	struct card_token t;
	struct card *c;

	(void)state;
	mock_pcsc_new(false, true, true);
	put_key("piv", "9a", "p256", "gate");
	mock_pcsc_object_set("piv", 0x5fc102, (struct view){ 0 });
	c = opened();
	t = only_token(c);
	assert_string_equal(t.serial, "00000000");
	keys = keys_of(c, &t);
	assert_int_equal(login(c, &t, PIN), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(d->check(c, &t), 0);
		only_token(c);
		assert_int_equal(sign(c, &t, &keys->key[0], "ecdsa256", ""), 0);
		assert_int_equal(mock_pcsc.handles, 1);
		mock_pcsc_other(nothing, sizeof(nothing));
	}
	keys_end(keys);
	closed(c);
}

static uint8_t metadata[] = "\x01\x01\x11\x02\x02\x03\x01\x03\x01\x01\x04\x43\x86\x41"
			    "the point, which is 65 bytes long and comes here ................";
#define METADATA_HEAD 14
#define POINT 65

/* Yubikeys tell what key is in a slot: 9C alone here. */
static void tell_metadata(unsigned n, struct view command, uint8_t *answer, size_t *nanswer)
{
	(void)n;
	if (command.p[1] != 0xf7 || command.p[3] != 0x9c)
		return;
	memcpy(answer, metadata, METADATA_HEAD + POINT);
	memcpy(answer + METADATA_HEAD + POINT, "\x90\x00", 2);
	*nanswer = METADATA_HEAD + POINT + 2;
}

static void a_card_that_tells_its_keys_needs_no_certificate(void **state)
{
	struct card_keys *keys;
	struct card_token t;
	struct card *c;
	struct view spki;

	(void)state;
	mock_pcsc_new(false, true, true);
	spki = mock_pcsc_key("piv", "9c", "p256");
	memcpy(metadata + METADATA_HEAD, spki.p + spki.n - POINT, POINT);
	c = opened();
	t = only_token(c);
	keys = keys_of(c, &t);
	assert_int_equal(keys->n, 0);
	keys_end(keys);
	mock_pcsc.spoil = tell_metadata;
	for (int policy = 1; policy <= 3; policy++) {
		metadata[5] = (uint8_t)policy;
		keys = keys_of(c, &t);
		assert_int_equal(keys->n, 1);
		assert_int_equal(keys->key[0].id[0], 2);
		assert_int_equal(keys->key[0].each, policy == 3);
		assert_int_equal(keys->key[0].open, policy == 1);
		assert_int_equal(keys->key[0].cert.n, 0);
		if (policy == 3)
			assert_int_equal(sign(c, &t, &keys->key[0], "ecdsa256", PIN), 0);
		keys_end(keys);
	}
	metadata[METADATA_HEAD + 5] ^= 1;
	keys = calloc(1, sizeof(*keys));
	assert_int_equal(d->keys(c, &t, keys), CARD_BROKEN);
	assert_string_equal(d->error(c), "GET METADATA: the card's answer makes no sense");
	keys_end(keys);
	closed(c);
}

static uint8_t kdf[] = "\xf9\x2a\x81\x01\x03\x82\x01\x08\x83\x04\x00\x00\x80\x00\x84\x08SALTUSER\x85\x08SALTRSET\x86\x08SALTADMN";
#define KDF_HASH 7
#define KDF_COUNT 10

/* It wants its PINs as hashes, and would take ours for wrong ones. */
static void want_hashes(unsigned n, struct view command, uint8_t *answer, size_t *nanswer)
{
	(void)n;
	if (command.p[1] == 0xca && command.p[3] == 0x6e) {
		uint8_t *capabilities = memmem(answer, *nanswer, "\xc0\x0a", 2);

		if (capabilities)
			capabilities[2 + 9] = 1;
	} else if (command.p[1] == 0xca && command.p[3] == 0xf9) {
		memcpy(answer, kdf, sizeof(kdf) - 1);
		memcpy(answer + sizeof(kdf) - 1, "\x90\x00", 2);
		*nanswer = sizeof(kdf) + 1;
	}
}

/* As RFC 4880 says it, byte for byte. */
static void set_hash(const char *name, const char *salt, const char *pin)
{
	const EVP_MD *md = kdf[KDF_HASH] == 8 ? EVP_sha256() : EVP_sha512();
	uint32_t count = (uint32_t)kdf[KDF_COUNT] << 24 | (uint32_t)kdf[KDF_COUNT + 1] << 16 | (uint32_t)kdf[KDF_COUNT + 2] << 8;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t sum[EVP_MAX_MD_SIZE];
	char unit[64];
	unsigned n;
	size_t len;

	snprintf(unit, sizeof(unit), "%s%s", salt, pin);
	len = strlen(unit);
	EVP_DigestInit_ex(ctx, md, NULL);
	for (uint32_t i = 0; i < (count < len ? len : count); i++)
		EVP_DigestUpdate(ctx, &unit[i % len], 1);
	EVP_DigestFinal_ex(ctx, sum, &n);
	EVP_MD_CTX_free(ctx);
	assert_int_equal(mock_pcsc_pin_set("openpgp", name, (struct view){ sum, n }), 0);
}

static void pins_go_as_hashes_where_they_are_wanted_so(void **state)
{
	static const struct {
		uint8_t hash, count[3];
	} rows[] = { { 8, { 0, 0, 0x80 } }, { 0x0a, { 0, 1, 0x23 } }, { 8, { 0, 0, 0 } } };
	struct card_key k = { 0 };
	struct card_token t;
	struct card *c;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		kdf[KDF_HASH] = rows[i].hash;
		memcpy(&kdf[KDF_COUNT], rows[i].count, 3);
		mock_pcsc_new(true, false, true);
		mock_pcsc.spoil = want_hashes;
		set_hash("user", "SALTUSER", PIN);
		set_hash("admin", "SALTADMN", ADMIN);
		c = opened();
		t = only_token(c);
		assert_int_equal(login(c, &t, "654321"), CARD_PIN_WRONG);
		assert_int_equal(login(c, &t, PIN), 0);
		assert_int_equal(generate(c, &t, 3, CRYPTO_KEY_EC, 256, ADMIN, false, &k), 0);
		card_key_free(&k);
		assert_int_equal(mock_pcsc_tries("openpgp", "user"), 3);
		assert_int_equal(mock_pcsc_tries("openpgp", "admin"), 3);
		closed(c);
	}
	/* What it does not know it does not try. */
	c = opened();
	t = only_token(c);
	kdf[KDF_HASH] = 2;
	assert_int_equal(login(c, &t, PIN), CARD_PIN_UNUSED);
	assert_non_null(strstr(d->error(c), "KDF-DO"));
	assert_int_equal(generate(c, &t, 1, CRYPTO_KEY_EC, 256, ADMIN, false, &k), CARD_UNSUPPORTED);
	assert_int_equal(mock_pcsc_tries("openpgp", "user"), 3);
	closed(c);
}

static int begin_all(void **state)
{
	(void)state;
	return crypto_init();
}

static int end_all(void **state)
{
	(void)state;
	mock_pcsc_free();
	crypto_exit();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cards_are_named_as_others_name_them),
		cmocka_unit_test(a_piv_card_is_called_as_its_certificate_is),
		cmocka_unit_test(every_key_signs_with_every_scheme),
		cmocka_unit_test(wrong_pins_are_told_and_counted),
		cmocka_unit_test(logins_last),
		cmocka_unit_test(keys_that_want_the_pin_each_time_get_it),
		cmocka_unit_test(others_may_use_the_card_too),
		cmocka_unit_test(what_is_wrong_with_pcscd_and_cards_is_told),
		cmocka_unit_test(keys_are_made_and_certified),
		cmocka_unit_test(the_administrator_has_other_ciphers_too),
		cmocka_unit_test(certificates_may_be_compressed),
		cmocka_unit_test(a_card_without_a_number_stays_logged_in),
		cmocka_unit_test(a_card_that_tells_its_keys_needs_no_certificate),
		cmocka_unit_test(pins_go_as_hashes_where_they_are_wanted_so),
	};

	return cmocka_run_group_tests_name("card_native", tests, begin_all, end_all);
}
