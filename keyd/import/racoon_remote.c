// SPDX-License-Identifier: MIT
// remote of racoon.conf: the peer and its proposals.
#include "keyd/import/racoon.h"

#include "keyd/crypto/alg.h"

#include <stdlib.h>
#include <string.h>

#define LIFETIME_MOST (366ULL * 86400)	/* seconds that keyd takes for an IKE SA */

/* --- whom --- */

/* The head as it stands, for a comment. */
static const char *head_text(struct draft *d, const struct import_stmt *s)
{
	const char *text = "";

	for (unsigned i = 0; i < s->nwords; i++)
		text = draft_text(d, "%s%s%s", text, i ? " " : "", s->words[i].s);
	return text;
}

/* "remote 192.0.2.1 [500]", "remote_address 192.0.2.1 [500]" */
static bool set_remote(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	const char *address = import_word(s, 1), *port = import_word(s, 2);
	struct ipsec_addr a;
	unsigned long n = *port == '[' ? strtoul(port + 1, NULL, 10) : 500;

	if (ipsec_addr_parse(&a, address)) {
		if (!draft_host(r->d, p, s->at, address))
			return false;
	} else {
		p->remote = a;
		p->remote_len = ipsec_addr_bits(a.family);
		draft_say(p, SET_ADDRESS, s->at, draft_text(r->d, "%s", address));
	}
	if (n != 500 && n > 0 && n < 65536)
		draft_say(p, SET_PORT, s->at, draft_text(r->d, "%lu", n));
	return true;
}

void racoon_remote_head(struct racoon *r, struct racoon_remote *m)
{
	const struct import_stmt *s = m->stmt;
	const char *who = import_word(s, 1);
	struct draft_peer *p = draft_peer_add(r->d, s->at, who, head_text(r->d, s));

	m->peer = p;
	if (!p)
		return;
	draft_say(p, SET_ADDRESS, s->at, "any");
	draft_version1(r->d, p, s->at);	/* racoon knows nothing else */
	if (import_word_is(s, 1, "anonymous") || s->words[s->nwords > 1].quoted)
		return;
	if (!set_remote(r, p, s))
		p->off = draft_text(r->d, "\"%s\" is neither an address nor a host name", who);
}

void racoon_remote_address(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	if (!set_remote(r, p, s))
		racoon_note(r, p, IMPORT_NOT, s, "remote_address: '%s' is no address: put it into 'address'",
			    import_word(s, 1));
}

void racoon_ph1id(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	(void)r;
	p->ph1id = import_word(s, 1);
}

/* --- proposals --- */

void racoon_dh_group(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	(void)p;
	r->dh_group = import_word(s, 1);
}

static void add_alg(struct racoon *r, struct draft_peer *p, const struct import_stmt *s, struct draft_algs *a,
		    unsigned kind, const char *word, unsigned bits)
{
	const struct crypto_alg *alg = draft_alg(kind, word, bits);

	if (alg)
		draft_alg_add(a, alg);
	else
		racoon_note(r, p, r->d->options->modernise ? IMPORT_CHOICE : IMPORT_NOT, s,
			    "%s: keyd does not have %s%s: take aes 256, sha256, modp2048 or better",
			    import_word(s, 0), word, bits ? " of that size" : "");
}

void racoon_life_ike(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	bool bytes;
	unsigned long long v = racoon_lifetime(r, p, s, &bytes);

	if (v && bytes)
		racoon_note(r, p, IMPORT_NOT, s, "lifetime byte: IKE SAs are renewed by time only");
	else if (v > LIFETIME_MOST)
		racoon_note(r, p, IMPORT_NOT, s, "lifetime: more than a year is no limit; keyd's own counts");
	else if (v)
		draft_say(p, SET_LIFE_IKE, s->at, draft_seconds(r->d, v));
}

static void take_auth(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	struct racoon_remote *m = r->now;

	if (m->auth && strcmp(m->auth, import_word(s, 1)) != 0) {
		racoon_note(r, p, IMPORT_NOT, s,
			    "authentication_method %s: a section of keyd has one way to prove, "
			    "that of its first proposal: make another section, with another identity",
			    import_word(s, 1));
		return;
	}
	m->auth = import_word(s, 1);
	m->auth_at = s->at;
}

void racoon_proposal(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	struct draft_algs a = { .n = { 0 } };
	const char *group = r->dh_group;

	for (const struct import_stmt *at = s->inside; at; at = at->next) {
		const char *word = import_word(at, 1);

		if (import_word_is(at, 0, "encryption_algorithm"))
			add_alg(r, p, at, &a, CRYPTO_ENCR, word, (unsigned)strtoul(import_word(at, 2), NULL, 10));
		else if (import_word_is(at, 0, "hash_algorithm"))
			add_alg(r, p, at, &a, CRYPTO_INTEG, word, 0);
		else if (import_word_is(at, 0, "dh_group"))
			group = word;
		else if (import_word_is(at, 0, "authentication_method"))
			take_auth(r, p, at);
		else if (import_word_is(at, 0, "lifetime"))
			racoon_life_ike(r, p, at);
		else if (import_word_is(at, 0, "gss_id") || import_word_is(at, 0, "gssapi_id"))
			racoon_note(r, p, IMPORT_NOT, at, "GSS-API belongs to IKEv1: use certificates");
		else
			racoon_note(r, p, IMPORT_UNKNOWN, at, "'%s' is no statement of proposal: see racoon.conf(5)",
				    import_word(at, 0));
	}
	if (group)
		add_alg(r, p, s, &a, CRYPTO_KE, group, 0);
	draft_propose(r->d, p, s->at, false, &a);
}

/* --- the rest --- */

void racoon_exchange_mode(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	const char *list = "";

	for (unsigned i = 1; i < s->nwords; i++)
		if (!import_word_is(s, i, ","))
			list = draft_text(r->d, "%s%s%s", list, *list ? "," : "", import_word(s, i));
	if (draft_is_version1(p))
		draft_exchange(r->d, p, s->at, list);
}

void racoon_initial_contact(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	if (racoon_switch(r, p, s, NULL) == 0)
		draft_say(p, SET_UNIQUE, s->at, "never");
	else
		draft_say(p, SET_UNIQUE, s->at, NULL);
}

void racoon_passive(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	r->now->passive = racoon_switch(r, p, s, NULL) == 1;
	if (r->now->passive && (p->remote.family || p->host))
		racoon_note(r, p, IMPORT_NOT, s,
			    "passive on: keyd begins when a packet meets a policy of setkey's: "
			    "use level 'use', or no policy until the peer has come");
}

void racoon_script(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	static const char *const whens[] = {
		[IMPORT_UP] = "phase1_up", [IMPORT_DOWN] = "phase1_down", [IMPORT_DEAD] = "phase1_dead",
	};
	const char *name = import_word(s, 1);

	for (unsigned when = 0; when < sizeof(whens) / sizeof(*whens); when++) {
		if (!*name || strpbrk(name, " \t") || !import_word_is(s, 2, whens[when]))
			continue;
		p->script[when] = *name == '/' ? name : draft_text(r->d, "%s/%s", r->script_dir, name);
		racoon_note(r, p, IMPORT_NOT, s,
			    "script: keyd itself starts no programs: keyd-hook runs \"%s\", if it runs "
			    "(keyd-hook -f FILE); addresses and name servers keyd sets without it", p->script[when]);
		return;
	}
	racoon_note(r, p, IMPORT_NOT, s,
		    "script: the name of a file without blanks, "
		    "and phase1_up, phase1_down or phase1_dead are expected");
}

void racoon_generate_policy(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	static const char *const words[] = { "unique", "require", NULL };

	r->now->generate = racoon_switch(r, p, s, words) > 0;
	r->now->generate_at = s->at;
}

void racoon_nat_traversal(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	static const char *const words[] = { "force", NULL };
	int v = racoon_switch(r, p, s, words);

	draft_say(p, SET_NAT, s->at, v == 0 ? "off" : v == 2 ? "force" : NULL);
}

void racoon_ike_frag(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	static const char *const words[] = { "force", NULL };
	int v = racoon_switch(r, p, s, words);

	draft_say(p, SET_FRAGMENT, s->at, v == 0 ? "off" : NULL);
}

void racoon_mode_cfg_on(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	r->now->mode_cfg = racoon_switch(r, p, s, NULL) == 1;
}

void racoon_dpd(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	r->now->dpd_off = racoon_switch(r, p, s, NULL) == 0;
}

void racoon_dpd_delay(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	char *end;
	unsigned long v = strtoul(import_word(s, 1), &end, 10);

	if (*end || !*import_word(s, 1) || v > LIFETIME_MOST)
		racoon_note(r, p, IMPORT_NOT, s, "dpd_delay: a number of seconds is expected");
	else
		draft_say(p, SET_DPD, s->at, v ? draft_seconds(r->d, v) : "off");
}

/* The server's side: the peer comes from anywhere, and policies are made for it. */
static void finish_generate(struct racoon *r, struct racoon_remote *m)
{
	struct draft_peer *p = m->peer;

	p->own_policies = true;
	if (r->pool) {
		p->assigned = true;
		draft_say(p, SET_POOL, m->generate_at, draft_quote(r->d, r->pool->name));
		for (unsigned i = 0; i < r->nsplit; i++)
			draft_pair_add(r->d, p, m->generate_at, &(struct draft_pair){ .local = r->split[i] });
		draft_note(r->d, p, IMPORT_CHOICE, m->generate_at,
			   "generate_policy: policies for the addresses of the pool, as 'traffic' says%s",
			   r->nsplit ? "" : "; without split_network include, all of IPv4");
	} else {
		draft_note(r->d, p, draft_less(r->d), m->generate_at,
			   "generate_policy: keyd makes policies for the networks of sainfo, if it has any, "
			   "and for nothing that a peer asks for beyond: name them there, or give setkey the policies");
	}
}

void racoon_remote_finish(struct racoon *r, struct racoon_remote *m)
{
	struct draft_peer *p = m->peer;

	racoon_proof_finish(r, m);
	if (m->dpd_off)
		draft_say(p, SET_DPD, m->stmt->at, "off");
	if (m->generate)
		finish_generate(r, m);
	else if (m->mode_cfg && (p->remote.family || p->host)) {
		draft_say(p, SET_VIRTUAL, m->stmt->at, "ipv4");
		p->own_policies = true;
		draft_note(r->d, p, IMPORT_CHOICE, m->stmt->at,
			   "mode_cfg on: the address goes to gapless0, for all that the gateway lets through; "
			   "'traffic assigned <-> NETWORK' narrows it");
	} else if (m->mode_cfg) {
		draft_note(r->d, p, IMPORT_NOT, m->stmt->at,
			   "mode_cfg on: whom is an address to be asked of? "
			   "Write 'address' and 'virtual-address ipv4'");
	}
}
