// SPDX-License-Identifier: MIT
// Waits for cards in pcscd's readers, and for pcscd itself.
#include "keyd/cardd/serve.h"

#include "keyd/card/pcsc_watch.h"
#include "keyd/card/wire.h"
#include "keyd/util/log.h"

#include <stdio.h>
#include <string.h>

/* What was told last. */
struct told {
	int pcscd;			/* 1: it answers, 0: it does not; -1: nothing yet */
	unsigned n;
	struct card_wire_reader readers[CARD_WIRE_READERS_MAX];
};

static unsigned with_cards(const struct pcsc_reader *all, unsigned n, struct card_wire_reader *out)
{
	unsigned got = 0;

	for (unsigned i = 0; i < n && got < CARD_WIRE_READERS_MAX; i++) {
		if (!all[i].present)
			continue;
		out[got] = (struct card_wire_reader){ .events = all[i].events };
		snprintf(out[got++].name, sizeof(out->name), "%s", all[i].name);
	}
	return got;
}

static int tell_pcscd(struct told *told, int there, const char *why, int fd)
{
	if (told->pcscd == there)
		return 0;
	if (there)
		log_info("pcscd answers");
	else
		log_info("pcscd is waited for: %s", *why ? why : "it is not there");
	told->pcscd = there;
	return tell(fd, CARD_WIRE_PCSCD, (uint32_t)there, NULL, 0);
}

static int tell_readers(struct told *told, const struct card_wire_reader *now, unsigned n, bool first, int fd)
{
	if (!first && n == told->n && !memcmp(now, told->readers, n * sizeof(*now)))
		return 0;
	told->n = n;
	memcpy(told->readers, now, n * sizeof(*now));
	return tell(fd, CARD_WIRE_READERS, 0, now, n * sizeof(*now));
}

/* -1: nobody hears it any more. */
static int look(struct pcsc_watch *w, struct told *told, int fd)
{
	struct pcsc_reader all[PCSC_READERS_MAX];
	struct card_wire_reader now[CARD_WIRE_READERS_MAX];
	unsigned n = PCSC_READERS_MAX;
	int r = pcsc_watch_readers(w, all, &n);
	bool first = told->pcscd != 1;

	if (tell_pcscd(told, !r, pcsc_watch_error(w), fd))
		return -1;
	return r ? 0 : tell_readers(told, now, with_cards(all, n, now), first, fd);
}

int watch_readers(int fd)
{
	static struct told told = { .pcscd = -1 };
	struct pcsc_watch *w;

	if (pcsc_watch_open(&w)) {
		tell_done(fd, 0, CARD_FAILED, "");
		return EXIT_OPEN;
	}
	if (tell(fd, CARD_WIRE_READY, 0, "readers", 7))
		return 0;
	for (;;) {
		if (look(w, &told, fd))
			return 0;
		if (pcsc_watch_wait(w, -1) == 1)
			continue;
		log_error("readers cannot be waited for: %s", pcsc_watch_error(w));
		return EXIT_OPEN;
	}
}
