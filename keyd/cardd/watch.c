// SPDX-License-Identifier: MIT
// Waits for what comes and goes, where waiting blocks: in a module, at pcscd.
#include "keyd/cardd/serve.h"

#include "keyd/card/wire.h"
#include "keyd/card/wire_io.h"
#include "keyd/util/log.h"

#include <poll.h>

#define PAUSE_MS 50		/* after an event: others that come with it are told as one */
#define PAUSE_MAX_MS 5000	/* of a module that says at once, and again and again, that something has changed */

/* A pause, unless the channel ends meanwhile: then -1. */
static int rest(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) > 0 ? -1 : 0;
}

int watch_module(struct card *c, int fd)
{
	int pause = PAUSE_MS, r;

	do {
		int64_t begun;

		if (tell(fd, CARD_WIRE_CHANGED, 0, NULL, 0) || rest(fd, pause))
			return 0;
		begun = card_wire_clock();
		r = c->driver->wait(c, true);
		pause = card_wire_clock() - begun >= PAUSE_MS ? PAUSE_MS : pause * 2 < PAUSE_MAX_MS ? pause * 2 : PAUSE_MAX_MS;
	} while (r == 1);
	if (r == CARD_UNSUPPORTED)
		return CARD_WIRE_EXIT_NO_EVENTS;
	log_notice("the module cannot wait for tokens any more: %s", c->driver->error(c));
	return EXIT_OPEN;
}
