// SPDX-License-Identifier: MIT
// Certificates and keys in keyd.conf, with those of the tests' own CA: what is read, what is said of what is wrong, and the dump.
#include "keyd/conf/id.h"
#include "keyd/conf/load.h"
#include "keyd/crypto/cert.h"
#include "keyd/crypto/dn.h"
#include "keyd/crypto/key_text.h"
#include "keyd/crypto/sig.h"

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

static char ca[PATH_MAX], here[] = "/tmp/test_conf_cert.XXXXXX";

/* Files that tests/ca/make has not, made of those that it has. */
static const char *const commands[] = {
	"cat %C/good.pem %C/inter.pem %C/root.pem >chain.pem",
	"cat %C/inter.pem %C/good.pem >turned.pem",
	"cat %C/root.pem %C/other.pem >roots.pem",
	"LC_ALL=C sed 's/[0-9]\\{12\\}Z/not any timeZ/g' %C/good.crt >odd.crt",
	"cat %C/root.pem %C/good.pem >mixed.pem",
	"(umask 77 && cat %C/good.pem %C/inter.pem %C/good.key >both.pem)",
	"cat %C/good.pem %C/good.key >open.pem && chmod 644 open.pem",
	"cp %C/good.key open.key && chmod 640 open.key",
	"openssl pkcs8 -topk8 -in %C/good.key -passout pass:sesame -out locked.key && chmod 600 locked.key",
	"openssl pkcs8 -topk8 -in %C/good.key -outform DER -passout pass:sesame -out locked.der && chmod 600 locked.der",
	"openssl pkcs8 -topk8 -nocrypt -in %C/rsa.key -outform DER -out rsa.der && chmod 600 rsa.der",
	"openssl pkcs12 -export -in chain.pem -inkey %C/good.key -passout pass:sesame -out good.p12 && chmod 600 good.p12",
	"openssl pkcs12 -export -nocerts -inkey %C/good.key -passout pass:sesame -out bare.p12 && chmod 600 bare.p12",
	"openssl pkey -in %C/ed.key -pubout -out ed.pub",
	"openssl pkey -in %C/weak.key -pubout -out weak.pub",
	"openssl req -x509 -newkey ed25519 -nodes -keyout san.key -out san.pem -days 9 -subj / -addext subjectAltName=DNS:san.example 2>&-",
	"openssl req -x509 -newkey ed25519 -nodes -keyout none.key -out none.pem -days 9 -subj / 2>&-",
	"openssl req -x509 -newkey ed25519 -nodes -keyout long.key -out long.pem -days 9 -subj "
	"/O=$(head -c 60 /dev/zero | tr '\\0' a)/OU=$(head -c 60 /dev/zero | tr '\\0' b)/OU=$(head -c 60 /dev/zero | tr '\\0' c)"
	"/OU=$(head -c 60 /dev/zero | tr '\\0' d)/OU=$(head -c 60 /dev/zero | tr '\\0' e)/OU=$(head -c 60 /dev/zero | tr '\\0' f)"
	"/OU=$(head -c 60 /dev/zero | tr '\\0' g)/OU=$(head -c 60 /dev/zero | tr '\\0' h)/CN=x "
	"-addext subjectAltName=DNS:long.example 2>&-",
	"openssl req -x509 -key %C/good.key -out second.pem -days 9 -subj /CN=second 2>&-",
	"printf sesame >word && printf 'sesame\\n' >line && printf sesame >open.word && chmod 600 word line && chmod 644 open.word",
	"echo nothing >nothing && mkdir folder",
	"(cat %C/root.pem && sed 's/^M/!/' %C/other.pem) >damaged.pem",
};

/* text with %C for the folder of the CA, and %H for ours. The caller frees it. */
static char *filled(const char *text)
{
	char *out = NULL;
	size_t n;
	FILE *f = open_memstream(&out, &n);

	for (; *text; text++) {
		if (text[0] == '%' && (text[1] == 'C' || text[1] == 'H'))
			fputs(*++text == 'C' ? ca : here, f);
		else
			putc(*text, f);
	}
	fclose(f);
	return out;
}

static int make_files(void **state)
{
	(void)state;
	if (!mkdtemp(here) || chdir(here))
		return -1;
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		char *command = filled(commands[i]);
		int r = system(command);

		if (r)
			print_error("%s\n", command);
		free(command);
		if (r)
			return -1;
	}
	return 0;
}

static int remove_files(void **state)
{
	char command[sizeof(here) + 16];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", here);
	return system(command);
}

struct said {
	char text[4096];
};

static void listen_to(const char *text, void *arg)
{
	struct said *s = arg;
	size_t n = strlen(s->text);

	snprintf(s->text + n, sizeof(s->text) - n, "%s\n", text);
}

/* Loads text as the file "k" in our folder. */
static int load(struct conf *c, struct conf_secrets *s, const char *text, struct said *said)
{
	char *whole = filled(text);
	FILE *f = fopen("k", "w");
	int r;

	*said = (struct said){ "" };
	fputs(whole, f);
	fclose(f);
	chmod("k", 0600);
	free(whole);
	r = conf_load(c, s, "k", listen_to, said);
	return r;
}

static void load_well(struct conf *c, struct conf_secrets *s, const char *text)
{
	struct said said;

	if (load(c, s, text, &said))
		fail_msg("%s\n%s", text, said.text);
	if (*said.text)
		fail_msg("%s\n%s", text, said.text);
}

static void clear(struct conf *c, struct conf_secrets *s)
{
	conf_free(c);
	conf_secrets_free(s);
}

static const char *id(const struct conf_id *of)
{
	static char text[CONF_ID_STRLEN];

	return conf_id_format(of, text, sizeof(text));
}

/* How many certificates there are in our chain. */
static unsigned chain_length(const struct conf_cred *cred)
{
	struct rd r = rd_of(cred->chain, cred->nchain);
	struct view der;
	uint32_t size;
	unsigned n = 0;

	for (; rd_left(&r); n++) {
		struct crypto_cert *c = NULL;

		assert_int_equal(rd_u32(&r, &size), 0);
		assert_int_equal(rd_view(&r, size, &der), 0);
		assert_int_equal(crypto_cert_from_der(&c, der), 0);
		crypto_cert_free(c);
	}
	return n;
}

/* The private key that the auth role gets: it opens without a passphrase unless it is locked, and is the one that is named. */
static void assert_key(const struct conf *c, const struct conf_key *k, bool locked)
{
	struct crypto_key *private = NULL, *public = NULL;
	int r = crypto_key_from_private(&private, secret_view(&k->bytes), (struct view){ 0 });

	assert_memory_equal(&k->key, &c->creds[0].key, sizeof(k->key));
	assert_int_equal(k->locked, locked);
	assert_int_equal(r, locked ? CRYPTO_KEY_PASSPHRASE : 0);
	assert_int_equal(crypto_key_from_spki(&public, (struct view){ c->creds[0].spki, c->creds[0].nspki }), 0);
	if (!locked)
		assert_true(crypto_key_equal(private, public));
	crypto_key_free(private);
	crypto_key_free(public);
}

/* Each form of a certificate and its key comes to the same. */
static void test_forms(void **state)
{
	static const struct {
		const char *text;
		unsigned chain;
		bool locked;
	} rows[] = {
		{ "cert %C/good.pem; key %C/good.key", 1, false },
		{ "cert %C/good.crt; key %C/good.key", 1, false },
		{ "cert chain.pem; key %C/good.key", 2, false },
		{ "cert both.pem", 2, false },
		{ "cert both.pem; key both.pem", 2, false },
		{ "cert %C/good.pem; key locked.key passphrase \"sesame\"", 1, false },
		{ "cert %C/good.pem; key locked.der passphrase file word", 1, false },
		{ "cert %C/good.pem; key locked.key passphrase file \"line\"", 1, false },
		{ "cert %C/good.pem; key locked.key", 1, true },
		{ "cert %C/good.pem; key locked.der", 1, true },
		{ "cert good.p12 passphrase \"sesame\"", 2, false },
		{ "cert good.p12; key good.p12 passphrase \"sesame\"", 2, false },
		{ "auth cert; key good.p12 passphrase \"sesame\"", 2, false },
		{ "cert %C/good.pem; key good.p12 passphrase \"sesame\"", 1, false },
		{ "cert %C/good.pem; key bare.p12 passphrase \"sesame\"", 1, false },
		{ "auth key; key %C/good.key; remote-key file ed.pub", 0, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[512];
		struct conf_secrets s;
		struct conf c;

		snprintf(text, sizeof(text), "peer 192.0.2.2 {\n%s%s\n}\n", rows[i].text, rows[i].chain ? "; ca %C/root.pem" : "");
		load_well(&c, &s, text);
		assert_int_equal(c.ncreds, 1);
		assert_int_equal(chain_length(&c.creds[0]), rows[i].chain);
		assert_int_equal(s.nkeys, 1);
		assert_key(&c, &s.keys[0], rows[i].locked);
		assert_memory_equal(&c.peers[0].key, &c.creds[0].key, CONF_DIGEST_LEN);
		assert_int_equal(c.peers[0].auth_local[0], rows[i].chain ? CONF_AUTH_CERT : CONF_AUTH_KEY);
		if (rows[i].chain)
			assert_string_equal(id(&c.peers[0].local_id), "C=DE, O=Example Ltd, CN=good");
		else
			assert_int_equal(c.peers[0].local_id.type, CONF_ID_ANY);
		assert_int_equal(c.peers[0].id_of_cert, rows[i].chain > 0);
		clear(&c, &s);
	}
}

static uint32_t scheme(const char *name)
{
	const struct crypto_sig *s = NULL;

	for (unsigned i = 0; (s = crypto_sig_next(s)); i++)
		if (!strcmp(s->name, name))
			return 1U << i;
	fail_msg("%s", name);
	return 0;
}

static const char everything[] =
	"crl %C/inter.crl, folder, http://crl.example/a.crl\n"
	"fetch no ; expiry-warning 3w\n"
	"default {\n"
	"	cert chain.pem; key %C/good.key; ca %C/root.pem\n"
	"	signatures ed25519, ecdsa-sha256, rsapss-sha256; key-floor rsa 3072, ec 256\n"
	"	revocation strict ; expired keep ; revoked no-rekey\n"
	"}\n"
	"peer same address 192.0.2.1\n"
	"peer other { address 192.0.2.2; cert %C/ed.pem; key %C/ed.key; ca roots.pem, %C/root.pem; signatures ed25519, ed448 }\n"
	"peer bare { address 192.0.2.3; key %C/ed448.key; "
	"remote-key MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=, file ed.pub\n"
	"	signatures ed448, ed25519; id local bare.example }\n"
	"peer shared { address 192.0.2.4; psk \"x\"; revoked down; expired down; revocation off; key-floor rsa 1024 }\n"
	"peer mixed { address 192.0.2.5; auth local psk; auth remote cert; id local any; psk \"y\" }\n"
	"peer twice { address 192.0.2.6; auth local cert, psk; auth remote cert; id local good@example.org; psk \"z\" }\n"
	"peer locked { address 192.0.2.7; cert %C/rsa.pem; key rsa.der; id remote \"C=DE, CN=*\"; signatures rsa, rsa-sha256\n"
	"	key-floor rsa 2048 }\n"
	"peer p12 { address 192.0.2.8; cert good.p12; key good.p12 passphrase file word; revocation lenient }\n";

static void test_everything(void **state)
{
	static const uint8_t cert[2] = { CONF_AUTH_CERT }, key[2] = { CONF_AUTH_KEY }, psk[2] = { CONF_AUTH_PSK };
	static const uint8_t both[2] = { CONF_AUTH_CERT, CONF_AUTH_PSK };
	const struct conf_peer *p;
	struct conf_secrets s;
	struct conf c;

	(void)state;
	load_well(&c, &s, everything);
	assert_int_equal(c.ncrls, 3);
	assert_true(c.crls[2].url && !c.crls[1].url);
	assert_string_equal(c.crls[2].where, "http://crl.example/a.crl");
	assert_int_equal(c.crls[1].where[0], '/');
	assert_false(c.fetch);
	assert_int_equal(c.expiry_warning, 21);
	assert_int_equal(c.ncreds, 4);	/* good is one, also in PKCS#12 */
	assert_int_equal(s.nkeys, 4);
	assert_int_equal(c.ncas, 2);
	assert_int_equal(c.npins, 2);
	p = conf_peer_by_name(&c, "same");
	assert_memory_equal(p->auth_local, cert, 2);
	assert_memory_equal(p->auth_remote, cert, 2);
	assert_memory_equal(&p->trust, &c.defaults.trust, sizeof(p->trust));
	assert_memory_equal(&p->key, &c.defaults.key, sizeof(p->key));
	assert_int_equal(p->trust.schemes, scheme("ed25519") | scheme("ecdsa-sha256") | scheme("rsapss-sha256"));
	assert_int_equal(p->trust.rsa_bits, 3072);
	assert_int_equal(p->trust.revocation, CONF_REVOCATION_STRICT);
	assert_int_equal(p->trust.expired, CONF_LOST_CERT_KEEP);
	assert_int_equal(p->trust.revoked, CONF_LOST_CERT_NO_REKEY);
	assert_string_equal(id(&p->local_id), "C=DE, O=Example Ltd, CN=good");
	assert_string_equal(id(&c.creds[0].names[0]), "C=DE, O=Example Ltd, CN=good");
	assert_string_equal(id(&c.creds[0].names[1]), "good.example.org");
	assert_string_equal(id(&c.creds[0].names[4]), "2001:db8::1");
	assert_int_equal(c.creds[0].names[5].type, 0);
	p = conf_peer_by_name(&c, "other");
	assert_string_equal(id(&p->local_id), "C=DE, O=Example Ltd, CN=ed");
	assert_int_equal(p->trust.ncas, 2);
	p = conf_peer_by_name(&c, "bare");
	assert_memory_equal(p->auth_local, key, 2);
	assert_memory_equal(p->auth_remote, key, 2);
	assert_int_equal(p->trust.npins, 2);
	assert_memory_not_equal(&p->key, &c.defaults.key, sizeof(p->key));
	p = conf_peer_by_name(&c, "shared");
	assert_memory_equal(p->auth_local, psk, 2);
	assert_memory_equal(p->auth_remote, psk, 2);
	assert_int_equal(p->local_id.type, CONF_ID_ANY);
	assert_int_equal(p->trust.rsa_bits, 1024);
	assert_int_equal(p->trust.ec_bits, 256);
	assert_int_equal(p->trust.expired, CONF_LOST_CERT_DOWN);
	p = conf_peer_by_name(&c, "mixed");
	assert_memory_equal(p->auth_local, psk, 2);
	assert_memory_equal(p->auth_remote, cert, 2);
	assert_int_equal(p->local_id.type, CONF_ID_ANY);
	p = conf_peer_by_name(&c, "twice");
	assert_memory_equal(p->auth_local, both, 2);
	assert_memory_equal(p->auth_remote, cert, 2);
	assert_string_equal(id(&p->local_id), "good@example.org");
	assert_false(p->id_of_cert);
	/* the secret of one that shows a certificate is for whatever name that gives us */
	assert_int_equal(s.entries[0].local.type, CONF_ID_ANY);
	clear(&c, &s);
}

static char *dump(const struct conf *c)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	conf_dump(c, f);
	fclose(f);
	return text;
}

static void forget_places(struct conf *c)
{
	for (unsigned i = 0; i <= c->npeers; i++) {
		struct conf_peer *peer = i ? &c->peers[i - 1] : &c->defaults;

		peer->section = (struct conf_at){ 0 };
		memset(peer->at, 0, sizeof(peer->at));
	}
}

static void test_round_trip(void **state)
{
	static const char *const texts[] = {
		everything,
		"default { auth cert; ca %C/root.pem }\npeer a { address 192.0.2.1; cert both.pem }\n"
		"peer b { address 192.0.2.2; auth local key; auth remote psk; key %C/ed.key; psk \"x\" }\nexpiry-warning never",
		"default { id local good.example.org; cert both.pem; ca %C/root.pem }\n"
		"peer a { address 192.0.2.1; id local any }\npeer b { address 192.0.2.2 }\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct conf a, b;
		struct conf_secrets s;
		struct said said;
		char *text, *again;

		load_well(&a, &s, texts[i]);
		conf_secrets_free(&s);
		text = dump(&a);
		/* A dump has no secrets: what is said now is only that some are not used any more, or missing. */
		if (load(&b, &s, text, &said))
			fail_msg("%s\n%s", text, said.text);
		again = dump(&b);
		assert_string_equal(text, again);
		forget_places(&a);
		forget_places(&b);
		assert_memory_equal(&a.defaults, &b.defaults, sizeof(a.defaults));
		assert_int_equal(a.npeers, b.npeers);
		for (unsigned j = 0; j < a.npeers; j++)
			assert_memory_equal(&a.peers[j], &b.peers[j], sizeof(a.peers[j]));
		assert_int_equal(a.ncreds, b.ncreds);
		for (unsigned j = 0; j < a.ncreds; j++) {
			assert_int_equal(a.creds[j].nchain, b.creds[j].nchain);
			assert_string_equal(a.creds[j].key_file, b.creds[j].key_file);
		}
		assert_int_equal(a.ncas, b.ncas);
		assert_int_equal(a.npins, b.npins);
		assert_int_equal(a.ncrls, b.ncrls);
		assert_int_equal(a.fetch, b.fetch);
		assert_int_equal(a.expiry_warning, b.expiry_warning);
		free(text);
		free(again);
		conf_free(&a);
		clear(&b, &s);
	}
}

#define P "peer p { address 192.0.2.2\n"
#define GOOD P "cert %C/good.pem; key %C/good.key; ca %C/root.pem\n"
#define PIN "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="

/* Every line that is said; * at the end: only how it begins. */
static const struct row {
	const char *text, *said;
	int error;
} rows[] = {
	/* what is missing */
	{ P "cert %C/good.pem; ca %C/root.pem }",
	  "k:2:6: '%C/good.pem' has no private key in it: say where it is with 'key FILE'\n", -EINVAL },
	{ P "cert %C/nobody.pem; ca %C/root.pem }", "k:2:6: '%C/nobody.pem' cannot be opened: No such file or directory\n", -ENOENT },
	{ P "cert %C/good.pem; key %C/nobody.key; ca %C/root.pem }", "k:2:*", -ENOENT },
	{ P "auth cert; ca %C/root.pem }", "k:1:6: peer 'p': we prove who we are by a certificate, and have none: 'cert FILE' is "
	  "missing\n", -EINVAL },
	{ P "auth cert; key %C/good.key; ca %C/root.pem }", "k:1:6: peer 'p': we prove who we are by a certificate, and have none: "
	  "'cert FILE' is missing\n", -EINVAL },
	{ P "auth key; remote-key " PIN " }",
	  "k:1:6: peer 'p': we prove who we are by a key, and have none: 'key FILE' is missing\n", -EINVAL },
	{ P "cert %C/good.pem; key %C/good.key }", "k:1:6: peer 'p' proves who it is by a certificate, and nobody is believed who could "
	  "vouch for it: 'ca FILE' is missing\n", -EINVAL },
	{ P "key %C/good.key }", "k:1:6: peer 'p' proves who it is by its key, and that is not known: 'remote-key' is missing (what "
	  "'keydctl keygen' prints there)\n", -EINVAL },
	{ P "cert %C/good.pem; key %C/good.key; remote-key " PIN " }", "", 0 },
	/* what does not fit */
	{ P "cert %C/good.pem\nkey %C/ed.key; ca %C/root.pem }", "k:2:6: the certificate in '%C/good.pem' is not for the private key in "
	  "'%C/ed.key' (k:3)\n", -EINVAL },
	{ P "cert turned.pem; key %C/good.key; ca %C/root.pem }", "k:2:6: the private key in '%C/good.key' is that of certificate "
	  "number 2 in '%H/turned.pem' (C=DE, O=Example Ltd, CN=good), which must be the first\n", -EINVAL },
	{ GOOD "}\npeer q { address 192.0.2.3; cert second.pem; key %C/good.key; ca %C/root.pem }", "k:4:34: the key of this "
	  "certificate has another certificate at k:2: a key has one only\n", -EINVAL },
	{ P "cert nothing; key %C/good.key; ca %C/root.pem }", "k:2:6: '%H/nothing' cannot be used as our certificate: it is no "
	  "certificate, or a damaged one\n", -EINVAL },
	{ P "cert odd.crt; key %C/good.key; ca %C/root.pem }", "k:2:6: '%H/odd.crt' cannot be used as our certificate: it is no "
	  "certificate, or a damaged one\n", -EINVAL },
	{ P "cert %C/good.pem; key nothing; ca %C/root.pem }", "k:2:*", -EINVAL },
	{ P "cert %C/good.pem; key %C/good.pem; ca %C/root.pem }", "k:2:*", -EINVAL },
	{ P "cert %C/ed.pem; key ed.pub; ca %C/root.pem }", "k:2:*", -EINVAL },
	{ P "cert bare.p12 passphrase \"sesame\"; ca %C/root.pem }", "k:2:6: '%H/bare.p12' has no certificate in it\n", -EINVAL },
	/* passphrases */
	{ P "key locked.key; remote-key " PIN " }", "k:2:5: '%H/locked.key' is encrypted, and without a certificate its public part is not "
	  "known: add 'passphrase', or 'cert FILE'\n", -EINVAL },
	{ P "cert %C/good.pem; ca %C/root.pem\nkey locked.key passphrase \"open\" }",
	  "k:3:5: the passphrase does not fit the private key in '%H/locked.key'\n", -EINVAL },
	{ P "cert good.p12; ca %C/root.pem }", "k:2:6: '%H/good.p12' is encrypted: add 'passphrase'\n", -EINVAL },
	{ P "cert good.p12 passphrase \"open\"; ca %C/root.pem }", "k:2:6: the passphrase does not fit '%H/good.p12'\n", -EINVAL },
	{ P "cert good.p12 passphrase \"a\"; key good.p12 passphrase \"b\"; ca %C/root.pem }", "k:2:*", -EINVAL },
	{ P "cert good.p12 passphrase sesame; ca %C/root.pem }", "k:2:26: a passphrase stands in double quotes\n", -EINVAL },
	{ P "cert good.p12 passphrase file open.word; ca %C/root.pem }",
	  "k:2:31: this file holds secrets and others can read it: chmod 600 %H/open.word\n", -EACCES },
	{ P "cert good.p12 passphrase \"\"; ca %C/root.pem }", "k:2:26: the passphrase is empty\n", -EINVAL },
	/* who may read private keys */
	{ P "cert %C/good.pem; ca %C/root.pem\nkey open.key }", "k:3:5: this file holds secrets and others can read it: chmod 600 "
	  "%H/open.key\n", -EACCES },
	{ P "cert open.pem; ca %C/root.pem }", "k:2:6: this file holds secrets and others can read it: chmod 600 %H/open.pem\n", -EACCES },
	/* CAs */
	{ GOOD "}\npeer q { address 192.0.2.3; auth local psk; auth remote cert; ca nothing }", "k:4:66: '%H/nothing' has no "
	  "certificate of a CA: it is no certificate, or a damaged one\n", -EINVAL },
	{ P "auth local psk; auth remote cert; ca damaged.pem }", "k:2:38: '%H/damaged.pem' is damaged after 1 certificates: it is no "
	  "certificate, or a damaged one\n", -EINVAL },
	{ P "auth local psk; auth remote cert; ca mixed.pem }", "k:2:38: warning: '%H/mixed.pem' has 1 certificate of no CA, which can "
	  "vouch for nobody; the first: C=DE, O=Example Ltd, CN=good\n", 0 },
	/* keys of peers */
	{ P "auth local psk; auth remote key; remote-key MCow }",
	  "k:2:45: this is no public key: it has no form that we know (what 'keydctl keygen' prints is expected, or "
	  "'file FILE')\n", -EINVAL },
	{ P "auth local psk; auth remote key; remote-key file nothing }",
	  "k:2:50: '%H/nothing' has no public key of a peer: it has no form that we know (a public key or a certificate, in "
	  "PEM or DER, is expected)\n", -EINVAL },
	{ P "auth local psk; auth remote key; remote-key file %C/good.crt }", "", 0 },
	{ P "auth local psk; auth remote key; remote-key file weak.pub }", "k:2:*", -EINVAL },
	{ P "auth local psk; auth remote key; key-floor rsa 1024; remote-key file weak.pub }", "", 0 },
	/* what we are called */
	{ GOOD "id local gw.example.org }",
	  "k:3:10: warning: peer 'p': our certificate is not for \"gw.example.org\"; '%C/good.pem' has: C=DE, O=Example Ltd, "
	  "CN=good; good.example.org; good@example.org; 192.0.2.1; 2001:db8::1\n", 0 },
	{ GOOD "id local GOOD.example.org }", "", 0 },
	{ GOOD "id local 192.0.2.1 }", "", 0 },
	{ GOOD "id local \"C=DE, O=example ltd, CN=GOOD\" }", "", 0 },
	{ GOOD "id local keyid good }", "k:3:16: warning: *", 0 },
	{ P "cert none.pem; key none.key; ca %C/root.pem }", "k:1:6: peer 'p': our certificate '%H/none.pem' has no name that could be our "
	  "identity: 'id local' is missing\n", -EINVAL },
	{ P "cert long.pem; key long.key; ca %C/root.pem }", "k:1:6: peer 'p': the subject of our certificate is longer than 512 bytes and "
	  "cannot be our identity: choose another of its names with 'id local'\n", -EINVAL },
	{ P "cert long.pem; key long.key; ca %C/root.pem; id local long.example }", "", 0 },
	/* what peers will not believe */
	{ P "cert %C/expired.pem; key %C/expired.key; ca %C/root.pem }",
	  "k:2:6: warning: our certificate in '%C/expired.pem' (C=DE, O=Example Ltd, CN=expired) has expired on 20*", 0 },
	{ P "cert %C/future.pem; key %C/future.key; ca %C/root.pem }",
	  "k:2:6: warning: our certificate in '%C/future.pem' (C=DE, O=Example Ltd, CN=future) is not valid before 20*", 0 },
	{ P "cert %C/weak.pem; key %C/weak.key; ca %C/root.pem }", "k:1:6: warning: peer 'p': our own key (RSA-1024, of k:2) is below the "
	  "'key-floor' of 2048 bits\n", 0 },
	{ GOOD "signatures ed25519, rsa-sha256 }", "k:3:1: peer 'p': our key (P-256, of k:2) makes none of the 'signatures'\n", -EINVAL },
	{ GOOD "signatures ikev1-rsa }", "k:3:12: unknown signature 'ikev1-rsa'. Known are: ed25519 ed448 *", -EINVAL },
	{ GOOD "signatures ed25591 }", "k:3:12: unknown signature 'ed25591'; did you mean 'ed25519'? Known are: ed25519 ed448 *", -EINVAL },
	{ GOOD "key-floor dsa 1024 }",
	  "k:3:11: 'dsa' is no kind of keys: rsa or ec is expected, as in 'key-floor rsa 3072, ec 256'\n", -EINVAL },
	{ GOOD "key-floor ec 8192 }", "k:3:14: 8192 is outside of 224 to 521\n", -EINVAL },
	/* ways to prove */
	{ GOOD "auth cert, psk, psk }", "k:3:17: more than 2 proofs of one end\n", -EINVAL },
	{ GOOD "auth cert, cert }", "k:3:12: 'cert' twice: the second proof is another one, as in 'auth cert, psk'\n", -EINVAL },
	{ GOOD "auth local cert; auth remote psk, psk }", "k:3:35: 'psk' twice: the second proof is another one, as in 'auth cert, psk'\n*",
	  -EINVAL },
	{ GOOD "auth local cert; auth remote cert, psk }", "", 0 },
	{ GOOD "auth cert; auth local psk }",
	  "k:3:12: 'auth' is for both ends and stands beside no 'auth local' or 'auth remote': first at k:3\n", -EINVAL },
	{ GOOD "auth local psk; auth cert }", "k:3:17: 'auth' is for both ends *", -EINVAL },
	{ GOOD "auth local cert; auth local psk }", "k:3:18: this is set twice: first at k:3\n", -EINVAL },
	/* what is not used */
	{ GOOD "psk \"x\" }", "k:3:5: warning: peer 'p': 'psk' is not used without 'auth psk'\n", 0 },
	{ P "psk \"x\"; ca %C/root.pem }", "k:2:10: warning: peer 'p': 'ca' is not used without 'auth remote cert'\n", 0 },
	{ P "auth psk; psk \"x\"; remote-key " PIN " }",
	  "k:2:20: warning: peer 'p': 'remote-key' is not used without 'auth remote key'\n", 0 },
	/* outside of peers */
	{ "crl https://a.example/x",
	  "k:1:5: 'https://a.example/x' cannot be fetched: only http:// can (a revocation list is signed, and needs no TLS)\n",
	  -EINVAL },
	{ "crl nobody", "k:1:5: '%H/nobody' is no file or folder of revocation lists\n", -EINVAL },
	{ "expiry-warning 1h", "k:1:16: '1h' is no time from 1d to 3660d, such as 14d\n", -EINVAL },
	{ "default { cert nobody }\npeer p address 192.0.2.2\n",
	  "k:1:16: '%H/nobody' cannot be opened: No such file or directory\nk:2:*", -ENOENT },
};

static void test_said(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *want = filled(rows[i].said);
		size_t n = strlen(want);
		struct conf_secrets s;
		struct said said;
		struct conf c;
		int r = load(&c, &s, rows[i].text, &said);

		if (n && want[n - 1] == '*') {
			want[n - 1] = 0;
			assert_true(strlen(said.text) >= n);
			said.text[n - 1] = 0;
		}
		if (strcmp(said.text, want) != 0)
			fail_msg("%s\n%s\nnot\n%s", rows[i].text, said.text, want);
		assert_int_equal(r, rows[i].error);
		assert_null(strstr(said.text, "sesame"));
		if (!r)
			clear(&c, &s);
		free(want);
	}
}

/* Text that is no file names none; a key as a word, and a URL, need none. */
static void test_buffer(void **state)
{
	static const char *const refused[] = { "cert a", "key a", "ca a", "remote-key file a", "cert a passphrase file b" };
	static const char taken[] = "crl http://a.example/\npeer 192.0.2.2 { auth local psk; auth remote key; remote-key " PIN " }";
	struct conf_secrets s;
	struct said said;
	struct conf c;

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		char text[128];

		snprintf(text, sizeof(text), "peer 192.0.2.2 %s", refused[i]);
		said = (struct said){ "" };
		assert_int_equal(conf_load_buffer(&c, &s, "t", text, strlen(text), listen_to, &said), -EINVAL);
		assert_non_null(strstr(said.text, "this text is no file and cannot name others"));
	}
	said = (struct said){ "" };
	assert_int_equal(conf_load_buffer(&c, &s, "t", "crl a", 5, listen_to, &said), -EINVAL);
	assert_string_equal(said.text, "t:1:5: this text is no file and cannot name others\n");
	assert_int_equal(conf_load_buffer(&c, &s, "t", taken, strlen(taken), NULL, NULL), 0);
	clear(&c, &s);
}

/* What many sections name is read once and kept once; with a passphrase from one of them it is not locked for the others. */
static void test_once(void **state)
{
	char text[8192] = "";
	struct conf_secrets s;
	struct conf c;

	(void)state;
	for (unsigned i = 0; i < 40; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "peer p%u { address 192.0.2.%u; cert %%C/good.pem; key %s; "
			 "ca %s, %s }\n", i, i, i == 20 ? "locked.key passphrase \"sesame\"" : i % 2 ? "locked.key" : "locked.der",
			 i % 2 ? "roots.pem" : "%C/root.pem", i % 3 ? "roots.pem" : "%C/root.crt");
	load_well(&c, &s, text);
	assert_int_equal(c.npeers, 40);
	assert_int_equal(c.ncreds, 1);
	assert_int_equal(c.ncas, 2);
	assert_int_equal(s.nkeys, 1);
	assert_key(&c, &s.keys[0], false);
	assert_int_equal(c.peers[0].trust.ncas, 1);	/* root.pem and root.crt are one set */
	clear(&c, &s);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms), cmocka_unit_test(test_everything), cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_said), cmocka_unit_test(test_buffer), cmocka_unit_test(test_once),
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
