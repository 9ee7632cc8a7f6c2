// SPDX-License-Identifier: MIT
// The ctl role: answers keydctl(8) and whoever else speaks JSON lines on the control socket.
#include "keyd/roles/ctl_inside.h"
#include "keyd/roles/ctl_watch.h"
#include "keyd/util/secret.h"

#include <errno.h>
#include <grp.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS_MAX 64
#define WAITING_MAX 256
#define WAITING_OF_ONE 32	/* nobody who asks without reading keeps others from asking */
#define GROUPS_MAX 256
#define BURST 32		/* connections taken before others get their turn */

static struct {
	struct worker *w;
	gid_t gid;			/* of the group that may ask; 0: there is none */
	int listen_fd;
	struct loop_fd *listen;
	struct client *clients[CLIENTS_MAX];
	bool root[CLIENTS_MAX];		/* that one is */
	struct waiting waiting[WAITING_MAX];
	uint32_t last_id;
	bool details;			/* the engine has been told that somebody wants them */
} ctl = { .listen_fd = -1 };

static struct client *client_by_id(uint32_t id)
{
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (ctl.clients[i] && client_id(ctl.clients[i]) == id)
			return ctl.clients[i];
	return NULL;
}

/* The engine takes the trouble of details only while somebody reads them. */
static void tell_details(bool anyway)
{
	bool details = watch_details(ctl.clients, CLIENTS_MAX);

	if (details != ctl.details || anyway)
		ipc_send(ctl.w->peer[ROLE_IKE], M_CTL_WATCH, details, NULL, 0);
	ctl.details = details;
}

static bool client_is_root(const struct client *c)
{
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (ctl.clients[i] == c)
			return ctl.root[i];
	return false;
}

static void on_client_end(struct client *c)
{
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (ctl.clients[i] == c)
			ctl.clients[i] = NULL;
	tell_details(false);
}

static void answer(struct client *c, json_int_t ask_id, json_t *o)
{
	if (o && ask_id)
		json_object_set_new(o, "id", json_integer(ask_id));
	client_send(c, o);
}

static void refuse(struct client *c, json_int_t ask_id, const char *why)
{
	answer(c, ask_id, json_pack("{s:b, s:s}", "ok", 0, "error", why));
}

static struct waiting *waiting_new(struct client *c, const struct ctl_ask *ask)
{
	struct waiting *w = NULL;
	unsigned int others = 0;

	for (int i = 0; i < WAITING_MAX; i++) {
		if (!ctl.waiting[i].id)
			w = &ctl.waiting[i];
		else
			others += ctl.waiting[i].client == client_id(c);
	}
	if (!w || others >= WAITING_OF_ONE)
		return NULL;
	if (!++ctl.last_id)
		ctl.last_id = 1;
	*w = (struct waiting){ ctl.last_id, client_id(c), ask->verb, ask->id, json_array(), ask->who, .tokens = { 0 } };
	return w;
}

struct waiting *waiting_by_id(uint32_t id)
{
	for (int i = 0; id && i < WAITING_MAX; i++)
		if (ctl.waiting[i].id == id)
			return &ctl.waiting[i];
	return NULL;
}

void waiting_end(struct waiting *w, json_t *o)
{
	struct client *c = client_by_id(w->client);

	if (c)
		answer(c, w->ask_id, o);
	else
		json_decref(o);
	json_decref(w->parts);
	ctl_token_free(w);
	*w = (struct waiting){ 0 };
}

void waiting_refuse(struct waiting *w, const char *why)
{
	waiting_end(w, json_pack("{s:b, s:s}", "ok", 0, "error", why));
}

static int give_password(struct waiting *w, const struct ctl_ask *ask)
{
	struct ctl_password head = { .peer = "" };
	const struct view parts[] = { { (const uint8_t *)&head, sizeof(head) },
				      { (const uint8_t *)ask->passphrase, strlen(ask->passphrase) } };

	snprintf(head.peer, sizeof(head.peer), "%.*s", (int)sizeof(head.peer) - 1, ask->who.peer);
	return ipc_sendv(ctl.w->parent, M_PASSWORD_ASK, w->id, parts, 2, -1);
}

static int forward(struct waiting *w, const struct ctl_ask *ask)
{
	struct ipc *ike = ctl.w->peer[ROLE_IKE];
	struct ctl_keylog keylog = { .on = ask->on };

	switch (ask->verb) {
	case CTL_ASK_STATUS: return ipc_send(ike, M_CTL_STATUS, w->id, NULL, 0);
	case CTL_ASK_COMMAND: return ipc_send(ike, M_CTL_COMMAND, w->id, &ask->command, sizeof(ask->command));
	case CTL_ASK_EXPLAIN: return ipc_send(ike, M_CTL_EXPLAIN, w->id, &ask->who, sizeof(ask->who));
	case CTL_ASK_POOLS: return ipc_send(ike, M_CTL_POOLS, w->id, NULL, 0);
	case CTL_ASK_UNLOCK:
		if (*ask->who.peer)
			return give_password(w, ask);
		return ipc_send(ctl.w->parent, M_UNLOCK_ASK, w->id, ask->passphrase, strlen(ask->passphrase));
	case CTL_ASK_TOKEN: return ctl_token_ask(ctl.w, w, ask);
	case CTL_ASK_KEYLOG: return ipc_send(ctl.w->parent, M_KEYLOG_ASK, w->id, &keylog, sizeof(keylog));
	default: return ipc_send(ctl.w->parent, M_RELOAD, w->id, NULL, 0);
	}
}

static void serve(struct client *c, const struct ctl_ask *ask)
{
	struct waiting *w;

	if (ask->verb == CTL_ASK_WATCH || ask->verb == CTL_ASK_LOG) {
		if (ask->verb == CTL_ASK_LOG)
			ipc_send(ctl.w->parent, M_LOG_LEVEL_ASK, ask->level, NULL, 0);
		answer(c, ask->id, json_pack("{s:b}", "ok", 1));
		if (ask->verb == CTL_ASK_WATCH)
			watch_begin(c, ask);
		if (ask->verb == CTL_ASK_WATCH && ask->tokens)
			ctl_token_look(ctl.w);
		tell_details(false);
		return;
	}
	if ((ask->verb == CTL_ASK_KEYLOG || ask->verb == CTL_ASK_UNLOCK) && !client_is_root(c)) {
		refuse(c, ask->id, ask->verb == CTL_ASK_KEYLOG ? "only root may switch the key log" : "only root may unlock keys");
		return;
	}
	w = waiting_new(c, ask);
	if (!w) {
		refuse(c, ask->id, "too many requests are waiting; ask again later");
		return;
	}
	if (forward(w, ask))
		waiting_refuse(w, "keyd is restarting a role; ask again");
}

/* A line may have a passphrase in it, which must not outlive it. */
static int on_line(char *line, size_t n, void *arg)
{
	struct ctl_ask ask;
	char why[200];

	if (ctl_ask_parse(&ask, line, n, why, sizeof(why)))
		refuse(arg, ask.id, why);
	else
		serve(arg, &ask);
	secret_cleanse(line, n);
	secret_cleanse(&ask, sizeof(ask));
	return 0;
}

static const struct client_hooks client_hooks = { on_line, on_client_end, watch_drained };

/* Root, or a member of the group. */
static bool peer_allowed(int fd, bool *root)
{
	struct ucred cred;
	gid_t groups[GROUPS_MAX];
	socklen_t n = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n))
		return false;
	*root = cred.uid == 0;
	if (cred.uid == 0 || (ctl.gid && cred.gid == ctl.gid))
		return true;
	n = sizeof(groups);
	if (!ctl.gid || getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &n))
		return false;
	for (size_t i = 0; i < n / sizeof(groups[0]); i++)
		if (groups[i] == ctl.gid)
			return true;
	return false;
}

static void welcome(int fd)
{
	struct client *c = client_new(ctl.w->loop, fd, &client_hooks);
	bool root = false;
	int slot = 0;

	if (!c)
		return;
	while (slot < CLIENTS_MAX && ctl.clients[slot])
		slot++;
	if (slot < CLIENTS_MAX && peer_allowed(fd, &root)) {
		ctl.clients[slot] = c;
		ctl.root[slot] = root;
		return;
	}
	refuse(c, 0, slot == CLIENTS_MAX ? "too many connections to the control socket"
					 : "only root and members of the group gapless may ask");
	client_finish(c);
}

static void on_connect(void *arg, unsigned int ready)
{
	int fd;

	(void)arg;
	(void)ready;
	for (int i = 0; i < BURST; i++) {
		fd = accept4(ctl.listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		welcome(fd);
	}
}

/* From the parent. */

static int on_listen(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	(void)ch;
	(void)arg;
	loop_fd_free(ctl.listen);
	if (ctl.listen_fd >= 0)
		close(ctl.listen_fd);
	ctl.listen_fd = m->fd;
	m->fd = -1;
	ctl.listen = loop_fd_new(ctl.w->loop, ctl.listen_fd, LOOP_READ, on_connect, NULL);
	if (!ctl.listen)
		return -1;
	worker_ready(ctl.w, "");
	return 0;
}

static int on_reloaded(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct waiting *w = waiting_by_id(m->id);
	struct message_result r;

	(void)ch;
	(void)arg;
	memcpy(&r, m->body.p, sizeof(r));
	r.text[sizeof(r.text) - 1] = 0;
	if (w && r.error)
		waiting_refuse(w, r.text);
	else if (w)
		waiting_end(w, json_pack("{s:b, s:s}", "ok", 1, "text", r.text));
	return 0;
}

void ctl_watch_token(const struct card_event *ev)
{
	watch_token(ctl.clients, CLIENTS_MAX, ev);
}

void ctl_watch_event(const struct engine_event *ev)
{
	watch_event(ctl.clients, CLIENTS_MAX, ev);
}

/* The role itself. */

/* What the library took for a passphrase or a PIN on its way is not left behind. */
static void free_cleansed(void *p)
{
	if (p)
		secret_cleanse(p, malloc_usable_size(p));
	free(p);
}

static int prepare(struct worker *w)
{
	const struct group *gr = getgrnam(ROLE_USER);

	ctl.w = w;
	ctl.gid = gr ? gr->gr_gid : 0;
	json_object_seed(0);		/* reads /dev/urandom */
	json_set_alloc_funcs(malloc, free_cleansed);
	return 0;
}

static void stop(struct worker *w)
{
	(void)w;
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (ctl.clients[i])
			client_free(ctl.clients[i]);
	for (int i = 0; i < WAITING_MAX; i++) {
		json_decref(ctl.waiting[i].parts);
		ctl_token_free(&ctl.waiting[i]);
	}
	loop_fd_free(ctl.listen);
	if (ctl.listen_fd >= 0)
		close(ctl.listen_fd);
}

/* Who answers it; tokens are listed even if ike does not say what they are good for. */
static enum role_id asked(const struct waiting *w)
{
	if (w->verb == CTL_ASK_TOKEN)
		return ROLE_CARD;
	return w->verb == CTL_ASK_RELOAD || w->verb == CTL_ASK_KEYLOG || w->verb == CTL_ASK_UNLOCK ? ROLE_PARENT : ROLE_IKE;
}

static void peer_down(struct worker *w, enum role_id peer)
{
	char why[80];

	(void)w;
	snprintf(why, sizeof(why), "the %s role ended while it worked on this", role_name(peer));
	for (int i = 0; i < WAITING_MAX; i++) {
		struct waiting *wait = &ctl.waiting[i];

		if (wait->id && asked(wait) == peer)
			waiting_refuse(wait, why);
		else if (wait->id && peer == ROLE_IKE && wait->tokens.ike)
			ctl_token_ike_end(wait);
	}
}

/* Fresh ones do not know yet that somebody watches. */
static void peer_up(struct worker *w, enum role_id peer)
{
	if (peer == ROLE_IKE)
		tell_details(true);
	else if (peer == ROLE_CARD)
		ctl_token_up(w, watch_tokens(ctl.clients, CLIENTS_MAX));
}

static const struct ipc_rule from_parent[] = {
	{ M_LISTEN, true, 0, 0, on_listen },
	IPC_EXACT(M_RELOADED, message_result, on_reloaded),
	{ 0 },
};

const struct role role_ctl = {
	.name = "ctl",
	.title = "keyd: ctl",
	.who = "keyd[ctl]",
	.prepare = prepare,
	.stop = stop,
	.peer_up = peer_up,
	.peer_down = peer_down,
	.rules = { [ROLE_PARENT] = from_parent, [ROLE_IKE] = ctl_from_ike, [ROLE_CARD] = ctl_from_card },
	.cap = ROLE_NO_CAP,
	.chroot = true,
	.undumpable = true,
};
