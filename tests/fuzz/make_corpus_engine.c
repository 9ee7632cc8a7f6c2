// SPDX-License-Identifier: MIT
// Writes seeds for fuzz_engine.c: what is said with IKEv1, in main mode and in aggressive mode, to either side.
#include "keyd/crypto/alg.h"
#include "keyd/ike/timer.h"
#include "tests/unit/world.h"

#include <stdio.h>
#include <stdlib.h>

static struct world w;
static FILE *out;
static unsigned of;

static void write_down(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	(void)world;
	if (from != of)
		return;
	fputc((int)(n >> 8), out);
	fputc((int)(n & 0xff), out);
	fwrite(bytes, 1, n, out);
}

static int seed(const char *dir, unsigned flags)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/ikev1-%02x", dir, flags);
	out = fopen(path, "wb");
	if (!out) {
		perror(path);
		return 1;
	}
	fputc((int)flags, out);
	world_init(&w, 1, flags & 4);
	of = flags >> 7;
	w.tap = write_down;
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		w.host[i].conf.defaults.version = 1;
		w.host[i].conf.defaults.exchange = flags & 16 ? CONF_EXCHANGE_AGGRESSIVE : CONF_EXCHANGE_MAIN;
		world_configure(&w, i);
	}
	world_packet(&w, 0);
	world_until(&w, SECONDS(5), world_joined);
	engine_rekey(w.host[1].engine, w.now, NULL, ENGINE_REKEY_CHILD);
	world_run(&w, SECONDS(1));
	engine_down(w.host[0].engine, w.now, NULL);
	world_run(&w, SECONDS(1));
	world_free(&w);
	return fclose(out);
}

int main(int argc, char **argv)
{
	static const unsigned flags[] = { 8, 9, 11, 8 | 16, 11 | 16, 128 | 8, 128 | 11, 128 | 8 | 16 };

	if (argc != 2 || crypto_init()) {
		fprintf(stderr, "usage: make_corpus_engine DIRECTORY\n");
		return 2;
	}
	for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (seed(argv[1], flags[i]))
			return 1;
	crypto_exit();
	return 0;
}
