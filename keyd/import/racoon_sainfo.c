// SPDX-License-Identifier: MIT
// sainfo of racoon.conf: for which traffic it is, whose peer's, and what ESP is to be.
#include "keyd/import/racoon.h"

#include "keyd/conf/parser.h"
#include "keyd/crypto/alg.h"

#include <stdlib.h>
#include <string.h>

#define CHILD_MOST (24ULL * 86400)	/* seconds that keyd takes for a child */
#define CHILD_LEAST 30			/* less than this and "linger" (10 s) would not fit */

struct head {
	bool any_local, any_remote;	/* anonymous */
	struct draft_pair pair;
	bool nets;			/* both ends are addresses or networks */
	const char *from;		/* the peer's identity, or NULL */
};

static const struct {
	const char *name;
	uint8_t n;
} protocols[] = { { "any", 0 }, { "icmp", 1 }, { "tcp", 6 }, { "udp", 17 }, { "gre", 47 }, { "esp", 50 }, { "ah", 51 }, { "icmp6", 58 }, { "ipcomp", 108 } };

/* "any", "udp", "17"; false: it is none. */
static bool protocol(const char *word, uint8_t *n)
{
	char *end;
	unsigned long v;

	for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++)
		if (!strcmp(word, protocols[i].name)) {
			*n = protocols[i].n;
			return true;
		}
	v = strtoul(word, &end, 10);
	*n = (uint8_t)v;
	return *word >= '0' && *word <= '9' && !*end && v < 256;
}

/* "address 10.0.0.0/24 [500] udp" from word i on; returns the word behind it, *ok: it is a network. */
static unsigned network(const struct import_stmt *s, unsigned i, struct draft_net *n, bool *ok)
{
	struct ipsec_addr last;

	*ok = (import_word_is(s, i, "address") || import_word_is(s, i, "subnet")) && conf_remote_parse(import_word(s, i + 1), &n->addr, &n->len) &&
	      n->len <= ipsec_addr_bits(n->addr.family);
	if (*ok)
		ipsec_addr_prefix_range(&n->addr, n->len, &n->addr, &last);
	i += 2;
	if (*import_word(s, i) == '[') {
		n->port = (uint16_t)strtoul(import_word(s, i) + 1, NULL, 10);
		i++;
	}
	if (i < s->nwords && protocol(import_word(s, i), &n->proto))
		i++;
	return i;
}

static struct head read_head(struct racoon *r, const struct import_stmt *s)
{
	struct head h = { .nets = false };
	bool local = false, remote = false;
	unsigned i = 1;

	h.any_local = import_word_is(s, i, "anonymous");
	i = h.any_local ? i + 1 : network(s, i, &h.pair.local, &local);
	if (h.any_local && (i >= s->nwords || import_word_is(s, i, "from") || import_word_is(s, i, "group"))) {
		h.any_remote = true;
	} else {
		h.any_remote = import_word_is(s, i, "anonymous") || import_word_is(s, i, "clientaddr");
		i = h.any_remote ? i + 1 : network(s, i, &h.pair.remote, &remote);
	}
	if (import_word_is(s, i, "from"))
		h.from = import_word(s, i + 2);
	else if (import_word_is(s, i, "group"))
		racoon_note(r, NULL, IMPORT_NOT, s, "group: users have no groups here");
	else if (i < s->nwords)
		racoon_note(r, NULL, IMPORT_UNKNOWN, s, "sainfo: '%s' is not expected here", import_word(s, i));
	h.nets = local && remote;
	return h;
}

/* --- whose it is --- */

static const char *remoteid(const struct import_stmt *s)
{
	for (const struct import_stmt *at = s->inside; at; at = at->next)
		if (import_word_is(at, 0, "remoteid"))
			return import_word(at, 1);
	return NULL;
}

static bool has_id(const struct draft_peer *p, const char *id)
{
	for (unsigned i = 0; i < p->nids; i++)
		if (strstr(p->id[i].text, id))
			return true;
	return p->set[SET_ID_REMOTE] && strstr(p->set[SET_ID_REMOTE], id);
}

static bool fits(const struct draft_peer *p, const struct head *h, const char *id)
{
	if (id)
		return p->ph1id && !strcmp(p->ph1id, id);
	if (h->from)
		return has_id(p, h->from);
	return h->nets && p->remote.family && ipsec_addr_equal(&p->remote, &h->pair.remote.addr) && h->pair.remote.len == p->remote_len;
}

/* NULL: nobody knows. */
static struct draft_peer *owner(struct racoon *r, const struct import_stmt *s, const struct head *h)
{
	const char *id = remoteid(s);

	for (unsigned i = 0; i < r->nremotes; i++)
		if (fits(r->remotes[i].peer, h, id))
			return r->remotes[i].peer;
	if (r->nremotes == 1 && !id && !h->from)
		return r->remotes[0].peer;
	for (unsigned i = 0; i < r->nremotes && !id && !h->from; i++)
		if (import_word_is(r->remotes[i].stmt, 1, "anonymous"))
			return r->remotes[i].peer;
	return NULL;
}

/* --- what it says --- */

struct says {
	struct draft_algs algs;
	bool pfs;
	const char *time, *bytes;
};

static void take_list(struct racoon *r, struct draft_peer *p, const struct import_stmt *s, unsigned kind, struct draft_algs *a)
{
	for (unsigned i = 1; i < s->nwords; i++) {
		unsigned bits = (unsigned)strtoul(import_word(s, i + 1), NULL, 10);
		const struct crypto_alg *alg;

		if (import_word_is(s, i, ","))
			continue;
		alg = draft_alg(kind, import_word(s, i), bits);
		if (alg)
			draft_alg_add(a, alg);
		else
			draft_note(r->d, p, IMPORT_NOT, s->at, "%s: keyd does not have %s%s: take aes 256, hmac_sha256, modp2048 or better", import_word(s, 0),
				   import_word(s, i), bits ? " of that size" : "");
		i += bits != 0;
	}
}

static void take_lifetime(struct racoon *r, struct draft_peer *p, const struct import_stmt *s, struct says *says)
{
	bool bytes;
	unsigned long long v = racoon_lifetime(r, p, s, &bytes);

	if (v && bytes)
		says->bytes = draft_text(r->d, v % 1024 ? "%lluB" : "%lluK", v % 1024 ? v : v / 1024);
	else if (v > CHILD_MOST || (v && v < CHILD_LEAST))
		draft_note(r->d, p, IMPORT_NOT, s->at, "lifetime: keyd takes %u s to 24 days for a child; its own counts", CHILD_LEAST);
	else if (v)
		says->time = draft_seconds(r->d, v);
}

static void take_stmt(struct racoon *r, struct draft_peer *p, const struct import_stmt *s, struct says *says)
{
	if (import_word_is(s, 0, "encryption_algorithm")) {
		take_list(r, p, s, CRYPTO_ENCR, &says->algs);
	} else if (import_word_is(s, 0, "authentication_algorithm")) {
		take_list(r, p, s, CRYPTO_INTEG, &says->algs);
	} else if (import_word_is(s, 0, "pfs_group")) {
		says->pfs = true;
		take_list(r, p, s, CRYPTO_KE, &says->algs);
	} else if (import_word_is(s, 0, "lifetime")) {
		take_lifetime(r, p, s, says);
	} else if (import_word_is(s, 0, "compression_algorithm")) {
		draft_note(r->d, p, IMPORT_IDLE, s->at, "compression_algorithm: nothing is compressed (racoon does it only where a policy asks for ipcomp)");
	} else if (import_word_is(s, 0, "my_identifier")) {
		draft_note(r->d, p, IMPORT_IDLE, s->at, "my_identifier: racoon does not heed it here either: 'id local' of the section counts");
	} else if (!import_word_is(s, 0, "remoteid")) {
		draft_note(r->d, p, IMPORT_UNKNOWN, s->at, "'%s' is no statement of sainfo: see racoon.conf(5)", import_word(s, 0));
	}
}

static void set_once(struct racoon *r, struct draft_peer *p, const struct import_stmt *s, enum draft_set set, const char *value)
{
	if (!p->set[set])
		draft_say(p, set, s->at, value);
	else if (strcmp(p->set[set], value) != 0)
		draft_note(r->d, p, IMPORT_NOT, s->at, "another sainfo of this peer has other lifetimes or another PFS; '%s' counts for all of its traffic",
			   p->set[set]);
}

static void apply(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	struct says says = { .pfs = false };

	for (const struct import_stmt *at = s->inside; at; at = at->next)
		take_stmt(r, p, at, &says);
	draft_propose(r->d, p, s->at, true, &says.algs);
	if (says.pfs || !r->d->options->modernise)
		set_once(r, p, s, SET_PFS, says.pfs ? "yes" : "no");
	if (says.time || says.bytes)
		set_once(r, p, s, SET_LIFE_CHILD,
			 draft_text(r->d, "%s%s%s", says.time ?: "", says.time && says.bytes ? " " : "", says.bytes ?: ""));
}

void racoon_sainfo(struct racoon *r, const struct import_stmt *s)
{
	struct head h = read_head(r, s);
	struct draft_peer *p = owner(r, s, &h);

	if (h.any_local && h.any_remote && !h.from && !remoteid(s)) {
		apply(r, &r->d->defaults, s);
		return;
	}
	if (!p) {
		draft_note(r->d, NULL, IMPORT_NOT, s->at, "sainfo: nothing here says to which remote it belongs (policies do): write its 'esp', 'pfs' and 'lifetime "
			   "child' into that section");
		return;
	}
	apply(r, p, s);
	if (!h.nets)
		return;
	h.pair.transport = h.pair.local.len == ipsec_addr_bits(h.pair.local.addr.family) && p->remote.family &&
			   h.pair.remote.len == p->remote_len && ipsec_addr_equal(&h.pair.remote.addr, &p->remote);
	h.pair.local.host = h.pair.remote.host = h.pair.transport;
	if (h.pair.local.addr.family != h.pair.remote.addr.family)
		draft_note(r->d, p, IMPORT_NOT, s->at, "sainfo: one end is IPv4, the other IPv6");
	else if (!p->assigned && !p->set[SET_VIRTUAL])
		draft_pair_add(r->d, p, s->at, &h.pair);
}
