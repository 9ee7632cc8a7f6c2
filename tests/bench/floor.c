// SPDX-License-Identifier: MIT
// The least that a tunnel can cost one side: the operations of OpenSSL that RFC 7296 asks for, and the datagrams, alone.
/*
 * usage: floor crypto TIMES                   prints "setup child ike": microseconds of CPU for one of each
 *        floor serve PORT                     sends back each datagram, until it is ended
 *        floor echo ADDRESS PORT TIMES        prints microseconds of CPU for one datagram sent and its echo received
 *
 * Everything is fetched and allocated once, as no daemon can: keys differ from peer to peer, buffers must be found.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define TEXT 256			/* bytes: about an IKE_AUTH, or a CREATE_CHILD_SA with a KE */
#define WINDOW 32			/* echoes under way */

static void die(const char *why)
{
	fprintf(stderr, "floor: %s\n", why);
	exit(1);
}

static double cpu_us(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1e6 + (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}

/* --- crypto --- */

static EVP_PKEY_CTX *keygen;
static EVP_MAC_CTX *hmac;
static EVP_CIPHER_CTX *gcm;
static EVP_MD_CTX *digest;
static EVP_MD *sha1;
static uint8_t peer_public[32];

static void must(int ok)
{
	if (ok != 1)
		die("an operation failed");
}

static EVP_PKEY *new_key(void)
{
	EVP_PKEY *key = NULL;

	must(EVP_PKEY_keygen(keygen, &key));
	return key;
}

static void prepare(void)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
	OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA2-256", 0),
				OSSL_PARAM_END };
	uint8_t key[32] = { 1 };
	size_t n = sizeof(peer_public);
	EVP_PKEY *theirs;

	keygen = EVP_PKEY_CTX_new_from_name(NULL, "X25519", NULL);
	must(EVP_PKEY_keygen_init(keygen));
	theirs = new_key();
	must(EVP_PKEY_get_raw_public_key(theirs, peer_public, &n));
	EVP_PKEY_free(theirs);
	hmac = EVP_MAC_CTX_new(mac);
	must(EVP_MAC_init(hmac, key, sizeof(key), params));
	gcm = EVP_CIPHER_CTX_new();
	must(EVP_EncryptInit_ex2(gcm, cipher, key, key, NULL));
	digest = EVP_MD_CTX_new();
	sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
}

static void key_exchange(void)
{
	EVP_PKEY *ours = new_key();
	EVP_PKEY *theirs = EVP_PKEY_new_raw_public_key_ex(NULL, "X25519", NULL, peer_public, sizeof(peer_public));
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, ours, NULL);
	uint8_t shared[32], public[32];
	size_t n = sizeof(shared), np = sizeof(public);

	must(EVP_PKEY_get_raw_public_key(ours, public, &np));
	must(EVP_PKEY_derive_init(ctx));
	must(EVP_PKEY_derive_set_peer_ex(ctx, theirs, 0));
	must(EVP_PKEY_derive(ctx, shared, &n));
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(theirs);
	EVP_PKEY_free(ours);
}

static void prf(unsigned times, size_t n)
{
	uint8_t key[32] = { 2 }, text[TEXT] = { 3 }, out[32];

	for (unsigned i = 0; i < times; i++) {
		must(EVP_MAC_init(hmac, key, sizeof(key), NULL));
		must(EVP_MAC_update(hmac, text, n));
		must(EVP_MAC_final(hmac, out, NULL, sizeof(out)));
	}
}

static void seal(unsigned times)
{
	uint8_t iv[12] = { 4 }, text[TEXT] = { 5 }, icv[16], aad[32] = { 6 };
	int n;

	for (unsigned i = 0; i < times; i++) {
		must(EVP_EncryptInit_ex2(gcm, NULL, NULL, iv, NULL));
		must(EVP_EncryptUpdate(gcm, NULL, &n, aad, sizeof(aad)));
		must(EVP_EncryptUpdate(gcm, text, &n, text, sizeof(text)));
		must(EVP_EncryptFinal_ex(gcm, text, &n));
		must(EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_GET_TAG, sizeof(icv), icv));
	}
}

/* Four hashes of SPIs, addresses and ports: NAT detection. */
static void nat_hashes(void)
{
	uint8_t text[22] = { 7 }, out[20];

	for (unsigned i = 0; i < 4; i++) {
		must(EVP_DigestInit_ex2(digest, sha1, NULL));
		must(EVP_DigestUpdate(digest, text, sizeof(text)));
		must(EVP_DigestFinal_ex(digest, out, NULL));
	}
}

static void random_bytes(size_t n)
{
	uint8_t out[64];

	must(RAND_bytes(out, (int)n));
}

/* SKEYSEED; five blocks for seven keys; two identities; two secrets; two proofs; two blocks of the child's keys. */
static void setup(void)
{
	key_exchange();
	nat_hashes();
	random_bytes(32 + 8 + 4);
	prf(1 + 5 + 2 + 2 + 2, 128);
	prf(2, TEXT);
	seal(4);	/* IKE_AUTH and the INFORMATIONAL after it, there and back; opening costs the same */
}

static void rekey_child(void)
{
	key_exchange();
	random_bytes(32 + 4);
	prf(2, 128);
	seal(4);	/* CREATE_CHILD_SA, DELETE */
}

static void rekey_ike(void)
{
	key_exchange();
	random_bytes(32 + 8);
	prf(1 + 5, 128);
	seal(4);
}

static double one_of(void (*fn)(void), unsigned times)
{
	double begin = cpu_us();

	for (unsigned i = 0; i < times; i++)
		fn();
	return (cpu_us() - begin) / times;
}

static int crypto(unsigned times)
{
	prepare();
	one_of(setup, times / 10 + 1);
	printf("%.1f", one_of(setup, times));
	printf(" %.1f", one_of(rekey_child, times));
	printf(" %.1f\n", one_of(rekey_ike, times));
	return 0;
}

/* --- datagrams --- */

static _Noreturn void serve(unsigned port)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) }, from;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	uint8_t text[2048];

	if (fd < 0 || bind(fd, (struct sockaddr *)&here, sizeof(here)))
		die("the port cannot be bound");
	for (;;) {
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, text, sizeof(text), 0, (struct sockaddr *)&from, &len);

		if (n > 0)
			sendto(fd, text, (size_t)n, 0, (struct sockaddr *)&from, len);
	}
}

static int echo(const char *address, unsigned port, unsigned times)
{
	struct sockaddr_in there = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct timeval patience = { .tv_sec = 5 };
	uint8_t text[TEXT] = { 0 };
	unsigned sent = 0;
	double begin;

	if (inet_pton(AF_INET, address, &there.sin_addr) != 1 || fd < 0 ||
	    connect(fd, (struct sockaddr *)&there, sizeof(there)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)))
		die("no socket");
	begin = cpu_us();
	for (unsigned got = 0; got < times; got++) {
		for (; sent < times && sent - got < WINDOW; sent++)
			if (send(fd, text, sizeof(text), 0) < 0)
				die("a datagram could not be sent");
		if (recv(fd, text, sizeof(text), 0) < 0)
			die("an echo did not come");
	}
	printf("%.2f\n", (cpu_us() - begin) / times);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "crypto"))
		return crypto((unsigned)strtoul(argv[2], NULL, 10));
	if (argc == 3 && !strcmp(argv[1], "serve"))
		serve((unsigned)strtoul(argv[2], NULL, 10));
	if (argc == 5 && !strcmp(argv[1], "echo"))
		return echo(argv[2], (unsigned)strtoul(argv[3], NULL, 10), (unsigned)strtoul(argv[4], NULL, 10));
	fprintf(stderr, "usage: floor crypto TIMES | serve PORT | echo ADDRESS PORT TIMES\n");
	return 2;
}
