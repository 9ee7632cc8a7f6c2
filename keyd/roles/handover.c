// SPDX-License-Identifier: MIT
// Gives the roles their configuration, secrets, sockets and channels.
#include "keyd/auth/codec.h"
#include "keyd/roles/message.h"
#include "keyd/roles/parent.h"

#include <string.h>
#include <unistd.h>

static void handover_cred(struct ipc *ike, const struct conf_cred *c)
{
	struct conf_cred head = *c;
	const struct view parts[] = { { (const uint8_t *)&head, sizeof(head) }, { c->chain, c->nchain }, { c->spki, c->nspki } };

	head.chain = head.spki = NULL;
	ipc_sendv(ike, M_CONF_CRED, 0, parts, 3, -1);
}

static void handover_ca(struct ipc *ike, const struct conf_ca *c)
{
	struct conf_ca head = *c;

	head.ncerts = 0;
	head.certs = NULL;
	ipc_send(ike, M_CONF_CA, 0, &head, sizeof(head));
}

void handover_conf(struct parent *p)
{
	struct ipc *ike = p->children[ROLE_IKE].ch;
	struct conf head = p->conf;

	head.peers = NULL;
	head.pools = NULL;
	head.creds = NULL;
	head.cas = NULL;
	head.pins = NULL;
	head.crls = NULL;
	head.tokens = NULL;
	ipc_send(ike, M_CONF_BEGIN, 0, &head, sizeof(head));
	for (unsigned int i = 0; i < p->conf.npeers; i++)
		ipc_send(ike, M_CONF_PEER, 0, &p->conf.peers[i], sizeof(p->conf.peers[i]));
	for (unsigned int i = 0; i < p->conf.npools; i++)
		ipc_send(ike, M_CONF_POOL, 0, &p->conf.pools[i], sizeof(p->conf.pools[i]));
	for (unsigned int i = 0; i < p->conf.ncreds; i++)
		handover_cred(ike, &p->conf.creds[i]);
	for (unsigned int i = 0; i < p->conf.ncas; i++)
		handover_ca(ike, &p->conf.cas[i]);
	ipc_send(ike, M_CONF_END, 0, NULL, 0);
}

void handover_secrets(struct parent *p)
{
	struct ipc *auth = p->children[ROLE_AUTH].ch;
	static uint8_t buf[AUTH_KEY_MAX > AUTH_SECRET_MAX ? AUTH_KEY_MAX : AUTH_SECRET_MAX];

	_Static_assert(AUTH_LOGIN_MAX <= sizeof(buf), "a login fits, too");
	ipc_send(auth, M_SECRET_BEGIN, 0, NULL, 0);
	for (size_t i = 0; i < p->secrets.n; i++) {
		struct wr w = wr_of(buf, sizeof(buf));

		if (*p->secrets.entries[i].host)
			continue;	/* good for addresses only, which have their own */
		auth_secret_put(&w, &p->secrets.entries[i]);
		ipc_send(auth, M_SECRET, 0, w.buf, w.len);
	}
	for (size_t i = 0; i < p->secrets.nkeys; i++) {
		struct wr w = wr_of(buf, sizeof(buf));

		auth_key_put(&w, &p->secrets.keys[i]);
		ipc_send(auth, M_KEY, 0, w.buf, w.len);
	}
	for (size_t i = 0; i < p->secrets.nlogins; i++) {
		struct wr w = wr_of(buf, sizeof(buf));

		auth_login_put(&w, &p->secrets.logins[i]);
		ipc_send(auth, M_LOGIN, 0, w.buf, w.len);
	}
	ipc_send(auth, M_SECRET_END, 0, NULL, 0);
	secret_cleanse(buf, sizeof(buf));
}

void handover_sockets(struct parent *p)
{
	struct ipc *ike = p->children[ROLE_IKE].ch;

	ipc_send(ike, M_SOCKETS_CLEAR, 0, NULL, 0);
	for (unsigned int i = 0; i < p->sockets.n; i++) {
		struct view where = { (const uint8_t *)&p->sockets.s[i].where, sizeof(p->sockets.s[i].where) };

		ipc_sendv(ike, M_SOCKET, 0, &where, 1, p->sockets.s[i].fd);
	}
}

/* Only this process has it from now on; when that is dead, the next one may have it. The id: was there one before it? */
static void handover_state(struct parent *p)
{
	struct child *ike = &p->children[ROLE_IKE];
	int fd = store_lend(&p->store);

	if (fd < 0)
		return;
	ipc_sendv(ike->ch, M_STATE, ike->last_pid != 0, NULL, 0, fd);
	close(fd);
}

static void link_roles(struct child *a, struct child *b)
{
	int fds[2];

	if (!a->ch || !b->ch)
		return;
	if (ipc_pair(fds)) {
		log_error("no channel between roles can be made: role=%s peer=%s", role_name(a->id), role_name(b->id));
		return;
	}
	ipc_sendv(a->ch, M_CHANNEL, b->id, NULL, 0, fds[0]);
	ipc_sendv(b->ch, M_CHANNEL, a->id, NULL, 0, fds[1]);
	close(fds[0]);
	close(fds[1]);
}

void handover_all(struct child *c)
{
	struct parent *p = c->p;

	if (c->id == ROLE_IKE) {
		handover_state(p);
		handover_sockets(p);
		handover_keylog(p);
		handover_conf(p);	/* before its channels: the engine must be there when they speak */
	} else if (c->id == ROLE_KERN) {
		handover_allowed(p);
	} else if (c->id == ROLE_AUTH) {
		handover_secrets(p);
	} else if (c->id == ROLE_TRUST) {
		handover_trust(p);
	} else if (c->id == ROLE_CARD) {
		handover_cards(p);
	} else if (c->id == ROLE_FETCH) {
		handover_hosts(p);
	} else if (c->id == ROLE_CTL) {
		ipc_sendv(c->ch, M_LISTEN, 0, NULL, 0, p->control_fd);
	}
	for (unsigned int i = 0; i < role_nlinks; i++)
		if (role_links[i].a == c->id || role_links[i].b == c->id)
			link_roles(&p->children[role_links[i].a], &p->children[role_links[i].b]);
}
