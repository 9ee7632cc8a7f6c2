// SPDX-License-Identifier: MIT
// Blocks of memory that outlives us, and chains of them: each holds a record, whole or not at all.
#include "keyd/roles/state_block.h"

#include "keyd/crypto/hash.h"
#include "keyd/util/secret.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Memory is asked for in pieces of this size, before it is written to: later a refusal would be a signal. */
#define RESERVE (1u << 20)

#define DATA sizeof(((struct block *)0)->data)

struct block *block_at(const struct state *s, uint32_t i)
{
	return (struct block *)(s->map + HEADER_SIZE + (size_t)i * BLOCK_SIZE);
}

void state_step(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void block_free(struct state *s, uint32_t i)
{
	struct block *b = block_at(s, i);

	b->kind = BLOCK_FREE;
	state_step();
	secret_cleanse(b, sizeof(*b));
	if (s->nfreed == s->cap) {
		uint32_t cap = s->cap ? 2 * s->cap : 1024, *more = realloc(s->freed, cap * sizeof(*more));

		if (!more)
			return;		/* it is found again at the next start */
		s->freed = more;
		s->cap = cap;
	}
	s->freed[s->nfreed++] = i;
}

bool state_reserve(struct state *s, size_t upto)
{
	size_t n;

	if (upto <= s->reserved)
		return true;
	n = (upto - s->reserved + RESERVE - 1) / RESERVE * RESERVE;
	if (n > STATE_SIZE - s->reserved)
		n = STATE_SIZE - s->reserved;
	if (fallocate(s->fd, 0, (off_t)s->reserved, (off_t)n))
		return false;
	/* Never to swap, as far as the limit allows. */
	(void)!mlock(s->map + s->reserved, n);
	s->reserved += n;
	return upto <= s->reserved;
}

/* index + 1, or 0: there is no room. */
static uint32_t block_new(struct state *s)
{
	if (s->nfreed)
		return s->freed[--s->nfreed] + 1;
	if (s->h->used >= BLOCKS || !state_reserve(s, HEADER_SIZE + (size_t)(s->h->used + 1) * BLOCK_SIZE))
		return 0;
	return ++s->h->used;
}

/* From its head on, which is the first to count no more. */
void state_chain_free(struct state *s, uint32_t i)
{
	for (uint32_t n = 0; n <= BLOCKS; n++) {
		uint32_t next = block_at(s, i)->next;

		block_free(s, i);
		if (!next)
			return;
		i = next - 1;
	}
}

static int mac(const struct state *s, const struct block *b, const uint8_t *data, uint8_t out[MAC_LEN])
{
	uint8_t whole[CRYPTO_SHA256_LEN], head[20];
	const struct view parts[] = { { head, sizeof(head) }, { data, b->total } };

	memcpy(head, &b->id, 8);
	memcpy(head + 8, &b->seq, 8);
	memcpy(head + 16, &b->total, 4);
	if (crypto_hmac_sha256((struct view){ s->h->key, sizeof(s->h->key) }, parts, 2, whole))
		return -1;
	memcpy(out, whole, MAC_LEN);
	return 0;
}

/* The bodies first, the head last: until that is there, nothing is. index + 1 of the head, or 0. */
uint32_t state_chain_new(struct state *s, uint64_t id, const uint8_t *data, size_t n)
{
	struct block head = { .id = id, .seq = s->seq, .total = (uint32_t)n };
	uint32_t next = 0, left = n ? (uint32_t)((n - 1) / DATA) : 0, i;

	if (mac(s, &head, data, head.mac))
		return 0;
	for (;; left--) {
		struct block *b;
		size_t from = left * DATA;

		i = block_new(s);
		if (!i)
			break;
		b = block_at(s, i - 1);
		if (left) {
			*b = (struct block){ .id = id, .seq = s->seq, .next = next };
			memcpy(b->data, data + from, n - from < DATA ? n - from : DATA);
			state_step();
			b->kind = BLOCK_BODY;
			next = i;
			continue;
		}
		*b = head;
		b->next = next;
		if (n)
			memcpy(b->data, data, n < DATA ? n : DATA);
		state_step();
		b->kind = BLOCK_HEAD;
		return i;
	}
	if (next)
		state_chain_free(s, next - 1);
	return 0;
}

int state_chain_read(const struct state *s, uint32_t i, uint8_t *buf, size_t most)
{
	const struct block *b = block_at(s, i);
	uint32_t total = b->total;
	uint8_t sum[MAC_LEN];

	if (total > most)
		return -1;
	for (size_t at = 0;; at += DATA) {
		memcpy(buf + at, b->data, total - at < DATA ? total - at : DATA);
		if (at + DATA >= total)
			break;
		if (!b->next || b->next > s->h->used)
			return -1;
		b = block_at(s, b->next - 1);
		if (b->kind != BLOCK_BODY || b->id != block_at(s, i)->id || b->seq != block_at(s, i)->seq)
			return -1;
	}
	if (b->next)
		return -1;
	b = block_at(s, i);
	if (mac(s, b, buf, sum) || !secret_equal((struct view){ sum, MAC_LEN }, (struct view){ b->mac, MAC_LEN }))
		return -1;
	return 0;
}
