// SPDX-License-Identifier: MIT
// The sections together: which are for the same peer, what keyd makes policies for, what a section cannot do without.
#include "keyd/import/draft.h"

#include "keyd/conf/id.h"
#include "keyd/conf/load.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* An identity back out of its text; one with escapes in it is not. */
static bool id_of(const char *text, struct conf_id *id)
{
	const char *quote = strchr(text, '"'), *why;
	char inside[CONF_ID_MAX + 1];
	size_t n = quote ? strcspn(quote + 1, "\\\"") : 0;
	uint8_t type;

	if (!quote)
		return !conf_id_parse(id, text);
	if (quote[1 + n] != '"' || n >= sizeof(inside))
		return false;
	memcpy(inside, quote + 1, n);
	inside[n] = 0;
	if (!strncmp(text, "dn ", 3))
		return !conf_id_set_dn(id, inside, n, &why);
	type = *text == 'f' ? CONF_ID_FQDN : *text == 'u' ? CONF_ID_RFC822 : CONF_ID_KEY_ID;
	return !conf_id_set(id, type, inside, n);
}

static bool same_id(const char *a, const char *b)
{
	struct conf_id x, y;

	return same_text(a, b) || (a && b && id_of(a, &x) && id_of(b, &y) && conf_id_equal(&x, &y));
}

/* Would keyd not know which of the two is meant? */
static bool same_peer(const struct draft_peer *a, const struct draft_peer *b)
{
	return draft_is_version1(a) == draft_is_version1(b) && ipsec_addr_equal(&a->remote, &b->remote) &&
	       same_text(a->host, b->host) && a->remote_len == b->remote_len &&
	       ipsec_addr_equal(&a->local, &b->local) && same_id(a->set[SET_ID_LOCAL], b->set[SET_ID_LOCAL]) &&
	       same_id(a->set[SET_ID_REMOTE], b->set[SET_ID_REMOTE]);
}

/* What decides who comes in, and what it protects: the first of these in which the two differ; NULL: none. */
static const char *differs(const struct draft_peer *a, const struct draft_peer *b)
{
	static const struct {
		enum draft_set set;
		const char *what;
	} rows[] = {
		{ SET_EXCHANGE, "the mode differs" }, { SET_XAUTH, "XAUTH differs" }, { SET_USERS, "its users differ" },
		{ SET_AUTH_LOCAL, "our proof differs" }, { SET_AUTH_REMOTE, "the peer's proof differs" },
		{ SET_CERT, "our certificate differs" }, { SET_KEY, "our key differs" }, { SET_CA, "the CAs differ" },
		{ SET_REMOTE_KEY, "the peer's key differs" }, { SET_KEY_FLOOR, "the sizes of keys differ" },
		{ SET_SIGNATURES, "the hashes of signatures differ" }, { SET_REVOCATION, "revocation differs" },
		{ SET_IKE, "'ike' differs" }, { SET_ESP, "'esp' differs" }, { SET_PFS, "'pfs' differs" },
	};

	if (a->assigned != b->assigned)
		return "only one of them gives out addresses";
	if (!a->set[SET_VIRTUAL] != !b->set[SET_VIRTUAL])
		return "only one of them asks for one";
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (!same_text(a->set[rows[i].set], b->set[rows[i].set]))
			return rows[i].what;
	return NULL;
}

static bool same_rest(const struct draft_peer *a, const struct draft_peer *b)
{
	for (unsigned i = SET_UNIQUE; i < SET_TRAFFIC; i++)
		if (i != SET_POOL && !same_text(a->set[i], b->set[i]))
			return false;
	return true;
}

static void merge_script(struct draft *d, struct draft_peer *a, const struct draft_peer *b, enum import_when when)
{
	if (!a->script[when])
		a->script[when] = b->script[when];
	else if (b->script[when] && strcmp(a->script[when], b->script[when]) != 0)
		draft_note(d, a, IMPORT_NOT, b->at, "%s: the same peer: \"%s\" is run for it, and not \"%s\"", b->head,
			   a->script[when], b->script[when]);
}

/* keyd has one section for a peer: b's traffic goes into that of a, if all of it is protected there as it is to be. */
static void merge(struct draft *d, struct draft_peer *a, struct draft_peer *b)
{
	const char *what = differs(a, b);

	if (what) {
		draft_refuse(d, b,
			     "the section \"%s\" has the same addresses and identities, and %s: say the same in both, "
			     "or give them different identities", a->name, what);
		return;
	}
	draft_note(d, a, same_rest(a, b) ? IMPORT_CHOICE : IMPORT_NOT, b->at,
		   same_rest(a, b) ? "%s: the same peer; its traffic is in this section" :
				     "%s: the same peer, whose lifetimes and the like differ: "
				     "those of this section count for both", b->head);
	for (unsigned i = 0; i < b->npairs; i++)
		draft_pair_add(d, a, b->at, &b->pair[i]);
	for (unsigned i = 0; i < IMPORT_WHENS; i++)
		merge_script(d, a, b, (enum import_when)i);
	a->own_policies = a->own_policies && b->own_policies;
	a->start = a->start || b->start;
	a->route = a->route || b->route;
	b->idle = true;
	b->off = draft_text(d, "its traffic is in the section \"%s\", which has the same addresses and identities",
			    a->name);
	b->npairs = 0;
	b->assigned = false;
	b->set[SET_POOL] = NULL;
}

static void merge_all(struct draft *d)
{
	for (struct draft_peer *a = d->peers; a; a = a->next)
		for (struct draft_peer *b = a->next; b && !a->off; b = b->next)
			if (!b->off && same_peer(a, b))
				merge(d, a, b);
}

/* A peer that is refused must not be one that another section is for, which keyd would not know apart. */
static void cover_all(struct draft *d)
{
	for (struct draft_peer *p = d->peers; p; p = p->next) {
		bool earlier = true;

		for (const struct draft_peer *q = d->peers; q && p->off && !p->covered; q = q->next) {
			earlier = earlier && q != p;
			p->covered = q != p && same_peer(p, q) && (!q->off || (earlier && !q->idle && !q->covered));
		}
	}
}

/* --- traffic --- */

struct side {
	struct draft_net net[DRAFT_NETS_MAX];
	unsigned n;
};

static void side_add(struct side *s, const struct draft_net *net)
{
	for (unsigned i = 0; i < s->n; i++)
		if (ipsec_addr_equal(&s->net[i].addr, &net->addr) && s->net[i].len == net->len &&
		    s->net[i].proto == net->proto && s->net[i].port == net->port)
			return;
	s->net[s->n++] = *net;
}

/* Of one family each, as keyd pairs them. */
static unsigned product(const struct side *a, const struct side *b)
{
	unsigned n = 0;

	for (unsigned i = 0; i < a->n; i++)
		for (unsigned j = 0; j < b->n; j++)
			n += a->net[i].addr.family == b->net[j].addr.family || !a->net[i].addr.family ||
			     !b->net[j].addr.family;
	return n;
}

const char *draft_traffic_text(struct draft *d, const struct draft_net *n, bool host)
{
	const char *text = host ? "host" : draft_net_text(d, n, false), *proto = conf_proto_name(n->proto);

	if (!n->proto)
		return text;
	proto = proto ?: draft_text(d, "%u", n->proto);
	return n->port ? draft_text(d, "%s[%s/%u]", text, proto, n->port) : draft_text(d, "%s[%s]", text, proto);
}

static const char *side_text(struct draft *d, const struct side *s, bool hosts)
{
	const char *text = "";

	for (unsigned i = 0; i < s->n; i++)
		text = draft_text(d, "%s%s%s", text, i ? ", " : "",
				  draft_traffic_text(d, &s->net[i], hosts || !s->net[i].addr.family));
	return text;
}

static bool has_port_alone(const struct draft_net *n)
{
	return n->port && !conf_proto_has_ports(n->proto);
}

/* Of a network, or of the end itself, which has that of the other end. */
static uint16_t family_of(const struct draft_peer *p, const struct draft_net *n)
{
	return n->addr.family ?: p->remote.family ?: p->local.family;
}

/* Why "traffic" cannot say it; NULL: it can. */
static const char *not_traffic(const struct draft_peer *p, const struct side *local, const struct side *remote)
{
	for (unsigned i = 0; i < p->npairs; i++) {
		const struct draft_pair *pair = &p->pair[i];

		uint16_t local_family = family_of(p, &pair->local), remote_family = family_of(p, &pair->remote);

		if (local_family && remote_family && local_family != remote_family)
			return "one end itself, and networks of another family at the other";
		if (pair->transport != p->pair[0].transport)
			return "transport mode beside tunnels";
		if (pair->transport && !(pair->local.host && pair->remote.host))
			return "transport mode of other addresses than the two ends";
		if (has_port_alone(&pair->local) || has_port_alone(&pair->remote))
			return "numbers behind protocols that have no ports";
	}
	if (local->n > CONF_NETS_MAX || remote->n > CONF_NETS_MAX)
		return "so many networks";
	return p->npairs != product(local, remote) ? "networks that are not all paired with one another" : NULL;
}

static void give_traffic(struct draft *d, struct draft_peer *p)
{
	struct side local = { .n = 0 }, remote = { .n = 0 };
	const char *why;

	if (!p->own_policies || p->off || strcmp(p->action, "ipsec"))
		return;
	for (unsigned i = 0; i < p->npairs; i++) {
		side_add(&local, &p->pair[i].local);
		side_add(&remote, &p->pair[i].remote);
	}
	if (p->assigned) {
		draft_say(p, SET_TRAFFIC, p->at,
			  draft_text(d, "%s <-> assigned", local.n ? side_text(d, &local, false) : "0.0.0.0/0"));
		return;
	}
	if (p->set[SET_VIRTUAL]) {
		if (remote.n && remote.n <= CONF_NETS_MAX)
			draft_say(p, SET_TRAFFIC, p->at,
				  draft_text(d, "assigned <-> %s", side_text(d, &remote, false)));
		return;
	}
	if (!p->npairs)
		return;
	why = not_traffic(p, &local, &remote);
	if (why)
		draft_note(d, p, draft_less(d), p->at, "'traffic' has no words for %s: the policies are for setkey -f"
			   " (keydctl import --setkey FILE)", why);
	else
		draft_say(p, SET_TRAFFIC, p->at, draft_text(d, "%s%s <-> %s", p->pair[0].transport ? "transport " : "",
			  side_text(d, &local, p->pair[0].transport), side_text(d, &remote, p->pair[0].transport)));
}

static void give_start(struct draft *d, struct draft_peer *p)
{
	bool single = draft_is_single(p);

	if ((!p->start && !p->route) || p->off)
		return;
	if (single && (p->set[SET_VIRTUAL] || (p->set[SET_TRAFFIC] && !p->assigned)))
		draft_say(p, SET_START, p->at, "yes");
	if (!p->start && p->set[SET_START])
		draft_note(d, p, IMPORT_CHOICE, p->at,
			   "keyd begins the tunnel at its start; for one that comes with the first packet, "
			   "give its policies to setkey (keydctl import --setkey FILE)");
	else if (!p->set[SET_START] && !p->route)
		draft_note(d, p, IMPORT_CHOICE, p->at,
			   "it begins with the first packet that its policies ask protection for; "
			   "keydctl up %s begins at once", p->name);
}

/* --- */

static bool has_way(const struct draft_peer *p, enum draft_set set, const char *way)
{
	return p->set[set] && strstr(p->set[set], way);
}

/* What keyd would refuse the file for. */
static const char *lacks(const struct draft_peer *p)
{
	if (p->remote.family && p->local.family && p->remote.family != p->local.family)
		return "its two addresses are of different families";
	if (p->assigned && p->set[SET_VIRTUAL])
		return "it gives out addresses and asks for one";
	if (!p->set[SET_AUTH_LOCAL] || !p->set[SET_AUTH_REMOTE])
		return "no way to prove who the two ends are is named: add 'auth'";
	if (draft_is_version1(p) && !has_way(p, SET_AUTH_LOCAL, "none") && !has_way(p, SET_AUTH_REMOTE, "none") &&
	    has_way(p, SET_AUTH_LOCAL, "psk") != has_way(p, SET_AUTH_REMOTE, "psk"))
		return "in IKEv1 both ends sign, or both have the shared secret";
	if (draft_is_version1(p) && !draft_algs_in_version1(p))
		return "IKEv1 has no numbers for its algorithms: name others in 'ike' and 'esp', "
		       "or let both ends speak IKEv2";
	if (has_way(p, SET_AUTH_LOCAL, "cert") && !p->set[SET_CERT])
		return "no certificate of ours is named: add 'cert FILE' and 'key FILE'";
	if (has_way(p, SET_AUTH_LOCAL, "key") && !p->set[SET_KEY])
		return "no key of ours is named: add 'key FILE'";
	if (has_way(p, SET_AUTH_REMOTE, "cert") && !p->set[SET_CA] && !p->set[SET_REMOTE_KEY])
		return "nobody is named who vouches for the peer: add 'ca FILE'";
	if (has_way(p, SET_AUTH_REMOTE, "key") && !p->set[SET_REMOTE_KEY])
		return "the peer's key is not known: "
		       "add 'remote-key', with what keydctl keygen --public FILE prints of it";
	return NULL;
}

/* The first of the files that a setting names, in quotes, that cannot be read; NULL: none. */
static const char *missing_file(struct draft *d, const char *setting)
{
	for (const char *at = setting ? strchr(setting, '"') : NULL; at; at = strchr(at, '"')) {
		size_t n = strcspn(at + 1, "\"\\");
		const char *name = draft_text(d, "%.*s", (int)n, at + 1);

		if (at[1 + n] != '"')
			return NULL;		/* one with escapes: keyd's reader says it */
		if (strncmp(name, "pkcs11:", 7) != 0 && access(name, R_OK))
			return name;
		at += n + 2;
	}
	return NULL;
}

static bool proves_by_key(const struct draft_peer *p, enum draft_set set)
{
	return !p->set[set] || has_way(p, set, "cert") || has_way(p, set, "key");
}

/* Samples name certificates beside shared keys, and those who took them over have no such files. */
static void leave_unused(struct draft *d, struct draft_peer *p)
{
	static const struct {
		enum draft_set what, proof;
	} rows[] = {
		{ SET_CERT, SET_AUTH_LOCAL }, { SET_KEY, SET_AUTH_LOCAL }, { SET_CA, SET_AUTH_REMOTE },
		{ SET_REMOTE_KEY, SET_AUTH_REMOTE },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (!p->set[rows[i].what] || proves_by_key(p, rows[i].proof))
			continue;
		draft_note(d, p, IMPORT_IDLE, p->set_at[rows[i].what], "%s: nothing is proved with it in this section",
			   p->set[rows[i].what]);
		p->set[rows[i].what] = NULL;
	}
}

/* A section that lacks a file is refused by itself, as the others need not suffer for it. */
static void want_files(struct draft *d, struct draft_peer *p)
{
	static const enum draft_set files[] = { SET_CERT, SET_KEY, SET_CA, SET_REMOTE_KEY, SET_USERS };

	for (unsigned i = 0; i < sizeof(files) / sizeof(*files) && !p->off; i++) {
		const char *name = missing_file(d, p->set[files[i]]);

		if (!name)
			continue;
		draft_note(d, p, IMPORT_NOT, p->set_at[files[i]], "\"%s\" cannot be read: %s%s", name, strerror(errno),
			   files[i] != SET_USERS ? "" :
			   ": it has a line NAME:HASH for each user who may come (mkpasswd -m yescrypt)");
		p->off = "a file that it names cannot be read";
	}
}

/* Neither racoon nor the plutos know a peer that no section is for. */
static void serve_named_only(struct draft *d)
{
	draft_say(&d->defaults, SET_SERVE, d->defaults.at, "no");
	for (struct draft_peer *p = d->peers; p; p = p->next)
		draft_say(p, SET_SERVE, p->at, "yes");
}

/* A peer that may call itself by several names: a section for each. */
static void split_ids(struct draft *d, struct draft_peer *p)
{
	for (unsigned i = p->nids; i-- && !d->failed;) {
		struct draft_peer *copy = draft_peer_copy(d, p);

		if (copy)
			draft_say(copy, SET_ID_REMOTE, p->id[i].at, p->id[i].text);
	}
	if (p->nids)
		draft_note(d, p, draft_less(d), p->id[0].at,
			   "each name that the peer may have is a section of keyd.conf; keyd begins by this one, "
			   "so that a peer with another name must begin itself");
}

void draft_finish(struct draft *d)
{
	for (struct draft_peer *p = d->peers; p; p = p->next)
		split_ids(d, p);
	for (struct draft_peer *p = d->peers; p; p = p->next)
		leave_unused(d, p);
	for (struct draft_peer *p = d->peers; p; p = p->next)
		if (!p->off && !strcmp(p->action, "ipsec"))
			p->off = lacks(p);
	for (struct draft_peer *p = d->peers; p && d->options->daemon && d->options->look; p = p->next)
		want_files(d, p);
	for (struct draft_peer *p = d->peers; p; p = p->next)
		if (!p->off || (d->options->daemon && !p->idle))
			draft_split_versions(d, p);
	merge_all(d);
	for (struct draft_peer *p = d->peers; p; p = p->next) {
		give_traffic(d, p);
		give_start(d, p);
		draft_hold(d, p);
	}
	if (d->options->daemon) {
		cover_all(d);
		serve_named_only(d);
	}
	for (struct draft_peer *p = d->peers; p; p = p->next)
		if (p->off)
			p->off = draft_flat(d, p->off);
}
