// SPDX-License-Identifier: MIT
// Conns of ipsec.conf: what each says with %default and also=, and the settings of it.
#include "keyd/import/ipsec.h"

#include "keyd/conf/quantity.h"
#include "keyd/crypto/alg.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define ALSO_DEPTH_MAX 16
#define BUDGET 50000000			/* sections and statements looked at, as sections may name one another */
#define IKE_MOST (366ULL * 86400)	/* seconds that keyd takes */
#define CHILD_MOST (24ULL * 86400)
#define LEAST 30

bool ipsec_yes(const char *v)
{
	return v && (!strcasecmp(v, "yes") || !strcmp(v, "1") || !strcasecmp(v, "true") || !strcasecmp(v, "force"));
}

bool ipsec_no(const char *v)
{
	return v && (!strcasecmp(v, "no") || !strcmp(v, "0") || !strcasecmp(v, "false"));
}

const char *ipsec_said(const struct ipsec_conn *c, unsigned side, enum conn_key key)
{
	return c->said[side][key] ? import_word(c->said[side][key], 1) : NULL;
}

struct import_at ipsec_at(const struct ipsec_conn *c, unsigned side, enum conn_key key)
{
	return c->said[side][key] ? c->said[side][key]->at : c->section->at;
}

/* --- which statements count --- */

static const struct import_stmt *find_conn(struct ipsec *i, const char *name)
{
	for (const struct import_stmt *s = i->d->tree->first; s && i->budget; s = s->next, i->budget--)
		if (s->block && import_word_is(s, 0, "conn") && !strcmp(import_word(s, 1), name))
			return s;
	return NULL;
}

/* What the section says itself; with flip, left is right in it. */
static void take_own(struct ipsec *i, struct ipsec_conn *c, const struct import_stmt *section, bool flip)
{
	const struct import_stmt *own[SIDES][KEY_END] = { { NULL } };

	for (const struct import_stmt *s = section->inside; s && i->budget; s = s->next, i->budget--) {
		unsigned side;
		const struct ipsec_row *row = ipsec_row_of(s->words[0].s, &side);

		if (row && row->key && row->key != KEY_ALSO)
			own[row->sided ? side ^ flip : side][row->key] = s;
	}
	for (unsigned side = 0; side < SIDES; side++)
		for (unsigned key = 0; key < KEY_END; key++)
			if (!c->said[side][key])
				c->said[side][key] = own[side][key];
}

/* What stands in a section counts before what it gets from others; the last of the same name counts. */
static void gather(struct ipsec *i, struct ipsec_conn *c, const struct import_stmt *section, unsigned depth, bool flip)
{
	take_own(i, c, section, flip);
	for (const struct import_stmt *s = section->inside; s && i->budget; s = s->next, i->budget--) {
		const struct import_stmt *other;
		bool turned = !strcasecmp(s->words[0].s, "alsoflip");

		if (!turned && strcasecmp(s->words[0].s, "also") != 0)
			continue;
		other = find_conn(i, import_word(s, 1));
		c->lacks = other ? c->lacks : s;
		if (!other || other == section || depth == ALSO_DEPTH_MAX)
			draft_note(i->d, NULL, IMPORT_NOT, s->at, "%s=%s: %s", s->words[0].s, import_word(s, 1),
				   other ? "sections that name one another" : "there is no such section");
		else
			gather(i, c, other, depth + 1, flip ^ turned);
	}
}

/* --- settings --- */

static void set_seconds(struct ipsec *i, struct ipsec_conn *c, enum conn_key key, enum draft_set set,
			unsigned long long most)
{
	const char *text = SAID(c, key), *margin = SAID(c, KEY_MARGIN);
	struct import_at at = ipsec_at(c, LEFT, key);
	uint64_t v, less;

	if (!text)
		return;
	if (quantity_seconds(text, &v) || v < LEAST || v > most) {
		draft_note(i->d, c->peer, IMPORT_NOT, at,
			   "%s is no lifetime that keyd takes: %u s to %llu days; its own counts",
			   text, LEAST, most / 86400);
		return;
	}
	if (margin && !quantity_seconds(margin, &less) && less && v > less + LEAST) {
		draft_note(i->d, c->peer, IMPORT_CHOICE, at,
			   "renewal begins rekeymargin (%s) before the end (%s), which is what keyd counts",
			   margin, text);
		v -= less;
	}
	draft_say(c->peer, set, at, draft_seconds(i->d, v));
}

static void set_lifetimes(struct ipsec *i, struct ipsec_conn *c)
{
	struct draft_peer *p = c->peer;
	const char *bytes = SAID(c, KEY_LIFEBYTES), *packets = SAID(c, KEY_LIFEPACKETS);
	uint64_t n;

	set_seconds(i, c, KEY_IKELIFETIME, SET_LIFE_IKE, IKE_MOST);
	set_seconds(i, c, KEY_LIFETIME, SET_LIFE_CHILD, CHILD_MOST);
	if ((bytes && quantity_count(bytes, &n)) || (packets && quantity_count(packets, &n)))
		draft_note(i->d, p, IMPORT_NOT, ipsec_at(c, LEFT, bytes ? KEY_LIFEBYTES : KEY_LIFEPACKETS),
			   "a number is expected, as in 1000000 or 1G, and keyd's own limits count");
	if (bytes && !quantity_count(bytes, &n) && n)
		draft_say(p, SET_LIFE_CHILD, ipsec_at(c, LEFT, KEY_LIFEBYTES),
			  draft_text(i->d, "%s %lluB", p->set[SET_LIFE_CHILD] ?: "1h", (unsigned long long)n));
	if (packets && !quantity_count(packets, &n) && n)
		draft_say(p, SET_LIFE_CHILD, ipsec_at(c, LEFT, KEY_LIFEPACKETS),
			  draft_text(i->d, "%s %llu packets", p->set[SET_LIFE_CHILD] ?: "1h", (unsigned long long)n));
	if (ipsec_yes(SAID(c, KEY_REAUTH)))
		draft_say(p, SET_LIFE_REAUTH, ipsec_at(c, LEFT, KEY_REAUTH), p->set[SET_LIFE_IKE] ?: "3h");
	if (ipsec_no(SAID(c, KEY_REKEY)))
		draft_note(i->d, p, IMPORT_CHOICE, ipsec_at(c, LEFT, KEY_REKEY),
			   "rekey=no: keyd renews keys before they run out, which costs nothing that is lost");
}

/* One word of a proposal. */
static void add_word(struct ipsec *i, struct ipsec_conn *c, struct import_at at, struct draft_algs *a, const char *word)
{
	const struct crypto_alg *alg = draft_alg(0, word, 0);

	if (!strcasecmp(word, "esn"))
		a->esn = true;
	else if (!strcasecmp(word, "noesn"))
		a->noesn = true;
	else if (alg)
		draft_alg_add(a, alg);
	else if (strcasecmp(word, "null") != 0)
		draft_note(i->d, c->peer, i->d->options->modernise ? IMPORT_CHOICE : IMPORT_NOT, at,
			   "keyd does not have %s: take aes256gcm16, or aes256, sha256 and modp2048, or better", word);
}

static const struct crypto_alg *pfs_group(const struct ipsec_conn *c)
{
	const char *group = SAID(c, KEY_PFSGROUP);

	return group ? draft_alg(CRYPTO_KE, group, 0) : NULL;
}

/* "aes256-sha1;modp1024" up to a comma */
static void take_proposal(struct ipsec *i, struct ipsec_conn *c, struct import_at at, bool esp, char *text)
{
	static const char *const usual[] = { "sha256", "modp2048" };
	struct draft_algs a = { .n = { 0 } };
	char *save = NULL;

	for (char *word = strtok_r(text, "-;+! \t", &save); word; word = strtok_r(NULL, "-;+! \t", &save))
		add_word(i, c, at, &a, word);
	if (!a.n[CRYPTO_ENCR] && !a.n[CRYPTO_INTEG])
		return;			/* each unknown word was told */
	for (unsigned n = 0; n < sizeof(usual) / sizeof(*usual); n++) {
		const struct crypto_alg *alg = draft_alg(0, usual[n], 0);
		bool aead = a.n[CRYPTO_ENCR] && a.alg[CRYPTO_ENCR][0]->aead;

		if (a.n[alg->kind] || (alg->kind == CRYPTO_INTEG ? aead : esp))
			continue;
		draft_alg_add(&a, alg);
		draft_note(i->d, c->peer, IMPORT_CHOICE, at,
			   "this proposal leaves something to the daemon's defaults: %s was taken", alg->name);
	}
	if (esp && !a.n[CRYPTO_KE] && pfs_group(c))
		draft_alg_add(&a, pfs_group(c));
	draft_propose(i->d, c->peer, at, esp, &a);
}

static void set_proposals(struct ipsec *i, struct ipsec_conn *c, enum conn_key key)
{
	const char *text = SAID(c, key);
	char *copy = text ? (char *)draft_text(i->d, "%s", text) : NULL, *save = NULL;

	for (char *one = copy && *copy ? strtok_r(copy, ",", &save) : NULL; one; one = strtok_r(NULL, ",", &save))
		take_proposal(i, c, ipsec_at(c, LEFT, key), key == KEY_ESP, one);
}

static void set_pfs(struct ipsec *i, struct ipsec_conn *c)
{
	struct draft_peer *p = c->peer;
	const char *group = SAID(c, KEY_PFSGROUP);

	if (ipsec_no(SAID(c, KEY_PFS)) && i->d->options->modernise)
		draft_note(i->d, p, IMPORT_CHOICE, ipsec_at(c, LEFT, KEY_PFS),
			   "pfs=no: left out, so that old traffic stays secret when a key is lost");
	else if (ipsec_no(SAID(c, KEY_PFS)))
		draft_say(p, SET_PFS, ipsec_at(c, LEFT, KEY_PFS), "no");
	if (group && (!pfs_group(c) || !p->set[SET_ESP]))
		draft_note(i->d, p, IMPORT_NOT, ipsec_at(c, LEFT, KEY_PFSGROUP),
			   "pfsgroup: write %s behind each proposal of 'esp'; without it, the groups of 'ike' count",
			   group);
}

static void set_number(struct ipsec *i, struct ipsec_conn *c, enum conn_key key, enum draft_set set, unsigned long most)
{
	const char *text = SAID(c, key);
	char *end;
	unsigned long n = text ? strtoul(text, &end, 10) : 0;

	if (text && *text >= '0' && *text <= '9' && !*end && n <= most)
		draft_say(c->peer, set, ipsec_at(c, LEFT, key), draft_text(i->d, "%lu", n));
	else if (text)
		draft_note(i->d, c->peer, IMPORT_NOT, ipsec_at(c, LEFT, key), "'%s' is no number up to %lu",
			   text, most);
}

static void set_dpd(struct ipsec *i, struct ipsec_conn *c)
{
	const char *delay = SAID(c, KEY_DPDDELAY), *action = SAID(c, KEY_DPDACTION);
	uint64_t v;

	if (action && !strcasecmp(action, "none")) {
		draft_say(c->peer, SET_DPD, ipsec_at(c, LEFT, KEY_DPDACTION), "off");
	} else if (delay && !quantity_seconds(delay, &v) && v <= IKE_MOST) {
		draft_say(c->peer, SET_DPD, ipsec_at(c, LEFT, KEY_DPDDELAY), v ? draft_seconds(i->d, v) : "off");
	} else if (delay) {
		draft_note(i->d, c->peer, IMPORT_NOT, ipsec_at(c, LEFT, KEY_DPDDELAY), "'%s' is no duration", delay);
	}
	if (action && !strcasecmp(action, "clear"))
		draft_note(i->d, c->peer, IMPORT_CHOICE, ipsec_at(c, LEFT, KEY_DPDACTION),
			   "dpdaction=clear: policies stay, so that nothing leaves in clear; a dead peer's SAs go");
}

static void set_rest(struct ipsec *i, struct ipsec_conn *c)
{
	struct draft_peer *p = c->peer;
	bool push = SAID(c, KEY_MODECFG) && !strcasecmp(SAID(c, KEY_MODECFG), "push");

	if ((push || ipsec_no(SAID(c, KEY_CFGPULL))) && (draft_is_version1(p) || p->versions != DRAFT_ONE))
		draft_say(p, SET_MODE_CONFIG, ipsec_at(c, LEFT, push ? KEY_MODECFG : KEY_CFGPULL), "push");
	if (ipsec_no(SAID(c, KEY_FRAGMENTATION)))
		draft_say(p, SET_FRAGMENT, ipsec_at(c, LEFT, KEY_FRAGMENTATION), "off");
	if (ipsec_yes(SAID(c, KEY_FORCEENCAPS)))
		draft_say(p, SET_NAT, ipsec_at(c, LEFT, KEY_FORCEENCAPS), "force");
	else if (ipsec_no(SAID(c, KEY_FORCEENCAPS)) &&
		 !strcasecmp(c->said[LEFT][KEY_FORCEENCAPS]->words[0].s, "encapsulation"))
		draft_say(p, SET_NAT, ipsec_at(c, LEFT, KEY_FORCEENCAPS), "off");
	if (ipsec_no(SAID(c, KEY_KEEPALIVE)))
		draft_say(p, SET_KEEPALIVE, ipsec_at(c, LEFT, KEY_KEEPALIVE), "off");
	if (ipsec_no(SAID(c, KEY_INITIAL_CONTACT)))
		draft_note(i->d, p, IMPORT_IDLE, ipsec_at(c, LEFT, KEY_INITIAL_CONTACT),
			   "initial-contact=no: 'unique' says what becomes of an older IKE SA");
	if (SAID(c, KEY_TFC) && !strncmp(SAID(c, KEY_TFC), "%mtu", 4))
		draft_say(p, SET_TFC, ipsec_at(c, LEFT, KEY_TFC), "65535");
	else if (SAID(c, KEY_TFC) && strcmp(SAID(c, KEY_TFC), "0") != 0)
		set_number(i, c, KEY_TFC, SET_TFC, 65535);
	set_number(i, c, KEY_REPLAY, SET_REPLAY, 4096);
}

/* The first wait, and how long a silent peer lives. */
static void set_retransmit(struct ipsec *i, struct ipsec_conn *c)
{
	const char *interval = SAID(c, KEY_RETRANSMIT_INTERVAL), *timeout = SAID(c, KEY_RETRANSMIT_TIMEOUT);
	enum conn_key key = timeout ? KEY_RETRANSMIT_TIMEOUT : KEY_RETRANSMIT_INTERVAL;
	uint64_t first = 500, s = 60;
	char *end;

	if (!interval && !timeout)
		return;
	if (interval && quantity_milliseconds(interval, &first)) {
		first = strtoul(interval, &end, 10);	/* without a unit: ms */
		first = *end ? 0 : first;
	}
	if (timeout && quantity_seconds(timeout, &s))
		s = 0;
	if (first && s && first <= 60000 && s <= 86400)
		draft_say(c->peer, SET_RETRANSMIT, ipsec_at(c, LEFT, key), draft_retransmit(i->d, first, s * 1000));
	if (!c->peer->set[SET_RETRANSMIT])
		draft_note(i->d, c->peer, IMPORT_NOT, ipsec_at(c, LEFT, key),
			   "%s: a wait of 50 ms to 60 s and a time of a day at most are expected; keyd's own count",
			   c->said[LEFT][key]->words[0].s);
}

/* What becomes of packets that wait for a tunnel, or for which there will be none. */
static void set_shunts(struct ipsec *i, struct ipsec_conn *c)
{
	static const enum conn_key keys[] = { KEY_FAILURESHUNT, KEY_NEGOTIATIONSHUNT };

	for (size_t n = 0; n < sizeof(keys) / sizeof(*keys); n++) {
		const char *how = SAID(c, keys[n]);
		bool holds = how && (!strcasecmp(how, "drop") || !strcasecmp(how, "reject") ||
				     !strcasecmp(how, "hold"));

		if (keys[n] == KEY_FAILURESHUNT && holds)
			c->peer->hold = true;
		else if (how && !holds)
			draft_note(i->d, c->peer, IMPORT_IDLE, ipsec_at(c, LEFT, keys[n]),
				   "%s=%s: what a policy protects waits or is dropped, never in clear",
				   c->said[LEFT][keys[n]]->words[0].s, how);
	}
}

static void set_script(struct ipsec *i, struct ipsec_conn *c)
{
	const char *name = ipsec_said(c, c->local, KEY_UPDOWN);
	struct import_at at = ipsec_at(c, c->local, KEY_UPDOWN);

	if (!name || !*name || !strcasecmp(name, "%disabled"))
		return;
	if (*name != '/' || strlen(name) >= 1024) {
		draft_note(i->d, c->peer, IMPORT_NOT, at,
			   "%s: \"%.100s\" is another daemon's own, or has no whole name: "
			   "it is not run, as keyd needs no script for routes and addresses",
			   c->said[c->local][KEY_UPDOWN]->words[0].s, name);
		return;
	}
	c->peer->script[IMPORT_UPDOWN] = name;
	draft_note(i->d, c->peer, IMPORT_NOT, at,
		   "%s: keyd itself starts no programs: keyd-hook runs \"%.200s\", if it runs (keyd-hook -f FILE)",
		   c->said[c->local][KEY_UPDOWN]->words[0].s, name);
}

/* --- a conn --- */

static void set_auto(struct ipsec *i, struct ipsec_conn *c)
{
	const char *how = SAID(c, KEY_AUTO);
	struct import_at at = ipsec_at(c, LEFT, KEY_AUTO);

	if (!how || !strcasecmp(how, "ignore")) {
		c->peer->off = "auto=ignore: it was not in use";
		c->peer->idle = true;
	} else if (!strcasecmp(how, "start") || !strcasecmp(how, "up"))
		c->peer->start = true;
	else if (!strcasecmp(how, "route") || !strcasecmp(how, "ondemand")) {
		c->peer->route = true;
	} else if (strcasecmp(how, "add") != 0 && strcasecmp(how, "keep") != 0)
		draft_note(i->d, c->peer, IMPORT_NOT, at, "auto=%s is not known: as add", how);
}

static void take_conn(struct ipsec *i, const struct import_stmt *section)
{
	struct ipsec_conn c = { .section = section };
	struct draft *d = i->d;

	gather(i, &c, section, 0, false);
	if (i->defaults)
		gather(i, &c, i->defaults, 0, false);
	if (!SAID(&c, KEY_HOST) && !ipsec_said(&c, RIGHT, KEY_HOST)) {
		draft_note(d, NULL, IMPORT_IDLE, section->at, "conn %s: names no ends: it is there for other sections",
			   import_word(section, 1));
		return;
	}
	c.peer = draft_peer_add(d, section->at, import_word(section, 1),
				draft_text(d, "conn %s", import_word(section, 1)));
	if (!c.peer)
		return;
	ipsec_hosts(i, &c);
	if (c.lacks)
		draft_refuse(d, c.peer, "there is no section %s, and what it may demand of the peer is not known",
			     import_word(c.lacks, 1));
	set_auto(i, &c);
	ipsec_version(i, &c);
	ipsec_ids(i, &c);
	ipsec_proofs(i, &c);
	ipsec_demands(i, &c);
	set_proposals(i, &c, KEY_IKE);
	set_proposals(i, &c, KEY_ESP);
	set_pfs(i, &c);
	set_lifetimes(i, &c);
	set_dpd(i, &c);
	set_rest(i, &c);
	set_retransmit(i, &c);
	set_shunts(i, &c);
	set_script(i, &c);
	ipsec_traffic(i, &c);
}

static const char *dir_of(struct draft *d)
{
	const char *name = d->tree->files[0], *slash = strrchr(name, '/');

	return draft_text(d, "%.*s", slash ? (int)(slash - name) : 1, slash ? name : ".");
}

/* The plutos load the lists of revoked certificates that lie there. */
static void take_crls(struct ipsec *i)
{
	struct draft *d = i->d;
	const char *folder = draft_text(d, "%s/ipsec.d/crls", i->dir);
	glob_t found;

	if (!d->options->look || glob(draft_text(d, "%s/*", folder), 0, NULL, &found))
		return;
	globfree(&found);
	d->crl.text = draft_text(d, "%s%s%s", d->crl.text ?: "", d->crl.text ? ", " : "", draft_quote(d, folder));
	d->crl.at.line = d->crl.at.line ?: 1;
}

void import_ipsec(struct draft *d)
{
	struct ipsec i = { .d = d, .budget = BUDGET, .dir = dir_of(d), .daemon = ipsec_daemon_of(d->tree) };

	i.secrets = draft_text(d, "%s/ipsec.secrets", i.dir);
	i.defaults = find_conn(&i, "%default");
	ipsec_tell_sections(&i);
	take_crls(&i);
	if (d->options->daemon && d->options->look && !access(i.secrets, F_OK))	/* it may have keys and PINs, too */
		draft_secrets(d, i.secrets_at.line ? i.secrets_at : (struct import_at){ .line = 1 }, i.secrets);
	for (const struct import_stmt *s = d->tree->first; s && !d->failed; s = s->next)
		if (s->block && import_word_is(s, 0, "conn") && strcmp(import_word(s, 1), "%default") != 0)
			take_conn(&i, s);
	if (!i.budget)
		d->failed = true;
}
