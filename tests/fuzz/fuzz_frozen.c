// SPDX-License-Identifier: MIT
// Records of an engine that hold anything (keyd/ike/freeze.h): one goes on with them, beside a peer that is honest.
#include "keyd/crypto/alg.h"
#include "keyd/ike/timer.h"
#include "tests/unit/world.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct world w;

static void put(struct world_host *h, uint64_t id, struct view v)
{
	struct world_record *r = calloc(1, sizeof(*r) + v.n);

	if (!r)
		abort();
	r->id = id;
	r->n = v.n;
	memcpy(r->bytes, v.p, v.n);
	r->next = h->records;
	h->records = r;
}

/*
 * Input: a byte of flags (1: the records that are there stay as well), then records, each with its length in two bytes in
 * front.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_of(data, size);
	struct world_host *h = &w.host[0];
	uint64_t id = 1000;
	struct view v;
	uint8_t flags;
	uint16_t n;

	if (crypto_init() || rd_u8(&r, &flags))
		return 0;
	world_init(&w, 1, true);
	world_packet(&w, 0);
	if (!world_until(&w, SECONDS(5), world_joined))
		abort();
	while (!(flags & 1) && h->records) {
		struct world_record *first = h->records;

		h->records = first->next;
		free(first);
	}
	while (!rd_u16(&r, &n) && !rd_view(&r, n < rd_left(&r) ? n : rd_left(&r), &v) && v.n)
		put(h, ++id, v);
	world_kill(&w, 0);
	w.traffic = true;
	world_run(&w, SECONDS(2));
	engine_rekey(w.host[1].engine, w.now, NULL, ENGINE_REKEY_CHILD | ENGINE_REKEY_IKE);
	engine_rekey(h->engine, w.now, NULL, ENGINE_REKEY_CHILD);
	world_run(&w, SECONDS(2));
	engine_down(h->engine, w.now, NULL);
	world_run(&w, SECONDS(1));
	world_free(&w);
	return 0;
}
