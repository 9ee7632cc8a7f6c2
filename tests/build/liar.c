// SPDX-License-Identifier: MIT
// An http server that does what the path says, mostly wrong, and a name server that is no better. For tests.
//
// usage: liar http ADDRESS PORT | liar dns ADDRESS		("listening" when it is)
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE 60000			/* ms that it is silent at most */

static int to;				/* the connection */

static void say_n(const char *p, size_t n)
{
	while (n) {
		ssize_t r = send(to, p, n, MSG_NOSIGNAL);

		if (r <= 0)
			exit(0);
		p += r;
		n -= (size_t)r;
	}
}

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *fmt, ...)
{
	char text[4096];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);	/* NOLINT(clang-analyzer-valist.Uninitialized): it is not */
	va_end(ap);
	say_n(text, (size_t)n);
}

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

/* "abc…" over and over */
static void body(size_t n)
{
	char block[65536];

	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = (char)('a' + i % 26);
	for (size_t part; n; n -= part) {
		part = n < sizeof(block) ? n : sizeof(block);
		say_n(block, part);
	}
}

/* Until the other end goes. */
static void be_silent(void)
{
	char byte;

	poll(&(struct pollfd){ .fd = to, .events = POLLIN }, 1, PATIENCE);
	(void)!recv(to, &byte, 1, 0);
}

static void reset(void)
{
	setsockopt(to, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 }, sizeof(struct linger));
	close(to);
	exit(0);
}

struct request {
	char path[2048], type[128];
	long number;			/* behind the second slash of the path */
	char *body;
	size_t nbody;
};

static void do_ok(const struct request *r)
{
	say("HTTP/1.1 200 OK\r\nContent-Length: %ld\r\n\r\n", r->number);
	body((size_t)r->number);
}

static void do_chunked(const struct request *r)
{
	say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (long left = r->number, n; left; left -= n) {
		n = left < 1000 ? left : 1000;
		say("%lx\r\n", n);
		body((size_t)n);
		say("\r\n");
	}
	say("0\r\n\r\n");
}

static void do_close(const struct request *r)
{
	say("HTTP/1.0 200 OK\r\n\r\n");
	body((size_t)r->number);
}

static void do_late(const struct request *r)
{
	pause_ms(r->number);
	say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate");
}

static void do_dead(const struct request *r)
{
	(void)r;
	be_silent();
}

static void do_half(const struct request *r)
{
	(void)r;
	say("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
	body(500);
}

static void do_long(const struct request *r)
{
	(void)r;
	say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
	body(100000);
}

static void do_headers(const struct request *r)
{
	say("HTTP/1.1 200 OK\r\n");
	for (unsigned long i = 0;; i++)
		say("X-%lu-%s: more\r\n", i, r->path);
}

static void do_line(const struct request *r)
{
	(void)r;
	say("HTTP/1.1 200 ");
	body(SIZE_MAX);
}

static void do_body(const struct request *r)
{
	(void)r;
	say("HTTP/1.1 200 OK\r\n\r\n");
	body(SIZE_MAX);
}

static void do_chunks(const struct request *r)
{
	say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (;;)
		say("%zx\r\n%s\r\n", strlen(r->path), r->path);
}

static void do_chunkline(const struct request *r)
{
	(void)r;
	say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (;;)
		say("00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000");
}

static void do_bigchunk(const struct request *r)
{
	(void)r;
	say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\n");
	body(SIZE_MAX);
}

static void do_trailer(const struct request *r)
{
	say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n");
	for (unsigned long i = 0;; i++)
		say("X-%lu-%s: more\r\n", i, r->path);
}

static void do_length(const struct request *r)
{
	say("HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n", strrchr(r->path, '/') + 1);
	body(2000);
}

static void do_slow(const struct request *r)
{
	(void)r;
	say("HTTP/1.1 200 OK\r\nX: ");
	for (;; pause_ms(50))
		say("a");
}

static void do_slowbody(const struct request *r)
{
	(void)r;
	say("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
	for (;; pause_ms(50))
		say("a");
}

static void do_loop(const struct request *r)
{
	say("HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", r->path);
}

static void do_hop(const struct request *r)
{
	if (r->number)
		say("HTTP/1.1 301 Moved\r\nLocation: %ld\r\nContent-Length: 0\r\n\r\n", r->number - 1);
	else
		say("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhopped");
}

static void do_to(const struct request *r)
{
	const char *where = strchr(r->path, '?');

	say("HTTP/1.1 307 There\r\nLocation: %s\r\n\r\n", where ? where + 1 : "");
}

static void do_reset(const struct request *r)
{
	(void)r;
	reset();
}

static void do_resetbody(const struct request *r)
{
	(void)r;
	say("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc");
	pause_ms(50);
	reset();
}

static void do_nothing(const struct request *r)
{
	(void)r;
}

static void do_status(const struct request *r)
{
	say("HTTP/1.1 %ld Because\x1b[31m\r\nContent-Length: 5\r\n\r\nwords", r->number);
}

static void do_continue(const struct request *r)
{
	(void)r;
	for (;;)
		say("HTTP/1.1 100 Continue\r\n\r\n");
}

static void do_continued(const struct request *r)
{
	say("HTTP/1.1 100 Continue\r\n\r\n");
	pause_ms(50);
	do_ok(r);
}

static void do_echo(const struct request *r)
{
	char text[256];
	int n = snprintf(text, sizeof(text), "%s: %.*s", r->type, (int)r->nbody, r->body);

	say("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", n, text);
}

/* Anything, or a good answer with some bytes changed, lost or doubled: the number says which. */
static void do_fuzz(const struct request *r)
{
	static const char *const good[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 26\r\nX: y\r\n\r\nabcdefghijklmnopqrstuvwxyz",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\na\r\n0123456789\r\n0\r\nX: y\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\nConnection: close\r\n\r\nabc",
		"HTTP/1.1 302 Found\r\nLocation: /ok/5\r\n\r\n",
	};
	char out[512];
	size_t n;

	srandom((unsigned int)r->number);
	n = strlen(good[r->number % 4]);
	memcpy(out, good[r->number % 4], n);
	for (long i = random() % 6; i > 0; i--) {
		size_t at = (size_t)random() % n;

		switch (random() % 4) {
		case 0: out[at] = (char)random(); break;
		case 1: out[at] = "\r\n: -0f9\t"[random() % 9]; break;
		case 2: n = at + 1; break;
		default:
			if (n + n - at > sizeof(out))
				break;
			memmove(out + n, out + at, n - at);
			n += n - at;
		}
	}
	say_n(out, n);
}

static const struct {
	const char *path;
	void (*fn)(const struct request *r);
} ways[] = {
	{ "ok", do_ok }, { "chunked", do_chunked }, { "close", do_close }, { "late", do_late }, { "dead", do_dead },
	{ "half", do_half }, { "long", do_long }, { "headers", do_headers }, { "line", do_line }, { "body", do_body },
	{ "chunks", do_chunks }, { "chunkline", do_chunkline }, { "bigchunk", do_bigchunk }, { "trailer", do_trailer },
	{ "length", do_length }, { "slow", do_slow }, { "slowbody", do_slowbody }, { "loop", do_loop }, { "hop", do_hop },
	{ "to", do_to }, { "reset", do_reset }, { "resetbody", do_resetbody }, { "nothing", do_nothing },
	{ "status", do_status }, { "continue", do_continue }, { "continued", do_continued }, { "echo", do_echo },
	{ "fuzz", do_fuzz },
};

/* Reads header and body of a request into buf. */
static void request_read(struct request *r, char *buf, size_t size)
{
	size_t n = 0, length = 0;
	char *end, *at;
	ssize_t got;

	for (;;) {
		got = recv(to, buf + n, size - 1 - n, 0);
		if (got <= 0)
			exit(0);
		n += (size_t)got;
		buf[n] = 0;
		end = strstr(buf, "\r\n\r\n");
		at = end ? strcasestr(buf, "\r\nContent-Length:") : NULL;
		length = at ? strtoul(at + 17, NULL, 10) : 0;
		if (end && n >= (size_t)(end + 4 - buf) + length)
			break;
		if (n == size - 1)
			exit(0);
	}
	r->body = end + 4;
	r->nbody = length;
	at = strcasestr(buf, "\r\nContent-Type: ");
	if (at)
		sscanf(at + 16, "%127[^\r]", r->type);
	sscanf(buf, "%*s %2047s", r->path);
}

static void serve(void)
{
	static char buf[65536];
	struct request r = { .nbody = 0 };
	const char *name = r.path + 1;
	size_t n;

	request_read(&r, buf, sizeof(buf));
	n = strcspn(name, "/?");
	if (name[n] == '/')
		r.number = strtol(name + n + 1, NULL, 10);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (strlen(ways[i].path) == n && !strncmp(ways[i].path, name, n)) {
			ways[i].fn(&r);
			shutdown(to, SHUT_WR);
			be_silent();
			exit(0);
		}
	say("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
	exit(0);
}

/* --- names: ok.test, six.test, both.test (the first address is dead), silent.test; no others --- */

static size_t put_record(uint8_t *at, unsigned int type, const void *data, size_t n)
{
	const uint8_t head[] = { 0xc0, 12, 0, (uint8_t)type, 0, 1, 0, 0, 0, 1, 0, (uint8_t)n };

	memcpy(at, head, sizeof(head));
	memcpy(at + sizeof(head), data, n);
	return sizeof(head) + n;
}

/* The end of the question at byte 12; name as text. 0: it makes no sense. */
static size_t question(const uint8_t *p, size_t n, char *name)
{
	size_t at = 12, len = 0;

	while (at < n && p[at] && at + 1 + p[at] < n && len + p[at] + 2 < 256) {
		for (size_t i = 1; i <= p[at]; i++)
			name[len++] = (char)(p[at + i] | 0x20);		/* evdns asks in mixed case */
		name[len++] = '.';
		at += 1u + p[at];
	}
	name[len ? len - 1 : 0] = 0;
	return at + 5 <= n && !p[at] ? at + 5 : 0;
}

static size_t answer(uint8_t *p, size_t n)
{
	char name[256];
	size_t end = n >= 12 ? question(p, n, name) : 0;
	unsigned int type, count = 0;
	struct in6_addr six;
	struct in_addr four;

	if (!end || !strncmp(name, "silent.", 7))
		return 0;
	type = p[end - 3];
	n = end;
	inet_pton(AF_INET6, "::1", &six);
	if (type == 1 && (!strcmp(name, "ok.test") || !strcmp(name, "both.test"))) {
		inet_pton(AF_INET, name[0] == 'o' ? "127.0.0.1" : "127.0.0.77", &four);
		n += put_record(p + n, type, &four, sizeof(four));
		count++;
	}
	if (type == 28 && (!strcmp(name, "six.test") || !strcmp(name, "both.test"))) {
		n += put_record(p + n, type, &six, sizeof(six));
		count++;
	}
	p[2] |= 0x80;
	p[3] = (uint8_t)(0x80 | (count || strstr("ok.test six.test both.test", name) ? 0 : 3));
	p[7] = (uint8_t)count;
	memset(p + 8, 0, 4);
	return n;
}

static void dns(int fd)
{
	uint8_t p[1024];
	struct sockaddr_storage from;
	socklen_t len;
	ssize_t n;

	for (;;) {
		len = sizeof(from);
		n = recvfrom(fd, p, 512, 0, (struct sockaddr *)&from, &len);
		if (n > 0)
			n = (ssize_t)answer(p, (size_t)n);
		if (n > 0)
			sendto(fd, p, (size_t)n, 0, (struct sockaddr *)&from, len);
	}
}

static void http(int fd)
{
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		to = accept(fd, NULL, NULL);
		if (to < 0)
			continue;
		if (!fork()) {
			close(fd);
			serve();
		}
		close(to);
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	struct sockaddr_in four = { .sin_family = AF_INET };
	bool is_dns = argc == 3 && !strcmp(argv[1], "dns");
	int fd, one = 1, r;

	if (!is_dns && (argc != 4 || strcmp(argv[1], "http") != 0)) {
		fputs("usage: liar http ADDRESS PORT | liar dns ADDRESS\n", stderr);
		return 2;
	}
	six.sin6_port = four.sin_port = htons(is_dns ? 53 : (uint16_t)strtoul(argv[3], NULL, 10));
	r = strchr(argv[2], ':') ? 6 : 4;
	fd = socket(r == 6 ? AF_INET6 : AF_INET, is_dns ? SOCK_DGRAM : SOCK_STREAM, 0);
	inet_pton(AF_INET6, argv[2], &six.sin6_addr);
	inet_pton(AF_INET, argv[2], &four.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (r == 6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	r = r == 6 ? bind(fd, (struct sockaddr *)&six, sizeof(six)) : bind(fd, (struct sockaddr *)&four, sizeof(four));
	if (r || (!is_dns && listen(fd, 128))) {
		perror("liar");
		return 1;
	}
	puts("listening");
	fflush(stdout);
	if (is_dns)
		dns(fd);
	http(fd);
	return 0;
}
