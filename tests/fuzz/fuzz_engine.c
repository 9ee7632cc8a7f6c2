// SPDX-License-Identifier: MIT
// A peer that says anything: datagrams of the input reach an engine, before and after it has an SA with somebody honest.
#include "keyd/crypto/alg.h"
#include "keyd/ike/timer.h"
#include "tests/unit/world.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct world w;

/* What is true of a datagram only by chance is made true: SPIs, so that it reaches an SA. */
static void aim(uint8_t *bytes, size_t n, const uint8_t *spis)
{
	if (n >= 16)
		memcpy(bytes, spis, 16);
}

static uint8_t spis[16];

static void remember(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	(void)world;
	(void)from;
	if (n >= 16)
		memcpy(spis, bytes, 16);
}

/*
 * Input: a byte of flags (1: an SA is up before; 2: datagrams get its SPIs; 4: a tunnel; 8: IKEv1, 16: in aggressive mode;
 * 128: they go to the other host), then datagrams, each with its length in two
 * bytes in front.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_of(data, size);
	struct view d;
	uint8_t flags;
	uint16_t n;

	if (crypto_init() || rd_u8(&r, &flags))
		return 0;
	world_init(&w, 1, flags & 4);
	w.tap = remember;
	for (unsigned i = 0; flags & 8 && i < WORLD_HOSTS; i++) {
		w.host[i].conf.defaults.version = 1;
		w.host[i].conf.defaults.exchange = flags & 16 ? CONF_EXCHANGE_AGGRESSIVE : CONF_EXCHANGE_MAIN;
		world_configure(&w, i);
	}
	if (flags & 1) {
		world_packet(&w, 0);
		if (!world_until(&w, SECONDS(5), world_joined))
			abort();
	}
	while (!rd_u16(&r, &n) && !rd_view(&r, n < rd_left(&r) ? n : rd_left(&r), &d) && d.n) {
		uint8_t *copy = malloc(d.n);

		memcpy(copy, d.p, d.n);
		if (flags & 2)
			aim(copy, d.n, spis);
		world_inject(&w, flags >> 7, copy, d.n);
		free(copy);
	}
	world_run(&w, SECONDS(1));
	/* Nothing that a stranger says takes away what was agreed with somebody else. */
	if (flags & 1 && !world_joined(&w))
		abort();
	world_free(&w);
	return 0;
}
