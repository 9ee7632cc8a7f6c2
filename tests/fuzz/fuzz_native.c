// SPDX-License-Identifier: MIT
// What cards answer to the native driver: each answer is its length in two bytes, and so many bytes; then the card is gone.
#include "keyd/crypto/alg.h"
#include "keyd/crypto/rand.h"
#include "tests/unit/card_all.h"
#include "tests/unit/card_pcsc.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define COMMANDS_MAX 3000

static struct rd left;

static void answer_next(unsigned n, struct view command, uint8_t *answer, size_t *nanswer)
{
	struct view v;
	uint16_t len;

	(void)command;
	*nanswer = 0;
	if (n > COMMANDS_MAX)
		abort();
	if (rd_u16(&left, &len) || rd_view(&left, len, &v))
		mock_pcsc_pull();
	else if (v.n)
		memcpy(answer, v.p, *nanswer = v.n);
}

/* As when the corpus was made: a management key's challenge is answered there. */
static int no_chance(void *arg, void *p, size_t n)
{
	(void)arg;
	memset(p, 0, n);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char why[CARD_WHY_MAX];
	struct card *c;

	if (crypto_init() || card_driver_native.open(&c, MOCK_READER, why))
		abort();
	crypto_rand_set(no_chance, NULL);
	mock_pcsc_new(false, false, true);
	mock_pcsc.spoil = answer_next;
	left = rd_of(data, size);
	card_all(c);
	card_driver_native.close(c);
	if (mock_pcsc.contexts || mock_pcsc.handles)
		abort();
	return 0;
}
