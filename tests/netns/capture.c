// SPDX-License-Identifier: MIT
/*
 * Records what leaves by an interface into a pcap file, without missing the last packet: tcpdump, when it is stopped,
 * leaves behind what it has not read yet, and a test that counts packets cannot have that.
 *
 *	capture INTERFACE FILE
 *
 * Prints "listening" once no packet can be missed; at SIGTERM or SIGINT records what has already left and prints
 * {"captured":N,"dropped":N}. Exit code 1 if the kernel had to drop packets.
 */
#include <endian.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define FRAME_MAX (256 << 10)
#define RECEIVE_BUFFER (64 << 20)
#define PCAP_MAGIC_NANOSECONDS 0xa1b23c4du
#define PCAP_ETHERNET 1

struct pcap_head {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t zone, accuracy, frame_max, link_type;
};

struct pcap_record {
	uint32_t seconds, nanoseconds, length, wire_length;
};

static volatile sig_atomic_t stopping;

static void stop(int sig)
{
	(void)sig;
	stopping = 1;
}

static void die(const char *what)
{
	fprintf(stderr, "capture: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* Bound at once, with protocol 0 until then: nothing of another interface gets in. */
static int open_interface(const char *name)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htobe16(ETH_P_ALL) };
	int fd = socket(AF_PACKET, SOCK_RAW, 0), size = RECEIVE_BUFFER;

	address.sll_ifindex = (int)if_nametoindex(name);
	if (fd < 0 || !address.sll_ifindex)
		die(name);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		die("receive buffer");
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)))
		die(name);
	return fd;
}

static FILE *open_file(const char *path)
{
	const struct pcap_head head = {
		.magic = PCAP_MAGIC_NANOSECONDS, .major = 2, .minor = 4, .frame_max = FRAME_MAX, .link_type = PCAP_ETHERNET,
	};
	FILE *f = fopen(path, "wb");

	if (!f || fwrite(&head, sizeof(head), 1, f) != 1)
		die(path);
	return f;
}

static void record(FILE *f, const void *frame, size_t len, size_t wire_length)
{
	struct pcap_record r = { .length = (uint32_t)len, .wire_length = (uint32_t)wire_length };
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	r.seconds = (uint32_t)now.tv_sec;
	r.nanoseconds = (uint32_t)now.tv_nsec;
	if (fwrite(&r, sizeof(r), 1, f) != 1 || fwrite(frame, 1, len, f) != len)
		die("write");
}

/* All that is there now. Returns how many frames were recorded. */
static unsigned long drain(int fd, FILE *f)
{
	static unsigned char frame[FRAME_MAX];
	struct sockaddr_ll from = { 0 };
	unsigned long recorded = 0;
	socklen_t from_len;
	ssize_t n;

	for (;;) {
		from_len = sizeof(from);
		n = recvfrom(fd, frame, sizeof(frame), MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&from, &from_len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			die("recvfrom"); /* e.g. ENETDOWN: the interface is gone, and the test should know */
		if (n < 0)
			break;
		if (from.sll_pkttype != PACKET_OUTGOING)
			continue;
		record(f, frame, (size_t)n < sizeof(frame) ? (size_t)n : sizeof(frame), (size_t)n);
		recorded++;
	}
	fflush(f);
	return recorded;
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = stop };
	struct tpacket_stats stats = { 0 };
	socklen_t stats_len = sizeof(stats);
	unsigned long captured = 0;
	sigset_t both, none;
	struct pollfd p;
	FILE *f;

	if (argc != 3) {
		fprintf(stderr, "usage: capture INTERFACE FILE\n");
		return 2;
	}
	sigemptyset(&none);
	sigemptyset(&both);
	sigaddset(&both, SIGTERM);
	sigaddset(&both, SIGINT);
	sigprocmask(SIG_BLOCK, &both, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	f = open_file(argv[2]);
	p = (struct pollfd){ .fd = open_interface(argv[1]), .events = POLLIN };
	puts("listening");
	fflush(stdout);
	while (!stopping) {
		ppoll(&p, 1, NULL, &none);
		captured += drain(p.fd, f);
	}
	captured += drain(p.fd, f);
	if (getsockopt(p.fd, SOL_PACKET, PACKET_STATISTICS, &stats, &stats_len) || fclose(f))
		die("end");
	printf("{\"captured\":%lu,\"dropped\":%u}\n", captured, stats.tp_drops);
	return stats.tp_drops ? 1 : 0;
}
