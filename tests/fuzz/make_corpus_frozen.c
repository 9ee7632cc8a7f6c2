// SPDX-License-Identifier: MIT
// Writes seeds for fuzz_frozen.c: what an engine has given away at moments of rekeys, reauthentication and deletes.
#include "keyd/crypto/alg.h"
#include "keyd/ike/timer.h"
#include "tests/unit/world.h"

#include <stdio.h>
#include <stdlib.h>

static struct world w;

static void save(const char *dir, unsigned what, unsigned ms)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/moment%u-%02u", dir, what, ms);
	f = fopen(path, "wb");
	if (!f) {
		perror(path);
		exit(1);
	}
	fputc(0, f);
	for (struct world_record *r = w.host[0].records; r; r = r->next) {
		fputc((int)(r->n >> 8), f);
		fputc((int)(r->n & 0xff), f);
		fwrite(r->bytes, 1, r->n, f);
	}
	fclose(f);
}

static void doing(unsigned what)
{
	struct engine *e = w.host[what & 1].engine;

	switch (what / 2 % 4) {
	case 0: engine_rekey(e, w.now, NULL, ENGINE_REKEY_CHILD); break;
	case 1: engine_rekey(e, w.now, NULL, ENGINE_REKEY_IKE); break;
	case 2: engine_reauth(e, w.now, NULL); break;
	default: engine_down(e, w.now, NULL); break;
	}
}

int main(int argc, char **argv)
{
	static const unsigned moments[] = { 0, 11, 21, 31, 45 };

	if (argc != 2 || crypto_init()) {
		fprintf(stderr, "usage: make_corpus_frozen DIRECTORY\n");
		return 2;
	}
	for (unsigned what = 0; what < 16; what++)
		for (unsigned i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
			world_init(&w, 1, true);
			for (unsigned k = 0; what >= 8 && k < WORLD_HOSTS; k++) {	/* the same with IKEv1 */
				w.host[k].conf.defaults.version = 1;
				world_configure(&w, k);
			}
			world_packet(&w, 0);
			if (!world_until(&w, SECONDS(5), world_joined))
				return 1;
			doing(what);
			world_run(&w, MILLISECONDS(moments[i]));
			save(argv[1], what, moments[i]);
			world_free(&w);
		}
	crypto_exit();
	return 0;
}
