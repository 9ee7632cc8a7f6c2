// SPDX-License-Identifier: MIT
// Writes the seed files of fuzz_sealed into a directory: what two engines say to each other inside SK, each at its moment.
#include "keyd/crypto/alg.h"
#include "keyd/ike/timer.h"
#include "tests/unit/rogue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *dir;
static unsigned number;
static uint8_t phase;

static void put(FILE *f, const uint8_t *bytes, size_t n)
{
	if (fwrite(bytes, 1, n, f) != n)
		exit(1);
}

static void save(const struct wire_message *m, struct view text, unsigned from)
{
	unsigned what = (m->h.exchange - IKEV2_EXCH_IKE_SA_INIT) << 1 | (m->h.flags & IKEV2_FLAG_RESPONSE ? 1 : 0) |
			(from ? 0 : 0x10);
	uint8_t head[] = { (uint8_t)(phase << 1), (uint8_t)(text.n >> 8), (uint8_t)text.n, (uint8_t)what, m->sk_next };
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/said%02u", dir, number++);
	f = fopen(path, "wb");
	if (!f) {
		perror(path);
		exit(1);
	}
	put(f, head, sizeof(head));
	put(f, text.p, text.n);
	fclose(f);
}

static void overhear(struct world *w, unsigned from, uint8_t *bytes, size_t n)
{
	static uint8_t copy[65536];

	list_each(sa, &w->host[from].engine->sas, struct ike_sa, link) {
		struct wire_message m;
		struct wire_payload *last;

		memcpy(copy, bytes, n);
		if (!sa->seal || !rogue_open(sa, true, copy, n, &m) || !(m.present_clear & WIRE_BIT(IKEV2_PL_SK)))
			continue;
		last = &m.pl[m.n - 1];
		if (m.n == 1)
			save(&m, (struct view){ copy, 0 }, from);
		else
			save(&m, (struct view){ m.pl[1].body.p - WIRE_GENERIC_LEN,
						(size_t)(last->body.p + last->body.n - m.pl[1].body.p) +
							WIRE_GENERIC_LEN },
			     from);
		return;
	}
}

int main(int argc, char **argv)
{
	static struct world w;

	if (argc != 2 || crypto_init()) {
		fprintf(stderr, "usage: make_corpus_sealed DIRECTORY\n");
		return 2;
	}
	dir = argv[1];
	world_init(&w, 1, true);
	w.tap = overhear;
	world_packet(&w, 0);
	world_run(&w, MILLISECONDS(35));	/* IKE_AUTH is on its way */
	phase = 1;
	world_run(&w, SECONDS(2));
	for (unsigned i = 0; i < 4; i++) {
		phase = i & 1 ? 3 : 2;
		engine_rekey(w.host[i & 1].engine, w.now, NULL, i & 2 ? ENGINE_REKEY_IKE : ENGINE_REKEY_CHILD);
		world_run(&w, SECONDS(2));
	}
	engine_down(w.host[0].engine, w.now, NULL);
	world_run(&w, SECONDS(1));
	w.tap = NULL;
	world_free(&w);
	crypto_exit();
	return 0;
}
