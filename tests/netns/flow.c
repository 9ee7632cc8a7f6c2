// SPDX-License-Identifier: MIT
/*
 * A flow of numbered UDP packets, to tell how many were lost on the way and for how long nothing came through.
 *
 *	flow send --to ADDRESS [--port P] [--from ADDRESS] [--id N] [--rate PPS] [--size BYTES] [--count N]
 *	flow recv [--on ADDRESS] [--port P] [--id N] [--rate PPS] [--quiet-ms MS]
 *
 * Each prints a line of JSON every --rate packets, to be waited for, and a last one when it ends. send stops after
 * --count packets or at SIGTERM or SIGINT: {"sent":N,"errors":N,"blocked":N}; a packet that the kernel refused counts
 * as sent and as an error: the user's data did not get through. Blocked are those of them that never became packets: of
 * one that found the queue for its policy full the error is EAGAIN, of one whose SA was gone when it came to it EINVAL.
 * recv prints "ready" once it listens; at SIGTERM or SIGINT it waits until nothing has come for --quiet-ms
 * (stragglers), at most five times as long:
 * {"received":N,"duplicates":N,"reordered":N,"highest":N,"longest_gap_ms":N,"longest_loss":N}: highest number seen (-1:
 * none), longest time between two arrivals, longest run of numbers that never came (up to the highest).
 */
#include <endian.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NSEC_PER_SEC 1000000000ll
#define NSEC_PER_MSEC 1000000ll
#define FLOW_MAGIC 0x666c6f77u
#define NUMBERS_MAX (1u << 26) /* at 1000 packets/s more than 18 hours */
#define SIZE_MAX_BYTES 9000
#define RECEIVE_BUFFER (8 << 20)

struct packet {
	uint32_t magic;
	uint32_t id;
	uint64_t number;
};

static struct {
	const char *to, *from, *on, *port;
	uint32_t id;
	long rate, size, count, quiet_ms;
} opt = { .port = "7000", .rate = 100, .size = 64, .quiet_ms = 300 };

static volatile sig_atomic_t stopping;

static void stop(int sig)
{
	(void)sig;
	stopping = 1;
}

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

static void die(const char *what, const char *why)
{
	fprintf(stderr, "flow: %s: %s\n", what, why);
	exit(2);
}

/* Numeric addresses only: a test must not depend on names. */
static struct addrinfo *lookup(const char *address)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE };
	struct addrinfo *found;
	int err = getaddrinfo(address, opt.port, &hints, &found);

	if (err)
		die(address, gai_strerror(err));
	return found;
}

static int open_socket(const struct addrinfo *to, const char *local, bool with_port)
{
	int fd = socket(to->ai_family, SOCK_DGRAM, 0);
	struct addrinfo *from;
	const char *port = opt.port;

	if (fd < 0)
		die("socket", strerror(errno));
	if (!local)
		return fd;
	if (!with_port)
		opt.port = "0";
	from = lookup(local);
	opt.port = port;
	if (bind(fd, from->ai_addr, from->ai_addrlen))
		die(local, strerror(errno));
	freeaddrinfo(from);
	return fd;
}

static void report_sent(uint64_t sent, uint64_t errors, uint64_t blocked)
{
	printf("{\"sent\":%" PRIu64 ",\"errors\":%" PRIu64 ",\"blocked\":%" PRIu64 "}\n", sent, errors, blocked);
	fflush(stdout);
}

static void do_send(void)
{
	static union {
		struct packet packet;
		char bytes[SIZE_MAX_BYTES];
	} data;
	struct addrinfo *to = lookup(opt.to);
	int fd = open_socket(to, opt.from, false);
	int64_t start = now(), interval = NSEC_PER_SEC / opt.rate, due;
	uint64_t sent = 0, errors = 0, blocked = 0;
	struct timespec ts;

	data.packet.magic = htobe32(FLOW_MAGIC);
	data.packet.id = htobe32(opt.id);
	while (!stopping && (!opt.count || sent < (uint64_t)opt.count)) {
		data.packet.number = htobe64(sent++);
		if (sendto(fd, &data, (size_t)opt.size, MSG_DONTWAIT, to->ai_addr, to->ai_addrlen) != opt.size) {
			errors++;
			blocked += errno != EAGAIN && errno != EINVAL;
		}
		if (sent % (uint64_t)opt.rate == 0)
			report_sent(sent, errors, blocked);
		due = start + (int64_t)sent * interval;
		ts = (struct timespec){ .tv_sec = due / NSEC_PER_SEC, .tv_nsec = due % NSEC_PER_SEC };
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
	}
	report_sent(sent, errors, blocked);
	freeaddrinfo(to);
	close(fd);
}

struct tally {
	unsigned char *seen; /* one bit for each number below NUMBERS_MAX; untouched pages cost nothing */
	uint64_t received, duplicates, reordered;
	int64_t highest, last_arrival, longest_gap;
};

static int64_t longest_loss(const struct tally *t)
{
	int64_t longest = 0, run = 0;

	for (int64_t n = 0; n <= t->highest; n++) {
		run = t->seen[n / 8] & (1 << (n % 8)) ? 0 : run + 1;
		if (run > longest)
			longest = run;
	}
	return longest;
}

static void report_received(const struct tally *t)
{
	printf("{\"received\":%" PRIu64 ",\"duplicates\":%" PRIu64 ",\"reordered\":%" PRIu64 ",\"highest\":%" PRId64
	       ",\"longest_gap_ms\":%" PRId64 ",\"longest_loss\":%" PRId64 "}\n",
	       t->received, t->duplicates, t->reordered, t->highest, (int64_t)(t->longest_gap / NSEC_PER_MSEC),
	       longest_loss(t));
	fflush(stdout);
}

static void count_packet(struct tally *t, const struct packet *p, size_t len)
{
	uint64_t number = be64toh(p->number);
	int64_t arrival = now();
	unsigned char bit;

	if (len < sizeof(*p) || be32toh(p->magic) != FLOW_MAGIC || be32toh(p->id) != opt.id || number >= NUMBERS_MAX)
		return;
	bit = (unsigned char)(1 << (number % 8));
	if (t->seen[number / 8] & bit) {
		t->duplicates++;
		return;
	}
	t->seen[number / 8] |= bit;
	if (t->received && arrival - t->last_arrival > t->longest_gap)
		t->longest_gap = arrival - t->last_arrival;
	t->last_arrival = arrival;
	t->received++;
	if ((int64_t)number < t->highest)
		t->reordered++;
	else
		t->highest = (int64_t)number;
	if (t->received % (uint64_t)opt.rate == 0)
		report_received(t);
}

/* Until asked to stop, and then until no more comes. */
static void receive(int fd, struct tally *t)
{
	union {
		struct packet packet;
		char bytes[SIZE_MAX_BYTES];
	} data;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct timespec quiet = { .tv_sec = opt.quiet_ms / 1000, .tv_nsec = opt.quiet_ms % 1000 * NSEC_PER_MSEC };
	sigset_t none;
	int64_t last_call = 0;
	int ready;

	sigemptyset(&none);
	for (;;) {
		ready = ppoll(&p, 1, stopping ? &quiet : NULL, &none);
		if (ready > 0) {
			ssize_t n = recv(fd, &data, sizeof(data), MSG_DONTWAIT);

			if (n >= 0)
				count_packet(t, &data.packet, (size_t)n);
		}
		if (!stopping)
			continue;
		if (!last_call)
			last_call = now() + 5 * opt.quiet_ms * NSEC_PER_MSEC;
		if (ready == 0 || now() > last_call)
			return;
	}
}

static void do_recv(void)
{
	struct tally t = { .highest = -1 };
	const char *on = opt.on ? opt.on : "::";
	struct addrinfo *local = lookup(on);
	int fd = open_socket(local, on, true), size = RECEIVE_BUFFER;
	sigset_t both;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	t.seen = calloc(NUMBERS_MAX / 8, 1);
	if (!t.seen)
		die("memory", strerror(errno));
	/* The signals arrive only inside ppoll, so none is missed between a check and the wait. */
	sigemptyset(&both);
	sigaddset(&both, SIGTERM);
	sigaddset(&both, SIGINT);
	sigprocmask(SIG_BLOCK, &both, NULL);
	puts("ready");
	fflush(stdout);
	receive(fd, &t);
	report_received(&t);
	free(t.seen);
	freeaddrinfo(local);
	close(fd);
}

static long number(const char *name, const char *text, long min, long max)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 0);
	if (errno || end == text || *end || n < min || n > max)
		die(name, "out of range, or no number");
	return n;
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "to", required_argument, NULL, 't' },	      { "from", required_argument, NULL, 'f' },
		{ "on", required_argument, NULL, 'o' },	      { "port", required_argument, NULL, 'p' },
		{ "id", required_argument, NULL, 'i' },	      { "rate", required_argument, NULL, 'r' },
		{ "size", required_argument, NULL, 's' },     { "count", required_argument, NULL, 'c' },
		{ "quiet-ms", required_argument, NULL, 'q' }, { 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 't': opt.to = optarg; break;
		case 'f': opt.from = optarg; break;
		case 'o': opt.on = optarg; break;
		case 'p': opt.port = optarg; break;
		case 'i': opt.id = (uint32_t)number("--id", optarg, 0, UINT32_MAX); break;
		case 'r': opt.rate = number("--rate", optarg, 1, 1000000); break;
		case 's': opt.size = number("--size", optarg, sizeof(struct packet), SIZE_MAX_BYTES); break;
		case 'c': opt.count = number("--count", optarg, 1, NUMBERS_MAX); break;
		case 'q': opt.quiet_ms = number("--quiet-ms", optarg, 1, 60000); break;
		default: exit(2);
		}
	}
	if (optind != argc)
		die(argv[optind], "not an option");
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = stop };
	const char *verb = argc > 1 ? argv[1] : "";

	if (argc > 1)
		parse(argc - 1, argv + 1);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	if (!strcmp(verb, "send") && opt.to)
		do_send();
	else if (!strcmp(verb, "recv"))
		do_recv();
	else
		die("usage", "flow send --to ADDRESS [...] or flow recv [...] (see the head of flow.c)");
	return 0;
}
