// SPDX-License-Identifier: MIT
// A watcher of keyd-card: prints "pcscd 1", "readers NAME#EVENTS NAME#EVENTS", "changed" as it says so; then its exit code.
#include "keyd/card/remote_process.h"
#include "keyd/card/wire.h"
#include "keyd/card/wire_io.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int show_readers(struct view body)
{
	struct card_wire_reader r[CARD_WIRE_READERS_MAX];
	unsigned n = CARD_WIRE_READERS_MAX;

	if (card_wire_readers_get(body, r, &n))
		return -1;
	printf("readers");
	for (unsigned i = 0; i < n; i++)
		printf(" %s#%u", r[i].name, r[i].events);
	putchar('\n');
	return 0;
}

static int show(const struct ipc_hdr *h, struct view body)
{
	switch (h->type) {
	case CARD_WIRE_READY: printf("ready %.*s\n", (int)body.n, (const char *)body.p); return 0;
	case CARD_WIRE_CHANGED: puts("changed"); return 0;
	case CARD_WIRE_PCSCD: printf("pcscd %u\n", h->id); return 0;
	case CARD_WIRE_READERS: return show_readers(body);
	default: return -1;
	}
}

static int receive(int fd)
{
	static uint8_t buf[65536];
	struct ipc_hdr h = { 0 };
	struct iovec io[2] = { { &h, sizeof(h) }, { buf, 0 } };

	if (card_wire_peek(fd, &h, CARD_WIRE_FOREVER) || h.len > sizeof(buf))
		return -1;
	io[1].iov_len = h.len;
	return card_wire_take(fd, io, 2, false) || show(&h, (struct view){ buf, h.len }) ? -1 : 0;
}

int main(int argc, char **argv)
{
	char why[CARD_WHY_MAX] = "";
	struct remote_process p;
	int status = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 3 || remote_process_begin(&p, argv[1], argv[2], argv[3], why)) {
		fprintf(stderr, "usage: card-watch KEYD-CARD OPTION [WHAT] %s\n", why);
		return 2;
	}
	printf("pid %d\n", p.pid);
	while (!receive(p.fd))
		;
	close(p.fd);
	waitpid(p.pid, &status, 0);
	printf("exit %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return 0;
}
