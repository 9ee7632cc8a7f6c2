/* SPDX-License-Identifier: MIT */
/*
 * IKE SAs that others began and nobody has proved himself in yet: how many there may be, in all and from one source, and who
 * goes when there are too many (RFC 7296 2.6). A source is an IPv4 address or an IPv6 /64, which is what one subscriber has.
 * Every question costs the same, however many there are.
 *
 * IKEv1 has no cookies that come back before there is an SA. So one that it begins is unshown until a message comes that has our
 * cookie: those have half of what there may be, of a source and in all, and where that is full the oldest of them makes room, and
 * nobody else.
 */
#ifndef KEYD_IKE_HALF_OPEN_H
#define KEYD_IKE_HALF_OPEN_H

#include "keyd/conf/conf.h"
#include "keyd/util/list.h"
#include "keyd/util/table.h"

#define HALF_OPEN_SIZES 21		/* sources by the power of two of their number of half-open SAs: up to 2^20 */
/* An honest peer has this long to go on (µs): nobody who has shown his address is put out earlier, however many others want in. */
#define HALF_OPEN_GRACE UINT64_C(2000000)

struct engine;
struct engine_datagram;
struct half_open_source;
struct ike_sa;

struct half_open {
	unsigned n;
	struct list unshown;			/* struct half_open_member .unshown, oldest first */
	unsigned nunshown;
	struct table by_request;		/* of every SA that others began: their SPI, address and port */
	struct table by_source;
	struct list sizes[HALF_OPEN_SIZES];	/* struct half_open_source; longest there first */
	uint64_t secret[4];			/* nobody can choose what falls together in the tables */
};

/* In struct ike_sa. */
struct half_open_member {
	struct table_node node;		/* in by_request, from half_open_add to half_open_forget */
	struct list link;		/* in its source, oldest first */
	struct list unshown;		/* in half_open.unshown */
	struct half_open_source *source;	/* NULL: it does not count, or no more */
	bool listed;
};

enum half_open_verdict {
	HALF_OPEN_ROOM,
	HALF_OPEN_PROVE,		/* who asks must show first that he can be reached at his address */
	HALF_OPEN_SOURCE_FULL,
	HALF_OPEN_FULL,
};

/* 0, or -1 without memory. */
int half_open_init(struct half_open *h);
void half_open_free(struct half_open *h);

/* The SA that this request began, half-open or since grown up. NULL: none. */
struct ike_sa *half_open_find(struct engine *e, const struct engine_datagram *d, const uint8_t spi_i[8]);
/*
 * May d begin another one? proven: its sender has shown his address. Then it may put out an older one: of its own source
 * where that is full, of the fullest source where all is full.
 */
enum half_open_verdict half_open_ask(struct engine *e, const struct engine_datagram *d, bool proven);
/* The same where nobody can be asked for a cookie. */
enum half_open_verdict half_open_ask_unshown(struct engine *e, const struct engine_datagram *d);
/* sa, with its SPIs and addresses, counts from now on. 0, or -1 without memory. */
int half_open_add(struct ike_sa *sa, bool shown);
/* Its peer has shown that it can be reached at its address. */
void half_open_shown(struct ike_sa *sa);
bool half_open_is_unshown(const struct ike_sa *sa);
/* It is established or has ended: it does not count any more, but copies of its request are still known. */
void half_open_done(struct ike_sa *sa);
/* It is being freed. */
void half_open_forget(struct ike_sa *sa);

#endif
