// SPDX-License-Identifier: MIT
/*
 * A flood of IKE_SA_INIT requests, each well formed, from as many forged addresses as a prefix has.
 *
 *	flood SECONDS RATE FROM PREFIXLEN TO [PORT]
 *
 * RATE is per second; 0: as many as this machine gives. FROM/PREFIXLEN is an IPv4 prefix that the sources are taken from in
 * turn; the destination port is 500, or PORT with a non-ESP marker. Prints {"sent":N,"seconds":S}.
 */
#include "keyd/wire/ikev2.h"
#include "keyd/wire/ke.h"
#include "keyd/wire/out.h"
#include "keyd/wire/sa.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH 64
#define SPI_AT (sizeof(struct iphdr) + sizeof(struct udphdr))

struct packet {
	uint8_t bytes[512];
	size_t n;
};

static void die(const char *what)
{
	fprintf(stderr, "flood: %s: %s\n", what, strerror(errno));
	exit(2);
}

static uint64_t rnd(void)
{
	static uint64_t state = 0x9e3779b97f4a7c15u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* What keyd offers by itself, a key exchange value and a nonce. */
static size_t message(uint8_t *buf, size_t size)
{
	static const struct wire_header h = { .spi_i = { 1 }, .major = IKEV2_MAJOR, .exchange = IKEV2_EXCH_IKE_SA_INIT,
					      .flags = IKEV2_FLAG_INITIATOR };
	static const struct wire_sa sa = { .n = 1, .p[0] = { .number = 1, .protocol = IKEV2_PROTO_IKE, .n = 3, .t = {
		{ IKEV2_TRANSFORM_ENCR, IKEV2_ENCR_AES_GCM_16, 128 },
		{ IKEV2_TRANSFORM_PRF, IKEV2_PRF_HMAC_SHA2_256, 0 },
		{ IKEV2_TRANSFORM_DH, IKEV2_DH_CURVE25519, 0 } } } };
	uint8_t random[32];
	struct wire_ke ke = { IKEV2_DH_CURVE25519, { random, sizeof(random) } };
	struct wire_out out;
	struct view datagram;
	size_t mark;

	for (size_t i = 0; i < sizeof(random); i++)
		random[i] = (uint8_t)(rnd() >> 20);
	wire_out_begin(&out, buf, size, &h);
	mark = wire_payload_begin(&out, IKEV2_PL_SA);
	wire_sa_put(&out.w, &sa);
	wire_payload_end(&out, mark);
	mark = wire_payload_begin(&out, IKEV2_PL_KE);
	wire_ke_put(&out.w, &ke);
	wire_payload_end(&out, mark);
	wire_payload_put(&out, IKEV2_PL_NONCE, ke.data);
	if (wire_out_end(&out, &datagram))
		die("the message does not fit");
	return datagram.n;
}

static void packet_make(struct packet *p, struct in_addr to, uint16_t port)
{
	struct iphdr ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP, .daddr = to.s_addr };
	struct udphdr udp = { .dest = htons(port), .source = htons(port) };
	size_t at = SPI_AT + (port == 500 ? 0 : 4), n = message(p->bytes + at, sizeof(p->bytes) - at);

	memset(p->bytes, 0, at);
	p->n = at + n;
	ip.tot_len = htons((uint16_t)p->n);
	udp.len = htons((uint16_t)(p->n - sizeof(ip)));
	memcpy(p->bytes, &ip, sizeof(ip));
	memcpy(p->bytes + sizeof(ip), &udp, sizeof(udp));
}

/* Another source, and another SPI. The kernel fills in the checksum of IP; that of UDP is optional. */
static void packet_vary(struct packet *p, uint32_t prefix, uint32_t mask, uint16_t port)
{
	static uint32_t turn;
	uint32_t from = htonl(prefix | (turn++ & ~mask));
	uint64_t spi = rnd();

	memcpy(p->bytes + offsetof(struct iphdr, saddr), &from, sizeof(from));
	memcpy(p->bytes + SPI_AT + (port == 500 ? 0 : 4), &spi, sizeof(spi));
}

int main(int argc, char **argv)
{
	static struct packet packets[BATCH];
	struct mmsghdr mm[BATCH] = { 0 };
	struct iovec iov[BATCH];
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct in_addr from;
	double seconds, rate, began, spent;
	unsigned long sent = 0;
	uint32_t mask;
	uint16_t port;
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);

	if (argc < 6 || !inet_aton(argv[3], &from) || !inet_aton(argv[5], &to.sin_addr))
		die("usage: flood SECONDS RATE FROM PREFIXLEN TO [PORT]");
	if (fd < 0)
		die("raw socket");
	seconds = atof(argv[1]);
	rate = atof(argv[2]);
	mask = atoi(argv[4]) ? ~0u << (32 - atoi(argv[4])) : 0;
	port = argc > 6 ? (uint16_t)atoi(argv[6]) : 500;
	for (unsigned i = 0; i < BATCH; i++) {
		packet_make(&packets[i], to.sin_addr, port);
		iov[i] = (struct iovec){ packets[i].bytes, packets[i].n };
		mm[i].msg_hdr = (struct msghdr){ .msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &iov[i],
						 .msg_iovlen = 1 };
	}
	for (began = now(); (spent = now() - began) < seconds;) {
		int n;

		if (rate > 0 && (double)sent >= spent * rate) {
			nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
			continue;
		}
		for (unsigned i = 0; i < BATCH; i++)
			packet_vary(&packets[i], ntohl(from.s_addr) & mask, mask, port);
		n = sendmmsg(fd, mm, BATCH, 0);
		if (n < 0 && errno != ENOBUFS && errno != EINTR)
			die("sending");
		sent += n > 0 ? (unsigned long)n : 0;
	}
	printf("{\"sent\":%lu,\"seconds\":%.3f}\n", sent, spent);
	return 0;
}
