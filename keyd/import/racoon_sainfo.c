// SPDX-License-Identifier: MIT
// sainfo of racoon.conf: for which traffic it is, whose peer's, and what ESP is to be.
#include "keyd/import/racoon.h"

#include "keyd/conf/parser.h"
#include "keyd/crypto/alg.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

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
} protocols[] = {
	{ "any", 0 }, { "icmp", 1 }, { "tcp", 6 }, { "udp", 17 }, { "gre", 47 }, { "esp", 50 }, { "ah", 51 },
	{ "icmp6", 58 }, { "ipcomp", 108 },
};

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

	*ok = (import_word_is(s, i, "address") || import_word_is(s, i, "subnet")) &&
	      conf_remote_parse(import_word(s, i + 1), &n->addr, &n->len) && n->len <= ipsec_addr_bits(n->addr.family);
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

/* Is it this name, of whatever type? */
static bool is_id(const char *text, const char *name)
{
	const char *quote = text ? strchr(text, '"') : NULL;
	size_t n = quote ? strlen(quote + 1) : 0;

	if (!quote)
		return text && !strcmp(text, name);
	return n && strlen(name) == n - 1 && !strncasecmp(quote + 1, name, n - 1);
}

static bool has_id(const struct draft_peer *p, const char *name)
{
	for (unsigned i = 0; i < p->nids; i++)
		if (is_id(p->id[i].text, name))
			return true;
	return is_id(p->set[SET_ID_REMOTE], name);
}

static bool fits(const struct draft_peer *p, const struct head *h, const char *id)
{
	if (id)
		return p->ph1id && !strcmp(p->ph1id, id);
	if (h->from)
		return has_id(p, h->from);
	return h->nets && p->remote.family && ipsec_addr_equal(&p->remote, &h->pair.remote.addr) &&
	       h->pair.remote.len == p->remote_len;
}

/* NULL: nobody knows. */
static struct racoon_remote *owner(struct racoon *r, const struct import_stmt *s, const struct head *h)
{
	const char *id = remoteid(s);

	for (unsigned i = 0; i < r->nremotes; i++)
		if (fits(r->remotes[i].peer, h, id))
			return &r->remotes[i];
	if (r->nremotes == 1 && !id && !h->from)
		return &r->remotes[0];
	for (unsigned i = 0; i < r->nremotes && !id && !h->from; i++)
		if (import_word_is(r->remotes[i].stmt, 1, "anonymous"))
			return &r->remotes[i];
	return NULL;
}

/* --- what it says --- */

static void take_list(struct racoon *r, struct draft_peer *p, const struct import_stmt *s, unsigned kind,
		      struct draft_algs *a)
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
			draft_note(r->d, p, IMPORT_NOT, s->at,
				   "%s: keyd does not have %s%s: take aes 256, hmac_sha256, modp2048 or better",
				   import_word(s, 0), import_word(s, i), bits ? " of that size" : "");
		i += bits != 0;
	}
}

static void take_lifetime(struct racoon *r, struct draft_peer *p, const struct import_stmt *s, struct racoon_esp *says)
{
	bool bytes;
	unsigned long long v = racoon_lifetime(r, p, s, &bytes);

	if (v && bytes)
		says->bytes = v;
	else if (v > CHILD_MOST || (v && v < CHILD_LEAST))
		draft_note(r->d, p, IMPORT_NOT, s->at,
			   "lifetime: keyd takes %u s to 24 days for a child; its own counts", CHILD_LEAST);
	else if (v)
		says->time = v;
}

static void take_stmt(struct racoon *r, struct draft_peer *p, const struct import_stmt *s, struct racoon_esp *says)
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
		draft_note(r->d, p, IMPORT_IDLE, s->at,
			   "compression_algorithm: nothing is compressed "
			   "(racoon does it only where a policy asks for ipcomp)");
	} else if (import_word_is(s, 0, "my_identifier")) {
		draft_note(r->d, p, IMPORT_IDLE, s->at,
			   "my_identifier: racoon does not heed it here either: 'id local' of the section counts");
	} else if (!import_word_is(s, 0, "remoteid")) {
		draft_note(r->d, p, IMPORT_UNKNOWN, s->at, "'%s' is no statement of sainfo: see racoon.conf(5)",
			   import_word(s, 0));
	}
}

/*
 * Keeps of one kind what b has, too. A list that names nothing keyd has, or that is not there, takes nothing away.
 * false: nothing would be left.
 */
static bool keep_common(struct draft_algs *a, const struct draft_algs *b, unsigned kind)
{
	unsigned n = 0;

	for (unsigned i = 0; b->n[kind] && i < a->n[kind]; i++)
		for (unsigned k = 0; k < b->n[kind]; k++)
			if (a->alg[kind][i] == b->alg[kind][k]) {
				a->alg[kind][n++] = a->alg[kind][i];
				break;
			}
	if (!b->n[kind])
		return true;
	if (!a->n[kind])
		for (; n < b->n[kind]; n++)
			a->alg[kind][n] = b->alg[kind][n];
	a->n[kind] = n;
	return n;
}

/*
 * keyd has one 'esp' for a peer: the algorithms that all of its sainfo sections have in common. NULL, or the kind of
 * which there are none.
 */
static const char *join_algs(struct draft_algs *a, const struct draft_algs *b)
{
	static const char *const names[] = {
		[CRYPTO_ENCR] = "encryption_algorithm", [CRYPTO_INTEG] = "authentication_algorithm",
		[CRYPTO_KE] = "pfs_group",
	};

	for (unsigned kind = CRYPTO_ENCR; kind <= CRYPTO_KE; kind++)
		if (kind != CRYPTO_PRF && !keep_common(a, b, kind))
			return names[kind];
	return NULL;
}

static unsigned long long least(unsigned long long a, unsigned long long b)
{
	return !a || (b && b < a) ? b : a;
}

static bool same(const struct racoon_esp *a, const struct racoon_esp *b)
{
	return !memcmp(a->algs.n, b->algs.n, sizeof(a->algs.n)) && a->pfs == b->pfs && a->time == b->time &&
	       a->bytes == b->bytes;
}

/* What else is to be protected as b says. NULL, or what they have not in common; all but the algorithms is joined. */
static const char *join(struct racoon_esp *a, const struct racoon_esp *b)
{
	struct draft_algs algs = a->algs;
	const char *why = join_algs(&algs, &b->algs);

	if (!why)
		a->algs = algs;
	a->pfs = a->pfs || b->pfs;
	a->time = least(a->time, b->time);
	a->bytes = least(a->bytes, b->bytes);
	return why;
}

static void gather(struct racoon *r, struct draft_peer *p, const struct import_stmt *s, struct racoon_esp *esp)
{
	struct racoon_esp says = { .at = s->at }, before = *esp;
	const char *why;

	for (const struct import_stmt *at = s->inside; at; at = at->next)
		take_stmt(r, p, at, &says);
	if (!esp->at.line) {
		*esp = says;
		return;
	}
	why = join(esp, &says);
	if (why && p != &r->d->defaults)
		draft_refuse(r->d, p,
			     "its sainfo sections have no %s in common, and keyd has one 'esp' for a peer: "
			     "any choice would protect some traffic less", why);
	if (!same(esp, &before) || !same(esp, &says))
		draft_note(r->d, p, draft_less(r->d), s->at,
			   "another sainfo of this peer differs: the algorithms that they have in common, "
			   "the shorter lifetime and PFS count for all of its traffic");
}

static void set_esp(struct racoon *r, struct draft_peer *p, const struct racoon_esp *esp)
{
	const char *bytes = !esp->bytes ? "" :
			    esp->bytes % 1024 ? draft_text(r->d, "%lluB", esp->bytes) :
			    draft_text(r->d, "%lluK", esp->bytes / 1024);

	draft_propose(r->d, p, esp->at, true, &esp->algs);
	if (esp->pfs || !r->d->options->modernise)
		draft_say(p, SET_PFS, esp->at, esp->pfs ? "yes" : "no");
	if (esp->time || esp->bytes)
		draft_say(p, SET_LIFE_CHILD, esp->at,
			  draft_text(r->d, "%s%s%s", esp->time ? draft_seconds(r->d, esp->time) : "",
				     esp->time && esp->bytes ? " " : "", bytes));
}

/* What no sainfo of its own is for falls to the anonymous one in racoon, and in keyd to the same 'esp'. */
static void join_anonymous(struct racoon *r, struct racoon_remote *m)
{
	struct racoon_esp both = m->esp;
	const char *why = r->anonymous.pfs && !m->esp.pfs ? "pfs_group" : join(&both, &r->anonymous);

	if (!why)
		m->esp = both;
	else
		draft_note(r->d, m->peer, IMPORT_NOT, r->anonymous.at,
			   "sainfo anonymous has no %s that those of this peer have: "
			   "theirs count for all of its traffic, also for what only this one is for", why);
}

void racoon_sainfo_finish(struct racoon *r)
{
	if (r->anonymous.at.line)
		set_esp(r, &r->d->defaults, &r->anonymous);
	for (unsigned i = 0; i < r->nremotes; i++) {
		struct racoon_remote *m = &r->remotes[i];

		if (m->esp.at.line && r->anonymous.at.line)
			join_anonymous(r, m);
		if (m->esp.at.line)
			set_esp(r, m->peer, &m->esp);
	}
}

void racoon_sainfo(struct racoon *r, const struct import_stmt *s)
{
	struct head h = read_head(r, s);
	struct racoon_remote *m = owner(r, s, &h);
	struct draft_peer *p = m ? m->peer : NULL;

	if (h.any_local && h.any_remote && !h.from && !remoteid(s)) {
		gather(r, &r->d->defaults, s, &r->anonymous);
		return;
	}
	if (!p) {
		draft_note(r->d, NULL, IMPORT_NOT, s->at,
			   "sainfo: nothing here says to which remote it belongs (policies do): "
			   "write its 'esp', 'pfs' and 'lifetime child' into that section");
		return;
	}
	gather(r, p, s, &m->esp);
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
