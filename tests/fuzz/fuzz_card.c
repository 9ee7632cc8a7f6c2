// SPDX-License-Identifier: MIT
// What a worker whose module has gone mad could say to its hub: the first byte says what it is taken for.
#include "keyd/card/wire.h"
#include "keyd/crypto/alg.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_end(const char *s, size_t n)
{
	if (!memchr(s, 0, n))
		abort();
}

/* What is taken comes out as the same key again. */
static void on_key(struct view body)
{
	static uint8_t buf[CARD_WIRE_KEY_MAX];
	struct card_key k = { 0 }, again = { 0 };
	struct rd r = rd_of_view(body);
	struct wr w = wr_of(buf, sizeof(buf));

	if (!card_wire_key_get(&r, &k)) {
		must_end(k.label, sizeof(k.label));
		card_wire_key_put(&w, &k);
		r = rd_of_view(wr_view(&w));
		if (!wr_ok(&w) || card_wire_key_get(&r, &again) || memcmp(k.digest, again.digest, sizeof(k.digest)) ||
		    k.cert.n != again.cert.n)
			abort();
	}
	card_key_free(&k);
	card_key_free(&again);
}

static void on_token(struct view body)
{
	struct card_token t;

	if (card_wire_token_get(body, &t))
		return;
	must_end(t.label, sizeof(t.label));
	if (t.tries < -1 || (t.login && t.pad && t.tries > UINT8_MAX))
		abort();
}

static void on_done(struct view body)
{
	struct card_wire_done d;

	if (!card_wire_done_get(body, &d) && !*card_strerror(d.error))
		abort();
}

static void on_readers(struct view body)
{
	struct card_wire_reader r[CARD_WIRE_READERS_MAX];
	unsigned n = CARD_WIRE_READERS_MAX;

	if (!card_wire_readers_get(body, r, &n))
		for (unsigned i = 0; i < n; i++)
			must_end(r[i].name, sizeof(r[i].name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const takers[])(struct view) = { on_key, on_token, on_done, on_readers };
	static bool begun;

	if (!begun && crypto_init())
		abort();
	begun = true;
	if (size)
		takers[data[0] % (sizeof(takers) / sizeof(*takers))]((struct view){ data + 1, size - 1 });
	return 0;
}
