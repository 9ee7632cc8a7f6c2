// SPDX-License-Identifier: MIT
/*
 * Writes seeds for the fuzz target "cert" into a folder, out of what tests/ca/make has made: good ones, and ones that are malformed on
 * purpose. A record of each says what time it is, so they do not age.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *from, *to;

/* What becomes a record's bytes. */
enum damage { NONE, CUT, TIME, SERIAL, EMPTY, LENGTH, ALL_DAMAGES };

struct seed {
	const char *name;
	const char *files;	/* "R:root.crt C:good.crt": letters of fuzz_cert.c; a letter in lower case: this one is damaged */
	enum damage damage;
};

static const struct seed seeds[] = {
	{ "chain-good", "R:root.crt C:good.crt C:inter.crt", NONE },
	{ "chain-rsa", "R:root.crt C:rsa.crt C:inter.crt", NONE },
	{ "chain-no-intermediate", "R:root.crt C:good.crt", NONE },
	{ "chain-loop", "R:root.crt C:looped.crt C:loop-b.crt C:loop-a.crt", NONE },
	{ "chain-loop-believed", "R:loop-a.crt C:looped.crt C:loop-b.crt", NONE },
	{ "chain-12", "R:root.crt C:shallow.crt C:deep1.crt C:deep2.crt C:deep3.crt C:deep4.crt C:deep5.crt C:deep6.crt "
	  "C:deep7.crt C:deep8.crt C:deep9.crt C:deep10.crt", NONE },
	{ "chain-names-outside", "R:root.crt C:outside.crt C:narrow.crt", NONE },
	{ "chain-partial", "R:inter.crt C:good.crt", NONE },
	{ "cert-names", "R:root.crt C:names.crt C:inter.crt", NONE },
	{ "cert-negative-serial", "R:root.crt C:negative.crt C:inter.crt", NONE },
	{ "cert-nosubject", "R:root.crt C:nosubject.crt C:inter.crt", NONE },
	{ "cert-umlaut", "R:root.crt C:umlaut.crt C:inter.crt", NONE },
	{ "cert-cut", "R:root.crt c:good.crt C:inter.crt", CUT },
	{ "cert-odd-time", "R:root.crt c:good.crt C:inter.crt", TIME },
	{ "cert-odd-serial", "R:root.crt c:good.crt C:inter.crt", SERIAL },
	{ "cert-empty-fields", "R:root.crt c:good.crt C:inter.crt", EMPTY },
	{ "cert-length", "R:root.crt c:good.crt C:inter.crt", LENGTH },
	{ "cert-file", "F:inter.pem F:good.key F:good.crt f:root.pem", CUT },
	{ "crl", "R:root.crt C:revoked.crt C:inter.crt L:inter.crl L:root.crl", NONE },
	{ "crl-delta", "R:root.crt C:crl-revoked.crt C:inter.crt L:inter.crl L:delta.crl L:part.crl", NONE },
	{ "crl-wrong", "R:root.crt C:good.crt C:inter.crt L:impostor.crl L:stale.crl", NONE },
	{ "crl-cut", "R:root.crt C:good.crt C:inter.crt l:inter.crl", CUT },
	{ "crl-odd-time", "R:root.crt C:good.crt C:inter.crt l:inter.crl", TIME },
	{ "ocsp", "R:root.crt C:ocsp.crt C:inter.crt O:good.ocsp O:by-ca.ocsp", NONE },
	{ "ocsp-revoked", "R:root.crt C:ocsp-revoked.crt C:inter.crt O:before.ocsp O:ocsp-revoked.ocsp", NONE },
	{ "ocsp-wrong", "R:root.crt C:ocsp.crt C:inter.crt O:responder-no.ocsp O:no-certs.ocsp", NONE },
	{ "ocsp-cut", "R:root.crt C:ocsp.crt C:inter.crt o:good.ocsp", CUT },
	{ "p12", "P:good.p12 P:ed.p12 P:des.p12 P:open.p12 p:certs.p12", CUT },
	{ "key", "K:ed.spki K:ed.pub k:ed.spki", CUT },
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static FILE *open_in(const char *folder, const char *name, const char *mode)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, mode);
	if (!f)
		die(path);
	return f;
}

static void put(FILE *out, char letter, const void *p, size_t n)
{
	const uint8_t head[] = { (uint8_t)letter, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n };

	fwrite(head, 1, sizeof(head), out);
	fwrite(p, 1, n, out);
}

/* Where these bytes are; the end: nowhere. */
static size_t find(const uint8_t *p, size_t n, const char *bytes, size_t nbytes)
{
	const uint8_t *at = memmem(p, n, bytes, nbytes);

	return at ? (size_t)(at - p) : n;
}

static size_t spoil(uint8_t *p, size_t n, enum damage d)
{
	size_t at = find(p, n, "\x17\x0d", 2);

	switch (d) {
	case CUT:
		return n - n / 3;
	case TIME:
		if (at + 15 < n)
			memcpy(p + at + 2, "999931256199Z", 13);
		break;
	case SERIAL:	/* a length of zero, and what follows is something else */
		p[find(p, n - 1, "\x02\x02", 2) + 1] = 0;
		break;
	case EMPTY:	/* of a value in a name */
		p[find(p, n - 1, "\x13\x02", 2) + 1] = 0;
		break;
	case LENGTH:	/* more than there is */
		p[2] = 0xff;
		break;
	default:
		break;
	}
	return n;
}

static void put_file(FILE *out, const char *word, enum damage d)
{
	static uint8_t bytes[1 << 17];
	FILE *in = open_in(from, word + 2, "rb");
	size_t n = fread(bytes, 1, sizeof(bytes), in);

	fclose(in);
	if (word[0] >= 'a')
		n = spoil(bytes, n, d);
	put(out, word[0] >= 'a' ? (char)(word[0] - 'a' + 'A') : word[0], bytes, n);
}

static void put_time(FILE *out)
{
	const uint64_t now = (uint64_t)time(NULL);
	uint8_t bytes[5];

	for (unsigned i = 0; i < 5; i++)
		bytes[i] = (uint8_t)(now >> (32 - 8 * i));
	put(out, 'N', bytes, sizeof(bytes));
}

static void write_seed(const struct seed *s)
{
	char words[512], *left = words, *word;
	FILE *out = open_in(to, s->name, "wb");

	put_time(out);
	snprintf(words, sizeof(words), "%s", s->files);
	while ((word = strsep(&left, " ")))
		put_file(out, word, s->damage);
	if (fclose(out))
		die(s->name);
}

/* SEQUENCEs in SEQUENCEs: of any length that they say, and of a length that each leaves open. */
static void write_nested(void)
{
	static uint8_t bytes[30000];
	FILE *out = open_in(to, "nested", "wb");

	for (size_t i = 0; i < sizeof(bytes); i += 4) {
		size_t n = sizeof(bytes) - i - 4;
		const uint8_t head[] = { 0x30, 0x82, (uint8_t)(n >> 8), (uint8_t)n };

		memcpy(bytes + i, head, sizeof(head));
	}
	for (const char *letter = "CLOPKAD"; *letter; letter++)
		put(out, *letter, bytes, *letter == 'C' ? sizeof(bytes) : 4000);
	for (size_t i = 0; i < sizeof(bytes); i += 2)
		memcpy(bytes + i, "\x30\x80", 2);
	for (const char *letter = "CLOPK"; *letter; letter++)
		put(out, *letter, bytes, 4000);
	if (fclose(out))
		die("nested");
}

static void write_words(void)
{
	static const char *const names[] = {
		"C=DE, O=Example Ltd, CN=moon", "/C=DE/O=Example\\/Ltd/CN=*", "CN=\\C3\\A4\\,+OU=\"a, b\";1.2.3.4=x", "CN=",
		"=", "CN=a\\", "\\", "0\0131\0110\007\006\003U\004\003\023",
	};
	static const char algid[] =
		"\x30\x41\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x34\xa0\x0f\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03"
		"\x04\x02\x01\x05\x00\xa1\x1c\x30\x1a\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08\x30\x0d\x06\x09\x60\x86\x48\x01\x65"
		"\x03\x04\x02\x01\x05\x00\xa2\x03\x02\x01\x20";
	FILE *out = open_in(to, "words", "wb");

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		put(out, 'D', names[i], strlen(names[i]));
	put(out, 'A', algid, sizeof(algid) - 1);
	put(out, 'A', algid, sizeof(algid) - 4);
	put(out, 'T', algid, sizeof(algid) - 1);
	if (fclose(out))
		die("words");
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: %s FOLDER-OF-THE-CA FOLDER\n", argv[0]);
		return 2;
	}
	from = argv[1];
	to = argv[2];
	for (size_t i = 0; i < sizeof(seeds) / sizeof(*seeds); i++)
		write_seed(&seeds[i]);
	write_nested();
	write_words();
	return 0;
}
