// SPDX-License-Identifier: MIT
// The control channel: lines, each answered by one line that begins with "ok" or "error"; and who writes them (--tell).
#include "tests/card/emu.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void reply(struct client *client, const char *how, const char *text)
{
	char line[EMU_LINE_MAX + 16];
	int n = snprintf(line, sizeof(line), "%s%s%s\n", how, *text ? " " : "", text);

	if (write(client->out, line, (size_t)n) != n && client->in == client->out)
		shutdown(client->out, SHUT_RDWR);
}

static void obey(struct emu *e, struct client *client, char *line)
{
	char text[EMU_LINE_MAX] = "";
	int rc = order_obey(e, client, line, text, sizeof(text));

	if (rc < 0)
		reply(client, "error", text);
	else if (!rc && !client->until)
		reply(client, "ok", text);
}

void control_work(struct emu *e)
{
	for (struct client *c = e->clients; c < e->clients + EMU_CLIENTS; c++)
		if (c->in >= 0 && c->until && c->until(e)) {
			c->until = NULL;
			reply(c, "ok", "");
		}
}

static void leave(struct emu *e, struct client *client)
{
	if (client->in == STDIN_FILENO)
		e->ends = true;
	else
		close(client->in);
	client->in = client->out = -1;
}

void control_read(struct emu *e, struct client *client)
{
	ssize_t n = read(client->in, client->line + client->n, sizeof(client->line) - 1 - client->n);
	char *end;

	if (n <= 0) {
		if (!n || errno != EINTR)
			leave(e, client);
		return;
	}
	client->n += (size_t)n;
	client->line[client->n] = 0;
	while ((end = strchr(client->line, '\n'))) {
		*end++ = 0;
		obey(e, client, client->line);
		client->n -= (size_t)(end - client->line);
		memmove(client->line, end, client->n + 1);
	}
	if (client->n == sizeof(client->line) - 1)
		leave(e, client);
}

void control_accept(struct emu *e)
{
	int fd = accept4(e->listener, NULL, NULL, SOCK_CLOEXEC);

	for (struct client *c = e->clients; fd >= 0 && c < e->clients + EMU_CLIENTS; c++)
		if (c->in < 0) {
			*c = (struct client){ .in = fd, .out = fd };
			return;
		}
	if (fd >= 0)
		close(fd);
}

static int address(const char *path, struct sockaddr_un *sa)
{
	*sa = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(sa->sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(sa->sun_path, path);
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

int control_listen(struct emu *e, const char *path)
{
	struct sockaddr_un sa;

	e->listener = address(path, &sa);
	if (e->listener >= 0 && !bind(e->listener, (struct sockaddr *)&sa, sizeof(sa)) && !listen(e->listener, EMU_CLIENTS))
		return 0;
	perror(path);
	return -1;
}

int control_tell(const char *path, unsigned int seconds, char **words)
{
	struct sockaddr_un sa;
	int fd = address(path, &sa);
	const struct timeval limit = { .tv_sec = seconds };
	char line[EMU_LINE_MAX + 16] = "";
	size_t n = 0;

	while (*words && n < sizeof(line))
		n += (size_t)snprintf(line + n, sizeof(line) - n, "%s%s", *words, words[1] ? " " : "\n"), words++;
	if (fd < 0 || n >= sizeof(line) || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) || write(fd, line, n) != (ssize_t)n) {
		perror(path);
		return 2;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	for (n = 0; n < sizeof(line) - 1 && !memchr(line, '\n', n);) {
		ssize_t got = read(fd, line + n, sizeof(line) - 1 - n);

		if (got <= 0) {
			fprintf(stderr, "card-emu: %s: no answer\n", path);
			return 2;
		}
		n += (size_t)got;
	}
	line[n] = 0;
	if (!strncmp(line, "ok", 2)) {
		fputs(line[2] == ' ' ? line + 3 : "", stdout);
		return 0;
	}
	fprintf(stderr, "card-emu: %s", line);
	return 1;
}
