// SPDX-License-Identifier: MIT
/* Runs of zeros are left out: a piece is (zeros before it, its length, its bytes), and the last one has length 0. */
#include "setkey/sync/pack.h"

#include <stdint.h>
#include <string.h>

#define RUN_MIN 8	/* shorter ones would cost more than they save */

struct piece {
	uint16_t zeros, n;
};

/* Where the piece that begins at from ends: at the next long run of zeros, or at the end. */
static size_t piece_end(const uint8_t *p, size_t from, size_t n)
{
	size_t zeros = 0;

	for (size_t i = from; i < n; i++) {
		zeros = p[i] ? 0 : zeros + 1;
		if (zeros == RUN_MIN)
			return i + 1 - RUN_MIN;
	}
	return n - zeros;
}

/* Writes the pieces to out, if there is one, and returns their size. */
static size_t pack(uint8_t *out, const uint8_t *p, size_t n)
{
	struct piece piece = { 0 };
	size_t at = 0, size = 0;

	do {
		size_t begin = at;

		while (begin < n && !p[begin])
			begin++;
		piece.zeros = (uint16_t)(begin - at);
		at = begin < n ? piece_end(p, begin, n) : begin;
		piece.n = (uint16_t)(at - begin);
		if (out) {
			memcpy(out + size, &piece, sizeof(piece));
			memcpy(out + size + sizeof(piece), p + begin, piece.n);
		}
		size += sizeof(piece) + piece.n;
	} while (piece.n);
	return size;
}

const void *sync_pack(struct arena *a, const void *p, size_t n)
{
	uint8_t *out = arena_alloc(a, pack(NULL, p, n));

	if (out)
		pack(out, p, n);
	return out;
}

void sync_unpack(const void *packed, void *p, size_t n)
{
	const uint8_t *in = packed;
	struct piece piece;
	size_t at = 0;

	memset(p, 0, n);
	for (;;) {
		memcpy(&piece, in, sizeof(piece));
		at += piece.zeros;
		if (!piece.n || at + piece.n > n)
			return;
		memcpy((uint8_t *)p + at, in + sizeof(piece), piece.n);
		in += sizeof(piece) + piece.n;
		at += piece.n;
	}
}
