// SPDX-License-Identifier: MIT
// Sections that speak IKEv1, and how their IKE SAs begin.
#include "keyd/import/draft.h"

#include "keyd/conf/parser.h"

#include <string.h>
#include <strings.h>

bool draft_version1(struct draft *d, struct draft_peer *p, struct import_at at)
{
	if (d->options->modernise) {
		draft_note(d, p, IMPORT_CHOICE, at,
			   "the file speaks IKEv1; this section speaks IKEv2, and so must the peer");
		return false;
	}
	draft_say(p, SET_VERSION, at, "1");
	return true;
}

bool draft_is_version1(const struct draft_peer *p)
{
	return p->set[SET_VERSION] != NULL;
}

/* Has IKEv1 a number for any of these? What names nothing gets keyd's own, of which it has. */
static bool named_in_version1(const struct draft_algs *a, unsigned kind, bool esp)
{
	for (unsigned i = 0; i < a->n[kind]; i++)
		if (esp ? a->alg[kind][i]->ikev1_esp_id : a->alg[kind][i]->ikev1_id)
			return true;
	return !a->n[kind];
}

/* The same of a hash: an integrity algorithm of 'ike' brings the PRF of its name. */
static bool hash_in_version1(const struct draft_algs *a)
{
	for (unsigned i = 0; i < a->n[CRYPTO_INTEG]; i++) {
		char name[40];
		const struct crypto_alg *prf;

		snprintf(name, sizeof(name), "prf%s", a->alg[CRYPTO_INTEG][i]->name);
		prf = crypto_alg_by_name(CRYPTO_PRF, name);
		if (prf && prf->ikev1_id)
			return true;
	}
	return !a->n[CRYPTO_ENCR];
}

bool draft_algs_in_version1(const struct draft_peer *p)
{
	return named_in_version1(&p->all[0], CRYPTO_ENCR, false) && hash_in_version1(&p->all[0]) &&
	       named_in_version1(&p->all[0], CRYPTO_KE, false) && named_in_version1(&p->all[1], CRYPTO_ENCR, true);
}

/* Why what the section says cannot be said in IKEv1; NULL: it can. */
static const char *not_in_version1(const struct draft_peer *p)
{
	const char *local = p->set[SET_AUTH_LOCAL], *remote = p->set[SET_AUTH_REMOTE];

	if (!draft_algs_in_version1(p))
		return "its algorithms are unknown there";
	if (!local || !remote || !strcmp(local, "psk") != !strcmp(remote, "psk"))
		return "there both ends sign, or both have the shared secret";
	return p->set[SET_SIGNATURES] ? "there it is not the hashes of signatures that are agreed on" : NULL;
}

void draft_split_versions(struct draft *d, struct draft_peer *p)
{
	struct draft_peer *other;
	enum draft_versions versions = p->versions;
	const char *why;

	p->versions = DRAFT_ONE;
	if (versions == DRAFT_ONE || p->set[SET_VERSION] || strcmp(p->action, "ipsec") != 0)
		return;
	why = d->options->modernise ? "IKEv1 is old" : not_in_version1(p);
	if (why) {
		p->set[SET_MODE_CONFIG] = NULL;
		draft_note(d, p, IMPORT_CHOICE, p->versions_at, "IKEv2 alone is spoken with this peer: %s", why);
		return;
	}
	other = draft_peer_copy(d, p);
	if (!other)
		return;
	other->start = other->route = false;
	draft_say(versions == DRAFT_BOTH_1 ? p : other, SET_VERSION, p->versions_at, "1");
	(versions == DRAFT_BOTH_1 ? other : p)->set[SET_MODE_CONFIG] = NULL;
	draft_note(d, p, IMPORT_CHOICE, p->versions_at,
		   "the conn is for both versions of IKE, and a section for one: keyd begins with IKEv%u; "
		   "who begins with IKEv%u gets what \"%s\" says",
		   versions == DRAFT_BOTH_1 ? 1 : 2, versions == DRAFT_BOTH_1 ? 2 : 1, other->name);
}

/* Words of both languages. */
static const struct way {
	const char *name, *ours;	/* ours NULL: keyd does not begin in this way */
} ways[] = { { "main", "main" }, { "aggressive", "aggressive" }, { "base", NULL }, { "ident", "main" } };

static const struct way *way_of(const char *word, size_t n)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (strlen(ways[i].name) == n && !strncasecmp(ways[i].name, word, n))
			return &ways[i];
	return NULL;
}

void draft_exchange(struct draft *d, struct draft_peer *p, struct import_at at, const char *list)
{
	const char *chosen = NULL, *others = "";

	for (const char *word = list; *word;) {
		size_t n = strcspn(word, ",");
		const struct way *way = way_of(word, n);

		if (!way || !way->ours)
			draft_note(d, p, IMPORT_NOT, at, "%.*s: keyd begins with main or aggressive mode only",
				   (int)n, word);
		else if (!chosen)
			chosen = way->ours;
		else if (strcmp(chosen, way->ours) != 0)
			others = way->ours;
		word += n + (word[n] == ',');
	}
	if (*others)
		draft_say(p, SET_EXCHANGE, at, draft_text(d, "%s, %s", chosen, others));
	else
		draft_say(p, SET_EXCHANGE, at, chosen && strcmp(chosen, "main") != 0 ? chosen : NULL);
	if (chosen && (*others || !strcmp(chosen, "aggressive")))
		draft_note(d, p, IMPORT_CHOICE, at,
			   "aggressive mode tells who we are in clear, "
			   "and with a shared key lets anybody try passwords offline: "
			   "main mode, or IKEv2, if the peer can");
}

/* --- XAUTH --- */

void draft_xauth_client(struct draft *d, struct draft_peer *p, struct import_at at, const char *user)
{
	if (!user || !conf_user_ok(user, strlen(user))) {
		p->off = "XAUTH wants to know whose password it is: name the user";
		return;
	}
	draft_say(p, SET_XAUTH, at, draft_text(d, "client %s", draft_quote(d, user)));
	draft_note(d, p, IMPORT_CHOICE, at,
		   "XAUTH: without a password behind the user's name, 'keydctl up' asks for it: password file FILE");
}

#define USERS GAPLESS_ETC "/users"

void draft_xauth_server(struct draft *d, struct draft_peer *p, struct import_at at)
{
	draft_say(p, SET_XAUTH, at, "server");
	draft_say(p, SET_USERS, at, draft_quote(d, USERS));
	draft_note(d, p, IMPORT_CHOICE, at,
		   "XAUTH: the users are those of " USERS ", a line for each: NAME:HASH (mkpasswd -m yescrypt); "
		   "there is no PAM, RADIUS or LDAP");
}
