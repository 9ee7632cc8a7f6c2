// SPDX-License-Identifier: MIT
// A peer's section from its head to its end, and the checks over all that it says.
#include "keyd/conf/id.h"
#include "keyd/conf/parser.h"
#include "keyd/crypto/alg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SILENCE_MOST (24 * 3600 * 1000ULL)	/* ms until a silent peer must count as dead */

static void peer_start(struct conf_parser *p, const struct conf_word *at, const char *name, bool is_default)
{
	for (unsigned i = 0; i < CONF_STMT_PEER_END; i++)
		p->seen[i].line = 0;
	p->peer = p->conf->defaults;
	if (p->peer.id_of_cert)
		p->peer.local_id = (struct conf_id){ 0 };	/* conf_cert_check finds it anew */
	p->peer.id_of_cert = false;
	secret_clear(&p->own.passphrase);
	conf_pin_clear(&p->own.pin);
	p->own = (struct conf_own){ 0 };
	snprintf(p->peer.name, sizeof(p->peer.name), "%s", name);
	p->peer.section = conf_at_of(p, &at->at);
	p->peer_at = at->at;
	p->is_default = is_default;
	p->has_psk = p->address_set = false;
	secret_clear(&p->psk);
	secret_clear(&p->password);
	p->password_failed = false;
}

/* Names stand in logs and in commands: nothing in them may look like something else. */
static bool name_ok(const struct conf_word *w)
{
	for (size_t i = 0; i < w->n; i++)
		if ((unsigned char)w->s[i] < 0x20 || w->s[i] == 0x7f)
			return false;
	return w->n && w->n < CONF_NAME_MAX && strcmp(w->s, "default");
}

void conf_peer_begin(struct conf_parser *p, const struct conf_word *name)
{
	peer_start(p, name, name->s, false);
	if (!name_ok(name)) {
		conf_err(p, &name->at, "a peer has a name of 1 to %u printable bytes that is not 'default'", CONF_NAME_MAX - 1);
		p->address_set = true;
	} else {
		conf_remote(p, name);
	}
}

void conf_peer_begin_any(struct conf_parser *p, const struct conf_word *at)
{
	peer_start(p, at, "any", false);
	p->address_set = true;
}

void conf_default_begin(struct conf_parser *p, const struct conf_word *at)
{
	if (conf_once(p, CONF_STMT_DEFAULT, at) && p->conf->npeers)
		conf_err(p, &at->at, "the defaults stand before the first peer, which starts from them (%s:%u)",
			 p->peers_at[0].file, p->peers_at[0].line);
	peer_start(p, at, "default", true);
}

static void check_times(struct conf_parser *p)
{
	const struct conf_peer *peer = &p->peer;
	uint32_t least = (uint32_t)((uint64_t)peer->child_lifetime * (100 - peer->jitter) / 100);
	uint64_t silence = (uint64_t)peer->retransmit_ms << peer->retransmit_tries;

	if (peer->linger >= least)
		conf_err(p, &p->peer_at, "peer '%s': an old SA lingers %us, but the next rekey may come after %us "
			 "(lifetime child %us, rekey jitter %u%%): shorten linger", peer->name, peer->linger, least,
			 peer->child_lifetime, peer->jitter);
	if (silence > SILENCE_MOST)
		conf_err(p, &p->peer_at, "peer '%s': %ums doubled %u times is more than a day until a silent peer counts as dead",
			 peer->name, peer->retransmit_ms, peer->retransmit_tries);
}

/* Has a proposal of these one of that kind that IKEv1 has a number for? */
static bool named_in_ikev1(const struct conf_proposals *ps, enum crypto_kind kind, bool esp)
{
	for (unsigned i = 0; i < ps->n; i++) {
		for (unsigned k = 0; k < ps->p[i].n; k++) {
			const struct conf_transform *t = &ps->p[i].t[k];
			const struct crypto_alg *alg = t->type == kind ? crypto_alg_by_id(kind, t->id, t->key_bits) : NULL;

			if (alg && (esp ? alg->ikev1_esp_id : alg->ikev1_id))
				return true;
		}
	}
	return false;
}

static void check_ikev1(struct conf_parser *p)
{
	static const struct { enum crypto_kind kind; const char *what; } needed[] = {
		{ CRYPTO_ENCR, "no AEAD: a cipher such as aes256" }, { CRYPTO_PRF, "a hash such as sha256" },
		{ CRYPTO_KE, "a group such as modp2048" },
	};

	if (p->peer.version != 1 || p->is_default)
		return;
	for (unsigned i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!named_in_ikev1(&p->peer.ike, needed[i].kind, false))
			conf_err(p, &p->peer_at, "peer '%s': IKEv1 knows nothing of what 'ike' names; it wants %s",
				 p->peer.name, needed[i].what);
	if (!named_in_ikev1(&p->peer.esp, CRYPTO_ENCR, true))
		conf_err(p, &p->peer_at, "peer '%s': IKEv1 has no number for any cipher that 'esp' names",
			 p->peer.name);
}

/* Would an exchange not know which of the two is meant? */
static bool same_peer(const struct conf_peer *a, const struct conf_peer *b)
{
	return a->version == b->version && a->remote_len == b->remote_len && ipsec_addr_equal(&a->remote, &b->remote) &&
	       !strcasecmp(a->host, b->host) && ipsec_addr_equal(&a->local, &b->local) && conf_id_equal(&a->remote_id, &b->remote_id) &&
	       conf_id_equal(&a->local_id, &b->local_id);
}

static void check_others(struct conf_parser *p)
{
	for (unsigned i = 0; i < p->conf->npeers; i++) {
		const struct conf_peer *other = &p->conf->peers[i];
		const char *what = !strcmp(other->name, p->peer.name) ? "has the name of" :
				   same_peer(other, &p->peer) ? "has the address and identities of" : NULL;

		if (!what)
			continue;
		conf_err(p, &p->peer_at, "peer '%s' %s the one at %s:%u", p->peer.name, what, p->peers_at[i].file,
			 p->peers_at[i].line);
		return;
	}
}

/* Room for one more peer, in both tables. */
static bool peers_grow(struct conf_parser *p)
{
	unsigned room = p->peers_room ? 2 * p->peers_room : 8;
	struct conf_peer *peers;
	struct conf_where *at;

	if (p->conf->npeers < p->peers_room)
		return true;
	if (p->conf->npeers == CONF_PEERS_MAX) {
		conf_err(p, &p->peer_at, "more than %u peers", CONF_PEERS_MAX);
		return false;
	}
	peers = realloc(p->conf->peers, room * sizeof(*peers));
	if (peers)
		p->conf->peers = peers;
	at = realloc(p->peers_at, room * sizeof(*at));
	if (at)
		p->peers_at = at;
	if (peers && at) {
		p->peers_room = room;
		return true;
	}
	conf_err(p, &p->peer_at, "out of memory");
	p->error = -ENOMEM;
	return false;
}

static void keep_secret(struct conf_parser *p)
{
	struct psk_entry e = {
		.id = p->peer.remote_id,
		.remote = p->peer.remote,
		.remote_len = p->peer.remote_len,
		.at = p->peer.at[CONF_STMT_PSK],
	};

	if (!p->has_psk)
		return;
	if (!p->peer.id_of_cert)
		e.local = p->peer.local_id;
	memcpy(e.host, p->peer.host, sizeof(e.host));
	secret_move(&e.key, &p->psk);
	if (psk_add(p->secrets, &e) < 0) {
		conf_err(p, &p->peer_at, "out of memory");
		p->error = -ENOMEM;
	}
}

/* Who answers at an address that DNS tells must still prove to be the one that was named. */
static void name_host(struct conf_peer *peer)
{
	size_t n = strlen(peer->host);

	if (n && peer->remote_id.type == CONF_ID_ANY && peer->auth_remote[0] == CONF_AUTH_CERT)
		conf_id_set(&peer->remote_id, CONF_ID_FQDN, peer->host, n - (peer->host[n - 1] == '.'));
}

void conf_peer_end(struct conf_parser *p)
{
	const struct conf_peer *peer = &p->peer;

	check_times(p);
	check_ikev1(p);
	if (!p->is_default)
		conf_traffic_check(p);
	if (peer->local.family && peer->remote.family && peer->local.family != peer->remote.family)
		conf_err(p, &p->peer_at, "peer '%s': local and address are of different families", peer->name);
	conf_cert_check(p);
	name_host(&p->peer);
	conf_xauth_check(p);
	keep_secret(p);
	if (p->is_default) {
		p->conf->defaults = *peer;
		return;
	}
	if (!p->address_set)
		conf_err(p, &p->peer_at, "peer '%s' has no address: the statement 'address' is missing ('address any' for one "
			 "that may come from anywhere)", peer->name);
	check_others(p);
	if (peers_grow(p)) {
		p->peers_at[p->conf->npeers] = p->peer_at;
		p->conf->peers[p->conf->npeers++] = *peer;
	}
}
