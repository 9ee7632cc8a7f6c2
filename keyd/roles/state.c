// SPDX-License-Identifier: MIT
// Records in shared memory, whole at any moment.
#include "keyd/roles/state.h"

#include "keyd/roles/state_block.h"
#include "keyd/util/list.h"
#include "keyd/util/secret.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#define MAGIC 0x676170737461746bu
#define VERSION 1
#define RECORD_MAX (1u << 20)

struct entry {
	struct table_node node;
	struct entry *next;		/* in state.changed */
	uint64_t id;
	uint32_t head, fresh;		/* committed, and of this transaction; index + 1, 0: none */
	bool changed;
};

int state_format(int fd)
{
	struct state_header h = { .magic = MAGIC, .version = VERSION };

	if (getrandom(h.key, sizeof(h.key), 0) != sizeof(h.key))
		return -EIO;
	if (ftruncate(fd, 0) || ftruncate(fd, STATE_SIZE))
		return -errno;
	return pwrite(fd, &h, sizeof(h), 0) == sizeof(h) ? 0 : -EIO;
}

bool state_is(int fd)
{
	struct state_header h;

	return lseek(fd, 0, SEEK_END) == STATE_SIZE && pread(fd, &h, sizeof(h), 0) == sizeof(h) && h.magic == MAGIC &&
	       h.version == VERSION && h.used <= BLOCKS;
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
		state_chain_free(s, e->fresh - 1);
	e->fresh = head = state_chain_new(s, id, record, n);
	if (!head && n)			/* what is not true any more must not come back */
		e->fresh = state_chain_new(s, id, NULL, 0);
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

	state_step();
	__atomic_store_n(&s->h->committed, s->seq, __ATOMIC_RELEASE);
	state_step();
	for (struct entry *e = s->changed; e; e = next) {
		next = e->next;
		if (e->head)
			state_chain_free(s, e->head - 1);
		s->records -= e->head != 0;
		state_step();
		e->head = e->fresh;
		e->fresh = 0;
		e->changed = false;
		if (e->head && block_at(s, e->head - 1)->total) {
			s->records++;
			continue;
		}
		if (e->head)
			state_chain_free(s, e->head - 1);
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

static void tell(struct state *s, struct entry *e, void *arg)
{
	struct each *each = arg;

	if (e->head && !state_chain_read(s, e->head - 1, each->buf, RECORD_MAX))
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

	if (b->seq > s->h->committed || state_chain_read(s, i, buf, RECORD_MAX))
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
		if (block_at(s, i)->kind == BLOCK_HEAD)
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
	struct state_header *h = s->h;
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
		s->h = (struct state_header *)s->map;
		if (s->h->magic != MAGIC || s->h->version != VERSION || s->h->used > BLOCKS)
			*why = "another version wrote it";
		else if (!state_reserve(s, HEADER_SIZE + (size_t)s->h->used * BLOCK_SIZE) || scan(s))
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
	state_step();
}

void state_worked(struct state *s)
{
	state_step();
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
