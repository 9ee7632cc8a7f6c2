// SPDX-License-Identifier: MIT
// The ctl role and tokens: what the card role tells of them, joined with the IKE SAs that their keys have authenticated.
#include "keyd/ctl/render.h"
#include "keyd/ctl/token_render.h"
#include "keyd/roles/ctl_inside.h"
#include "keyd/roles/ctl_watch.h"

#include <string.h>

#define CERT_MAX 65536			/* bytes; what is longer, no card has */
#define LISTED_MAX 512			/* tokens, and wants, in one answer */

/* To the array, unless that is long enough; takes the reference. */
static void append(json_t *array, size_t max, json_t *o)
{
	if (json_array_size(array) < max)
		json_array_append_new(array, o);
	else
		json_decref(o);
}

int ctl_token_ask(struct worker *worker, struct waiting *w, const struct ctl_ask *ask)
{
	struct view parts[] = {
		{ (const uint8_t *)&ask->token.ask, sizeof(ask->token.ask) },
		{ (const uint8_t *)ask->token.pin, strlen(ask->token.pin) },
	};

	w->tokens.verb = (enum card_verb)ask->token.ask.verb;
	w->tokens.missing = json_array();
	w->tokens.tunnels = json_object();
	w->tokens.card = true;
	if (ipc_sendv(worker->peer[ROLE_CARD], M_CARD_ASK, w->id, parts, 2, -1))
		return -1;
	w->tokens.ike = w->tokens.verb == CARD_ASK_LIST && !ipc_send(worker->peer[ROLE_IKE], M_CTL_STATUS, w->id, NULL, 0);
	return 0;
}

void ctl_token_free(struct waiting *w)
{
	json_decref(w->tokens.missing);
	json_decref(w->tokens.tunnels);
}

/* To each key, the tunnels that it has authenticated. */
static void join(struct waiting *w)
{
	json_t *token, *key, *tunnels;
	size_t i, k;

	json_array_foreach (w->parts, i, token)
		json_array_foreach (json_object_get(token, "keys"), k, key) {
			const char *digest = json_string_value(json_object_get(key, "digest"));

			tunnels = digest ? json_object_get(w->tokens.tunnels, digest) : NULL;
			if (tunnels)
				json_object_set(key, "tunnels", tunnels);
		}
}

static json_t *listed(struct waiting *w)
{
	join(w);
	return json_pack("{s:b, s:O, s:O}", "ok", 1, "tokens", w->parts, "missing", w->tokens.missing);
}

/* Of a check: whether a signature would be made, without anybody being asked for anything. */
static json_t *outcome(struct waiting *w, const char *text)
{
	const struct card_done *d = &w->tokens.done;
	bool check = w->tokens.verb == CARD_ASK_CHECK;
	json_t *o = render_token_done(d);

	if (!o)
		return NULL;
	json_object_set_new(o, "ok", json_boolean(check || !d->error));
	if (check)
		json_object_set_new(o, "ready", json_boolean(!d->error && (d->need == TOKEN_READY || d->need == TOKEN_LOGIN)));
	json_object_set_new(o, check || !d->error ? "text" : "error", render_text(text, strlen(text)));
	return o;
}

static void answer_if_whole(struct waiting *w)
{
	struct card_done *d = &w->tokens.done;

	if (w->tokens.card || w->tokens.ike)
		return;
	d->text[sizeof(d->text) - 1] = 0;
	if (w->tokens.verb == CARD_ASK_LIST && d->error)
		waiting_refuse(w, *d->text ? d->text : "there is no such token");
	else
		waiting_end(w, w->tokens.verb == CARD_ASK_LIST ? listed(w) : outcome(w, d->text));
}

/* --- from ike --- */

void ctl_token_ike(struct waiting *w, const struct engine_ike_info *info)
{
	json_t *digest = render_digest(info->local_key.b), *list;
	const char *name = json_string_value(digest);

	if (name) {
		list = json_object_get(w->tokens.tunnels, name);
		if (!list) {
			list = json_array();
			json_object_set_new(w->tokens.tunnels, name, list);
		}
		json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "peer", render_text(info->peer, sizeof(info->peer)),
						      "state", render_text(info->state, sizeof(info->state)),
						      "local", render_addr(&info->local), "remote", render_addr(&info->remote),
						      "spi_i", render_spi64(info->spi_i), "spi_r", render_spi64(info->spi_r)));
	}
	json_decref(digest);
}

void ctl_token_ike_end(struct waiting *w)
{
	w->tokens.ike = false;
	answer_if_whole(w);
}

/* --- from card --- */

static struct waiting *waiting_for_card(uint32_t id)
{
	struct waiting *w = waiting_by_id(id);

	return w && w->verb == CTL_ASK_TOKEN ? w : NULL;
}

static int on_token(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct waiting *w = waiting_for_card(m->id);
	struct card_token_info info;

	(void)ch;
	(void)arg;
	memcpy(&info, m->body.p, sizeof(info));
	if (w)
		append(w->parts, LISTED_MAX, render_token(&info, loop_now()));
	return 0;
}

static int on_key(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct waiting *w = waiting_for_card(m->id);
	struct card_key_info info;
	json_t *token;
	size_t n = m->body.n - sizeof(info);
	const uint8_t *rest = m->body.p + sizeof(info);

	(void)ch;
	(void)arg;
	memcpy(&info, m->body.p, sizeof(info));
	if (info.nspki > CRYPTO_SPKI_MAX || info.ncert > CERT_MAX || (size_t)info.nspki + info.ncert != n)
		return -1;
	token = w ? json_array_get(w->parts, json_array_size(w->parts) - 1) : NULL;
	if (token)
		append(json_object_get(token, "keys"), CARD_KEYS_MAX,
		       render_token_key(&info, (struct view){ rest, info.nspki }, (struct view){ rest + info.nspki, info.ncert }));
	return 0;
}

static int on_missing(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct waiting *w = waiting_for_card(m->id);
	struct card_missing_info info;

	(void)ch;
	(void)arg;
	memcpy(&info, m->body.p, sizeof(info));
	if (w)
		append(w->tokens.missing, LISTED_MAX, render_token_missing(&info));
	return 0;
}

static int on_done(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct waiting *w = waiting_for_card(m->id);

	(void)ch;
	(void)arg;
	if (!w || !w->tokens.card)
		return 0;
	memcpy(&w->tokens.done, m->body.p, sizeof(w->tokens.done));
	w->tokens.card = false;
	answer_if_whole(w);
	return 0;
}

static int on_event(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct card_event ev;

	(void)ch;
	(void)arg;
	memcpy(&ev, m->body.p, sizeof(ev));
	ctl_watch_token(&ev);
	return 0;
}

void ctl_token_up(struct worker *worker, bool watched)
{
	struct card_ask ask = { .verb = CARD_ASK_WATCH };

	ipc_send(worker->peer[ROLE_CARD], M_CARD_ASK, 0, &ask, sizeof(ask));
	if (watched)
		ctl_token_look(worker);
}

void ctl_token_look(struct worker *worker)
{
	struct card_ask ask = { .verb = CARD_ASK_LOOK };

	if (worker->peer[ROLE_CARD])
		ipc_send(worker->peer[ROLE_CARD], M_CARD_ASK, 0, &ask, sizeof(ask));
}

const struct ipc_rule ctl_from_card[] = {
	IPC_EXACT(M_CARD_TOKEN, card_token_info, on_token),
	{ M_CARD_KEY, false, sizeof(struct card_key_info), sizeof(struct card_key_info) + CRYPTO_SPKI_MAX + CERT_MAX, on_key },
	IPC_EXACT(M_CARD_MISSING, card_missing_info, on_missing),
	IPC_EXACT(M_CARD_DONE, card_done, on_done),
	IPC_EXACT(M_CARD_EVENT, card_event, on_event),
	{ 0 },
};
