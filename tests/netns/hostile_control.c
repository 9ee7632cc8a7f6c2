// SPDX-License-Identifier: MIT
/*
 * Mistreats keyd's control socket, and prints what came back as {"junk":N,...}: how many of its tries were answered as
 * they should be. What each asks for stands beside its function; exit code 1 if the socket cannot be reached at all.
 *
 *	hostile-control SOCKET
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE_MS 20000
#define CROWD 100
#define STATUS "{\"cmd\":\"status\"}\n"

static const char *path;

static int dial(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0)
		return fd;
	fprintf(stderr, "hostile-control: %s: %s\n", path, strerror(errno));
	exit(1);
}

/* It may be cut off meanwhile. */
static void say(int fd, const void *p, size_t n)
{
	const char *at = p;
	ssize_t done;

	while (n && (done = send(fd, at, n, MSG_NOSIGNAL)) > 0) {
		at += done;
		n -= (size_t)done;
	}
}

/* One line of what it says, without the newline. False: it said no more, or closed. */
static bool hear(int fd, char *line, size_t room)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t n = 0;
	char c = 0;

	while (n + 1 < room && c != '\n' && poll(&p, 1, PATIENCE_MS) == 1 && read(fd, &c, 1) == 1)
		if (c != '\n')
			line[n++] = c;
	line[n] = 0;
	return c == '\n';
}

static bool answered(int fd, const char *with)
{
	char line[65536];

	return hear(fd, line, sizeof(line)) && strstr(line, with);
}

/* A connection that was served. Those who went just before may still take its place, so it is tried again for a while. */
static int dial_served(void)
{
	for (int i = 0; i < PATIENCE_MS / 50; i++) {
		int fd = dial();

		say(fd, STATUS, strlen(STATUS));
		if (answered(fd, "\"ok\":true"))
			return fd;
		close(fd);
		poll(NULL, 0, 50);
	}
	return -1;
}

/* Lines that are no request: each is refused, and the connection goes on. */
static unsigned int junk(void)
{
	static const char *const lines[] = {
		"", "{", "}", "null", "[]", "42", "\"status\"", "{}", "{\"cmd\":1}", "{\"cmd\":\"\"}", "{\"cmd\":\"exit\"}",
		"{\"cmd\":\"up\",\"peer\":7}", "{\"cmd\":\"rekey\",\"peer\":\"x\",\"what\":\"all\"}",
		"{\"cmd\":\"log\",\"level\":\"loud\"}", "{\"cmd\":\"status\",\"cmd\":\"up\"}", "\xff\xfe\x80", "{\"cmd\":\"\xc3\x28\"}",
		"{\"cmd\":\"up\",\"peer\":\"\\u0000\"}", "GET / HTTP/1.1",
	};
	unsigned int good = 0;
	int fd = dial();

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		say(fd, lines[i], strlen(lines[i]));
		say(fd, "\n", 1);
		good += answered(fd, "\"ok\":false");
	}
	say(fd, STATUS, strlen(STATUS));
	good += answered(fd, "\"ok\":true");
	close(fd);
	return good;
}

/* As deep as a line can hold: refused. */
static unsigned int deep(void)
{
	char line[4001];
	unsigned int good;
	int fd = dial();

	memset(line, '[', 4000);
	line[4000] = '\n';
	say(fd, line, sizeof(line));
	good = answered(fd, "\"ok\":false");
	close(fd);
	return good;
}

/* A line without an end: refused, then closed. */
static unsigned int endless(void)
{
	static char line[1 << 20];
	char rest[16];
	unsigned int good;
	int fd = dial();

	memset(line, 'x', sizeof(line));
	say(fd, line, sizeof(line));
	good = answered(fd, "the request is longer than a line may be");
	good += !hear(fd, rest, sizeof(rest));
	close(fd);
	return good;
}

/* All at once: as many as there may be have their answer, the others are told. */
static unsigned int crowd(void)
{
	int fds[CROWD];
	unsigned int good = 0;
	char line[65536];

	for (int i = 0; i < CROWD; i++)
		fds[i] = dial();
	for (int i = 0; i < CROWD; i++)
		say(fds[i], STATUS, strlen(STATUS));
	for (int i = 0; i < CROWD; i++) {
		hear(fds[i], line, sizeof(line));
		good += strstr(line, "\"ok\":true") || strstr(line, "too many connections to the control socket");
		close(fds[i]);
	}
	return good;
}

/* Those who ask and go, in the middle of a word or before the answer; nobody is there to be answered. */
static unsigned int rude(void)
{
	for (int i = 0; i < CROWD; i++) {
		int fd = dial();

		say(fd, STATUS, i % 2 ? strlen(STATUS) : 7);
		close(fd);
	}
	return CROWD;
}

/* One who asks and asks and reads nothing, until nothing more is taken; the next one is served at once all the same. */
static unsigned int deaf(void)
{
	unsigned int good;
	int fd = dial_served(), other = dial_served();
	ssize_t n = 1;

	for (int i = 0; i < 100000 && n > 0; i++)
		n = send(fd, STATUS, strlen(STATUS), MSG_NOSIGNAL | MSG_DONTWAIT);
	say(other, STATUS, strlen(STATUS));
	good = other >= 0 && answered(other, "\"ok\":true");
	close(other);
	close(fd);
	return good;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		unsigned int (*run)(void);
	} tries[] = { { "junk", junk }, { "deep", deep }, { "endless", endless }, { "crowd", crowd }, { "rude", rude },
		      { "deaf", deaf } };

	if (argc != 2) {
		fputs("usage: hostile-control SOCKET\n", stderr);
		return 2;
	}
	path = argv[1];
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++)
		printf("%s\"%s\":%u", i ? "," : "{", tries[i].name, tries[i].run());
	puts("}");
	return 0;
}
