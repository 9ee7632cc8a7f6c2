// SPDX-License-Identifier: MIT
// Records in shared memory, whole at any moment.
#include "keyd/roles/state.h"

#include "keyd/crypto/hash.h"
#include "keyd/util/list.h"
#include "keyd/util/secret.h"
#include "keyd/util/table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#define MAGIC 0x676170737461746bu
#define VERSION 1
#define HEADER_SIZE 4096u
#define BLOCK_SIZE 512u
#define BLOCKS ((STATE_SIZE - HEADER_SIZE) / BLOCK_SIZE)
/* Memory is asked for in pieces of this size, before it is written to: later a refusal would be a signal. */
#define RESERVE (1u << 20)
#define MAC_LEN 16
#define SUSPECTS 16

enum { FREE, HEAD, BODY };

struct suspect {
	uint64_t digest;
	uint32_t deaths;
};

struct header {
	uint64_t magic;
	uint32_t version, tries;
	uint8_t key[32];		/* of the MACs: it tells what is whole from what is torn, not friend from foe */
	uint64_t committed;		/* records of a later transaction do not count */
	uint32_t used;			/* blocks that may be in use are before this one; rises */
	uint32_t newest;		/* of suspects */
	uint64_t working;		/* on what; 0: nothing */
	struct suspect suspects[SUSPECTS];
};

struct block {
	uint64_t id, seq;		/* whose it is, and of which transaction */
	uint32_t next;			/* index + 1 of the next block; 0: it is the last */
	uint32_t total;			/* HEAD: bytes of the whole; 0: the record of that id is gone */
	uint32_t kind;
	uint8_t mac[MAC_LEN];		/* HEAD */
	uint8_t data[BLOCK_SIZE - 28 - MAC_LEN];
};
_Static_assert(sizeof(struct block) == BLOCK_SIZE, "a block has another size");
_Static_assert(sizeof(struct header) <= HEADER_SIZE, "the header is too large");

#define DATA sizeof(((struct block *)0)->data)

struct entry {
	struct table_node node;
	struct entry *next;		/* in state.changed */
	uint64_t id;
	uint32_t head, fresh;		/* committed, and of this transaction; index + 1, 0: none */
	bool changed;
};

struct state {
	int fd;
	uint8_t *map;
	struct header *h;
	uint64_t seq;			/* of the transaction under way */
	size_t reserved;		/* bytes from the beginning that memory is there for */
	uint32_t *freed;		/* stack of free blocks before used */
	uint32_t nfreed, cap;
	struct table entries;
	struct entry *changed;
	unsigned int records;
	bool died;
};

static struct block *block_at(const struct state *s, uint32_t i)
{
	return (struct block *)(s->map + HEADER_SIZE + (size_t)i * BLOCK_SIZE);
}

/* What follows is not done before what went before is in memory: a kill finds both or the first alone. */
static void step(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

int state_format(int fd)
{
	struct header h = { .magic = MAGIC, .version = VERSION };

	if (getrandom(h.key, sizeof(h.key), 0) != sizeof(h.key))
		return -EIO;
	if (ftruncate(fd, 0) || ftruncate(fd, STATE_SIZE))
		return -errno;
	return pwrite(fd, &h, sizeof(h), 0) == sizeof(h) ? 0 : -EIO;
}

bool state_is(int fd)
{
	struct header h;

	return lseek(fd, 0, SEEK_END) == STATE_SIZE && pread(fd, &h, sizeof(h), 0) == sizeof(h) && h.magic == MAGIC &&
	       h.version == VERSION && h.used <= BLOCKS;
}

/* --- blocks --- */

static void block_free(struct state *s, uint32_t i)
{
	struct block *b = block_at(s, i);

	b->kind = FREE;
	step();
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

static bool reserve(struct state *s, size_t upto)
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
	if (s->h->used >= BLOCKS || !reserve(s, HEADER_SIZE + (size_t)(s->h->used + 1) * BLOCK_SIZE))
		return 0;
	return ++s->h->used;
}

/* A chain from its head on, which is the first to count no more. */
static void chain_free(struct state *s, uint32_t i)
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
static uint32_t chain_new(struct state *s, uint64_t id, const uint8_t *data, size_t n)
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
			step();
			b->kind = BODY;
			next = i;
			continue;
		}
		*b = head;
		b->next = next;
		if (n)
			memcpy(b->data, data, n < DATA ? n : DATA);
		step();
		b->kind = HEAD;
		return i;
	}
	if (next)
		chain_free(s, next - 1);
	return 0;
}

/* The whole record into buf; -1: it is torn or forged. */
static int chain_read(const struct state *s, uint32_t i, uint8_t *buf, size_t most)
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
		if (b->kind != BODY || b->id != block_at(s, i)->id || b->seq != block_at(s, i)->seq)
			return -1;
	}
	if (b->next)
		return -1;
	b = block_at(s, i);
	if (mac(s, b, buf, sum) || !secret_equal((struct view){ sum, MAC_LEN }, (struct view){ b->mac, MAC_LEN }))
		return -1;
	return 0;
}

/* --- entries --- */

static struct entry *entry_of(const struct state *s, uint64_t id)
{
	struct table_node *node = table_find(&s->entries, id);

	return node ? container_of(node, struct entry, node) : NULL;
}

static struct entry *entry_new(struct state *s, uint64_t id)
{
	struct entry *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->id = id;
	table_add(&s->entries, &e->node, id);
	return e;
}

static void entry_free(struct state *s, struct entry *e)
{
	table_del(&s->entries, &e->node);
	free(e);
}

int state_keep(struct state *s, uint64_t id, const void *record, size_t n)
{
	struct entry *e = entry_of(s, id);
	uint32_t head;

	if (!e && !n)
		return 0;
	if (!e)
		e = entry_new(s, id);
	if (!e)
		return -1;
	if (e->fresh)
		chain_free(s, e->fresh - 1);
	e->fresh = head = chain_new(s, id, record, n);
	if (!head && n)			/* what is not true any more must not come back */
		e->fresh = chain_new(s, id, NULL, 0);
	if (!e->changed) {
		e->next = s->changed;
		s->changed = e;
		e->changed = true;
	}
	return head ? 0 : -1;
}

/* What is replaced goes before a tombstone does, so that it cannot rise again. */
void state_commit(struct state *s)
{
	struct entry *next;

	step();
	__atomic_store_n(&s->h->committed, s->seq, __ATOMIC_RELEASE);
	step();
	for (struct entry *e = s->changed; e; e = next) {
		next = e->next;
		if (e->head)
			chain_free(s, e->head - 1);
		s->records -= e->head != 0;
		step();
		e->head = e->fresh;
		e->fresh = 0;
		e->changed = false;
		if (e->head && block_at(s, e->head - 1)->total) {
			s->records++;
			continue;
		}
		if (e->head)
			chain_free(s, e->head - 1);
		entry_free(s, e);
	}
	s->changed = NULL;
	s->seq++;
}

unsigned int state_records(const struct state *s)
{
	return s->records;
}

static void each_entry(struct state *s, void (*fn)(struct state *s, struct entry *e, void *arg), void *arg)
{
	for (size_t i = 0; i < s->entries.nslots; i++)
		for (struct table_node *n = s->entries.slots[i], *next; n; n = next) {
			next = n->next;
			fn(s, container_of(n, struct entry, node), arg);
		}
}

struct each {
	void (*fn)(void *arg, uint64_t id, const void *record, size_t n);
	void *arg;
	uint8_t *buf;
};

#define RECORD_MAX (1u << 20)

static void tell(struct state *s, struct entry *e, void *arg)
{
	struct each *each = arg;

	if (e->head && !chain_read(s, e->head - 1, each->buf, RECORD_MAX))
		each->fn(each->arg, e->id, each->buf, block_at(s, e->head - 1)->total);
}

void state_each(struct state *s, void (*fn)(void *arg, uint64_t id, const void *record, size_t n), void *arg)
{
	struct each each = { fn, arg, malloc(RECORD_MAX) };

	if (!each.buf)
		return;
	each_entry(s, tell, &each);
	secret_cleanse(each.buf, RECORD_MAX);
	free(each.buf);
}

static void drop(struct state *s, struct entry *e, void *arg)
{
	(void)arg;
	state_keep(s, e->id, NULL, 0);
}

void state_clear(struct state *s)
{
	each_entry(s, drop, NULL);
	state_commit(s);
}

/* --- opening --- */

/* Of two committed ones with an id the later counts; one that is torn counts as if it were not there. */
static void take_head(struct state *s, uint32_t i, uint8_t *buf)
{
	struct block *b = block_at(s, i);
	struct entry *e;

	if (b->seq > s->h->committed || chain_read(s, i, buf, RECORD_MAX))
		return;
	e = entry_of(s, b->id);
	if (e && block_at(s, e->head - 1)->seq >= b->seq)
		return;
	if (!e)
		e = entry_new(s, b->id);
	if (e)
		e->head = i + 1;
}

static void mark(struct state *s, struct entry *e, void *arg)
{
	uint8_t *used = arg;
	uint32_t i = e->head - 1;

	s->records++;
	for (uint32_t n = 0; n <= BLOCKS; n++) {
		used[i] = 1;
		if (!block_at(s, i)->next)
			return;
		i = block_at(s, i)->next - 1;
	}
}

static void drop_tombstone(struct state *s, struct entry *e, void *arg)
{
	(void)arg;
	if (!block_at(s, e->head - 1)->total)
		entry_free(s, e);
}

/* Everything that is in no chain that counts is free; what was replaced goes before tombstones, as ever. */
static int scan(struct state *s)
{
	uint8_t *buf = malloc(RECORD_MAX), *used = calloc(1, s->h->used + 1u);
	int r = buf && used ? 0 : -1;

	for (uint32_t i = 0; !r && i < s->h->used; i++)
		if (block_at(s, i)->kind == HEAD)
			take_head(s, i, buf);
	for (unsigned int pass = 0; !r && pass < 2; pass++) {
		s->records = s->nfreed = 0;
		memset(used, 0, s->h->used);
		each_entry(s, mark, used);
		for (uint32_t i = s->h->used; i-- > 0;)
			if (!used[i])
				block_free(s, i);
		each_entry(s, drop_tombstone, NULL);
	}
	if (buf)
		secret_cleanse(buf, RECORD_MAX);
	free(buf);
	free(used);
	return r;
}

static void note_death(struct state *s)
{
	struct header *h = s->h;
	struct suspect *p = NULL;

	if (!h->working)
		return;
	for (unsigned int i = 0; i < SUSPECTS; i++)
		if (h->suspects[i].digest == h->working)
			p = &h->suspects[i];
	if (!p) {
		p = &h->suspects[h->newest++ % SUSPECTS];
		*p = (struct suspect){ .digest = h->working };
	}
	p->deaths++;
	h->working = 0;
	s->died = true;
}

static const char *unusable(const struct state *s)
{
	/* Not fstat: the ike role may not. */
	return lseek(s->fd, 0, SEEK_END) == STATE_SIZE ? NULL : "it has not the size that it must have";
}

static void entry_forget(struct state *s, struct entry *e, void *arg)
{
	(void)arg;
	entry_free(s, e);
}

void state_close(struct state *s)
{
	if (!s)
		return;
	each_entry(s, entry_forget, NULL);
	table_free(&s->entries);
	free(s->freed);
	if (s->map)
		munmap(s->map, STATE_SIZE);
	free(s);
}

struct state *state_open(int fd, const char **why)
{
	struct state *s = calloc(1, sizeof(*s));

	*why = "out of memory";
	if (!s || table_init(&s->entries)) {
		free(s);
		return NULL;
	}
	s->fd = fd;
	*why = unusable(s);
	if (!*why) {
		s->map = mmap(NULL, STATE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (s->map == MAP_FAILED)
			s->map = NULL;
		*why = s->map ? NULL : "it cannot be mapped";
	}
	if (!*why) {
		(void)!madvise(s->map, STATE_SIZE, MADV_DONTDUMP);
		s->h = (struct header *)s->map;
		if (s->h->magic != MAGIC || s->h->version != VERSION || s->h->used > BLOCKS)
			*why = "another version wrote it";
		else if (!reserve(s, HEADER_SIZE + (size_t)s->h->used * BLOCK_SIZE) || scan(s))
			*why = "there is no memory for it";
	}
	if (*why) {
		state_close(s);
		return NULL;
	}
	s->seq = s->h->committed + 1;
	s->h->tries++;
	note_death(s);
	return s;
}

/* --- what workers die of --- */

/* Nobody who does not know the key can aim at another one's. */
static uint64_t digest_of(const struct state *s, struct view d)
{
	uint64_t seed, h;

	memcpy(&seed, s->h->key, sizeof(seed));
	h = table_hash(table_hash(seed, s->h->key, sizeof(s->h->key)), d.p, d.n);
	return h ? h : 1;
}

void state_work(struct state *s, struct view datagram)
{
	s->h->working = digest_of(s, datagram);
	step();
}

void state_worked(struct state *s)
{
	step();
	s->h->working = 0;
}

bool state_poisonous(struct state *s, struct view datagram)
{
	uint64_t digest;

	if (!s->h->newest)
		return false;
	digest = digest_of(s, datagram);
	for (unsigned int i = 0; i < SUSPECTS; i++)
		if (s->h->suspects[i].digest == digest && s->h->suspects[i].deaths >= 2)
			return true;
	return false;
}

bool state_died(const struct state *s)
{
	return s->died;
}

unsigned int state_tries(const struct state *s)
{
	return s->h->tries;
}

void state_fine(struct state *s)
{
	s->h->tries = 0;
}
