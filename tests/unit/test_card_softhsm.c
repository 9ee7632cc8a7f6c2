// SPDX-License-Identifier: MIT
// The PKCS#11 driver with SoftHSM, whose tokens are made by the tools that come with it and with OpenSC.
#include "tests/unit/test_card_inside.h"

#include "keyd/card/uri.h"
#include "keyd/crypto/csr.h"
#include "keyd/crypto/self_cert.h"

#include <fcntl.h>
#include <sys/wait.h>

#define MODULE "/usr/lib/softhsm/libsofthsm2.so"

/* Waits until it has ended; what it says is shown only when it fails. */
static int run(const char *const *argv)
{
	int status = -1, out;
	pid_t pid = fork();

	if (!pid) {
		out = open("/dev/null", O_WRONLY);
		dup2(out, 1);
		dup2(out, 2);
		unsetenv("LD_PRELOAD");
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define RUN(...) run((const char *const[]){ __VA_ARGS__, NULL })
#define TOOL(...) RUN("pkcs11-tool", "--module", MODULE, "--token-label", "gate", "--login", "--pin", "123456", __VA_ARGS__)

static int folder_begin(void **state)
{
	char path[PATH_MAX];
	FILE *f;

	(void)state;
	if (access(MODULE, R_OK) || crypto_init() || !mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/conf", folder);
	f = fopen(path, "w");
	if (!f)
		return -1;
	fprintf(f, "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n", folder);
	fclose(f);
	setenv("SOFTHSM2_CONF", path, 1);
	if (RUN("softhsm2-util", "--init-token", "--free", "--label", "gate", "--pin", "123456", "--so-pin", "87654321"))
		return -1;
	if (TOOL("--keypairgen", "--key-type", "rsa:2048", "--id", "01", "--label", "rsa") ||
	    TOOL("--keypairgen", "--key-type", "EC:prime256v1", "--id", "02", "--label", "p256") ||
	    TOOL("--keypairgen", "--key-type", "EC:secp384r1", "--id", "0304", "--label", "p384"))
		return -1;
	return 0;
}

static int all_end(void **state)
{
	crypto_exit();
	return folder_end(state);
}

static struct card_keys *keys_of(struct card *c, const struct card_token *t)
{
	struct card_keys *keys = calloc(1, sizeof(*keys));

	assert_int_equal(d->keys(c, t, keys), 0);
	return keys;
}

static void keys_end(struct card_keys *keys)
{
	card_keys_free(keys);
	free(keys);
}

/* A URI leads to its key, on the only token that is initialized. */
static const struct card_key *key_by(const struct card_keys *keys, const struct card_token *t, const char *uri)
{
	struct card_uri *u;
	const char *why;
	int i;

	assert_int_equal(card_uri_parse(&u, uri, &why), 0);
	assert_true(card_uri_fits_token(u, t));
	i = card_uri_choose(u, keys, NULL);
	card_uri_free(u);
	assert_true(i >= 0);
	return &keys->key[i];
}

static void every_key_signs_with_every_scheme(void **state)
{
	static const struct {
		const char *uri;
		unsigned schemes;
	} rows[] = {
		{ "pkcs11:token=gate;object=rsa", 9 },
		{ "pkcs11:token=gate;id=%02", 5 },
		{ "pkcs11:id=%03%04;type=private", 5 },
	};
	struct card *c = open_module(MODULE);
	struct card_token t = only_token(c);
	struct card_keys *before = keys_of(c, &t), *keys;

	(void)state;
	assert_string_equal(t.label, "gate");
	assert_int_equal(before->n, 3);		/* by their public halves */
	assert_int_equal(sign(c, &t, &before->key[0], "rsa-sha256", ""),
			 crypto_key_type(before->key[0].public) == CRYPTO_KEY_RSA ? CARD_LOCKED : CARD_NO_SCHEME);
	keys_end(before);
	assert_int_equal(d->login(c, &t, text("123456")), 0);
	keys = keys_of(c, &t);
	assert_int_equal(keys->n, 3);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct card_key *k = key_by(keys, &t, rows[i].uri);
		char uri[CARD_URI_MAX];

		assert_true(k->seen && !k->each);
		assert_int_equal(sign_all(c, &t, k), rows[i].schemes);
		assert_ptr_equal(key_by(keys, &t, card_uri_format(&t, k, uri, sizeof(uri))), k);
	}
	keys_end(keys);
	d->close(c);
}

static void wrong_pins_are_told(void **state)
{
	struct card *c = open_module(MODULE);
	struct card_token t = only_token(c);

	(void)state;
	assert_int_equal(t.tries, -1);
	assert_int_equal(d->login(c, &t, text("654321")), CARD_PIN_WRONG);
	assert_int_equal(d->check(c, &t), 0);
	assert_int_equal(t.tries, 2);
	assert_int_equal(d->login(c, &t, text("1")), CARD_PIN_WRONG);
	assert_int_equal(d->login(c, &t, text("123456")), 0);
	assert_int_equal(d->check(c, &t), 0);
	assert_int_equal(t.tries, -1);
	d->close(c);
}

static void it_is_logged_in_and_out_and_reset(void **state)
{
	struct card *c = open_module(MODULE);
	struct card_token t = only_token(c);
	struct card_keys *keys = keys_of(c, &t);
	const struct card_key *k = key_by(keys, &t, "pkcs11:object=p256");

	(void)state;
	for (int i = 0; i < 100; i++) {
		assert_int_equal(d->login(c, &t, text("123456")), 0);
		assert_int_equal(sign(c, &t, k, "ecdsa256", ""), 0);
		if (i % 10)
			assert_int_equal(d->logout(c, &t), 0);
		else
			assert_int_equal(d->reset(c), 0);
		assert_int_equal(sign(c, &t, k, "ecdsa256", ""), CARD_LOCKED);
	}
	keys_end(keys);
	d->close(c);
}

/* Another program uses the token, and ends, meanwhile. */
static void others_may_use_it_too(void **state)
{
	struct card *c = open_module(MODULE);
	struct card_token t = only_token(c);
	struct card_keys *keys = keys_of(c, &t);
	const struct card_key *k = key_by(keys, &t, "pkcs11:object=p256");

	(void)state;
	assert_int_equal(d->login(c, &t, text("123456")), 0);
	assert_int_equal(sign(c, &t, k, "ecdsa256", ""), 0);
	assert_int_equal(TOOL("--list-objects"), 0);
	assert_int_equal(TOOL("--keypairgen", "--key-type", "EC:prime256v1", "--id", "09", "--label", "late"), 0);
	assert_int_equal(sign(c, &t, k, "ecdsa256", ""), 0);
	keys_end(keys);
	keys = keys_of(c, &t);
	assert_int_equal(keys->n, 4);
	key_by(keys, &t, "pkcs11:object=late");
	keys_end(keys);
	d->close(c);
}

/* Out of a new token's key to a certificate of it, signed by nobody of importance. */
static void cert_of(struct card *c, const struct card_token *t, const struct card_key *k, struct secret *der)
{
	static const uint8_t dn[] = "\x30\x0f\x31\x0d\x30\x0b\x06\x03\x55\x04\x03\x0c\x04gate";
	const struct crypto_sig *s = crypto_csr_scheme(k->public, k->schemes);
	uint8_t signature[CRYPTO_SIG_MAX];
	size_t n = sizeof(signature);
	struct crypto_self_cert *self;
	struct view octets;

	assert_non_null(s);
	assert_int_equal(crypto_self_cert_new(&self, k->public, s, (struct view){ dn, sizeof(dn) - 1 }), 0);
	octets = crypto_self_cert_octets(self);
	assert_int_equal(d->sign(c, t, k, s, &octets, 1, text(""), signature, &n), 0);
	assert_int_equal(crypto_self_cert_finish(self, (struct view){ signature, n }, der), 0);
	crypto_self_cert_free(self);
}

static const struct card_key *by_digest(const struct card_keys *keys, const uint8_t *digest)
{
	for (unsigned i = 0; i < keys->n; i++)
		if (!memcmp(keys->key[i].digest, digest, CRYPTO_DIGEST_LEN))
			return &keys->key[i];
	return NULL;
}

static void keys_are_made_and_certified(void **state)
{
	static const struct card_make kinds[] = {
		{ .type = CRYPTO_KEY_RSA, .bits = 2048, .id = { 0x21 }, .nid = 1, .label = "made" },
		{ .type = CRYPTO_KEY_EC, .bits = 256, .id = { 0x21, 0x22 }, .nid = 2, .label = "made" },
		{ .type = CRYPTO_KEY_EC, .bits = 384 },
		{ .type = CRYPTO_KEY_EC, .bits = 521, .label = "made" },
	};
	struct card *c = open_module(MODULE);
	struct card_token t = only_token(c);
	struct card_key k = { 0 };

	(void)state;
	assert_int_equal(d->generate(c, &t, &kinds[1], &k), CARD_LOCKED);
	assert_int_equal(d->login(c, &t, text("123456")), 0);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		struct secret first = { 0 }, second = { 0 };
		struct card_keys *keys;
		const struct card_key *seen;

		assert_int_equal(d->generate(c, &t, &kinds[i], &k), 0);
		assert_int_equal(crypto_key_bits(k.public), kinds[i].bits);
		assert_true(k.seen && k.schemes && k.nid);
		if (kinds[i].nid)
			assert_memory_equal(k.id, kinds[i].id, kinds[i].nid);
		cert_of(c, &t, &k, &first);
		cert_of(c, &t, &k, &second);
		assert_int_equal(d->store_cert(c, &t, &k, secret_view(&first), text("")), 0);
		assert_int_equal(d->store_cert(c, &t, &k, secret_view(&second), text("")), 0);
		keys = keys_of(c, &t);
		seen = by_digest(keys, k.digest);
		assert_non_null(seen);		/* the second one, and no other */
		assert_true(secret_equal(secret_view(&seen->cert), secret_view(&second)));
		keys_end(keys);
		secret_clear(&first);
		secret_clear(&second);
		card_key_free(&k);
	}
	d->close(c);
}

static void a_key_is_replaced_only_if_that_is_wanted(void **state)
{
	struct card_make how = { .type = CRYPTO_KEY_EC, .bits = 256, .id = { 0x31 }, .nid = 1, .label = "replaced" };
	struct card *c = open_module(MODULE);
	struct card_token t = only_token(c);
	struct card_key first = { 0 }, second = { 0 };
	struct secret cert = { 0 };
	struct card_keys *keys;

	(void)state;
	assert_int_equal(d->login(c, &t, text("123456")), 0);
	assert_int_equal(d->generate(c, &t, &how, &first), 0);
	cert_of(c, &t, &first, &cert);
	assert_int_equal(d->store_cert(c, &t, &first, secret_view(&cert), text("")), 0);
	assert_int_equal(d->generate(c, &t, &how, &second), CARD_KEY_THERE);
	how.bits = 192;
	how.replace = true;
	assert_int_equal(d->generate(c, &t, &how, &second), CARD_NO_SCHEME);
	keys = keys_of(c, &t);			/* what cannot be replaced is kept */
	assert_non_null(by_digest(keys, first.digest));
	keys_end(keys);
	how.bits = 256;
	assert_int_equal(d->generate(c, &t, &how, &second), 0);
	assert_memory_not_equal(first.digest, second.digest, CRYPTO_DIGEST_LEN);
	keys = keys_of(c, &t);
	assert_null(by_digest(keys, first.digest));
	assert_int_equal(by_digest(keys, second.digest)->cert.n, 0);
	keys_end(keys);
	assert_int_equal(d->logout(c, &t), 0);
	assert_int_equal(d->store_cert(c, &t, &second, secret_view(&cert), text("")), CARD_LOCKED);
	secret_clear(&cert);
	card_key_free(&first);
	card_key_free(&second);
	d->close(c);
}

static void it_has_no_events(void **state)
{
	struct card *c = open_module(MODULE);

	(void)state;
	assert_int_equal(d->wait(c, true), CARD_UNSUPPORTED);
	d->close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_signs_with_every_scheme),
		cmocka_unit_test(wrong_pins_are_told),
		cmocka_unit_test(it_is_logged_in_and_out_and_reset),
		cmocka_unit_test(others_may_use_it_too),
		cmocka_unit_test(it_has_no_events),
		cmocka_unit_test(keys_are_made_and_certified),
		cmocka_unit_test(a_key_is_replaced_only_if_that_is_wanted),
	};

	return cmocka_run_group_tests_name("card_softhsm", tests, folder_begin, all_end);
}
