// SPDX-License-Identifier: MIT
// Writes the seed files of fuzz_card into a directory: what a worker says of an RSA key, of an EC key with a certificate, and the rest.
#include "keyd/card/wire.h"
#include "keyd/crypto/alg.h"
#include "keyd/crypto/cert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *dir;

static FILE *file(const char *folder, const char *name, const char *mode)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, mode);
	if (!f) {
		perror(path);
		exit(1);
	}
	return f;
}

static void save(const char *name, uint8_t what, const void *bytes, size_t n)
{
	FILE *f = file(dir, name, "wb");

	if (fwrite(&what, 1, 1, f) != 1 || fwrite(bytes, 1, n, f) != n || fclose(f))
		exit(1);
}

static void save_key(const char *name, const struct card_key *k)
{
	uint8_t buf[CARD_WIRE_KEY_MAX];
	struct wr w = wr_of(buf, sizeof(buf));

	card_wire_key_put(&w, k);
	if (!wr_ok(&w))
		exit(1);
	save(name, 0, buf, w.len);
}

static int take(void *arg, struct crypto_cert *c)
{
	*(struct crypto_cert **)arg = c;
	return 1;
}

int main(int argc, char **argv)
{
	struct card_key k = { .id = { 1 }, .nid = 1, .label = "auth", .seen = true, .schemes = ~0u };
	struct card_token t = { .label = "gate", .serial = "0001", .reader = "Emulated 00 00", .login = true, .tries = 3 };
	struct card_wire_done d = { .error = CARD_BROKEN, .why = "C_Sign: CKR_DEVICE_ERROR" };
	struct card_wire_reader r[2] = { { "Emulated 00 00", 1 }, { "Emulated 00 01", 2 } };
	struct crypto_cert *c = NULL;
	static uint8_t pem[65536];
	FILE *f;
	size_t n;

	if (argc != 3 || crypto_init()) {
		fprintf(stderr, "usage: make_corpus_card CERTIFICATES DIRECTORY\n");
		return 2;
	}
	dir = argv[2];
	f = file(argv[1], "good.crt", "rb");
	n = fread(pem, 1, sizeof(pem), f);
	fclose(f);
	if (crypto_certs_from_file((struct view){ pem, n }, take, &c) != 1 || crypto_cert_key(c, &k.public) ||
	    secret_set(&k.cert, crypto_cert_der(c).p, crypto_cert_der(c).n))
		return 1;
	save_key("key-cert", &k);
	crypto_cert_free(c);
	card_key_free(&k);
	if (crypto_key_generate(&k.public, CRYPTO_KEY_RSA, 2048))
		return 1;
	save_key("key-rsa", &k);
	card_key_free(&k);
	save("token", 1, &t, sizeof(t));
	save("done", 2, &d, sizeof(d));
	save("readers", 3, r, sizeof(r));
	crypto_exit();
	return 0;
}
