// SPDX-License-Identifier: MIT
// Which IKE a conn speaks: what it says, or what the daemon does whose file it is.
#include "keyd/import/ipsec.h"

#include <string.h>
#include <strings.h>

/* Words that only some of the daemons have: those before IKEv2, those since, Libreswan since IKEv2 is its default. */
static const char *const old[] = {
	"klipsdebug", "nat_traversal", "oe", "plutowait", "plutoload", "prepluto", "postpluto", "manualstart",
	"fragicmp", "hidetos", "packetdefault", "forwardcontrol", "rp_filter", "overridemtu", "pluto", "opportunistic",
	"no_eroute_pass", "disablearrivalcheck", "spi", "spibase", "espenckey", "espauthkey", "disable_port_floating",
	"force_keepalive", NULL
};
static const char *const since[] = {
	"charondebug", "charonstart", "keyexchange", "ikev2", "mobike", "closeaction", "reauth", "leftauth",
	"rightauth", "eap_identity", "narrowing", NULL,
};
static const char *const libreswan[] = {
	"ikev1-policy", "ipsec-interface", "audit-log", "interface-ip", "global-redirect", "ike-socket-errqueue", NULL,
};

static bool is_one(const char *name, const char *const *words)
{
	while (*words && strcasecmp(name, *words) != 0)
		words++;
	return *words;
}

static bool has_one(const struct import_tree *t, const char *const *words)
{
	for (const struct import_stmt *s = t->first; s; s = s->next)
		for (const struct import_stmt *at = s->inside; at; at = at->next)
			if (is_one(at->words[0].s, words))
				return true;
	return false;
}

enum ipsec_daemon ipsec_daemon_of(const struct import_tree *t)
{
	if (has_one(t, libreswan))
		return IPSEC_LIBRESWAN;
	return !has_one(t, since) && has_one(t, old) ? IPSEC_PLUTO : IPSEC_ANY;
}

/* The statement that only IKEv1 has, where none says which version it is; KEY_NONE: there is none. */
static enum conn_key is_about_version1(const struct ipsec_conn *c)
{
	if (ipsec_yes(SAID(c, KEY_AGGRESSIVE)))
		return KEY_AGGRESSIVE;
	return SAID(c, KEY_AUTHBY) && !strncasecmp(SAID(c, KEY_AUTHBY), "xauth", 5) ? KEY_AUTHBY : KEY_NONE;
}

/* What "keyexchange" and "ikev2" say; one: IKEv1 alone. */
static enum draft_versions said(const struct ipsec_conn *c, bool *one)
{
	static const struct {
		enum conn_key key;
		const char *value;
		bool one;
		enum draft_versions versions;
	} rows[] = {
		{ KEY_KEYEXCHANGE, "ikev1", true, DRAFT_ONE }, { KEY_KEYEXCHANGE, "ikev2", false, DRAFT_ONE },
		{ KEY_KEYEXCHANGE, "ike", false, DRAFT_BOTH },
		{ KEY_IKEV2, "never", true, DRAFT_ONE }, { KEY_IKEV2, "permit", false, DRAFT_BOTH_1 },
		{ KEY_IKEV2, "propose", false, DRAFT_BOTH },
	};

	*one = ipsec_no(SAID(c, KEY_IKEV2));
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (!SAID(c, rows[i].key) || strcasecmp(SAID(c, rows[i].key), rows[i].value) != 0)
			continue;
		*one = *one || rows[i].one;
		return rows[i].versions;
	}
	return DRAFT_ONE;
}

void ipsec_version(struct ipsec *i, struct ipsec_conn *c)
{
	enum conn_key key = SAID(c, KEY_KEYEXCHANGE) ? KEY_KEYEXCHANGE : SAID(c, KEY_IKEV2) ? KEY_IKEV2 : KEY_NONE;
	struct draft_peer *p = c->peer;
	bool one;

	p->versions = said(c, &one);
	if (!key) {
		p->versions = i->daemon == IPSEC_ANY ? DRAFT_BOTH : DRAFT_ONE;
		one = i->daemon == IPSEC_PLUTO;
	}
	if (!one && (!key || p->versions != DRAFT_ONE) && is_about_version1(c)) {
		key = is_about_version1(c);
		one = true;
	}
	p->versions_at = ipsec_at(c, LEFT, key);
	if (one && draft_version1(i->d, p, p->versions_at) && ipsec_yes(SAID(c, KEY_AGGRESSIVE)))
		draft_exchange(i->d, p, ipsec_at(c, LEFT, KEY_AGGRESSIVE), "aggressive");
	if ((SAID(c, KEY_PHASE2) && !strcasecmp(SAID(c, KEY_PHASE2), "ah")) || SAID(c, KEY_AH))
		p->off = "AH is not done: ESP with its own integrity protects as well";
}
