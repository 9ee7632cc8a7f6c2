/* SPDX-License-Identifier: MIT */
/*
 * The inside of state.h: a file of a header and blocks. A record is a chain of blocks, whose head is written last and freed
 * first, so that what a kill leaves is a whole chain or none.
 */
#ifndef KEYD_ROLES_STATE_BLOCK_H
#define KEYD_ROLES_STATE_BLOCK_H

#include "keyd/roles/state.h"
#include "keyd/util/table.h"

#define HEADER_SIZE 4096u
#define BLOCK_SIZE 512u
#define BLOCKS ((STATE_SIZE - HEADER_SIZE) / BLOCK_SIZE)
#define MAC_LEN 16
#define SUSPECTS 16

enum { BLOCK_FREE, BLOCK_HEAD, BLOCK_BODY };

struct suspect {
	uint64_t digest;
	uint32_t deaths;
};

struct state_header {
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
	uint32_t total;			/* BLOCK_HEAD: bytes of the whole; 0: the record of that id is gone */
	uint32_t kind;
	uint8_t mac[MAC_LEN];		/* BLOCK_HEAD */
	uint8_t data[BLOCK_SIZE - 28 - MAC_LEN];
};
_Static_assert(sizeof(struct block) == BLOCK_SIZE, "a block has another size");
_Static_assert(sizeof(struct state_header) <= HEADER_SIZE, "the header is too large");

struct entry;

struct state {
	int fd;
	uint8_t *map;
	struct state_header *h;
	uint64_t seq;			/* of the transaction under way */
	size_t reserved;		/* bytes from the beginning that memory is there for */
	uint32_t *freed;		/* stack of free blocks before used */
	uint32_t nfreed, cap;
	struct table entries;
	struct entry *changed;
	unsigned int records;
	bool died;
};

struct block *block_at(const struct state *s, uint32_t i);
/* What follows is not done before what went before is in memory: a kill finds both or the first alone. */
void state_step(void);
/* Memory for that many bytes from the beginning; false: there is none. */
bool state_reserve(struct state *s, size_t upto);
void block_free(struct state *s, uint32_t i);

/* A record of this transaction; n 0: there is none any more. index + 1 of the head, or 0: there is no room. */
uint32_t state_chain_new(struct state *s, uint64_t id, const uint8_t *data, size_t n);
/* The whole record of the chain that begins at i into buf; -1: it is torn, forged, or longer than most. */
int state_chain_read(const struct state *s, uint32_t i, uint8_t *buf, size_t most);
void state_chain_free(struct state *s, uint32_t i);

#endif
