// SPDX-License-Identifier: MIT
// Half-open IKE SAs by source.
#include "keyd/ike/half_open.h"

#include "keyd/crypto/rand.h"
#include "keyd/ike/ike_sa.h"
#include "keyd/ike/version.h"

#include <stdlib.h>
#include <string.h>

/* So many of the fullest are looked at for one that can be put out. */
#define SOURCES_TRIED 8

struct half_open_source {
	struct table_node node;
	struct list link;		/* in half_open.sizes */
	uint8_t prefix[8];
	uint16_t family;
	unsigned n, nunshown;
	struct list sas;		/* struct ike_sa .half_open.link */
};

int half_open_init(struct half_open *h)
{
	list_init(&h->unshown);
	for (unsigned i = 0; i < HALF_OPEN_SIZES; i++)
		list_init(&h->sizes[i]);
	return table_init(&h->by_request) || table_init(&h->by_source) || crypto_rand(h->secret, sizeof(h->secret)) ? -1 : 0;
}

void half_open_free(struct half_open *h)
{
	table_free(&h->by_request);
	table_free(&h->by_source);
}

/* --- keys --- */

/* All bits of both, folded: without knowing the secrets that are mixed in before, nobody can aim at anything. */
static uint64_t fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t word(const uint8_t bytes[8])
{
	uint64_t w;

	memcpy(&w, bytes, sizeof(w));
	return w;
}

static void prefix_of(const struct ipsec_addr *a, uint8_t out[8])
{
	memset(out, 0, 8);
	memcpy(out, a->b, a->family == AF_INET6 ? 8 : 4);
}

static uint64_t source_key(const struct half_open *h, const uint8_t prefix[8], uint16_t family)
{
	return fold(word(prefix) ^ h->secret[0], family ^ h->secret[1]);
}

static uint64_t request_key(const struct half_open *h, const struct ipsec_addr *a, uint16_t port, const uint8_t spi[8])
{
	uint8_t bytes[16] = { 0 };

	memcpy(bytes, a->b, a->family == AF_INET6 ? 16 : 4);
	return fold(word(spi) ^ h->secret[0], word(bytes) ^ h->secret[1]) ^
	       fold(word(bytes + 8) ^ h->secret[2], ((uint64_t)a->family << 16 | port) ^ h->secret[3]);
}

/* --- sources --- */

static struct half_open_source *source_find(struct half_open *h, const struct ipsec_addr *a)
{
	struct table_node *node;
	struct half_open_source *s;
	uint8_t prefix[8];

	prefix_of(a, prefix);
	node = table_find(&h->by_source, source_key(h, prefix, a->family));
	s = node ? container_of(node, struct half_open_source, node) : NULL;
	return s && s->family == a->family && !memcmp(s->prefix, prefix, sizeof(prefix)) ? s : NULL;
}

static struct half_open_source *source_new(struct half_open *h, const struct ipsec_addr *a)
{
	struct half_open_source *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	prefix_of(a, s->prefix);
	s->family = a->family;
	list_init(&s->link);
	list_init(&s->sas);
	table_add(&h->by_source, &s->node, source_key(h, s->prefix, s->family));
	return s;
}

static unsigned size_of(unsigned n)
{
	unsigned size = 0;

	while (n >>= 1)
		size++;
	return size < HALF_OPEN_SIZES ? size : HALF_OPEN_SIZES - 1;
}

static void source_resize(struct half_open *h, struct half_open_source *s, unsigned n)
{
	unsigned before = s->n;

	s->n = n;
	if (before && n && size_of(before) == size_of(n))
		return;
	list_del(&s->link);
	if (n) {
		list_add_tail(&h->sizes[size_of(n)], &s->link);
		return;
	}
	table_del(&h->by_source, &s->node);
	free(s);
}

static struct half_open_source *fullest(struct half_open *h)
{
	for (unsigned i = HALF_OPEN_SIZES; i-- > 0;)
		if (!list_empty(&h->sizes[i]))
			return list_entry(h->sizes[i].next, struct half_open_source, link);
	return NULL;
}

/* Somebody may be typing a PIN for a proof that is being worked on, or a password after it. */
static bool proves(const struct ike_sa *sa)
{
	return sa->version->proves ? sa->version->proves(sa) : sa->state != IKE_INIT;
}

/* Ends the oldest of a source that proves nothing, if that has had its time. */
static bool put_out(struct engine *e, struct half_open_source *s)
{
	list_each(sa, &s->sas, struct ike_sa, half_open.link) {
		if (e->now - sa->created_at < HALF_OPEN_GRACE)
			return false;
		if (!proves(sa)) {
			ike_sa_end(sa, "half-open for too long while others want in");
			return true;
		}
	}
	return false;
}

/* Anybody can have begun it, in anybody's name. False: there is none. */
static bool put_out_unshown(struct ike_sa *sa)
{
	if (sa)
		ike_sa_end(sa, "others want in, and nobody has answered from that address");
	return sa;
}

static struct ike_sa *oldest_unshown_of(const struct half_open_source *s)
{
	list_each(sa, &s->sas, struct ike_sa, half_open.link)
		if (half_open_is_unshown(sa))
			return sa;
	return NULL;
}

static struct ike_sa *oldest_unshown(const struct half_open *h)
{
	return list_empty(&h->unshown) ? NULL : container_of(h->unshown.next, struct ike_sa, half_open.unshown);
}

/* --- the outside --- */

struct ike_sa *half_open_find(struct engine *e, const struct engine_datagram *d, const uint8_t spi_i[8])
{
	struct half_open *h = &e->half_open;
	struct table_node *node = table_find(&h->by_request, request_key(h, &d->remote, d->remote_port, spi_i));
	struct ike_sa *sa = node ? container_of(node, struct ike_sa, half_open.node) : NULL;

	return sa && !memcmp(sa->spi_i, spi_i, sizeof(sa->spi_i)) ? sa : NULL;
}

/* Half of what a source may have can be taken in its name by others who forge it; the rest is for itself. */
static enum half_open_verdict ask_unproven(struct engine *e, const struct half_open_source *s)
{
	unsigned most = e->conf.half_open_per_source;

	return e->half_open.n >= e->conf.cookie_threshold || (s && s->n >= (most + 1) / 2) ? HALF_OPEN_PROVE :
											     HALF_OPEN_ROOM;
}

/* One whose SAs all prove something, or are new, stands behind the others of its size then. */
static bool put_out_of_fullest(struct engine *e, const struct half_open_source *asks)
{
	for (unsigned i = 0; i < SOURCES_TRIED; i++) {
		struct half_open_source *s = fullest(&e->half_open);

		if (!s || (asks && asks->n >= s->n))
			return false;
		if (put_out(e, s))
			return true;
		list_del(&s->link);
		list_add_tail(&e->half_open.sizes[size_of(s->n)], &s->link);
	}
	return false;
}

enum half_open_verdict half_open_ask(struct engine *e, const struct engine_datagram *d, bool proven)
{
	struct half_open_source *s = source_find(&e->half_open, &d->remote);

	if (!proven)
		return ask_unproven(e, s);
	if (s && s->n >= e->conf.half_open_per_source)
		return put_out_unshown(oldest_unshown_of(s)) || put_out(e, s) ? HALF_OPEN_ROOM : HALF_OPEN_SOURCE_FULL;
	if (e->half_open.n < e->conf.half_open_max || put_out_unshown(oldest_unshown(&e->half_open)))
		return HALF_OPEN_ROOM;
	return put_out_of_fullest(e, s) ? HALF_OPEN_ROOM : HALF_OPEN_FULL;
}

enum half_open_verdict half_open_ask_unshown(struct engine *e, const struct engine_datagram *d)
{
	const struct half_open_source *s = source_find(&e->half_open, &d->remote);
	const struct half_open *h = &e->half_open;
	bool full = s && s->n >= e->conf.half_open_per_source;

	if (full || (s && s->nunshown >= (e->conf.half_open_per_source + 1) / 2))
		return put_out_unshown(oldest_unshown_of(s)) ? HALF_OPEN_ROOM : HALF_OPEN_SOURCE_FULL;
	full = h->n >= e->conf.half_open_max;
	if (full || h->nunshown >= (e->conf.half_open_max + 1) / 2)
		return put_out_unshown(oldest_unshown(h)) ? HALF_OPEN_ROOM : HALF_OPEN_FULL;
	return HALF_OPEN_ROOM;
}

bool half_open_is_unshown(const struct ike_sa *sa)
{
	return !list_empty(&sa->half_open.unshown);
}

void half_open_shown(struct ike_sa *sa)
{
	if (!half_open_is_unshown(sa))
		return;
	list_del(&sa->half_open.unshown);
	sa->half_open.source->nunshown--;
	sa->e->half_open.nunshown--;
}

int half_open_add(struct ike_sa *sa, bool shown)
{
	struct half_open *h = &sa->e->half_open;
	struct half_open_source *s = source_find(h, &sa->remote);

	if (!s)
		s = source_new(h, &sa->remote);
	if (!s)
		return -1;
	table_add(&h->by_request, &sa->half_open.node, request_key(h, &sa->remote, sa->remote_port, sa->spi_i));
	sa->half_open.listed = true;
	sa->half_open.source = s;
	list_add_tail(&s->sas, &sa->half_open.link);
	if (!shown) {
		list_add_tail(&h->unshown, &sa->half_open.unshown);
		s->nunshown++;
		h->nunshown++;
	}
	source_resize(h, s, s->n + 1);
	h->n++;
	return 0;
}

void half_open_done(struct ike_sa *sa)
{
	struct half_open_source *s = sa->half_open.source;

	if (!s)
		return;
	half_open_shown(sa);
	sa->half_open.source = NULL;
	list_del(&sa->half_open.link);
	sa->e->half_open.n--;
	source_resize(&sa->e->half_open, s, s->n - 1);
}

void half_open_forget(struct ike_sa *sa)
{
	half_open_done(sa);
	if (sa->half_open.listed)
		table_del(&sa->e->half_open.by_request, &sa->half_open.node);
	sa->half_open.listed = false;
}
