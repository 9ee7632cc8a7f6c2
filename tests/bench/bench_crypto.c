// SPDX-License-Identifier: MIT
// What one operation of keyd/crypto costs, in microseconds of CPU time: "make bench-crypto".
#include "keyd/crypto/aead.h"
#include "keyd/crypto/kex.h"
#include "keyd/crypto/prf.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SECONDS_EACH 0.1
#define TEXT 256		/* bytes: about an IKE_AUTH message */

static const uint8_t keys[256];	/* which key it is does not matter for time */

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Microseconds of one call; a call that fails ends the program, for it would look fast. */
static double measure(int (*call)(void *), void *arg)
{
	double start = cpu_seconds(), now;
	unsigned long calls = 0, batch = 1;

	do {
		for (unsigned long i = 0; i < batch; i++)
			if (call(arg)) {
				fprintf(stderr, "bench_crypto: an operation failed\n");
				exit(1);
			}
		calls += batch;
		batch *= 2;
		now = cpu_seconds();
	} while (now - start < SECONDS_EACH);
	return (now - start) * 1e6 / (double)calls;
}

struct kex_pair {
	const struct crypto_alg *ke;
	struct crypto_kex *ours, *theirs;
};

static int new_key(void *arg)
{
	struct crypto_kex *k = crypto_kex_new(((struct kex_pair *)arg)->ke);

	crypto_kex_free(k);
	return k ? 0 : -1;
}

static int derive(void *arg)
{
	struct kex_pair *p = arg;
	struct secret s = { 0 };
	int ret = crypto_kex_derive(p->ours, crypto_kex_public(p->theirs), &s);

	secret_clear(&s);
	return ret;
}

static void bench_kex(void)
{
	printf("%-20s %10s %10s\n", "key exchange", "new", "derive");
	for (struct kex_pair p = { 0 }; (p.ke = crypto_alg_next(p.ke, CRYPTO_KE));) {
		double new_us = measure(new_key, &p);

		p.ours = crypto_kex_new(p.ke);
		p.theirs = crypto_kex_new(p.ke);
		if (!p.ours || !p.theirs)
			exit(1);
		printf("%-20s %10.1f %10.1f\n", p.ke->name, new_us, measure(derive, &p));
		crypto_kex_free(p.ours);
		crypto_kex_free(p.theirs);
	}
}

static int prf_once(void *arg)
{
	const struct crypto_alg *prf = arg;
	const struct view key = { keys, prf->key }, data = { keys, 64 };
	uint8_t out[CRYPTO_PRF_MAX];

	return crypto_prf(prf, key, &data, 1, out);
}

static int prf_plus_once(void *arg)
{
	const struct crypto_alg *prf = arg;
	const struct view key = { keys, prf->key }, seed = { keys, 80 };
	uint8_t out[7 * CRYPTO_PRF_MAX];

	return crypto_prf_plus(prf, key, &seed, 1, out, 7u * prf->prf);
}

static void bench_prf(void)
{
	printf("\n%-20s %10s %10s\n", "prf", "64 bytes", "prf+, 7");
	for (const struct crypto_alg *a = NULL; (a = crypto_alg_next(a, CRYPTO_PRF));) {
		printf("%-20s %10.2f ", a->name, measure(prf_once, (void *)a));
		printf("%10.2f\n", measure(prf_plus_once, (void *)a));
	}
}

struct message {
	struct crypto_cipher *c;
	uint8_t aad[32], iv[CRYPTO_IV_MAX], text[TEXT], icv[CRYPTO_ICV_MAX];
};

static int seal(void *arg)
{
	struct message *m = arg;

	return crypto_seal(m->c, (struct view){ m->aad, sizeof(m->aad) }, m->iv, m->text, TEXT, m->icv);
}

/* Sealing it again each time would count twice; the copy of a sealed one does not weigh. */
static int open_copy(void *arg)
{
	struct message m = *(struct message *)arg;

	return crypto_open(m.c, (struct view){ m.aad, sizeof(m.aad) }, m.iv, m.text, TEXT, m.icv);
}

static void bench_cipher(const struct crypto_alg *a, const struct crypto_alg *integ)
{
	const struct view integ_key = { keys, integ ? integ->key : 0 };
	const struct view encr_key = { keys, crypto_alg_encr_key_len(a) };
	struct message m = { .c = crypto_cipher_new(a, integ, encr_key, integ_key) };
	char name[40];

	if (!m.c) {
		fprintf(stderr, "bench_crypto: no cipher %s\n", a->name);
		exit(1);
	}
	snprintf(name, sizeof(name), "%s%s%s", a->name, integ ? " " : "", integ ? integ->name : "");
	printf("%-20s %10.2f ", name, measure(seal, &m));
	printf("%10.2f\n", measure(open_copy, &m));
	crypto_cipher_free(m.c);
}

int main(void)
{
	static const char *const encrs[] = {
		"aes128gcm16", "aes256gcm16", "chacha20poly1305", "aes128", "aes256", NULL,
	};

	if (crypto_init()) {
		fprintf(stderr, "bench_crypto: %s\n", crypto_error());
		return 1;
	}
	printf("microseconds of CPU time per operation\n\n");
	bench_kex();
	bench_prf();
	printf("\n%-20s %10s %10s\n", "256 bytes", "seal", "open");
	for (const char *const *e = encrs; *e; e++) {
		const struct crypto_alg *a = crypto_alg_by_name(CRYPTO_ENCR, *e);

		bench_cipher(a, a->aead ? NULL : crypto_alg_by_name(CRYPTO_INTEG, "sha256"));
	}
	crypto_exit();
	return 0;
}
