// SPDX-License-Identifier: MIT
// ipsec.secrets as people have it: forms of Pluto's, Openswan's, Libreswan's and strongSwan's manuals, and of files seen in the wild.
#include "keyd/conf/id.h"
#include "keyd/conf/ipsec_secrets.h"
#include "keyd/conf/load.h"
#include "keyd/crypto/alg.h"
#include "keyd/crypto/key.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define OUT 4096

static void add(char out[OUT], const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(char out[OUT], const char *fmt, ...)
{
	size_t n = strlen(out);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(out + n, OUT - n, fmt, ap);
	va_end(ap);
}

static void listen_to(const char *line, void *arg)
{
	add(arg, "%s\n", line);
}

static void put_secret(char out[OUT], const struct secret *s)
{
	for (size_t i = 0; i < s->n; i++)
		add(out, s->p[i] >= ' ' && s->p[i] < 0x7f ? "%c" : "\\%02x", s->p[i]);
}

/* One line for each thing that was read. */
static void put_all(char out[OUT], const struct ipsec_secrets *s, const struct conf_secrets *psks)
{
	static const char *const froms[] = { "", " given ", " prompt", " pad" };
	char a[CONF_ID_STRLEN], b[CONF_ID_STRLEN], net[IPSEC_ADDR_STRLEN];

	for (size_t i = 0; i < psks->n; i++) {
		const struct psk_entry *e = &psks->entries[i];

		add(out, "%u psk us %s them %s", e->at.line, conf_id_format(&e->local, a, sizeof(a)),
		    conf_id_format(&e->id, b, sizeof(b)));
		if (e->remote.family)
			add(out, " in %s/%u", ipsec_addr_format(&e->remote, net, sizeof(net)), e->remote_len);
		add(out, ": ");
		put_secret(out, &e->key);
		add(out, "\n");
	}
	for (size_t i = 0; i < s->nkeys; i++) {
		add(out, "%u key %s%s", s->keys[i].at.line, *s->keys[i].file ? s->keys[i].file : "here", froms[s->keys[i].from]);
		put_secret(out, &s->keys[i].passphrase);
		add(out, "\n");
	}
	for (size_t i = 0; i < s->nlogins; i++) {
		add(out, "%u login %s: ", s->logins[i].at.line, s->logins[i].user);
		put_secret(out, &s->logins[i].password);
		add(out, "\n");
	}
	for (size_t i = 0; i < s->npins; i++) {
		add(out, "%u %s %s%s", s->pins[i].at.line, s->pins[i].key ? "token key" : "pin", s->pins[i].uri, froms[s->pins[i].from]);
		put_secret(out, &s->pins[i].pin);
		add(out, "\n");
	}
}

static const struct {
	const char *text, *out;		/* what is said, then what was read */
} good[] = {
	/* strongSwan's manual */
	{ "# /etc/ipsec.secrets - strongSwan IPsec secrets file\n192.168.0.1 %any : PSK \"v+NkxY9LLZvwj4qCC2o/gGrWDF2d21jL\"\n\n"
	  ": RSA moonKey.pem\n\nalice@strongswan.org : EAP \"x3.dEhgN\"\n\ncarol : XAUTH \"4iChxLT3\"\n\ndave  : XAUTH \"ryftzG4A\"\n",
	  "t:6: warning: EAP is not done here: this secret, and others of its kind, are passed over\n"
	  "2 psk us any them 192.168.0.1: v+NkxY9LLZvwj4qCC2o/gGrWDF2d21jL\n"
	  "2 psk us 192.168.0.1 them any: v+NkxY9LLZvwj4qCC2o/gGrWDF2d21jL\n"
	  "4 key moonKey.pem\n8 login carol: 4iChxLT3\n10 login dave: ryftzG4A\n" },
	{ ": PKCS8 key.der\n: P12 'my bundle.p12' \"pass word\"\n: ECDSA k %prompt\n: RSA k 0x4142\n",
	  "1 key key.der\n2 key my bundle.p12 given pass word\n3 key k prompt\n4 key k given AB\n" },
	{ ": PSK 0sFpZAZqEN6Ti9sqt4ZP5EWcqx\n", "1 psk us any them any: \\16\\96@f\\a1\\0d\\e98\\bd\\b2\\abxd\\feDY\\ca\\b1\n" },
	{ ": PSK 0x45a30759df97dc26\n: PSK 0X4142_4344\n: PSK abc\n: PSK 0tabc\n: PSK \"0x41\"\n",
	  "1 psk us any them any: E\\a3\\07Y\\df\\97\\dc&\n2 psk us any them any: ABCD\n3 psk us any them any: abc\n"
	  "4 psk us any them any: abc\n5 psk us any them any: 0x41\n" },
	/* base64 of one, two and three bytes */
	{ ": PSK 0sQQ==\n: PSK 0sQUI=\n: PSK 0sQUJD\n: PSK 0SQUJDRA\n",
	  "1 psk us any them any: A\n2 psk us any them any: AB\n3 psk us any them any: ABC\n4 psk us any them any: ABCD\n" },
	/* Openswan's manual: the colon at the selector, entries over several lines, a key in the file itself */
	{ "10.1.0.1 10.2.0.1: PSK \"secret shared by two hosts\"\n",
	  "1 psk us 10.2.0.1 them 10.1.0.1: secret shared by two hosts\n1 psk us 10.1.0.1 them 10.2.0.1: secret shared by two hosts\n" },
	{ "www.xs4all.nl @www.kremvax.ru\n    10.6.0.1: PSK \"x\"\n",
	  "1 psk us www.kremvax.ru them www.xs4all.nl: x\n1 psk us 10.6.0.1 them www.xs4all.nl: x\n"
	  "1 psk us www.xs4all.nl them www.kremvax.ru: x\n1 psk us 10.6.0.1 them www.kremvax.ru: x\n"
	  "1 psk us www.xs4all.nl them 10.6.0.1: x\n1 psk us www.kremvax.ru them 10.6.0.1: x\n" },
	{ "@a.example @b.example\n\t:\n\t# a comment between\n\tPSK\n\t'it is \"me\"' # and behind\n@c : PSK y\n",
	  "1 psk us b.example them a.example: it is \"me\"\n1 psk us a.example them b.example: it is \"me\"\n"
	  "6 psk us any them c: y\n6 psk us c them any: y\n" },
	{ ": RSA vpnserverKey.pem \"<optional passphrase>\"\n", "1 key vpnserverKey.pem given <optional passphrase>\n" },
	/* entries that are all indented, as charon reads them and configuration management writes them */
	{ " : RSA /etc/ipsec.d/private/host-def.key\n : PIN %smartcard1:50 1234\n : PIN %smartcard1@opensc:45 %prompt\n",
	  "1 key /etc/ipsec.d/private/host-def.key\n2 pin pkcs11:slot-id=1;id=%50 given 1234\n"
	  "3 pin pkcs11:slot-id=1;id=%45?module-name=opensc prompt\n" },
	{ "  10.0.0.1 : PSK a\r\n  10.0.0.2 : PSK b\r\n",
	  "1 psk us any them 10.0.0.1: a\n1 psk us 10.0.0.1 them any: a\n2 psk us any them 10.0.0.2: b\n2 psk us 10.0.0.2 them any: b\n" },
	{ "C=CH, O=strongSwan,CN=sun.strongswan.org : RSA sunKey.pem\n: PIN %smartcard:0001 \"12345678\"\n",
	  "1 key sunKey.pem\n2 pin pkcs11:id=%00%01 given 12345678\n" },
	{ "C=CH, O=strongSwan, CN=sun : PSK x\n\"C=CH, O=b\" 'CN=c' : PSK y\n",
	  "1 psk us any them C=CH, O=strongSwan, CN=sun: x\n1 psk us C=CH, O=strongSwan, CN=sun them any: x\n"
	  "2 psk us CN=c them C=CH, O=b: y\n2 psk us C=CH, O=b them CN=c: y\n" },
	/* tokens */
	{ ": PIN %smartcard \"12345678\"\n: PIN %smartcard %prompt\n: PIN %smartcard:50 %pinpad\n: PIN %smartcard0 %PROMPT\n"
	  ": PIN %smartcard:1 x\n: PIN %smartcard2@/usr/lib/a%b.so:5a0f y\n: pin pkcs11:token=gate \"%prompt\"\n",
	  "1 pin pkcs11: given 12345678\n2 pin pkcs11: prompt\n3 pin pkcs11:id=%50 pad\n4 pin pkcs11:slot-id=0 prompt\n"
	  "5 pin pkcs11:id=%01 given x\n6 pin pkcs11:slot-id=2;id=%5a%0f?module-path=%2Fusr%2Flib%2Fa%25b.so given y\n"
	  "7 pin pkcs11:token=gate given %prompt\n" },
	{ ": RSA %smartcard1:50\n5.6.7.8 1.2.3.4 : PIN %smartcard0@crypto_module:0a \"123456\"\n: ECDSA %smartcard:45 %pinpad\n",
	  "1 token key pkcs11:slot-id=1;id=%50\n2 pin pkcs11:slot-id=0;id=%0a?module-name=crypto_module given 123456\n"
	  "3 token key pkcs11:id=%45 pad\n" },
	/* identities */
	{ "@@user@host.example : PSK a\n", "1 psk us any them user@host.example: a\n1 psk us user@host.example them any: a\n" },
	{ "@#6162 %any : PSK a\n", "1 psk us any them keyid:ab: a\n1 psk us keyid:ab them any: a\n" },
	{ "'@[my id]' %any : PSK a\n", "1 psk us any them keyid:my\\x20id: a\n1 psk us keyid:my\\x20id them any: a\n" },
	{ "keyid:xy fqdn:h.example : PSK a\n", "1 psk us h.example them keyid:xy: a\n1 psk us keyid:xy them h.example: a\n" },
	{ "10.1.0.0/16 : PSK a\n", "1 psk us any them any in 10.1.0.0/16: a\n" },
	{ "%any6 : PSK a\n", "1 psk us any them any in ::/0: a\n" },
	{ "%any %any : PSK a\n", "1 psk us any them any: a\n1 psk us any them any: a\n" },
	{ "2001:db8:: 2001:db8::1: PSK a\n", "1 psk us 2001:db8::1 them 2001:db8::: a\n1 psk us 2001:db8:: them 2001:db8::1: a\n" },
	{ ":PSK a\n10.0.0.1 :PSK 'b c'\n", "1 psk us any them any: a\n2 psk us any them 10.0.0.1: b c\n2 psk us 10.0.0.1 them any: b c\n" },
	{ ": PSK a#b\n#: PSK c\n: PSK d # e\n", "1 psk us any them any: a#b\n3 psk us any them any: d\n" },
	{ "", "" },
};

static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		struct conf_secrets psks = { 0 };
		struct ipsec_secrets s = { 0 };
		char out[OUT] = "";
		int r = ipsec_secrets_buffer(&s, &psks, "t", good[i].text, strlen(good[i].text), listen_to, out);

		put_all(out, &s, &psks);
		assert_string_equal(out, good[i].out);
		assert_int_equal(r, 0);
		assert_true(!*good[i].text || ipsec_secrets_is(good[i].text, strlen(good[i].text)));
		ipsec_secrets_free(&s);
		conf_secrets_free(&psks);
	}
}

#define EXPECTED "selectors, a colon and PSK, RSA, ECDSA, PKCS8, P12 or PIN are expected\n"

static const struct {
	const char *text, *said;
} bad[] = {
	{ "hunter2\n", "t:1: " EXPECTED },
	{ "10.0.0.1 PSK hunter2\n", "t:1: " EXPECTED },
	{ "10.0.0.1 :\n", "t:1: " EXPECTED },
	{ "2001:db8:: PSK hunter2\n", "t:1: " EXPECTED },
	{ "\n: hunter2\n", "t:2: after the colon PSK, RSA, ECDSA, PKCS8, P12 or PIN is expected\n" },
	{ ": PSK\n", "t:1: after PSK a secret is expected\n" },
	{ ": PSK \"\"\n", "t:1: the secret is empty\n" },
	{ ": PSK hunter2 hunter3\n", "t:1: more than one word after PSK: a secret with blanks stands in quotes\n" },
	{ ": PSK \"hunter2\n: PSK \"hunter3\n", "t:1: a quote is not closed on its line\nt:2: a quote is not closed on its line\n" },
	{ ": PSK 0xhunter2\n", "t:1: what follows 0x are not hexadecimal digits\n" },
	{ ": PSK 0x123\n", "t:1: what follows 0x are no pairs of hexadecimal digits\n" },
	{ ": PSK 0s!!!!\n: PSK 0sA\n: PSK 0sQQ=\n: PSK 0s=\n",
	  "t:1: what follows 0s is not base64\nt:2: what follows 0s is not base64\nt:3: what follows 0s is not base64\n"
	  "t:4: what follows 0s is not base64\n" },
	{ "%group : PSK hunter2\n", "t:1: of the words with '%', only %any, %any4 and %any6 can be identities\n" },
	{ "10.0.0.0/99 : PSK hunter2\n", "t:1: an address has a wrong prefix length\n" },
	{ "@ : PSK hunter2\n@[hunter 2] : PSK x\n", "t:1: what follows '@' is no name\nt:2: what follows '@' is no name\n" },
	{ "ipv4:hunter : PSK hunter2\n", "t:1: this identity is not of the type that stands in front\n" },
	{ ": RSA\n", "t:1: the name of a file with a private key is expected\n" },
	{ ": RSA k hunter2 hunter3\n", "t:1: there are more words than expected: a secret with blanks stands in quotes\n" },
	{ ": RSA k %pinpad\n", "t:1: %pinpad is for tokens, not for files\n" },
	{ ": RSA { Modulus: 0x11 }\n",
	  "t:1: this is no whole private key: where it is in a database of NSS, get it out with 'pk12util -o FILE.p12 -n NAME' and name "
	  "that file in 'cert'\n" },
	{ ": RSA {\n\tModulus: 0x11\n@b : PSK x\n", "t:1: the '{' of this key has no '}', or something follows it\n" },
	{ ": RSA { Modulus: 0x11 Modulus: 0x12 }\n", "t:1: a number of the key stands there twice\n" },
	{ ": PIN\n", "t:1: after PIN, %smartcard is expected\n" },
	{ ": PIN %smartcard\n", "t:1: after the token its PIN, %prompt or %pinpad is expected\n" },
	{ ": PIN 1234\n", "t:1: '%smartcard', perhaps with a slot and the id of a key, is expected: %smartcard1:50\n" },
	{ ": PIN %smartcard#2 1234\n",
	  "t:1: '%smartcard#N' counts certificates, in an order that nobody else knows: name the key by its id, as in %smartcard:50\n" },
	{ ": PIN %smartcardx 1234\n",
	  "t:1: after %smartcard the number of a slot, '@' and a module, or ':' and the id of a key is expected\n" },
	{ ": PIN %smartcard1@:50 1234\n", "t:1: after '@' the name of a module is expected\n" },
	{ ": PIN %smartcard:5g 1234\n", "t:1: the id of the key, after the colon, must be hexadecimal\n" },
	{ "include a b\n", "t:1: after include the name of one file, or a pattern of names, is expected\n" },
	{ "include /etc/ipsec.d/x\n", "t:1: this text is no file and cannot name others\n" },
	{ "a a a a a a a a a a a a a a a a a : PSK hunter2\n", "t:1: more than 16 selectors in front of the colon\n" },
};

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct conf_secrets psks = { 0 };
		struct ipsec_secrets s = { 0 };
		char out[OUT] = "";

		assert_int_equal(ipsec_secrets_buffer(&s, &psks, "t", bad[i].text, strlen(bad[i].text), listen_to, out), -EINVAL);
		assert_string_equal(out, bad[i].said);
		assert_null(strstr(out, "hunter"));
		assert_int_equal(psks.n + s.nkeys + s.npins, 0);
		ipsec_secrets_free(&s);
		conf_secrets_free(&psks);
	}
}

/* What came before a mistake is taken back, what was there before stays. */
static void test_all_or_nothing(void **state)
{
	static const char first[] = ": PSK a\n: RSA k p\n: PIN %smartcard 1\n";
	static const char second[] = ": PSK b\n: RSA k p\n: PIN %smartcard 1\n: PSK\n", nul[] = ": PSK a\0b\n";
	struct conf_secrets psks = { 0 };
	struct ipsec_secrets s = { 0 };
	char out[OUT] = "", many[200 * 8] = "";

	(void)state;
	assert_int_equal(ipsec_secrets_buffer(&s, &psks, "t", first, strlen(first), listen_to, out), 0);
	assert_int_equal(ipsec_secrets_buffer(&s, &psks, "t", second, strlen(second), listen_to, out), -EINVAL);
	assert_int_equal(psks.n, 1);
	assert_int_equal(s.nkeys, 1);
	assert_int_equal(s.npins, 1);
	*out = 0;
	assert_int_equal(ipsec_secrets_buffer(&s, &psks, "t", nul, sizeof(nul) - 1, listen_to, out), -EINVAL);
	assert_string_equal(out, "t:1: this line has a NUL byte\n");
	*out = 0;
	for (int i = 0; i < 200; i++)
		strcat(many, "x\n");
	assert_int_equal(ipsec_secrets_buffer(&s, &psks, "t", many, strlen(many), listen_to, out), -EINVAL);
	assert_null(strstr(out, "t:21:"));
	*out = 0;
	*many = 0;
	for (int i = 0; i < 200; i++)
		strcat(many, "a ");
	assert_int_equal(ipsec_secrets_buffer(&s, &psks, "t", many, strlen(many), listen_to, out), -EINVAL);
	assert_string_equal(out, "t:1: this entry has more than 96 words\n");
	ipsec_secrets_free(&s);
	conf_secrets_free(&psks);
}

/* psk.txt is not taken for it. */
static void test_is(void **state)
{
	static const struct {
		const char *text;
		bool is;
	} cases[] = {
		{ "192.0.2.1 secret\n", false }, { "# : PSK x\n* anybody\n", false },
		{ "bob@example.org PSK\n", false }, { "a : x\n", false }, { "gate the word is: sesame\n", false },
		{ "", false }, { "fe80:: RSA\n", false },
		{ ": PSK x", true }, { "a b: psk x", true }, { "a\n  :PSK x", true },
		{ "include /var/lib/strongswan/ipsec.secrets.inc\n", true },
		{ "\n@x:\n\trsa {\n", true }, { "\n: PIN %smartcard 1\n", true }, { "u : XAUTH \"x\"\n", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (ipsec_secrets_is(cases[i].text, strlen(cases[i].text)) != cases[i].is)
			fail_msg("%s", cases[i].text);
}

/* The numbers are those of a key that OpenSSL made; what comes out is that key. */
static void test_rsa(void **state)
{
	static const char text[] =
#include "tests/unit/test_conf_ipsec_rsa.h"
		;
	struct conf_secrets psks = { 0 };
	struct ipsec_secrets s = { 0 };
	struct crypto_key *k = NULL;
	char out[OUT] = "";

	(void)state;
	assert_int_equal(crypto_init(), 0);
	assert_int_equal(ipsec_secrets_buffer(&s, &psks, "t", text, strlen(text), listen_to, out), 0);
	put_all(out, &s, &psks);
	assert_string_equal(out, "31 psk us any them any: after\n2 key here\n");
	assert_int_equal(crypto_key_from_private(&k, secret_view(&s.keys[0].bytes), (struct view){ NULL, 0 }), 0);
	assert_int_equal(crypto_key_bits(k), 2192);
	crypto_key_free(k);
	ipsec_secrets_free(&s);
	conf_secrets_free(&psks);
}

/* --- files --- */

static char dir[] = "/tmp/test_conf_ipsec.XXXXXX";

static void put_file(const char *name, mode_t mode, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fchmod(fileno(f), mode), 0);
	assert_int_equal(fclose(f), 0);
}

static int read_files(char out[OUT], const char *text)
{
	struct conf_secrets psks = { 0 };
	struct ipsec_secrets s = { 0 };
	struct conf c = { 0 };
	char path[256], raw[OUT] = "";
	int r;

	snprintf(path, sizeof(path), "%s/ipsec.secrets", dir);
	psks.file = conf_file_number(&c, path);
	r = ipsec_secrets_read(&s, &psks, &c, path, text, strlen(text), listen_to, raw);
	put_all(raw, &s, &psks);
	*out = 0;
	for (const char *at = raw, *found; *at; at = found + strlen(dir)) {	/* without the folder's name */
		found = strstr(at, dir);
		add(out, "%.*s", found ? (int)(found - at) : OUT, at);
		if (!found)
			break;
		add(out, "~");
	}
	for (size_t i = 0; i < psks.n; i++)
		assert_true(psks.entries[i].at.file);
	ipsec_secrets_free(&s);
	conf_secrets_free(&psks);
	return r;
}

static void make_dir(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void test_files(void **state)
{
	char out[OUT];

	(void)state;
	assert_non_null(mkdtemp(dir));
	make_dir("ipsec.d");
	make_dir("ipsec.d/private");
	put_file("ipsec.d/private/moonKey.pem", 0600, "");
	put_file("here.pem", 0600, "");
	put_file("ipsec.d/a.secrets", 0600, "\n: PSK a\n: RSA moonKey.pem\n");
	put_file("ipsec.d/b.secrets", 0600, ": PSK b");
	put_file("ipsec.d/open", 0644, ": PSK b");
	put_file("ipsec.d/loop", 0600, "include loop\n");
	put_file("ipsec.d/wrong", 0600, "\n\n: PSK\n");
	assert_int_equal(read_files(out, ": RSA moonKey.pem\n: RSA here.pem\ninclude ipsec.d/*.secrets\n: PSK z\n"), 0);
	assert_string_equal(out, "2 psk us any them any: a\n1 psk us any them any: b\n4 psk us any them any: z\n"
				 "1 key ~/ipsec.d/private/moonKey.pem\n2 key ~/here.pem\n3 key ~/ipsec.d/private/moonKey.pem\n");
	/* what is not there is told, and nothing else suffers */
	assert_int_equal(read_files(out, "include ipsec.d/nobody.inc\ninclude ipsec.d/no*body\n: RSA nothere.pem\n: PSK z\n"), 0);
	assert_string_equal(out, "~/ipsec.secrets:1: warning: '~/ipsec.d/nobody.inc' cannot be opened: No such file or directory\n"
				 "~/ipsec.secrets:3: warning: '~/ipsec.d/private/nothere.pem' cannot be opened: No such file or directory; "
				 "this key is not used\n4 psk us any them any: z\n");
	assert_int_equal(read_files(out, "include ipsec.d/wrong\n"), -EINVAL);
	assert_string_equal(out, "~/ipsec.d/wrong:3: after PSK a secret is expected\n");
	assert_int_equal(read_files(out, "include ipsec.d/open\n"), -EACCES);
	assert_non_null(strstr(out, "~/ipsec.secrets:1: '~/ipsec.d/open': this file holds secrets and others can read it: chmod 600"));
	assert_int_equal(read_files(out, "include ipsec.d/loop\n"), -EINVAL);
	assert_string_equal(out, "~/ipsec.d/loop:1: 8 files include one another: does this one include itself?\n");
}

static int remove_dir(void **state)
{
	char command[300];

	(void)state;
	snprintf(command, sizeof(command), "rm -r '%s'", dir);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_all_or_nothing),
		cmocka_unit_test(test_is),
		cmocka_unit_test(test_rsa),
		cmocka_unit_test_teardown(test_files, remove_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
