// SPDX-License-Identifier: MIT
// A driver of keyd/card in a script's hands: one command a line, its answers, and a line "= what came of it".
#include "keyd/card/pcsc_watch.h"
#include "keyd/card/uri.h"
#include "keyd/crypto/alg.h"
#include "tests/unit/signable.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 8
#define LINE_MAX_LEN 1024
#define FILE_MAX_LEN 65536

static const struct card_driver *d;
static struct card *card;
static struct card_token tokens[CARD_TOKENS_MAX];
static struct card_keys keys[CARD_TOKENS_MAX];
static unsigned ntokens;

static struct view text(const char *s)
{
	return (struct view){ (const uint8_t *)s, s ? strlen(s) : 0 };
}

static void show_token(unsigned i)
{
	char uri[CARD_URI_MAX];

	printf("token %u tries=%d login=%d %s\n", i, tokens[i].tries, tokens[i].login, card_uri_format(&tokens[i], NULL, uri, sizeof(uri)));
}

static void show_key(const struct card_token *t, const struct card_key *k)
{
	char uri[CARD_URI_MAX], name[32];
	unsigned schemes = 0;

	for (uint32_t left = k->schemes; left; left &= left - 1)
		schemes++;
	printf("key %02x %s schemes=%u cert=%zu each=%d open=%d seen=%d label=%s %s\n", k->nid ? k->id[0] : 0,
	       crypto_key_name(k->public, name, sizeof(name)), schemes, k->cert.n, k->each, k->open, k->seen, k->label,
	       card_uri_format(t, k, uri, sizeof(uri)));
}

static int do_tokens(char **w)
{
	unsigned n = CARD_TOKENS_MAX;
	int r = d->tokens(card, tokens, &n);

	(void)w;
	ntokens = r ? 0 : n;
	for (unsigned i = 0; i < ntokens; i++)
		show_token(i);
	return r;
}

static struct card_token *token_of(const char *word)
{
	return &tokens[word ? strtoul(word, NULL, 10) % CARD_TOKENS_MAX : 0];
}

static struct card_keys *keys_of(const char *word)
{
	return &keys[token_of(word) - tokens];
}

static struct card_key *key_of(char **w)
{
	struct card_keys *all = keys_of(w[1]);
	unsigned long id = w[2] ? strtoul(w[2], NULL, 16) : 0;

	for (unsigned i = 0; i < all->n; i++)
		if (all->key[i].nid && all->key[i].id[0] == id)
			return &all->key[i];
	return NULL;
}

static int do_check(char **w)
{
	int r = d->check(card, token_of(w[1]));

	if (!r)
		show_token((unsigned)(token_of(w[1]) - tokens));
	return r;
}

static int do_keys(char **w)
{
	struct card_keys *all = keys_of(w[1]);
	int r;

	card_keys_free(all);
	memset(all, 0, sizeof(*all));
	r = d->keys(card, token_of(w[1]), all);
	for (unsigned i = 0; !r && i < all->n; i++)
		show_key(token_of(w[1]), &all->key[i]);
	return r;
}

static int do_login(char **w)
{
	return d->login(card, token_of(w[1]), text(w[2]));
}

static int do_logout(char **w)
{
	return d->logout(card, token_of(w[1]));
}

static int do_reset(char **w)
{
	(void)w;
	return d->reset(card);
}

/* sign TOKEN ID SCHEME TIMES [PIN]: checked by OpenSSL once more */
static int do_sign(char **w)
{
	const struct crypto_sig *s = w[3] ? crypto_sig_by_name(w[3]) : NULL;
	const struct card_key *k = key_of(w);
	const struct view part = s ? signable(s) : text("");
	uint8_t out[CRYPTO_SIG_MAX];
	int r = k && s ? CARD_OK : CARD_NO_KEY;

	for (unsigned long i = w[4] ? strtoul(w[4], NULL, 10) : 1; i && !r; i--) {
		size_t n = sizeof(out);

		r = d->sign(card, token_of(w[1]), k, s, &part, 1, text(w[4] ? w[5] : NULL), out, &n);
		if (!r && crypto_sig_check(s, k->public, &part, 1, (struct view){ out, n }))
			r = CARD_BAD_SIGNATURE;
	}
	return r;
}

/* sign-all TOKEN ID [PIN]: with every scheme that the key is said to have */
static int do_sign_all(char **w)
{
	const struct card_key *k = key_of(w);
	const struct crypto_sig *s = NULL;
	unsigned done = 0;

	for (uint32_t bit = 1; k && (s = crypto_sig_next(s)); bit <<= 1) {
		char *words[WORDS_MAX] = { w[0], w[1], w[2], (char *)s->name, "1", w[3] };
		int r = k->schemes & bit ? do_sign(words) : CARD_NO_SCHEME;

		if (r && r != CARD_NO_SCHEME)
			return r;
		done += !r;
	}
	printf("signed %u\n", done);
	return k ? CARD_OK : CARD_NO_KEY;
}

/* make TOKEN ID rsa|ec BITS ADMIN [replace] */
static int do_make(char **w)
{
	struct card_make how = { .type = w[3] && !strcmp(w[3], "rsa") ? CRYPTO_KEY_RSA : CRYPTO_KEY_EC, .nid = 1, .label = "made" };
	struct card_keys *all = keys_of(w[1]);
	int r;

	if (!w[4] || !d->generate || all->n == CARD_KEYS_MAX)
		return CARD_UNSUPPORTED;
	how.id[0] = (uint8_t)strtoul(w[2], NULL, 16);
	how.bits = (unsigned)strtoul(w[4], NULL, 10);
	how.admin = text(w[5]);
	how.replace = w[5] && w[6];
	card_keys_free(all);
	r = d->generate(card, token_of(w[1]), &how, &all->key[0]);
	if (r)
		return r;
	all->n = 1;
	show_key(token_of(w[1]), &all->key[0]);
	return CARD_OK;
}

/* store TOKEN ID FILE ADMIN */
static int do_store(char **w)
{
	static uint8_t der[FILE_MAX_LEN];
	const struct card_key *k = key_of(w);
	FILE *f = k && w[3] ? fopen(w[3], "rb") : NULL;
	size_t n = f ? fread(der, 1, sizeof(der), f) : 0;

	if (f)
		fclose(f);
	return n ? d->store_cert(card, token_of(w[1]), k, (struct view){ der, n }, text(w[4])) : CARD_NO_KEY;
}

/* public TOKEN ID FILE: its SubjectPublicKeyInfo */
static int do_public(char **w)
{
	const struct card_key *k = key_of(w);
	struct secret spki = { 0 };
	FILE *f = k && w[3] ? fopen(w[3], "wb") : NULL;

	if (!f || crypto_key_spki(k->public, &spki))
		return CARD_NO_KEY;
	fwrite(spki.p, 1, spki.n, f);
	fclose(f);
	secret_clear(&spki);
	return CARD_OK;
}

static int do_wait(char **w)
{
	int r = d->wait(card, w[1] && !strcmp(w[1], "block"));

	if (r >= 0)
		puts(r ? "event" : "no event");
	return r < 0 ? r : CARD_OK;
}

/* Descriptors that are open now. */
static int do_fds(char **w)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	(void)w;
	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	printf("fds %u\n", n - 3);
	return CARD_OK;
}

static const struct {
	const char *name;
	int (*run)(char **words);
} commands[] = {
	{ "tokens", do_tokens }, { "check", do_check }, { "keys", do_keys }, { "login", do_login }, { "logout", do_logout },
	{ "reset", do_reset }, { "sign", do_sign }, { "sign-all", do_sign_all }, { "make", do_make }, { "store", do_store },
	{ "public", do_public }, { "wait", do_wait }, { "fds", do_fds },
};

static int run(char *line)
{
	char *words[WORDS_MAX] = { 0 }, *rest = NULL;
	unsigned n = 0;

	for (char *p = strtok_r(line, " \n", &rest); p && n + 1 < WORDS_MAX; p = strtok_r(NULL, " \n", &rest))
		words[n++] = p;
	for (size_t i = 0; n && i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(commands[i].name, words[0]))
			return commands[i].run(words);
	return CARD_UNSUPPORTED;
}

/* Says what readers there are, again whenever that has changed; ends with its input. */
static int watch(void)
{
	struct pcsc_reader readers[PCSC_READERS_MAX];
	struct pcsc_watch *w;

	if (pcsc_watch_open(&w))
		return 1;
	do {
		unsigned n = PCSC_READERS_MAX;
		int r = pcsc_watch_readers(w, readers, &n);

		printf("%s", r == CARD_GONE ? "no pcscd" : r ? "error" : "readers");
		for (unsigned i = 0; i < n; i++)
			printf(" \"%s\"%c", readers[i].name, readers[i].present ? '+' : '-');
		puts("");
		fflush(stdout);
	} while (pcsc_watch_wait(w, -1) == 1);
	pcsc_watch_close(w);
	return 1;
}

int main(int argc, char **argv)
{
	char line[LINE_MAX_LEN], why[CARD_WHY_MAX] = "";

	if (argc == 2 && !strcmp(argv[1], "watch"))
		return watch();
	if (argc != 3 || crypto_init()) {
		fprintf(stderr, "usage: card-driver native READER | pkcs11 MODULE | watch\n");
		return 2;
	}
	d = !strcmp(argv[1], "native") ? &card_driver_native : &card_driver_pkcs11;
	if (d->open(&card, argv[2], why)) {
		fprintf(stderr, "%s %s\n", argv[2], why);
		return 1;
	}
	while (fgets(line, sizeof(line), stdin) && strcmp(line, "quit\n")) {
		int r = run(line);

		printf("= %s%s%s\n", r ? card_strerror(r) : "ok", r && *d->error(card) ? " | " : "", r ? d->error(card) : "");
		fflush(stdout);
	}
	for (unsigned i = 0; i < CARD_TOKENS_MAX; i++)
		card_keys_free(&keys[i]);
	d->close(card);
	crypto_exit();
	return 0;
}
