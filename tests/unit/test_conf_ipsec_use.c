// SPDX-License-Identifier: MIT
// ipsec.secrets behind keyd.conf: which private key a certificate gets, which PIN a token; and that psk.txt is read as ever.
#include "keyd/conf/ipsec_secrets.h"
#include "keyd/conf/load.h"

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

static char ca[PATH_MAX], here[] = "/tmp/test_conf_use.XXXXXX", said[4096];

static const char *const commands[] = {
	"mkdir -p ipsec.d/private && cp %C/good.key ipsec.d/private/goodKey.pem && cp %C/rsa.key ipsec.d/private/otherKey.pem",
	"openssl pkcs8 -topk8 -in %C/good.key -passout pass:sesame -out locked.key",
	"openssl pkcs8 -topk8 -in %C/rsa.key -passout pass:barley -out locked2.key",
	"openssl pkcs12 -export -nocerts -inkey %C/good.key -passout pass:sesame -out good.p12",
	"openssl req -x509 -key inline.der -keyform DER -out inline.pem -days 9 -subj /CN=inline 2>&-",
	"cp %C/good.pem good.pem && cat %C/good.pem %C/good.key >both.pem && chmod 600 *.key *.p12 both.pem ipsec.d/private/*",
};

static const char inline_rsa[] =
#include "tests/unit/test_conf_ipsec_rsa.h"
	;

static void listen_to(const char *text, void *arg)
{
	size_t n = strlen(said);

	(void)arg;
	snprintf(said + n, sizeof(said) - n, "%s\n", text);
}

/* text with each %C replaced by the folder of the CA. */
static void put_file(const char *name, mode_t mode, const char *text)
{
	FILE *f = fopen(name, "w");

	assert_non_null(f);
	for (; *text; text++)
		if (text[0] == '%' && text[1] == 'C')
			fputs(ca, f), text++;
		else
			putc(*text, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(name, mode), 0);
}

/* A section that says so of our key, with these secrets. */
static int load(struct conf *c, struct conf_secrets *s, const char *secrets, const char *own)
{
	char text[1024];

	put_file("ipsec.secrets", 0600, secrets);
	snprintf(text, sizeof(text),
		 "secrets ipsec.secrets\npeer 192.0.2.1 { %s; remote-key file %%C/ed.pem; auth %s; id remote a.example }\n",
		 own, strncmp(own, "key", 3) ? "cert" : "key");
	put_file("k", 0600, text);
	*said = 0;
	return conf_load(c, s, "k", listen_to, NULL);
}

static void clear(struct conf *c, struct conf_secrets *s)
{
	conf_free(c);
	conf_secrets_free(s);
}

#define RSA_OTHER ": RSA otherKey.pem\n"

static void test_keys(void **state)
{
	static const struct {
		const char *secrets, *cert;
		const char *key;	/* the file that it came from; NULL: none fits */
		bool locked;
		const char *said;	/* a part of it; "": nothing at all */
	} cases[] = {
		{ RSA_OTHER ": ECDSA goodKey.pem\n", "cert good.pem", "ipsec.d/private/goodKey.pem", false, "" },
		{ ": RSA goodKey.pem\n", "cert good.pem", "ipsec.d/private/goodKey.pem", false, "" },
		{ RSA_OTHER ": ECDSA locked.key \"sesame\"\n", "cert good.pem", "locked.key", false, "" },
		{ RSA_OTHER ": P12 good.p12 'sesame'\n", "cert good.pem", "good.p12", false, "" },
		{ RSA_OTHER ": ECDSA locked.key %prompt\n", "cert good.pem", "locked.key", true, "" },
		{ RSA_OTHER ": ECDSA locked.key\n", "cert good.pem", "locked.key", true, "" },
		{ ": RSA locked.key\n: RSA locked2.key\n", "cert good.pem", NULL, false, "2 encrypted keys and 0 tokens may have the key" },
		{ ": RSA locked.key\n: RSA locked2.key barley\n", "cert good.pem", "locked.key", true, "" },
		{ ": RSA locked.key barley\n", "cert good.pem", NULL, false, "ipsec.secrets:1:1: warning: the passphrase does not fit '" },
		{ RSA_OTHER, "cert good.pem", NULL, false, "'key FILE'" },
		{ ": RSA good.pem\n", "cert good.pem", NULL, false, "there is no private key in '" },
		/* What is stated, or lies beside the certificate, goes before. */
		{ ": RSA goodKey.pem\n", "cert good.pem; key locked.key passphrase \"sesame\"", "locked.key", false, "" },
		{ ": RSA goodKey.pem\n", "cert both.pem", "", false, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct conf c = { 0 };
		struct conf_secrets s = { 0 };
		int r = load(&c, &s, cases[i].secrets, cases[i].cert);
		const char *name = r ? "" : c.creds[0].key_file;

		if ((r == 0) != (cases[i].key != NULL) || (*cases[i].said ? !strstr(said, cases[i].said) : *said))
			fail_msg("%s%s: %s", cases[i].secrets, cases[i].cert, said);
		assert_null(strstr(said, "barley"));
		if (!r) {
			size_t n = strlen(cases[i].key), len = strlen(name);

			assert_int_equal(s.nkeys, 1);
			assert_int_equal(s.keys[0].locked, cases[i].locked);
			assert_int_equal(c.creds[0].nchain > 0, 1);
			assert_true(len >= n && !strcmp(name + len - n, cases[i].key) && (n || !len));
		}
		clear(&c, &s);
	}
}

/* Two sections with one certificate, and a key that stands in the file of secrets itself. */
static void test_inside(void **state)
{
	struct conf c = { 0 };
	struct conf_secrets s = { 0 };

	(void)state;
	assert_int_equal(load(&c, &s, inline_rsa, "cert inline.pem; id local CN=inline"), 0);
	assert_string_equal(said, "");
	assert_int_equal(s.nkeys, 1);
	assert_false(s.keys[0].locked);
	assert_int_equal(s.n, 1);	/* the line after it */
	clear(&c, &s);
}

static void test_pins(void **state)
{
	static const struct {
		const char *secrets, *own, *uri;
		enum conf_pin_how pin;
		const char *digits;
		bool warned;
	} cases[] = {
		{ ": PIN %smartcard1:50 \"1234\"\n", "key pkcs11:slot-id=1;id=%50", "pkcs11:slot-id=1;id=%50", CONF_PIN_GIVEN,
		  "1234", true },
		{ ": PIN %smartcard1:50 \"1234\"\n", "key pkcs11:id=P;slot-id=1", "pkcs11:id=P;slot-id=1", CONF_PIN_GIVEN, "1234", true },
		{ ": PIN %smartcard \"1234\"\n", "key pkcs11:token=gate", "pkcs11:token=gate", CONF_PIN_GIVEN, "1234", true },
		{ ": PIN %smartcard:50 %pinpad\n", "key pkcs11:token=gate;id=%50", "pkcs11:token=gate;id=%50", CONF_PIN_PAD, NULL, false },
		{ ": PIN %smartcard %prompt\n", "key pkcs11:token=gate", "pkcs11:token=gate", CONF_PIN_ASK, NULL, false },
		/* a PIN goes to no other token than it may be meant for */
		{ ": PIN %smartcard1:50 \"1234\"\n", "key pkcs11:token=gate", "pkcs11:token=gate", CONF_PIN_ASK, NULL, false },
		{ ": PIN %smartcard1 \"1234\"\n", "key pkcs11:slot-id=11", "pkcs11:slot-id=11", CONF_PIN_ASK, NULL, false },
		{ ": PIN %smartcard:50 \"1234\"\n", "key pkcs11:id=%51", "pkcs11:id=%51", CONF_PIN_ASK, NULL, false },
		/* who says more is meant */
		{ ": PIN %smartcard \"1\"\n: PIN %smartcard1:50 \"1234\"\n: PIN %smartcard1 \"2\"\n", "key pkcs11:slot-id=1;id=%50",
		  "pkcs11:slot-id=1;id=%50", CONF_PIN_GIVEN, "1234", true },
		/* what the section says goes before */
		{ ": PIN %smartcard \"1234\"\n", "key pkcs11:token=gate; pin pad", "pkcs11:token=gate", CONF_PIN_PAD, NULL, false },
		/* a certificate in a file, its key on the only token that is named */
		{ RSA_OTHER ": PIN %smartcard:50 \"1234\"\n", "cert good.pem", "pkcs11:id=%50", CONF_PIN_GIVEN, "1234", true },
		{ ": RSA %smartcard2:50\n", "cert good.pem", "pkcs11:slot-id=2;id=%50", CONF_PIN_ASK, NULL, false },
		{ ": RSA %smartcard2:50 \"1234\"\n", "cert good.pem", "pkcs11:slot-id=2;id=%50", CONF_PIN_GIVEN, "1234", true },
		{ ": RSA %smartcard2:50\n: PIN %smartcard2:50 \"1234\"\n", "cert good.pem", "pkcs11:slot-id=2;id=%50",
		  CONF_PIN_GIVEN, "1234", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct conf c = { 0 };
		struct conf_secrets s = { 0 };

		if (load(&c, &s, cases[i].secrets, cases[i].own) || c.ntokens != 1)
			fail_msg("%s%s: %s", cases[i].secrets, cases[i].own, said);
		assert_string_equal(c.tokens[0].uri, cases[i].uri);
		assert_int_equal(c.tokens[0].pin, cases[i].pin);
		assert_int_equal(s.npins, cases[i].digits ? 1 : 0);
		if (cases[i].digits)
			assert_true(s.pins[0].pin.n == strlen(cases[i].digits) &&
				    !memcmp(s.pins[0].pin.p, cases[i].digits, s.pins[0].pin.n));
		assert_int_equal(strstr(said, "whoever reads this file has the PIN") != NULL, cases[i].warned);
		assert_null(strstr(said, "1234"));
		clear(&c, &s);
	}
}

static void test_shared(void **state)
{
	struct conf c = { 0 };
	struct conf_secrets s = { 0 };

	(void)state;
	assert_int_equal(load(&c, &s, "192.0.2.7 %any : PSK \"x y\"\ninclude ipsec.d/more\n: RSA goodKey.pem\n",
			      "cert good.pem"), 0);
	assert_int_equal(s.n, 2);
	assert_true(s.entries[0].key.n == 3 && !memcmp(s.entries[0].key.p, "x y", 3));
	assert_non_null(strstr(said, "ipsec.d/more' cannot be opened"));
	clear(&c, &s);
	/* racoon's format is as it was */
	assert_int_equal(load(&c, &s, "# : PSK x\n192.0.2.7 : x\n", "cert both.pem"), 0);
	assert_int_equal(s.n, 1);
	assert_true(s.entries[0].key.n == 3 && !memcmp(s.entries[0].key.p, ": x", 3));
	clear(&c, &s);
	assert_int_equal(load(&c, &s, "\n: PSK\n", "cert both.pem"), -EINVAL);
	assert_string_equal(said, "ipsec.secrets:2: after PSK a secret is expected\n");
	assert_int_equal(chmod("ipsec.secrets", 0644), 0);
	assert_int_equal(conf_load(&c, &s, "k", listen_to, NULL), -EACCES);
	/* it may stand below the sections that make use of it, */
	put_file("ipsec.secrets", 0600, ": RSA otherKey.pem\n: RSA goodKey.pem\n");
	put_file("k", 0600, "peer 192.0.2.1 { cert %C/good.pem; remote-key file %C/ed.pem; auth cert; id remote \"secrets\" }\n"
		 "  secrets \\\n\"ipsec.secrets\" # x");
	*said = 0;
	assert_int_equal(conf_load(&c, &s, "k", listen_to, NULL), 0);
	assert_string_equal(said, "");
	assert_int_equal(c.npeers, 1);
	clear(&c, &s);
	/* it is read once */
	put_file("ipsec.secrets", 0600, "192.0.2.7 %any : PSK \"x y\"\n: ECDSA goodKey.pem\n");
	put_file("k", 0600, "peer 192.0.2.1 psk \"x\"\nsecrets ipsec.secrets\n");
	assert_int_equal(conf_load(&c, &s, "k", listen_to, NULL), 0);
	assert_int_equal(s.n, 3);
	clear(&c, &s);
	/* sections that come too early are told of where another file names it */
	put_file("ipsec.secrets", 0600, ": ECDSA goodKey.pem\n");
	put_file("i", 0600, "secrets ipsec.secrets\n");
	put_file("k", 0600, "peer 192.0.2.1 psk \"x\"\ninclude i\n");
	*said = 0;
	assert_int_equal(conf_load(&c, &s, "k", listen_to, NULL), 0);
	assert_string_equal(said, "i:1:9: warning: the keys and PINs of this file are for sections below it, and "
			    "there are some above\n");
	clear(&c, &s);
	/* without sections, as for keyd --psk */
	put_file("ipsec.secrets", 0600, ": PSK a\n: PIN %smartcard 1234\n: RSA goodKey.pem\n");
	assert_int_equal(psk_file_load(&s, NULL, &c, "ipsec.secrets", listen_to, NULL), 0);
	assert_int_equal(s.n, 1);
	clear(&c, &s);
}

static int make_files(void **state)
{
	struct conf_secrets psks = { 0 };
	struct ipsec_secrets s = { 0 };
	char command[4 * PATH_MAX];
	FILE *f;
	bool ok = mkdtemp(here) && !chdir(here);

	(void)state;
	ok = ok && !ipsec_secrets_buffer(&s, &psks, "t", inline_rsa, strlen(inline_rsa), NULL, NULL) && s.nkeys == 1;
	f = ok ? fopen("inline.der", "w") : NULL;
	ok = f && fwrite(s.keys[0].bytes.p, 1, s.keys[0].bytes.n, f) == s.keys[0].bytes.n;
	if (f)
		fclose(f);
	ipsec_secrets_free(&s);
	conf_secrets_free(&psks);
	for (size_t i = 0; ok && i < sizeof(commands) / sizeof(*commands); i++) {
		char *to = command;

		for (const char *at = commands[i]; *at; at++)
			if (at[0] == '%' && at[1] == 'C')
				to += sprintf(to, "%s", ca), at++;
			else
				*to++ = *at;
		*to = 0;
		ok = !system(command);
		if (!ok)
			print_error("%s\n", command);
	}
	return ok ? 0 : -1;
}

static int remove_files(void **state)
{
	char command[sizeof(here) + 16];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", here);
	return system(command);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys), cmocka_unit_test(test_inside), cmocka_unit_test(test_pins), cmocka_unit_test(test_shared),
	};
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (n < 0)
		return 1;
	exe[n] = 0;
	snprintf(ca, sizeof(ca), "%s/../ca", dirname(exe));
	if (argc > 1)
		snprintf(ca, sizeof(ca), "%s", argv[1]);
	return cmocka_run_group_tests(tests, make_files, remove_files);
}
