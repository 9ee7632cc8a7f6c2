// SPDX-License-Identifier: MIT
/*
 * model_probe: the world of the real kernel. keyd's requests go through keyd's own door, everybody else's through libpfkey.
 * The line between the hosts is a pair of tun devices, whose packets this program carries: what leaves can be kept, doubled and
 * brought out of order, and all of it has happened when the call returns.
 */
#include "keyd/kern/door.h"
#include "pfkey/backend.h"
#include "tests/netns/model_probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/xfrm.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FRAME_MAX 2048
#define COUNTERS_MAX 64
#define SEND_BUFFER (1 << 20)		/* packets that wait for an SA count */
#define ARRIVES_WITHIN 3000000		/* µs, one way or another */

struct counters {
	unsigned n;
	char name[COUNTERS_MAX][32];
	unsigned long value[COUNTERS_MAX];
};

static struct {
	int tun;
	FILE *stat;			/* /proc/net/xfrm_stat */
	struct counters counters;	/* as they were when last asked for */
	struct door *door;		/* keyd's; NULL: it is not there */
	struct ipsec *other;		/* somebody else's */
	const char *ns;
} hosts[HOSTS];
static int sending, connected[PROBE_FLOWS], receiving[PROBE_FLOWS];
static uint64_t begun;
static uint64_t tellings;

static struct {
	uint8_t bytes[FRAME_MAX];
	size_t n;
} kept[PROBE_FRAMES];

_Noreturn static void bail(const char *what, const char *why)
{
	printf("Bail out! %s: %s\n", what, why);
	exit(1);
}

static uint64_t clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static uint64_t kernel_now(void)
{
	return clock_now() - begun;
}

/* --- set up --- */

static void enter(unsigned host)
{
	int fd = open(hosts[host].ns, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET))
		bail(hosts[host].ns, strerror(errno));
	close(fd);
}

static int open_tun(void)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);

	memcpy(ifr.ifr_name, "tun0", 5);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr))
		bail("tun0", strerror(errno));
	return fd;
}

static int udp_socket(const char *addr, uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };
	int one = 1, size = SEND_BUFFER, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	inet_pton(AF_INET, addr, &sin.sin_addr);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) || bind(fd, (struct sockaddr *)&sin, sizeof(sin)))
		bail("socket", strerror(errno));
	return fd;
}

static struct sockaddr_in to_flow(unsigned flow)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons((uint16_t)(PROBE_TO + flow)) };

	inet_pton(AF_INET, "192.0.2.2", &sin.sin_addr);
	return sin;
}

/* As keyd's: what comes there is IKE or ESP, and not the policies' business. */
static int natt_socket(void)
{
	const struct xfrm_userpolicy_info pol = {
		.sel.family = AF_INET, .action = XFRM_POLICY_ALLOW, .dir = XFRM_POLICY_IN,
		.lft = { XFRM_INF, XFRM_INF, XFRM_INF, XFRM_INF, 0, 0, 0, 0 },
	};
	int espinudp = UDP_ENCAP_ESPINUDP, fd = udp_socket("192.0.2.2", 4500);

	if (setsockopt(fd, IPPROTO_IP, IP_XFRM_POLICY, &pol, sizeof(pol)) ||
	    setsockopt(fd, IPPROTO_UDP, UDP_ENCAP, &espinudp, sizeof(espinudp)))
		bail("UDP_ENCAP", strerror(errno));
	return fd;
}

static void open_sockets(void)
{

	enter(ALICE);
	sending = udp_socket("192.0.2.1", PROBE_FROM);
	for (unsigned i = 0; i < PROBE_FLOWS; i++) {
		struct sockaddr_in sin = to_flow(i);

		connected[i] = udp_socket("192.0.2.1", PROBE_FROM);
		if (connect(connected[i], (struct sockaddr *)&sin, sizeof(sin)))
			bail("connect", strerror(errno));
	}
	enter(BOB);
	for (unsigned i = 0; i < PROBE_FLOWS; i++)
		receiving[i] = udp_socket("192.0.2.2", (uint16_t)(PROBE_TO + i));
	natt_socket();
}

void probe_kernel_open(const char *const ns[HOSTS])
{
	char why[256];

	for (unsigned i = 0; i < HOSTS; i++) {
		hosts[i].ns = ns[i];
		enter(i);
		hosts[i].tun = open_tun();
		hosts[i].stat = fopen("/proc/thread-self/net/xfrm_stat", "re");
		if (!hosts[i].stat)
			bail("xfrm_stat", strerror(errno));
		setvbuf(hosts[i].stat, NULL, _IONBF, 0);
		if (ipsec_open(&hosts[i].other, "xfrm", why, sizeof(why)))
			bail("ipsec_open", why);
	}
	open_sockets();
}

/* --- counters --- */

static void counters_read(unsigned host, struct counters *c)
{
	FILE *f = hosts[host].stat;

	rewind(f);
	c->n = 0;
	while (c->n < COUNTERS_MAX && fscanf(f, "%31s %lu", c->name[c->n], &c->value[c->n]) == 2)
		c->n++;
}

/* One that has grown since; NULL: none has. */
static const char *grown(unsigned host)
{
	static struct counters now;

	counters_read(host, &now);
	for (unsigned i = 0; i < now.n; i++)
		if (now.value[i] != hosts[host].counters.value[i]) {
			hosts[host].counters = now;
			return now.name[i];
		}
	return NULL;
}

static const char *kernel_losses(void)
{
	static struct counters now;
	static char text[256];
	size_t n = 0;

	counters_read(ALICE, &now);
	text[0] = 0;
	for (unsigned i = 0; i < now.n && n < sizeof(text); i++)
		if (now.value[i] != hosts[ALICE].counters.value[i])
			n += (size_t)snprintf(text + n, sizeof(text) - n, ", %s=%lu", now.name[i],
					      now.value[i] - hosts[ALICE].counters.value[i]);
	return text;
}

/* --- frames --- */

static struct frame frame_of(const uint8_t *p, size_t n)
{
	size_t at = (p[0] & 15) * 4u;
	uint32_t spi, seq;
	struct frame f = { .at = kernel_now() };
	uint16_t port;

	if (p[9] == IPPROTO_UDP) {
		memcpy(&port, p + at + 2, sizeof(port));
		if (ntohs(port) != 4500)
			return f;
		at += 8;
	} else if (p[9] != IPPROTO_ESP) {
		return f;
	}
	if (n < at + 8)
		return f;
	memcpy(&spi, p + at, sizeof(spi));
	memcpy(&seq, p + at + 4, sizeof(seq));
	f.spi = ntohl(spi);
	f.seq = ntohl(seq);
	return f;
}

/* What has left by now. What is no IPv4 is the kernel's own (router solicitations). */
static void line_read(void)
{
	uint8_t bytes[FRAME_MAX];
	ssize_t n;

	while (read(hosts[BOB].tun, bytes, sizeof(bytes)) > 0)
		;
	while ((n = read(hosts[ALICE].tun, bytes, sizeof(bytes))) > 0) {
		struct frame f;
		unsigned i;

		if (n < 28 || bytes[0] >> 4 != 4)
			continue;
		f = frame_of(bytes, (size_t)n);
		i = probe_frame(&f);
		tellings++;
		memcpy(kept[i].bytes, bytes, (size_t)n);
		kept[i].n = (size_t)n;
		if (probe_through() && f.spi)
			probe_kernel.deliver(i, 0);
	}
}

/* The number of a packet that bob has got; 0: none. */
static unsigned packet_read(void)
{
	uint32_t number[PROBE_BYTES / 4];

	for (unsigned i = 0; i < PROBE_FLOWS; i++)
		if (recv(receiving[i], number, sizeof(number), 0) > 0)
			return ntohl(number[0]);
	return 0;
}

/* The checksum of the header, after RFC 1071; that of UDP is 0 in ESP over UDP. */
static void set_sport(uint8_t *p, uint16_t sport)
{
	size_t at = (p[0] & 15) * 4u;

	p[at] = (uint8_t)(sport >> 8);
	p[at + 1] = (uint8_t)sport;
}

static void kernel_deliver(unsigned i, uint16_t sport)
{
	uint64_t end = kernel_now() + ARRIVES_WITHIN;
	uint8_t bytes[FRAME_MAX];
	const char *counter = NULL;
	unsigned number;

	memcpy(bytes, kept[i].bytes, kept[i].n);
	if (sport)
		set_sport(bytes, sport);
	if (write(hosts[BOB].tun, bytes, kept[i].n) != (ssize_t)kept[i].n)
		bail("tun0", strerror(errno));
	/* In transport mode a packet takes another turn through a softirq, which may be done by a thread. */
	do {
		number = packet_read();
		if (!number)
			counter = grown(BOB);
	} while (!number && !counter && kernel_now() < end);
	probe_arrived(i, number, number ? NULL : counter ? counter : "nothing");
}

static bool kernel_send(unsigned flow, unsigned number, bool use_connected)
{
	uint32_t bytes[(PROBE_BYTES - sizeof(struct udphdr)) / 4] = { htonl(number) };
	struct sockaddr_in sin = to_flow(flow);
	bool refused;

	if (use_connected)
		refused = send(connected[flow], bytes, sizeof(bytes), 0) < 0 && errno == EAGAIN;
	else
		refused = sendto(sending, bytes, sizeof(bytes), 0, (struct sockaddr *)&sin, sizeof(sin)) < 0 && errno == EAGAIN;
	line_read();
	return !refused;
}

/* --- events and time --- */

static int on_event(void *arg, const struct ipsec_event *ev)
{
	tellings++;
	probe_event((unsigned)(uintptr_t)arg, kernel_now(), ev);
	return 0;
}

static int on_orphan(void *arg, const struct ipsec_sa *sa)
{
	(void)arg, (void)sa;
	return 0;
}

static const struct door_hooks hooks = { .event = on_event, .orphan = on_orphan };

static void look(void)
{
	for (unsigned i = 0; i < HOSTS; i++)
		if (hosts[i].door && door_read(hosts[i].door) < 0)
			bail("door_read", strerror(errno));
	line_read();
}

static void pause_until(uint64_t then)
{
	struct pollfd p[2 * HOSTS];
	uint64_t now = kernel_now();

	for (unsigned i = 0; i < HOSTS; i++) {
		p[2 * i] = (struct pollfd){ .fd = hosts[i].tun, .events = POLLIN };
		p[2 * i + 1] = (struct pollfd){ .fd = hosts[i].door ? door_fd(hosts[i].door) : -1, .events = POLLIN };
	}
	if (now < then)
		poll(p, 2 * HOSTS, (int)((then - now + 999) / 1000));
	look();
}

static void kernel_until(uint64_t then)
{
	look();
	while (kernel_now() < then)
		pause_until(then);
}

static void kernel_until_told(uint64_t then)
{
	uint64_t before = tellings;

	look();
	while (before == tellings && kernel_now() < then)
		pause_until(then);
}

static void kernel_listen(unsigned host, bool on)
{
	struct ipsec *ip;
	char why[256];

	if (hosts[host].door)
		door_close(hosts[host].door);
	hosts[host].door = NULL;
	if (!on)
		return;
	enter(host);
	if (ipsec_open(&ip, "xfrm", why, sizeof(why)) ||
	    door_over(&hosts[host].door, ip, &hooks, (void *)(uintptr_t)host, why, sizeof(why)))
		bail("keyd's door", why);
}

static void kernel_begin(uint64_t wall)
{
	(void)wall;
	begun = clock_now();
	for (unsigned i = 0; i < HOSTS; i++) {
		kernel_listen(i, false);
		if (ipsec_sa_flush(hosts[i].other, 0) || ipsec_policy_flush(hosts[i].other))
			bail("flush", ipsec_error(hosts[i].other));
	}
	while (packet_read())
		;
	for (unsigned i = 0; i < HOSTS; i++) {
		uint8_t bytes[FRAME_MAX];

		while (read(hosts[i].tun, bytes, sizeof(bytes)) > 0)
			;
		kernel_listen(i, true);
		counters_read(i, &hosts[i].counters);
	}
}

/* --- requests --- */

static void kernel_ask(unsigned host, const struct kern_request *rq, struct kern_answer *an)
{
	struct kern_request copy = *rq;

	if (hosts[host].door)
		door_execute(hosts[host].door, &copy, an);
	look();
}

static int kernel_policy_add(unsigned host, const struct ipsec_policy *pol)
{
	int r = ipsec_policy_update(hosts[host].other, pol);

	look();
	return r;
}

static int kernel_policy_delete(unsigned host, const struct ipsec_policy *pol)
{
	int r = ipsec_policy_delete(hosts[host].other, pol);

	look();
	return r;
}

static int kernel_sa_delete(unsigned host, const struct ipsec_sa_id *id)
{
	int r = ipsec_sa_delete(hosts[host].other, id);

	look();
	return r;
}

static void kernel_flush(unsigned host)
{
	if (ipsec_sa_flush(hosts[host].other, 0))
		bail("flush", ipsec_error(hosts[host].other));
	look();
}

const struct world probe_kernel = {
	.begin = kernel_begin, .now = kernel_now, .until = kernel_until, .until_told = kernel_until_told,
	.ask = kernel_ask, .listen = kernel_listen, .policy_add = kernel_policy_add, .policy_delete = kernel_policy_delete,
	.sa_delete = kernel_sa_delete, .flush = kernel_flush, .send = kernel_send, .losses = kernel_losses, .deliver = kernel_deliver,
};
