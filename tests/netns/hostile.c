// SPDX-License-Identifier: MIT
/*
 * Sends datagrams that no honest IKE daemon sends, from any address it likes, past the policies of the host it runs on.
 *
 *	hostile noise   COUNT FROM TO		random bytes of random length
 *	hostile header  COUNT FROM TO		IKEv2 headers with the right length before random bytes
 *	hostile replay  COUNT FROM TO PCAP	what was sent to TO before, all of it, COUNT times
 *	hostile cut     COUNT FROM TO PCAP	what was sent to TO before, cut short at random
 *	hostile flip    COUNT FROM TO PCAP	what was sent to TO before, with one to four bits turned
 *	hostile init    COUNT FROM TO PCAP	the first IKE_SA_INIT request to TO, each time with another SPI
 *
 * FROM is an IPv4 address, and the port is 500 on both sides. PCAP is what tests/netns/capture.c recorded. The random
 * numbers are the same each time. Prints {"sent":N}. It sends 2000 a second at most: a device's queue takes no more than a
 * thousand, and what it dropped would be no news about the daemon.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/xfrm.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define IKE_PORT 500
#define IKE_HEADER 28
#define NOISE_MAX 1400
#define CAUGHT_MAX 256
#define ETHERNET_HEADER 14
#define PCAP_HEAD 24
#define PCAP_RECORD 16
#define PAUSE_NS 500000

struct datagram {
	uint8_t bytes[2048];
	size_t n;
};

static struct {
	int fd;
	struct in_addr from, to;
	unsigned long sent;
	struct datagram caught[CAUGHT_MAX];
	unsigned int ncaught;
} h;

static void die(const char *what)
{
	fprintf(stderr, "hostile: %s: %s\n", what, errno ? strerror(errno) : "there is nothing of use in it");
	exit(2);
}

static uint32_t rnd(void)
{
	static uint64_t state = 0x9e3779b97f4a7c15u;

	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 32);
}

static void rnd_bytes(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)rnd();
}

/* A socket that writes its own IP headers, and whose packets go in clear whatever the policies say. */
static void open_socket(void)
{
	struct xfrm_userpolicy_info pol = { .sel.family = AF_INET, .action = XFRM_POLICY_ALLOW, .dir = XFRM_POLICY_OUT,
		.lft = { .soft_byte_limit = XFRM_INF, .hard_byte_limit = XFRM_INF, .soft_packet_limit = XFRM_INF,
			 .hard_packet_limit = XFRM_INF } };

	h.fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	if (h.fd < 0 || setsockopt(h.fd, IPPROTO_IP, IP_XFRM_POLICY, &pol, sizeof(pol)))
		die("raw socket");
}

static void send_out(const uint8_t *p, size_t n)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr = h.to };
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	struct {
		struct iphdr ip;
		struct udphdr udp;
		uint8_t data[2048];
	} packet = {
		.ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP, .saddr = h.from.s_addr,
			.daddr = h.to.s_addr },
		.udp = { .source = htons(IKE_PORT), .dest = htons(IKE_PORT), .len = htons((uint16_t)(sizeof(struct udphdr) + n)) },
	};
	size_t len = sizeof(packet.ip) + sizeof(packet.udp) + n;

	memcpy(packet.data, p, n);
	if (sendto(h.fd, &packet, len, 0, (struct sockaddr *)&to, sizeof(to)) != (ssize_t)len)
		die("sendto");
	h.sent++;
	nanosleep(&pause, NULL);
}

/* One Ethernet frame: kept if it is an unfragmented UDP datagram for TO's port 500. */
static void catch_one(const uint8_t *frame, size_t n)
{
	struct iphdr ip;
	struct udphdr udp;
	struct datagram *d = &h.caught[h.ncaught];
	size_t at = ETHERNET_HEADER + sizeof(ip) + sizeof(udp);

	if (n < at || frame[12] != 8 || frame[13] != 0 || h.ncaught == CAUGHT_MAX)
		return;
	memcpy(&ip, frame + ETHERNET_HEADER, sizeof(ip));
	memcpy(&udp, frame + ETHERNET_HEADER + sizeof(ip), sizeof(udp));
	if (ip.ihl != 5 || ip.protocol != IPPROTO_UDP || ip.daddr != h.to.s_addr || udp.dest != htons(IKE_PORT))
		return;
	d->n = ntohs(udp.len) - sizeof(udp);
	if (d->n < IKE_HEADER || d->n > sizeof(d->bytes) || d->n > n - at)
		return;
	memcpy(d->bytes, frame + at, d->n);
	h.ncaught++;
}

static void read_pcap(const char *path)
{
	static uint8_t frame[256 << 10];
	uint8_t head[PCAP_HEAD];
	uint32_t record[PCAP_RECORD / 4];
	FILE *f = fopen(path, "rb");

	if (!f || fread(head, sizeof(head), 1, f) != 1)
		die(path);
	while (fread(record, sizeof(record), 1, f) == 1 && record[2] <= sizeof(frame) &&
	       fread(frame, 1, record[2], f) == record[2])
		catch_one(frame, record[2]);
	fclose(f);
	errno = 0;
	if (!h.ncaught)
		die(path);
}

static struct datagram any_caught(void)
{
	return h.caught[rnd() % h.ncaught];
}

static void noise(void)
{
	uint8_t p[NOISE_MAX];
	size_t n = rnd() % NOISE_MAX;

	rnd_bytes(p, n);
	send_out(p, n);
}

static void header(void)
{
	uint8_t p[NOISE_MAX];
	size_t n = IKE_HEADER + rnd() % (NOISE_MAX - IKE_HEADER);

	rnd_bytes(p, n);
	p[17] = 0x20;					/* version 2.0 */
	p[18] = (uint8_t)(34 + rnd() % 4);		/* an exchange type that there is */
	p[19] &= 0x38;					/* flags that there are */
	memset(p + 20, 0, 3);				/* a low message ID */
	p[24] = p[25] = 0;
	p[26] = (uint8_t)(n >> 8);
	p[27] = (uint8_t)n;
	send_out(p, n);
}

static void replay(void)
{
	for (unsigned int i = 0; i < h.ncaught; i++)
		send_out(h.caught[i].bytes, h.caught[i].n);
}

static void cut(void)
{
	struct datagram d = any_caught();

	send_out(d.bytes, rnd() % d.n);
}

static void flip(void)
{
	struct datagram d = any_caught();

	for (uint32_t i = rnd() % 4 + 1; i; i--)
		d.bytes[rnd() % d.n] ^= (uint8_t)(1u << rnd() % 8);
	send_out(d.bytes, d.n);
}

static void init(void)
{
	struct datagram *d = h.caught;

	while (d < h.caught + h.ncaught && (d->bytes[18] != 34 || d->bytes[19] != 0x08))
		d++;
	errno = 0;
	if (d == h.caught + h.ncaught)
		die("no IKE_SA_INIT request");
	rnd_bytes(d->bytes, 8);
	send_out(d->bytes, d->n);
}

static const struct {
	const char *name;
	int args;
	void (*send)(void);
} kinds[] = {
	{ "noise", 5, noise }, { "header", 5, header }, { "replay", 6, replay },
	{ "cut", 6, cut }, { "flip", 6, flip }, { "init", 6, init },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc >= 5 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].name, argv[1]) || kinds[i].args != argc)
			continue;
		if (inet_pton(AF_INET, argv[3], &h.from) != 1 || inet_pton(AF_INET, argv[4], &h.to) != 1)
			break;
		if (argc > 5)
			read_pcap(argv[5]);
		open_socket();
		for (unsigned long n = strtoul(argv[2], NULL, 10); n; n--)
			kinds[i].send();
		printf("{\"sent\":%lu}\n", h.sent);
		return 0;
	}
	fputs("usage: hostile noise|header COUNT FROM TO; hostile replay|cut|flip|init COUNT FROM TO PCAP\n", stderr);
	return 2;
}
