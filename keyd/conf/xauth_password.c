// SPDX-License-Identifier: MIT
// Passwords of XAUTH out of other daemons' files of secrets: never one that may be somebody's shared secret, or for another gateway.
#include "keyd/conf/id.h"
#include "keyd/conf/parser.h"

#include <errno.h>
#include <string.h>

static bool is_single(const struct conf_peer *peer)
{
	return peer->remote.family && peer->remote_len == ipsec_addr_bits(peer->remote.family);
}

/* --- ipsec.secrets: "GATEWAY USER : XAUTH PASSWORD" --- */

static bool is_gateway(const struct ipsec_login *l, const struct conf_peer *peer)
{
	struct psk_entry e = { .id = l->gateway, .remote = l->gateway_addr, .remote_len = l->gateway_len };
	const struct conf_secrets one = { .entries = &e, .n = 1 };

	return psk_find(&one, NULL, &peer->remote_id, is_single(peer) ? &peer->remote : NULL);
}

static bool names_gateway(const struct ipsec_login *l)
{
	return l->gateway.type != CONF_ID_ANY || l->gateway_addr.family;
}

const struct secret *conf_xauth_of_ipsec(const struct conf_parser *p)
{
	const struct ipsec_login *best = NULL;

	for (size_t i = 0; i < p->ipsec.nlogins; i++) {
		const struct ipsec_login *l = &p->ipsec.logins[i];

		if (!strcmp(l->user, p->peer.xauth_user) && is_gateway(l, &p->peer) && (!best || names_gateway(l) > names_gateway(best)))
			best = l;
	}
	return best ? &best->password : NULL;
}

/* --- psk.txt of racoon: a line under the user's name, which looks like that of a peer who is called so --- */

static bool has_psk(const struct conf_peer *peer)
{
	for (unsigned i = 0; i < CONF_ROUNDS_MAX; i++)
		if (peer->auth_local[i] == CONF_AUTH_PSK || peer->auth_remote[i] == CONF_AUTH_PSK)
			return true;
	return false;
}

/* May the line be the secret that this section's peer and we have in common? own: it is the section that the password is for. */
static bool may_be_psk(const struct conf_secrets *s, const struct psk_entry *e, const struct conf_peer *peer, bool own)
{
	struct psk_entry line = { .id = e->id };
	const struct conf_secrets one = { .entries = &line, .n = 1 };

	if (!has_psk(peer))
		return false;
	if (peer->remote_id.type != CONF_ID_ANY)	/* patterns, and names of whatever type */
		return conf_id_match(&peer->remote_id, &e->id) || psk_find(&one, NULL, &peer->remote_id, NULL);
	return !own && !(is_single(peer) && psk_find(s, NULL, NULL, &peer->remote));
}

static bool is_name(const struct conf_id *id)
{
	return id->type == CONF_ID_FQDN || id->type == CONF_ID_RFC822 || id->type == CONF_ID_KEY_ID;
}

/* Whose secret the line may be; NULL: nobody's, so that it is the user's password. */
static const struct conf_peer *whose(const struct conf_parser *p, const struct psk_entry *e, const struct conf_peer *peer)
{
	const struct conf *c = p->conf;

	for (unsigned i = 0; i < c->npeers; i++)
		if (may_be_psk(p->secrets, e, &c->peers[i], &c->peers[i] == peer))
			return &c->peers[i];
	return NULL;
}

static const struct psk_entry *find_line(const struct conf_parser *p, const char *user)
{
	struct conf_id id;

	if (conf_id_parse_psk(&id, user) || !is_name(&id))
		return NULL;		/* a line that begins with an address is a host's */
	for (size_t i = 0; i < p->secrets->n; i++)
		if (p->secrets->entries[i].racoon && conf_id_equal(&p->secrets->entries[i].id, &id))
			return &p->secrets->entries[i];
	return NULL;
}

static struct conf_login *login_of(const struct conf_parser *p, const struct conf_peer *peer)
{
	for (size_t i = 0; i < p->secrets->nlogins; i++) {
		struct conf_login *l = &p->secrets->logins[i];

		if (!l->hashed && !memcmp(&l->key, &peer->login, sizeof(l->key)))
			return l;
	}
	return NULL;
}

static void adopt(struct conf_parser *p, struct conf_peer *peer, const struct conf_where *at)
{
	const struct psk_entry *e = find_line(p, peer->xauth_user);
	const struct conf_peer *other = e ? whose(p, e, peer) : NULL;
	struct conf_login *l = login_of(p, peer);

	if (!e || !l)
		return;
	if (other) {
		conf_warn(p, at, "peer '%s': the line of '%s' in the file of secrets may be the shared secret of '%s', "
			  "and no password: keydctl up asks for one", peer->name, peer->xauth_user, other->name);
	} else if (secret_set(&l->password, e->key.p, e->key.n) < 0) {
		conf_err(p, at, "out of memory");
		p->error = -ENOMEM;
	} else {
		peer->login_asked = false;
	}
}

void conf_xauth_of_racoon(struct conf_parser *p)
{
	for (unsigned i = 0; i < p->conf->npeers; i++)
		if (p->conf->peers[i].xauth == CONF_XAUTH_CLIENT && p->conf->peers[i].login_asked)
			adopt(p, &p->conf->peers[i], &p->peers_at[i]);
}
