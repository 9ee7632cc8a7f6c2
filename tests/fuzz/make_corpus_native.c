// SPDX-License-Identifier: MIT
// Writes the seed files of fuzz_native into a directory: what the cards of tests/card answer.
#include "keyd/crypto/alg.h"
#include "keyd/crypto/rand.h"
#include "tests/unit/card_all.h"
#include "tests/unit/card_pcsc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static FILE *out;

static void keep(unsigned n, struct view command, uint8_t *answer, size_t *nanswer)
{
	const uint8_t head[] = { (uint8_t)(*nanswer >> 8), (uint8_t)*nanswer };

	(void)n;
	(void)command;
	if (fwrite(head, 1, 2, out) != 2 || fwrite(answer, 1, *nanswer, out) != *nanswer)
		exit(1);
}

static int no_chance(void *arg, void *p, size_t n)
{
	(void)arg;
	memset(p, 0, n);
	return 0;
}

static const struct {
	const char *name;
	bool openpgp, piv, extended;
	const char *slots[2], *kinds[2];
} rows[] = {
	{ "openpgp-rsa", true, false, true, { "auth", "sign" }, { "rsa2048", "p384" } },
	{ "openpgp-short", true, false, false, { "auth", "decrypt" }, { "rsa3072", "p256" } },
	{ "openpgp-ec", true, false, true, { "auth", "sign" }, { "p521", "ed25519" } },
	{ "piv-rsa", false, true, true, { "9a", "9c" }, { "rsa2048", "p256" } },
	{ "piv-ec", false, true, false, { "9a", "9e" }, { "p384", "p256" } },
	{ "both", true, true, true, { "sign" }, { "p256" } },
};

int main(int argc, char **argv)
{
	char path[4096], why[CARD_WHY_MAX];
	struct card *c;

	if (argc != 2 || crypto_init()) {
		fprintf(stderr, "usage: make_corpus_native DIRECTORY\n");
		return 2;
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		snprintf(path, sizeof(path), "%s/%s", argv[1], rows[i].name);
		out = fopen(path, "wb");
		if (!out || card_driver_native.open(&c, MOCK_READER, why)) {
			perror(path);
			return 1;
		}
		mock_pcsc_new(rows[i].openpgp, rows[i].piv, rows[i].extended);
		for (unsigned j = 0; j < 2 && rows[i].slots[j]; j++)
			mock_pcsc_certify(rows[i].openpgp ? "openpgp" : "piv", rows[i].slots[j], rows[i].kinds[j], "gate");
		crypto_rand_set(no_chance, NULL);
		mock_pcsc.spoil = keep;
		card_all(c);
		card_driver_native.close(c);
		crypto_rand_set(NULL, NULL);
		fclose(out);
	}
	mock_pcsc_free();
	return 0;
}
