// SPDX-License-Identifier: MIT
// What the parent hands over to the ike role: settings, sockets, the key log, memory that outlives it.
#include "keyd/conf/load.h"
#include "keyd/roles/ike.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void ike_keylog_close(void)
{
	for (unsigned int i = 0; i < ENGINE_KEY_TABLES; i++) {
		if (ike.keylog[i] >= 0)
			close(ike.keylog[i]);
		ike.keylog[i] = -1;
	}
	ike.keylog_failed = false;
}

bool ike_keylog_on(void)
{
	for (unsigned int i = 0; i < ENGINE_KEY_TABLES; i++)
		if (ike.keylog[i] < 0)
			return false;
	return true;
}

void ike_conf_clear(void)
{
	conf_free(&ike.next);
	ike.next_room = 0;
}

static int on_conf_begin(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	(void)ch;
	(void)arg;
	ike_conf_clear();
	memcpy(&ike.next, m->body.p, sizeof(ike.next));
	ike.next_room = ike.next.npeers;
	ike.next_pools = ike.next.npools;
	ike.next_creds = ike.next.ncreds;
	ike.next_cas = ike.next.ncas;
	ike.next.npeers = ike.next.npools = ike.next.ncreds = ike.next.ncas = ike.next.npins = ike.next.ncrls = ike.next.ntokens = 0;
	ike.next.peers = NULL;
	ike.next.pools = NULL;
	ike.next.creds = NULL;
	ike.next.cas = NULL;
	ike.next.pins = NULL;
	ike.next.crls = NULL;
	if (ike.next_room > CONF_PEERS_MAX || ike.next_pools > CONF_POOLS_MAX || ike.next_creds > CONF_PEERS_MAX + 1 ||
	    ike.next_cas > CONF_CAS_MAX * (CONF_PEERS_MAX + 1) || ike.next.ndrops > CONF_DROPS_MAX)
		return -1;
	ike.next.peers = calloc(ike.next_room ? ike.next_room : 1, sizeof(*ike.next.peers));
	ike.next.pools = calloc(ike.next_pools ? ike.next_pools : 1, sizeof(*ike.next.pools));
	ike.next.creds = calloc(ike.next_creds ? ike.next_creds : 1, sizeof(*ike.next.creds));
	ike.next.cas = calloc(ike.next_cas ? ike.next_cas : 1, sizeof(*ike.next.cas));
	return ike.next.peers && ike.next.pools && ike.next.creds && ike.next.cas ? 0 : -1;
}

static int on_conf_peer(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	(void)ch;
	(void)arg;
	if (ike.next.npeers >= ike.next_room)
		return -1;
	memcpy(&ike.next.peers[ike.next.npeers++], m->body.p, sizeof(struct conf_peer));
	return 0;
}

static int on_conf_pool(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	(void)ch;
	(void)arg;
	if (ike.next.npools >= ike.next_pools)
		return -1;
	memcpy(&ike.next.pools[ike.next.npools++], m->body.p, sizeof(struct conf_pool));
	return 0;
}

/* NULL without memory. */
static uint8_t *taken(struct rd *r, size_t n)
{
	uint8_t *to = malloc(n ? n : 1);
	struct view v;

	if (to && !rd_view(r, n, &v) && n)
		memcpy(to, v.p, n);
	return to;
}

static int on_conf_cred(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct rd r = rd_of_view(m->body);
	struct conf_cred *to;
	struct view head;

	(void)ch;
	(void)arg;
	if (ike.next.ncreds >= ike.next_creds || rd_view(&r, sizeof(*to), &head))
		return -1;
	to = &ike.next.creds[ike.next.ncreds++];
	memcpy(to, head.p, head.n);
	to->chain = to->spki = NULL;
	if (to->nchain > CONF_CHAIN_MAX || to->nspki > IPC_BODY_MAX || rd_left(&r) != (size_t)to->nchain + to->nspki)
		return -1;
	to->chain = taken(&r, to->nchain);
	to->spki = taken(&r, to->nspki);
	return to->chain && to->spki ? 0 : -1;
}

static int on_conf_ca(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct conf_ca *to;

	(void)ch;
	(void)arg;
	if (ike.next.ncas >= ike.next_cas)
		return -1;
	to = &ike.next.cas[ike.next.ncas++];
	memcpy(to, m->body.p, sizeof(*to));
	to->ncerts = 0;
	to->certs = NULL;
	return to->n <= CONF_CA_HASHES_MAX && to->nnames <= CONF_CA_NAMES_ROOM ? 0 : -1;
}

static int on_conf_end(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	int r = 0;

	(void)ch;
	(void)m;
	(void)arg;
	if (ike.next.npeers != ike.next_room || ike.next.npools != ike.next_pools || ike.next.ncreds != ike.next_creds ||
	    ike.next.ncas != ike.next_cas)
		return -1;
	ike.npeers = ike.next.npeers;
	if (ike.engine)
		r = engine_configure(ike.engine, &ike.next);
	else
		ike.engine = engine_new(&ike_hooks, NULL, &ike.next);
	if (ike.engine) {
		engine_watch(ike.engine, ike.details);
		engine_keylog(ike.engine, ike_keylog_on());
	}
	ike_conf_clear();
	if (r || !ike.engine)
		return worker_fail(ike.w, KEYD_FAILED, "role ike: out of memory");
	/* What it said of keys that were not known here was lost. */
	if (ike.w->peer[ROLE_CARD])
		ipc_send(ike.w->peer[ROLE_CARD], M_CARD_TELL, 0, NULL, 0);
	ike_settle();
	ike_ready();
	return 0;
}

static int on_state(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	const char *why;

	(void)ch;
	(void)arg;
	if (ike.engine || ike.state)
		return -1;
	ike.state = state_open(m->fd, &why);
	if (!ike.state) {
		log_warning("what a keyd before this one knew is of no use, SAs are negotiated anew: role=ike why=\"%s\"", why);
		return 0;
	}
	/* What ended the one before this daemon's first was the end of its parent, too, which does not read records. */
	if (!m->id)
		state_fine(ike.state);
	ike.state_fd = m->fd;
	m->fd = -1;
	return 0;
}

static int on_keylog(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	(void)ch;
	(void)arg;
	if (m->id >= ENGINE_KEY_TABLES)
		return -1;
	if (ike.keylog[m->id] >= 0)
		close(ike.keylog[m->id]);
	ike.keylog[m->id] = m->fd;
	m->fd = -1;
	ike.keylog_failed = false;
	if (ike.engine)
		engine_keylog(ike.engine, ike_keylog_on());
	return 0;
}

static int on_keylog_off(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	(void)ch;
	(void)m;
	(void)arg;
	if (ike.engine)
		engine_keylog(ike.engine, false);
	ike_keylog_close();
	return 0;
}

static int on_sockets_clear(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	(void)ch;
	(void)m;
	(void)arg;
	udp_clear(ike.udp);
	return 0;
}

static int on_socket(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct message_socket where;
	int fd = m->fd;

	(void)ch;
	(void)arg;
	memcpy(&where, m->body.p, sizeof(where));
	m->fd = -1;
	return udp_add(ike.udp, fd, &where);
}

static int on_looked(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	char host[CONF_HOST_MAX] = "";

	(void)ch;
	(void)arg;
	memcpy(host, m->body.p, m->body.n);
	if (ike.engine)
		engine_looked(ike.engine, loop_now(), host);
	return 0;
}

const struct ipc_rule ike_from_parent[] = {
	{ M_LOOKED, false, 1, CONF_HOST_MAX - 1, on_looked },
	IPC_EXACT(M_CONF_BEGIN, conf, on_conf_begin),
	IPC_EXACT(M_CONF_PEER, conf_peer, on_conf_peer),
	IPC_EXACT(M_CONF_POOL, conf_pool, on_conf_pool),
	{ M_CONF_CRED, false, sizeof(struct conf_cred), IPC_BODY_MAX, on_conf_cred },
	IPC_EXACT(M_CONF_CA, conf_ca, on_conf_ca),
	IPC_EMPTY(M_CONF_END, on_conf_end),
	IPC_EMPTY(M_SOCKETS_CLEAR, on_sockets_clear),
	{ M_STATE, true, 0, 0, on_state },
	{ M_KEYLOG, true, 0, 0, on_keylog },
	IPC_EMPTY(M_KEYLOG_OFF, on_keylog_off),
	{ M_SOCKET, true, sizeof(struct message_socket), sizeof(struct message_socket), on_socket },
	{ 0 },
};
