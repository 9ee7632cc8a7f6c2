// SPDX-License-Identifier: MIT
// Keys on tokens in keyd.conf: what is read with and without having been seen, PINs, the dump, and what is said of mistakes.
#include "keyd/conf/id.h"
#include "keyd/conf/load.h"
#include "keyd/crypto/cert.h"
#include "keyd/crypto/hash.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define PEER "peer 192.0.2.1 { remote-key file %C/ed.pem; "
#define URI "pkcs11:token=gate;id=%01"

static char ca[PATH_MAX], here[] = "/tmp/test_conf_token.XXXXXX";
static char said[4096];

static void listen_to(const char *text, void *arg)
{
	size_t n = strlen(said);

	(void)arg;
	snprintf(said + n, sizeof(said) - n, "%s\n", text);
}

/* text with each %C replaced by the folder of the CA, in the file "k". */
static int load(struct conf *c, struct conf_secrets *s, const char *text, const struct conf_sights *seen)
{
	FILE *f = fopen("k", "w");

	for (; *text; text++)
		if (text[0] == '%' && text[1] == 'C')
			fputs(ca, f), text++;
		else
			putc(*text, f);
	fclose(f);
	chmod("k", 0600);
	*said = 0;
	return conf_load_seen(c, s, "k", seen, listen_to, NULL);
}

static void clear(struct conf *c, struct conf_secrets *s)
{
	conf_free(c);
	conf_secrets_free(s);
}

/* What a token with the certificate of the CA's "good" shows, for this URI. */
static void see(struct conf_sight *sight, const char *uri, bool cert)
{
	char name[PATH_MAX + 16];
	uint8_t buf[8192];
	struct crypto_cert *c = NULL;
	struct crypto_key *k = NULL;
	struct secret spki = { 0 };
	FILE *f;
	size_t n;

	snprintf(name, sizeof(name), "%s/good.crt", ca);
	f = fopen(name, "r");
	assert_non_null(f);
	n = fread(buf, 1, sizeof(buf), f);
	fclose(f);
	assert_int_equal(crypto_cert_from_der(&c, (struct view){ buf, n }), 0);
	assert_int_equal(crypto_cert_key(c, &k), 0);
	assert_int_equal(crypto_key_spki(k, &spki), 0);
	*sight = (struct conf_sight){ .nspki = (uint32_t)spki.n, .ncert = cert ? (uint32_t)n : 0 };
	assert_int_equal(crypto_sha256(&(struct view){ (const uint8_t *)uri, strlen(uri) }, 1, sight->uri.b), 0);
	sight->spki = malloc(spki.n);
	memcpy(sight->spki, spki.p, spki.n);
	sight->cert = malloc(n);
	memcpy(sight->cert, buf, n);
	secret_clear(&spki);
	crypto_key_free(k);
	crypto_cert_free(c);
}

static void forget(struct conf_sight *sight)
{
	free(sight->spki);
	free(sight->cert);
}

/* Nobody has seen the key: its handle is its URI's digest, and nothing more is known of it. */
static void test_unseen(void **state)
{
	struct conf c;
	struct conf_secrets s;
	uint8_t digest[CRYPTO_SHA256_LEN];

	(void)state;
	assert_int_equal(load(&c, &s, PEER "key " URI " }", NULL), 0);
	assert_string_equal(said, "");
	assert_int_equal(c.ntokens, 1);
	assert_string_equal(c.tokens[0].uri, URI);
	assert_int_equal(c.tokens[0].pin, CONF_PIN_ASK);
	assert_false(c.tokens[0].cert);
	assert_true(c.creds[0].token && c.creds[0].unseen);
	assert_int_equal(c.creds[0].nspki, 0);
	assert_int_equal(crypto_sha256(&(struct view){ (const uint8_t *)URI, strlen(URI) }, 1, digest), 0);
	assert_memory_equal(&c.peers[0].key, digest, sizeof(digest));
	assert_memory_equal(&c.tokens[0].key, digest, sizeof(digest));
	assert_int_equal(s.nkeys, 1);
	assert_true(s.keys[0].token);
	assert_int_equal(s.keys[0].bytes.n, 0);
	clear(&c, &s);
}

/* Once it was seen, its handle is its public key's digest, and its certificate says who we are. */
static void test_seen(void **state)
{
	struct conf_sight sight;
	struct conf_sights seen = { &sight, 1 };
	struct conf c, of_file;
	struct conf_secrets s, s2;
	char id[CONF_ID_STRLEN];

	(void)state;
	see(&sight, URI, true);
	assert_int_equal(load(&of_file, &s2, PEER "ca %C/root.pem; cert %C/good.pem; key %C/good.key; auth cert }", NULL), 0);
	assert_int_equal(load(&c, &s, PEER "ca %C/root.pem; cert " URI "; auth cert }", &seen), 0);
	assert_string_equal(said, "");
	assert_false(c.creds[0].unseen);
	assert_true(c.tokens[0].cert);
	assert_memory_equal(&c.peers[0].key, &of_file.peers[0].key, sizeof(c.peers[0].key));
	assert_int_equal(c.creds[0].nchain, of_file.creds[0].nchain);
	assert_memory_equal(c.creds[0].chain, of_file.creds[0].chain, c.creds[0].nchain);
	assert_string_equal(conf_id_format(&c.peers[0].local_id, id, sizeof(id)), "C=DE, O=Example Ltd, CN=good");
	assert_int_equal(s.keys[0].bytes.n, c.creds[0].nspki);
	clear(&c, &s);
	clear(&of_file, &s2);
	/* Its key alone. */
	assert_int_equal(load(&c, &s, PEER "key " URI " }", &seen), 0);
	assert_int_equal(c.creds[0].nchain, 0);
	assert_int_equal(c.creds[0].nspki, sight.nspki);
	assert_false(c.creds[0].unseen);
	clear(&c, &s);
	forget(&sight);
	/* It has no certificate: one is waited for. */
	see(&sight, URI, false);
	assert_int_equal(load(&c, &s, PEER "ca %C/root.pem; cert " URI "; auth cert }", &seen), 0);
	assert_non_null(strstr(said, "k:1:"));
	assert_non_null(strstr(said, "warning: the token has the key, but no certificate for it"));
	assert_true(c.creds[0].unseen);
	clear(&c, &s);
	forget(&sight);
}

/* A certificate in a file says which key it is, seen or not. */
static void test_cert_beside(void **state)
{
	struct conf c;
	struct conf_secrets s;

	(void)state;
	assert_int_equal(load(&c, &s, PEER "ca %C/root.pem; cert %C/good.pem; key pkcs11: ; auth cert }", NULL), 0);
	assert_string_equal(said, "");
	assert_false(c.creds[0].unseen);
	assert_true(c.creds[0].token && c.tokens[0].fixed);
	assert_true(c.creds[0].nchain && c.creds[0].nspki);
	assert_string_equal(c.tokens[0].uri, "pkcs11:");
	assert_memory_equal(&c.tokens[0].key, &c.creds[0].key, sizeof(c.creds[0].key));
	clear(&c, &s);
}

static void test_pins(void **state)
{
	static const struct {
		const char *text;
		enum conf_pin_how pin;
		enum conf_pin_from from;
		const char *value, *name;
		bool each;
	} rows[] = {
		{ PEER "key " URI "; pin file pin.txt }", CONF_PIN_GIVEN, CONF_PIN_FILE, "1234", NULL, false },
		{ PEER "key " URI "; pin file pin.line; login each }", CONF_PIN_GIVEN, CONF_PIN_FILE, "12 34", NULL, true },
		{ PEER "key " URI "; pin credential gate }", CONF_PIN_GIVEN, CONF_PIN_CREDENTIAL, "5678", "gate", false },
		{ PEER "key " URI "; pin ask }", CONF_PIN_ASK, CONF_PIN_TEXT, "", "", false },
		{ PEER "key " URI "; pin ask keep; login each }", CONF_PIN_ASK_KEEP, CONF_PIN_TEXT, "", "", true },
		{ PEER "key " URI "; pin pad; login keep }", CONF_PIN_PAD, CONF_PIN_TEXT, "", "", false },
		{ "default { pin file pin.txt; login each }\n" PEER "key " URI " }", CONF_PIN_GIVEN, CONF_PIN_FILE, "1234", NULL, true },
		{ "default { pin file pin.txt; login each }\n" PEER "key " URI "; login keep }", CONF_PIN_GIVEN, CONF_PIN_FILE,
		  "1234", NULL, false },
		{ "default { pin file pin.txt }\n" PEER "key " URI "; pin pad }", CONF_PIN_PAD, CONF_PIN_TEXT, "", "", false },
	};
	struct conf c;
	struct conf_secrets s;

	(void)state;
	setenv("CREDENTIALS_DIRECTORY", here, 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (load(&c, &s, rows[i].text, NULL) || *said)
			fail_msg("%s\n%s", rows[i].text, said);
		assert_int_equal(c.tokens[0].pin, rows[i].pin);
		assert_int_equal(c.tokens[0].from, rows[i].from);
		assert_int_equal(c.tokens[0].each, rows[i].each);
		if (rows[i].name)
			assert_string_equal(c.tokens[0].pin_name, rows[i].name);
		else
			assert_int_equal(*c.tokens[0].pin_name, '/');
		assert_int_equal(s.npins, *rows[i].value != 0);
		if (s.npins) {
			assert_int_equal(s.pins[0].pin.n, strlen(rows[i].value));
			assert_memory_equal(s.pins[0].pin.p, rows[i].value, s.pins[0].pin.n);
		}
		clear(&c, &s);
	}
	unsetenv("CREDENTIALS_DIRECTORY");
	/* In the text itself: it works, and is warned of, without being told. */
	assert_int_equal(load(&c, &s, PEER "key " URI "; pin \"7777\" }", NULL), 0);
	assert_non_null(strstr(said, "warning: whoever reads this file has the PIN"));
	assert_null(strstr(said, "7777"));
	clear(&c, &s);
}

/* A descriptor can be read once, and the configuration again. */
static void test_fd(void **state)
{
	char text[128];
	struct conf c;
	struct conf_secrets s;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "4321\n", 5), 5);
	close(fds[1]);
	snprintf(text, sizeof(text), "%s%d }", PEER "key " URI "; pin fd ", fds[0]);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(load(&c, &s, text, NULL), 0);
		assert_int_equal(s.pins[0].pin.n, 4);
		assert_memory_equal(s.pins[0].pin.p, "4321", 4);
		clear(&c, &s);
	}
	close(fds[0]);
}

static void test_settings(void **state)
{
	struct conf c;
	struct conf_secrets s;

	(void)state;
	assert_int_equal(load(&c, &s, "", NULL), 0);
	assert_true(c.native && !*c.modules[0] && c.pin_tries == 2 && c.token_timeout == 30 && c.token_check == 60);
	assert_int_equal(c.defaults.pulled, CONF_PULLED_KEEP);
	clear(&c, &s);
	assert_int_equal(load(&c, &s, "module opensc-pkcs11, /usr/lib/x.so, opensc-pkcs11\npin-tries 3\ntoken-timeout 5s\n"
			      "token-check 1h\n" PEER "key " URI "; pulled down after 30s }", NULL), 0);
	assert_false(c.native);
	assert_string_equal(c.modules[0], "opensc-pkcs11");
	assert_string_equal(c.modules[1], "/usr/lib/x.so");
	assert_string_equal(c.modules[2], "");
	assert_true(c.pin_tries == 3 && c.token_timeout == 5 && c.token_check == 3600);
	assert_int_equal(c.peers[0].pulled, CONF_PULLED_DOWN);
	assert_int_equal(c.peers[0].pulled_after, 30);
	clear(&c, &s);
}

static void test_round_trip(void **state)
{
	static const char text[] =
		"module native, opensc-pkcs11\npin-tries 4\n"
		"default { pulled no-rekey }\n"
		PEER "key " URI "; pin file pin.txt; login each; pulled down }\n"
		"peer 192.0.2.2 { ca %C/root.pem; cert pkcs11:object=x; auth cert; pin ask keep; pulled down after 90s }\n"
		"peer 192.0.2.3 { ca %C/root.pem; cert %C/good.pem; key pkcs11: ; auth cert; pin pad }\n";
	struct conf c, again;
	struct conf_secrets s, s2;
	char *dump = NULL;
	size_t n;
	FILE *f = open_memstream(&dump, &n);

	(void)state;
	assert_int_equal(load(&c, &s, text, NULL), 0);
	conf_dump(&c, f);
	fclose(f);
	if (load(&again, &s2, dump, NULL))
		fail_msg("%s\n%s", said, dump);
	assert_int_equal(again.ntokens, 3);
	for (unsigned i = 0; i < 3; i++) {
		struct conf_token *a = &c.tokens[i], *b = &again.tokens[i];

		a->at = b->at = a->pin_at = b->pin_at = (struct conf_at){ 0 };
		assert_memory_equal(a, b, sizeof(*a));
		assert_int_equal(c.peers[i].pulled, again.peers[i].pulled);
		assert_int_equal(c.peers[i].pulled_after, again.peers[i].pulled_after);
		assert_memory_equal(&c.peers[i].key, &again.peers[i].key, sizeof(c.peers[i].key));
	}
	assert_memory_equal(c.modules, again.modules, sizeof(c.modules));
	assert_int_equal(c.native, again.native);
	assert_int_equal(c.pin_tries, again.pin_tries);
	free(dump);
	clear(&c, &s);
	clear(&again, &s2);
}

static void test_mistakes(void **state)
{
	static const struct {
		const char *text, *says;
		int error;
	} rows[] = {
		{ PEER "key %C/ed.key; pin pad }", "names none: 'key pkcs11:…' is missing", -EINVAL },
		{ PEER "key " URI "; pin 1234 }", "a PIN stands in double quotes", -EINVAL },
		{ PEER "key " URI "; pin \"\" }", "a PIN has 1 to 255 bytes", -EINVAL },
		{ PEER "key " URI "; pin file missing }", "missing' cannot be opened", -ENOENT },
		{ PEER "key " URI "; pin file pin.open }", "pin.open", -EACCES },
		{ PEER "key " URI "; pin file empty }", "a PIN has 1 to 255 bytes", -EINVAL },
		{ PEER "key " URI "; pin credential gate }", "there are no credentials", -EINVAL },
		{ PEER "key " URI "; pin credential ../x }", "no name of a credential", -EINVAL },
		{ PEER "key " URI "; pin fd 2 }", "outside of 3 to 1023", -EINVAL },
		{ PEER "key " URI "; pin fd 1000 }", "descriptor 1000 gives no PIN", -EINVAL },
		{ PEER "key " URI "; pin ask; pin pad }", "this is set twice", -EINVAL },
		{ PEER "key " URI "; login each }", "'login each' needs a PIN that is there each time", -EINVAL },
		{ PEER "key " URI " passphrase \"x\" }", "a token has a PIN and no passphrase", -EINVAL },
		{ PEER "ca %C/root.pem; cert " URI "; key %C/good.key; auth cert }", "leave 'key' out", -EINVAL },
		{ PEER "key " URI " }\npeer 192.0.2.2 { remote-key file %C/ed.pem; key " URI "; pin pad }",
		  "another 'pin' or 'login' at k:1", -EINVAL },
		{ PEER "key pkcs11:token=gate?pin-value=8765 }", "a URI with the PIN in it (pin-value) would be shown", -EINVAL },
		{ PEER "key " URI "; pulled down after 0s }", "0s is outside of 1s to 86400s", -EINVAL },
		{ "module ./x.so", "'./x.so' is no module", -EINVAL },
		{ "pin-tries 0", "0 is outside of 1 to 15", -EINVAL },
		{ "token-check 1s", "1s is outside of 5s", -EINVAL },
		{ "token-timeout 1h", "1h is outside of 1s to 600s", -EINVAL },
	};
	struct conf c;
	struct conf_secrets s;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int r = load(&c, &s, rows[i].text, NULL);

		if (r != rows[i].error || !strstr(said, rows[i].says) || strstr(said, "8765"))
			fail_msg("%s\n%d\n%s", rows[i].text, r, said);
	}
}

static int make_files(void **state)
{
	(void)state;
	return !mkdtemp(here) || chdir(here) ||
	       system("umask 77 && printf 1234 >pin.txt && printf '12 34\\n' >pin.line && printf 5678 >gate && : >empty && "
		      "printf 99 >pin.open && chmod 644 pin.open") ? -1 : 0;
}

static int remove_files(void **state)
{
	char command[sizeof(here) + 16];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", here);
	return chdir("/") || system(command) ? -1 : 0;
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unseen),	   cmocka_unit_test(test_seen), cmocka_unit_test(test_cert_beside),
		cmocka_unit_test(test_pins),	   cmocka_unit_test(test_fd),	cmocka_unit_test(test_settings),
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_mistakes),
	};
	char *self = realpath(argv[0], NULL), *dir;

	(void)argc;
	if (!self)
		return 1;
	dir = dirname(dirname(self));
	snprintf(ca, sizeof(ca), "%s/ca", dir);
	free(self);
	return cmocka_run_group_tests(tests, make_files, remove_files);
}
