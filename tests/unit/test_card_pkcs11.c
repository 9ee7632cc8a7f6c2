// SPDX-License-Identifier: MIT
// The PKCS#11 driver with a module that behaves as real ones do at bad moments (tests/card/mock_p11.c).
#include "tests/unit/test_card_inside.h"

#include <libgen.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <signal.h>
#include <sys/wait.h>

static char module[PATH_MAX];
static struct crypto_key *rsa, *ec;

static FILE *file(const char *name, const char *mode)
{
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, mode);
	return f;
}

/* What the module is to do from now on; it never reads half of it. */
static void control(const char *lines)
{
	char from[PATH_MAX], to[PATH_MAX];
	FILE *f = file("control.new", "w");

	fputs(lines, f);
	fclose(f);
	snprintf(from, sizeof(from), "%s/control.new", folder);
	snprintf(to, sizeof(to), "%s/control", folder);
	assert_int_equal(rename(from, to), 0);
}

/* How often it noted something since the test began. */
static unsigned noted(const char *what)
{
	FILE *f = file("log", "r");
	char line[128];
	unsigned n = 0;

	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		n += !strcmp(line, what);
	}
	if (f)
		fclose(f);
	return n;
}

static void wait_noted(const char *what)
{
	for (int i = 0; i < 10000 && !noted(what); i++)
		usleep(2000);
	assert_true(noted(what));
}

static void forget(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	unlink(path);
}

static void keep_key(const struct crypto_key *k, const char *name)
{
	struct secret pem = { 0 };
	FILE *f = file(name, "w");

	assert_int_equal(crypto_key_private_pem(k, &pem), 0);
	assert_int_equal(fwrite(pem.p, 1, pem.n, f), pem.n);
	fclose(f);
	secret_clear(&pem);
}

/* Signed by itself: the driver believes nothing, it looks for the key in it. */
static void keep_cert(const char *key, const char *name)
{
	FILE *in = file(key, "r"), *out = file(name, "w");
	EVP_PKEY *k = PEM_read_PrivateKey(in, NULL, NULL, NULL);
	X509 *x = X509_new();

	X509_set_version(x, 2);
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"card", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_set_pubkey(x, k);
	assert_true(X509_sign(x, k, EVP_sha256()) > 0);
	assert_int_equal(i2d_X509_fp(out, x), 1);
	X509_free(x);
	EVP_PKEY_free(k);
	fclose(in);
	fclose(out);
}

static int folder_begin(void **state)
{
	(void)state;
	if (crypto_init() || !mkdtemp(folder) || setenv("MOCK_P11_DIR", folder, 1))
		return -1;
	if (crypto_key_generate(&rsa, CRYPTO_KEY_RSA, 2048) || crypto_key_generate(&ec, CRYPTO_KEY_EC, 256))
		return -1;
	keep_key(rsa, "rsa.pem");
	keep_key(ec, "ec.pem");
	return 0;
}

static int all_end(void **state)
{
	crypto_key_free(rsa);
	crypto_key_free(ec);
	crypto_exit();
	return folder_end(state);
}

/* Each test has a fresh card. */
static int fresh(void **state)
{
	(void)state;
	control("");
	forget("log");
	forget("tries");
	forget("rsa.der");
	forget("twin.pem");
	return 0;
}

/* The keys as they are shown now; the RSA one and the EC one, NULL where they are not. */
static struct card_keys *keys_now(struct card *c, const struct card_token *t, struct card_key **r, struct card_key **e)
{
	struct card_keys *keys = calloc(1, sizeof(*keys));

	*r = *e = NULL;
	assert_int_equal(d->keys(c, t, keys), 0);
	for (unsigned i = 0; i < keys->n; i++) {
		if (crypto_key_equal(keys->key[i].public, rsa))
			*r = &keys->key[i];
		else if (crypto_key_equal(keys->key[i].public, ec))
			*e = &keys->key[i];
	}
	return keys;
}

static void keys_end(struct card_keys *keys)
{
	card_keys_free(keys);
	free(keys);
}

static void tokens_are_listed(void **state)
{
	struct card *c = open_module(module);
	struct card_token t = only_token(c);
	unsigned n = CARD_TOKENS_MAX;

	(void)state;
	assert_string_equal(t.label, "mock");
	assert_string_equal(t.serial, "0001");
	assert_string_equal(t.reader, "Mock reader 00 00");
	assert_true(t.login);
	assert_false(t.pad);
	assert_int_equal(t.tries, -1);
	control("pad ok\nlabel odd\033[2Jlabel  \n");
	t = only_token(c);
	assert_true(t.pad);
	assert_string_equal(t.label, "odd?[2Jlabel");
	control("open yes\n");
	assert_false(only_token(c).login);
	control("card 0\n");			/* an empty reader is no error */
	assert_int_equal(d->tokens(c, &t, &n), 0);
	assert_int_equal(n, 0);
	d->close(c);
}

static void what_is_no_module_says_so(void **state)
{
	char why[CARD_WHY_MAX] = "";
	struct card *c;

	(void)state;
	assert_int_equal(d->open(&c, "/nonexistent/module.so", why), CARD_BROKEN);
	assert_non_null(strstr(why, "cannot be loaded"));
	control("fail C_Initialize 0x30\n");
	assert_int_equal(d->open(&c, module, why), CARD_BROKEN);
	assert_string_equal(why, "cannot be started: C_Initialize: CKR_DEVICE_ERROR");
}

/* Certificates and both halves of keys, whichever of them are shown. */
static void keys_are_put_together(void **state)
{
	struct card *c = open_module(module);
	struct card_token t = only_token(c);
	struct card_key *r, *e;
	struct card_keys *keys;

	(void)state;
	keep_cert("rsa.pem", "rsa.der");
	keys = keys_now(c, &t, &r, &e);
	assert_int_equal(keys->n, 2);
	assert_false(r->seen || e->seen);	/* they are, once somebody is logged in */
	assert_true(r->cert.n && !e->cert.n);
	assert_string_equal(r->label, "rsa key");
	keys_end(keys);

	assert_int_equal(d->login(c, &t, text("1234")), 0);
	keys = keys_now(c, &t, &r, &e);
	assert_int_equal(keys->n, 2);
	assert_true(r->seen && e->seen && !r->each);
	assert_int_equal(r->nid, 1);
	assert_int_equal(r->id[0], 1);
	keys_end(keys);

	control("public no\n");			/* a private RSA key tells its public half, an EC one does not */
	keys = keys_now(c, &t, &r, &e);
	assert_int_equal(keys->n, 1);
	assert_true(r->seen);
	keys_end(keys);
	keep_cert("ec.pem", "ec.der");
	keys = keys_now(c, &t, &r, &e);
	assert_true(e && e->seen && e->cert.n);
	keys_end(keys);
	forget("ec.der");
	d->close(c);
}

static void every_scheme_signs(void **state)
{
	struct card *c = open_module(module);
	struct card_token t = only_token(c);
	struct card_key *r, *e;
	struct card_keys *keys = keys_now(c, &t, &r, &e);

	(void)state;
	assert_int_equal(sign(c, &t, r, "rsa-sha256", ""), CARD_LOCKED);
	assert_int_equal(sign(c, &t, e, "ecdsa-sha256", ""), CARD_LOCKED);
	assert_int_equal(noted("C_Login"), 0);
	assert_int_equal(d->login(c, &t, text("1234")), 0);
	assert_int_equal(sign_all(c, &t, r), 9);	/* PSS and PKCS#1 with three hashes each, SHA-1 twice, IKEv1 */
	assert_int_equal(sign_all(c, &t, e), 5);
	assert_int_equal(noted("C_Login"), 1);
	assert_int_equal(sign(c, &t, r, "ecdsa-sha256", ""), CARD_NO_SCHEME);
	assert_int_equal(sign(c, &t, e, "ed25519", ""), CARD_NO_SCHEME);
	assert_int_equal(d->login(c, &t, text("wrong, but not asked for")), 0);
	assert_int_equal(noted("C_Login"), 1);
	assert_int_equal(d->logout(c, &t), 0);
	assert_int_equal(d->logout(c, &t), 0);
	assert_int_equal(sign(c, &t, r, "rsa-sha256", ""), CARD_LOCKED);
	keys_end(keys);

	control("pss no\n");
	keys = keys_now(c, &t, &r, &e);
	assert_int_equal(d->login(c, &t, text("1234")), 0);
	assert_int_equal(sign_all(c, &t, r), 6);
	assert_int_equal(sign(c, &t, r, "rsapss-sha256", ""), CARD_NO_SCHEME);
	keys_end(keys);
	d->close(c);
}

static void odd_signatures_are_put_right_or_refused(void **state)
{
	struct card *c = open_module(module);
	struct card_token t = only_token(c);
	struct card_key *r, *e;
	struct card_keys *keys = keys_now(c, &t, &r, &e);
	struct crypto_key *twin;

	(void)state;
	assert_int_equal(d->login(c, &t, text("1234")), 0);
	control("ec wide\n");
	assert_int_equal(sign_all(c, &t, e), 5);
	control("ec der\n");
	assert_int_equal(sign_all(c, &t, e), 5);
	control("bad yes\n");
	assert_int_equal(sign(c, &t, r, "rsa-sha256", ""), CARD_BAD_SIGNATURE);
	assert_int_equal(sign(c, &t, e, "ecdsa-sha256", ""), CARD_BAD_SIGNATURE);
	control("");
	assert_int_equal(crypto_key_generate(&twin, CRYPTO_KEY_EC, 256), 0);
	keep_key(twin, "twin.pem");		/* another key with the same id is found first */
	assert_int_equal(sign_all(c, &t, e), 5);
	crypto_key_free(twin);
	keys_end(keys);
	d->close(c);
}

static void wrong_pins_cost_one_try_each(void **state)
{
	struct card *c = open_module(module);
	struct card_token t = only_token(c);

	(void)state;
	assert_int_equal(d->login(c, &t, text("0000")), CARD_PIN_WRONG);
	assert_string_equal(d->error(c), "C_Login: CKR_PIN_INCORRECT");
	assert_int_equal(d->check(c, &t), 0);
	assert_int_equal(t.tries, 2);
	assert_int_equal(d->login(c, &t, text("")), CARD_PIN_UNUSED);
	assert_int_equal(noted("C_Login"), 1);
	assert_int_equal(d->login(c, &t, text("0000")), CARD_PIN_WRONG);
	assert_int_equal(d->check(c, &t), 0);
	assert_int_equal(t.tries, 1);
	for (int i = 0; i < 20; i++)		/* looking costs nothing */
		assert_int_equal(d->check(c, &t), 0);
	assert_int_equal(d->login(c, &t, text("1234")), 0);
	assert_int_equal(d->check(c, &t), 0);
	assert_int_equal(t.tries, -1);
	d->logout(c, &t);
	for (int i = 0; i < 2; i++)
		assert_int_equal(d->login(c, &t, text("0000")), CARD_PIN_WRONG);
	assert_int_equal(d->login(c, &t, text("0000")), CARD_PIN_BLOCKED);
	assert_int_equal(d->check(c, &t), 0);
	assert_int_equal(t.tries, 0);
	assert_int_equal(d->login(c, &t, text("1234")), CARD_PIN_BLOCKED);
	assert_int_equal(noted("C_Login"), 7);
	d->close(c);
}

static void a_module_that_names_it_otherwise_is_understood(void **state)
{
	struct card *c = open_module(module);
	struct card_token t = only_token(c);

	(void)state;
	control("wrong-says 0x101\ntells no\n");	/* as OpenSC with OpenPGP cards */
	assert_int_equal(d->login(c, &t, text("0000")), CARD_PIN_WRONG);
	assert_int_equal(d->check(c, &t), 0);
	assert_int_equal(t.tries, -1);
	d->close(c);
}

static void pads_are_asked_without_a_pin(void **state)
{
	struct card *c;
	struct card_token t;
	struct card_key *r, *e;
	struct card_keys *keys;

	(void)state;
	control("pad ok\n");
	c = open_module(module);
	t = only_token(c);
	assert_int_equal(d->login(c, &t, text("1234")), CARD_PIN_UNUSED);
	assert_int_equal(noted("C_Login"), 0);
	control("pad cancel\n");
	assert_int_equal(d->login(c, &t, text("")), CARD_PIN_CANCELLED);
	control("pad wrong\n");
	assert_int_equal(d->login(c, &t, text("")), CARD_PIN_WRONG);
	control("pad ok\n");
	assert_int_equal(d->login(c, &t, text("")), 0);
	assert_int_equal(noted("PIN given"), 0);
	control("pad ok\nalways yes\n");
	keys = keys_now(c, &t, &r, &e);
	assert_int_equal(sign(c, &t, r, "rsa-sha256", ""), 0);
	assert_int_equal(noted("no PIN given"), 4);
	keys_end(keys);
	d->close(c);
}

/* A child that waits for whoever types, as keyd-card does. */
static void a_pad_may_take_its_time(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	control("pad wait\n");
	pid = fork();
	if (!pid) {
		struct card *c = open_module(module);
		struct card_token t = only_token(c);

		_exit(-d->login(c, &t, text("")));
	}
	wait_noted("pad waits");
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	control("pad ok\n");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void keys_that_want_their_pin_each_time_get_it(void **state)
{
	struct card *c = open_module(module);
	struct card_token t = only_token(c);
	struct card_key *r, *e;
	struct card_keys *keys;

	(void)state;
	control("always yes\n");
	assert_int_equal(d->login(c, &t, text("1234")), 0);
	keys = keys_now(c, &t, &r, &e);
	assert_true(r->each && e->each);
	assert_int_equal(sign(c, &t, r, "rsa-sha256", ""), CARD_LOCKED);
	assert_int_equal(noted("C_Login"), 1);
	assert_int_equal(sign(c, &t, r, "rsa-sha256", "1234"), 0);
	assert_int_equal(sign(c, &t, r, "rsa-sha256", "0000"), CARD_PIN_WRONG);
	assert_int_equal(sign(c, &t, e, "ecdsa256", "1234"), 0);	/* what failed is not in the way */
	assert_int_equal(noted("C_Login"), 4);
	keys_end(keys);
	d->close(c);
}

static void keys_that_want_no_pin_sign_without(void **state)
{
	struct card *c = open_module(module);
	struct card_token t = only_token(c);
	struct card_key *r, *e;
	struct card_keys *keys;

	(void)state;
	control("private shown\n");
	keys = keys_now(c, &t, &r, &e);
	assert_false(r->open || e->open);
	keys_end(keys);
	control("private open\n");
	keys = keys_now(c, &t, &r, &e);
	assert_true(r->open && e->open);
	assert_int_equal(sign(c, &t, r, "rsa-sha256", ""), 0);
	assert_int_equal(noted("C_Login"), 0);
	keys_end(keys);
	control("private open\nalways yes\n");	/* which makes no sense */
	keys = keys_now(c, &t, &r, &e);
	assert_true(r->each && !r->open);
	keys_end(keys);
	d->close(c);
}

static void cards_go_and_come_back(void **state)
{
	struct card *c = open_module(module);
	struct card_token t = only_token(c), other;
	struct card_key *r, *e;
	struct card_keys *keys = keys_now(c, &t, &r, &e);

	(void)state;
	other = t;				/* not the one in the slot, with which there is a session */
	other.serial[0] = '9';
	assert_int_equal(sign(c, &other, r, "rsa-sha256", ""), CARD_GONE);
	assert_int_equal(d->login(c, &t, text("1234")), 0);
	control("fail C_Sign 0x32\n");		/* in the middle */
	assert_int_equal(sign(c, &t, r, "rsa-sha256", ""), CARD_GONE);
	assert_string_equal(d->error(c), "C_Sign: CKR_DEVICE_REMOVED");
	control("card 0\n");
	assert_int_equal(d->check(c, &t), CARD_GONE);
	assert_int_equal(sign(c, &t, r, "rsa-sha256", ""), CARD_GONE);
	assert_int_equal(d->login(c, &t, text("1234")), CARD_PIN_UNUSED);
	control("card 2\n");			/* the old session stays dead */
	assert_int_equal(d->check(c, &t), 0);
	assert_int_equal(sign(c, &t, r, "rsa-sha256", ""), CARD_LOCKED);
	assert_int_equal(d->login(c, &t, text("1234")), 0);
	assert_int_equal(sign(c, &t, r, "rsa-sha256", ""), 0);
	control("card 3\nserial 0002\n");	/* not this one's PIN */
	assert_int_equal(d->check(c, &t), CARD_GONE);
	assert_int_equal(d->login(c, &t, text("1234")), CARD_PIN_UNUSED);
	assert_int_equal(sign(c, &t, r, "rsa-sha256", ""), CARD_GONE);
	other = only_token(c);
	assert_false(card_token_same(&t, &other));
	assert_int_equal(noted("C_Login"), 2);
	keys_end(keys);
	d->close(c);
}

/* PIV cards are called as their certificates are. */
static void a_card_that_is_called_otherwise_is_the_same(void **state)
{
	struct card *c = open_module(module);
	struct card_token t = only_token(c), was, again[2];
	struct card_key *r, *e;
	struct card_keys *keys = keys_now(c, &t, &r, &e);
	unsigned n = 2;

	(void)state;
	assert_int_equal(d->login(c, &t, text("1234")), 0);
	control("label gate\n");
	assert_int_equal(sign(c, &t, r, "rsa-sha256", ""), 0);
	was = t;
	assert_int_equal(d->check(c, &t), 0);
	assert_string_equal(t.label, "gate");
	assert_int_equal(sign(c, &t, r, "rsa-sha256", ""), 0);
	assert_int_equal(sign(c, &was, r, "rsa-sha256", ""), 0);
	assert_int_equal(noted("C_Login"), 1);
	control("card 2\nlabel gate2\n");
	assert_int_equal(d->login(c, &t, text("1234")), 0);
	/* Two tokens of one card are told apart by nothing else. */
	control("card 3\nlabel auth\ntwin sig\n");
	assert_int_equal(d->tokens(c, again, &n), 0);
	assert_int_equal(n, 2);
	assert_true(card_token_same_card(&again[0], &again[1]) && !card_token_same(&again[0], &again[1]));
	control("card 4\nlabel auth\ntwin sig\nswapped yes\n");
	assert_int_equal(d->check(c, &again[0]), CARD_GONE);
	assert_int_equal(d->login(c, &again[0], text("1234")), CARD_PIN_UNUSED);
	assert_int_equal(noted("C_Login"), 2);
	keys_end(keys);
	d->close(c);
}

static void pcscd_restarts(void **state)
{
	struct card *c = open_module(module);
	struct card_token t = only_token(c);
	struct card_key *r, *e;
	struct card_keys *keys = keys_now(c, &t, &r, &e);

	(void)state;
	assert_int_equal(d->login(c, &t, text("1234")), 0);
	control("epoch 1\n");
	assert_int_equal(sign(c, &t, r, "rsa-sha256", ""), CARD_BROKEN);
	assert_int_equal(d->login(c, &t, text("1234")), CARD_PIN_UNUSED);
	assert_int_equal(d->reset(c), 0);
	assert_int_equal(sign(c, &t, r, "rsa-sha256", ""), CARD_LOCKED);
	assert_int_equal(d->login(c, &t, text("1234")), 0);
	assert_int_equal(sign(c, &t, r, "rsa-sha256", ""), 0);
	keys_end(keys);
	d->close(c);
}

static void another_program_logs_out(void **state)
{
	struct card *c = open_module(module);
	struct card_token t = only_token(c);
	struct card_key *r, *e;
	struct card_keys *keys = keys_now(c, &t, &r, &e);

	(void)state;
	assert_int_equal(d->login(c, &t, text("1234")), 0);
	control("fail C_Sign 0x101\n");
	assert_int_equal(sign(c, &t, r, "rsa-sha256", ""), CARD_LOCKED);
	control("fail C_SignInit 0x70\n");	/* an update of the module has taken the mechanism away */
	assert_int_equal(sign(c, &t, r, "rsa-sha256", ""), CARD_NO_SCHEME);
	control("");
	assert_int_equal(sign(c, &t, r, "rsa-sha256", ""), 0);
	keys_end(keys);
	d->close(c);
}

static void cards_are_waited_for(void **state)
{
	struct card *c = open_module(module);

	(void)state;
	assert_int_equal(d->wait(c, false), 0);
	control("card 0\n");
	assert_int_equal(d->wait(c, true), 1);
	assert_int_equal(d->wait(c, false), 0);
	control("card 2\nevents poll\n");
	assert_int_equal(d->wait(c, true), CARD_UNSUPPORTED);
	assert_int_equal(d->wait(c, false), 1);
	control("card 2\nevents none\n");
	assert_int_equal(d->wait(c, false), CARD_UNSUPPORTED);
	control("card 2\nepoch 5\n");
	assert_int_equal(d->wait(c, true), CARD_BROKEN);
	d->close(c);
}

/* Modules hang and crash; whoever called them can be ended from outside, and others do not notice. */
static void hangs_and_crashes_stay_in_their_process(void **state)
{
	static const char *const functions[] = { "C_GetSlotList", "C_Login", "C_Sign" };
	char line[64];
	int status;

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		bool hang = i % 2;
		pid_t pid;

		forget("log");
		snprintf(line, sizeof(line), "%s %s\n", hang ? "hang" : "crash", functions[i / 2]);
		control(line);
		pid = fork();
		if (!pid) {
			struct card *c = open_module(module);
			struct card_token t = only_token(c);
			struct card_key *r, *e;
			struct card_keys *keys = keys_now(c, &t, &r, &e);

			_exit(d->login(c, &t, text("1234")) || sign(c, &t, keys ? r : e, "rsa-sha256", ""));
		}
		wait_noted(hang ? "hangs" : "crashes");
		if (hang) {
			assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
			kill(pid, SIGKILL);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), hang ? SIGKILL : SIGSEGV);
	}
}

/* Whichever function fails in whichever way: no crash, nothing leaks, no PIN is tried twice, and it goes on afterwards. */
static struct card_make in_place(bool replace)
{
	return (struct card_make){ .type = CRYPTO_KEY_EC, .bits = 256, .id = { 2 }, .nid = 1, .replace = replace };
}

static void read_file(const char *name, struct secret *out)
{
	uint8_t bytes[4096];
	FILE *f = file(name, "r");

	assert_non_null(f);
	assert_int_equal(secret_set(out, bytes, fread(bytes, 1, sizeof(bytes), f)), 0);
	fclose(f);
}

/* A token may make a key in the place of the old one, whose handle it keeps. */
static void keys_are_made_in_their_place(void **state)
{
	struct card_make no = in_place(false), yes = in_place(true);
	struct card *c = open_module(module);
	struct card_token t = only_token(c);
	struct card_key k = { 0 };
	struct secret cert = { 0 };

	(void)state;
	assert_int_equal(d->generate(c, &t, &yes, &k), CARD_LOCKED);
	assert_int_equal(d->login(c, &t, text("1234")), 0);
	assert_int_equal(d->generate(c, &t, &no, &k), CARD_KEY_THERE);
	keep_cert("ec.pem", "ec.der");
	assert_int_equal(d->generate(c, &t, &yes, &k), 0);
	assert_false(crypto_key_equal(k.public, ec));
	assert_int_equal(k.cert.n, 0);		/* the old one is gone */
	assert_int_equal(sign(c, &t, &k, "ecdsa-sha256", ""), 0);
	for (int i = 0; i < 2; i++) {
		keep_cert("ec.pem", "cert");
		read_file("cert", &cert);
		assert_int_equal(d->store_cert(c, &t, &k, secret_view(&cert), text("")), 0);
	}
	assert_int_equal(d->store_cert(c, &t, &k, text("no certificate"), text("")), CARD_FAILED);
	card_key_free(&k);
	control("makes nothing\n");
	assert_int_equal(d->generate(c, &t, &yes, &k), CARD_BROKEN);
	read_file("ec.der", &cert);		/* and so the old one's is still there */
	secret_clear(&cert);
	keep_key(ec, "ec.pem");
	forget("ec.der");
	d->close(c);
}

/* Where whatever fails, nothing is left over; a login is not tried twice. */
static void making_may_fail_anywhere(void **state)
{
	static const char *const functions[] = {
		"C_GetTokenInfo", "C_OpenSession", "C_GetSessionInfo", "C_GetAttributeValue", "C_FindObjectsInit", "C_FindObjects",
		"C_FindObjectsFinal", "C_GenerateKeyPair", "C_CreateObject", "C_DestroyObject", "C_CloseSession",
	};
	static const unsigned long values[] = { 0x2, 0x5, 0x13, 0x30, 0x32, 0x54, 0xb3, 0xd1, 0xe0, 0xe2, 0x101, 0x140, 0x80000001 };
	struct card_make yes = in_place(true);
	struct card *c = open_module(module);
	struct card_token t = only_token(c);
	struct secret cert = { 0 };
	char line[64];

	(void)state;
	keep_cert("ec.pem", "cert");
	read_file("cert", &cert);
	for (size_t f = 0; f < sizeof(functions) / sizeof(*functions); f++)
		for (size_t v = 0; v < sizeof(values) / sizeof(*values); v++) {
			struct card_key k = { 0 };

			control("");
			keep_cert("ec.pem", "ec.der");
			assert_int_equal(d->reset(c), 0);
			assert_int_equal(d->login(c, &t, text("1234")), 0);
			snprintf(line, sizeof(line), "fail %s 0x%lx\n", functions[f], values[v]);
			control(line);
			if (!d->generate(c, &t, &yes, &k)) {
				d->store_cert(c, &t, &k, secret_view(&cert), text(""));
				card_key_free(&k);
			}
		}
	secret_clear(&cert);
	control("");
	keep_key(ec, "ec.pem");
	forget("ec.der");
	d->close(c);
}

static void any_function_may_fail(void **state)
{
	static const char *const functions[] = {
		"C_GetSlotList", "C_GetSlotInfo", "C_GetTokenInfo", "C_GetMechanismList", "C_GetMechanismInfo", "C_OpenSession",
		"C_CloseSession", "C_GetSessionInfo", "C_Login", "C_Logout", "C_GetAttributeValue", "C_FindObjectsInit", "C_FindObjects",
		"C_FindObjectsFinal", "C_SignInit", "C_Sign",
	};
	static const unsigned long values[] = { 0x2, 0x5, 0x6, 0x30, 0x32, 0x54, 0xb3, 0xe0, 0x101, 0x190, 0x150, 0x80000001 };
	struct card_keys *good, *keys;
	struct card *c = open_module(module);
	struct card_token t = only_token(c), list[CARD_TOKENS_MAX];
	struct card_key *r, *e;
	char line[64];

	(void)state;
	good = keys_now(c, &t, &r, &e);
	keys = calloc(1, sizeof(*keys));
	for (size_t f = 0; f < sizeof(functions) / sizeof(*functions); f++)
		for (size_t v = 0; v < sizeof(values) / sizeof(*values); v++) {
			unsigned n = CARD_TOKENS_MAX;

			control("");
			forget("log");
			assert_int_equal(d->reset(c), 0);
			snprintf(line, sizeof(line), "fail %s 0x%lx\n", functions[f], values[v]);
			control(line);
			d->tokens(c, list, &n);
			d->keys(c, &t, keys);
			card_keys_free(keys);
			d->login(c, &t, text("1234"));
			sign(c, &t, r, "rsa-sha256", "");
			sign(c, &t, e, "ecdsa256", "");
			d->logout(c, &t);
			assert_true(noted("C_Login") <= 1);
		}
	control("");
	assert_int_equal(d->reset(c), 0);
	assert_int_equal(d->login(c, &t, text("1234")), 0);
	assert_int_equal(sign(c, &t, r, "rsa-sha256", ""), 0);
	free(keys);
	keys_end(good);
	d->close(c);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(tokens_are_listed, fresh),
		cmocka_unit_test_setup(what_is_no_module_says_so, fresh),
		cmocka_unit_test_setup(keys_are_put_together, fresh),
		cmocka_unit_test_setup(every_scheme_signs, fresh),
		cmocka_unit_test_setup(odd_signatures_are_put_right_or_refused, fresh),
		cmocka_unit_test_setup(wrong_pins_cost_one_try_each, fresh),
		cmocka_unit_test_setup(a_module_that_names_it_otherwise_is_understood, fresh),
		cmocka_unit_test_setup(pads_are_asked_without_a_pin, fresh),
		cmocka_unit_test_setup(a_pad_may_take_its_time, fresh),
		cmocka_unit_test_setup(keys_that_want_their_pin_each_time_get_it, fresh),
		cmocka_unit_test_setup(keys_that_want_no_pin_sign_without, fresh),
		cmocka_unit_test_setup(a_card_that_is_called_otherwise_is_the_same, fresh),
		cmocka_unit_test_setup(cards_go_and_come_back, fresh),
		cmocka_unit_test_setup(pcscd_restarts, fresh),
		cmocka_unit_test_setup(another_program_logs_out, fresh),
		cmocka_unit_test_setup(cards_are_waited_for, fresh),
		cmocka_unit_test_setup(hangs_and_crashes_stay_in_their_process, fresh),
		cmocka_unit_test_setup(any_function_may_fail, fresh),
		cmocka_unit_test_setup(keys_are_made_in_their_place, fresh),
		cmocka_unit_test_setup(making_may_fail_anywhere, fresh),
	};
	char exe[PATH_MAX], path[PATH_MAX];

	(void)argc;
	snprintf(exe, sizeof(exe), "%s", argv[0]);
	snprintf(path, sizeof(path), "%.3800s/../card/mock_p11.so", dirname(exe));
	if (!realpath(path, module)) {
		perror(path);
		return 1;
	}
	return cmocka_run_group_tests_name("card_pkcs11", tests, folder_begin, all_end);
}
