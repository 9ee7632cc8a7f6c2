// SPDX-License-Identifier: MIT
// What goes wrong with a card on command.
#include "tests/card/fault.h"

#include <string.h>

#define LONG_ANSWER 60000
#define NOISE_MOST 64
#define NOISE_SEED 0x9e3779b9

int fault_add(struct faults *f, struct fault fault)
{
	if (fault.kind == FAULT_DELAY)
		for (unsigned int i = 0; i < f->n; i++)
			if (f->list[i].kind == FAULT_DELAY && f->list[i].ins == fault.ins) {
				f->list[i] = fault;
				return 0;
			}
	if (f->n == FAULTS_MAX)
		return -1;
	f->list[f->n++] = fault;
	return 0;
}

static void use_up(struct faults *f, unsigned int i)
{
	if (f->list[i].left == FAULT_ALWAYS || --f->list[i].left)
		return;
	f->n--;
	memmove(&f->list[i], &f->list[i + 1], (f->n - i) * sizeof(f->list[0]));
}

/* The first rule for this instruction that is, or is not, a delay. */
static struct fault take(struct faults *f, uint8_t ins, bool delay)
{
	for (unsigned int i = 0; i < f->n; i++) {
		struct fault found = f->list[i];

		if ((found.kind == FAULT_DELAY) == delay && (found.ins == FAULT_ANY || found.ins == ins)) {
			use_up(f, i);
			return found;
		}
	}
	return (struct fault){ .kind = FAULT_NONE };
}

struct fault fault_take(struct faults *f, uint8_t ins, unsigned int *delay_ms)
{
	*delay_ms = take(f, ins, true).value;
	return take(f, ins, false);
}

/* The same noise in each run (xorshift). */
static uint32_t noise(struct faults *f)
{
	uint32_t x = f->noise ? f->noise : NOISE_SEED;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	f->noise = x;
	return x;
}

static void put_noise(struct faults *f, size_t n, struct wr *w)
{
	w->len = 0;
	while (n--)
		wr_u8(w, (uint8_t)noise(f));
}

void fault_spoil(struct faults *f, enum fault_kind kind, struct wr *w)
{
	if (kind == FAULT_GARBAGE)
		put_noise(f, 1 + noise(f) % NOISE_MOST, w);
	if (kind == FAULT_SHORT && w->len)
		w->len = 1;
	if (kind == FAULT_LONG) {
		put_noise(f, LONG_ANSWER, w);
		wr_u16(w, 0x9000);
	}
}
