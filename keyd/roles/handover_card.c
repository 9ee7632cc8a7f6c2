// SPDX-License-Identifier: MIT
// What the card role needs: the keys that the configuration names, their PINs, modules; and what it says of tokens.
#include "keyd/card/module.h"
#include "keyd/card/request.h"
#include "keyd/roles/message.h"
#include "keyd/roles/parent.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MS 1000u
#define PAD_MS (120 * MS)		/* for whoever types at a PIN pad */
#define COMPLETE_EVERY 1000000u		/* µs */

_Static_assert(CONF_URI_MAX == CARD_URI_MAX && CONF_PIN_MAX == CARD_PIN_MAX, "what can be configured can be told");
_Static_assert((int)CONF_PIN_ASK == (int)CARD_PIN_ASK && (int)CONF_PIN_ASK_KEEP == (int)CARD_PIN_ASK_KEEP &&
	       (int)CONF_PIN_GIVEN == (int)CARD_PIN_GIVEN && (int)CONF_PIN_PAD == (int)CARD_PIN_PAD, "the same words");

/* --- modules: those of "module", and those that URIs name --- */

struct modules {
	unsigned n;
	char file[2 * CONF_MODULES_MAX][CONF_PATH_MAX];
};

static void add_module(struct modules *m, const char *name, const char *where)
{
	char file[CONF_PATH_MAX];

	if (card_module_file(name, file, sizeof(file))) {
		log_error("%s: there is no PKCS#11 module \"%s\": give the whole name of its file", where, name);
		return;
	}
	for (unsigned i = 0; i < m->n; i++)
		if (!strcmp(m->file[i], file))
			return;
	if (m->n < 2 * CONF_MODULES_MAX)
		snprintf(m->file[m->n++], CONF_PATH_MAX, "%s", file);
	else
		log_error("%s: more modules than %u: \"%s\" is left out", where, 2 * CONF_MODULES_MAX, name);
}

static void find_modules(const struct conf *c, struct modules *m)
{
	char where[CONF_PATH_MAX + 16];

	m->n = 0;
	conf_at_format(c, c->at[CONF_STMT_MODULE], where, sizeof(where));
	for (unsigned i = 0; i < CONF_MODULES_MAX && *c->modules[i]; i++)
		add_module(m, c->modules[i], where);
	for (unsigned i = 0; i < c->ntokens; i++) {
		struct card_uri *u = NULL;
		const char *why, *name;

		if (card_uri_parse(&u, c->tokens[i].uri, &why))
			continue;		/* settings_load has refused it */
		name = card_uri_module_path(u) ? card_uri_module_path(u) : card_uri_module_name(u);
		conf_at_format(c, c->tokens[i].at, where, sizeof(where));
		if (name)
			add_module(m, name, where);
		card_uri_free(u);
	}
}

/* --- wants --- */

static struct view pin_of(const struct parent *p, const struct conf_token *t)
{
	for (size_t i = 0; i < p->secrets.npins; i++)
		if (!memcmp(&p->secrets.pins[i].key, &t->key, sizeof(t->key)))
			return secret_view(&p->secrets.pins[i].pin);
	return (struct view){ 0 };
}

static void send_want(struct parent *p, const struct conf_token *t)
{
	struct card_want want = { .handle = t->key, .known = t->fixed, .pin = t->pin, .each = t->each };
	struct view pin = pin_of(p, t);
	const struct view parts[] = { { (const uint8_t *)&want, sizeof(want) }, pin };

	conf_at_format(&p->conf, t->at, want.where, sizeof(want.where));
	snprintf(want.uri, sizeof(want.uri), "%s", t->uri);
	want.stamp = pin.n ? trials_stamp(&p->trials, pin) : 1;
	ipc_sendv(p->children[ROLE_CARD].ch, M_CARD_WANT, 0, parts, 2, -1);
}

void handover_cards(struct parent *p)
{
	struct ipc *card = p->children[ROLE_CARD].ch;
	const struct conf *c = &p->conf;
	struct modules m;
	struct card_rules rules = {
		.call_ms = c->token_timeout * MS, .pad_ms = PAD_MS, .check_ms = c->token_check * MS,
		.floor = (uint8_t)c->pin_tries, .native = c->native,
	};

	find_modules(c, &m);
	rules.modules = (uint16_t)m.n;
	ipc_send(card, M_CARD_BEGIN, 0, &rules, sizeof(rules));
	for (unsigned i = 0; i < m.n; i++)
		ipc_send(card, M_CARD_MODULE, 0, m.file[i], strlen(m.file[i]));
	for (unsigned i = 0; i < p->trials.n; i++)
		ipc_send(card, M_CARD_BAD, 0, &p->trials.bad[i], sizeof(p->trials.bad[i]));
	for (unsigned i = 0; i < c->ntokens; i++)
		send_want(p, &c->tokens[i]);
	ipc_send(card, M_CARD_END, 0, NULL, 0);
}

/* --- what it says --- */

/* Sections whose keys were seen are whole now; but what somebody is writing at this moment is not for us to load. */
static void complete(void *arg)
{
	struct parent *p = arg;
	struct message_result result;

	p->completed_at = loop_now();
	if (settings_stamp(&p->conf) == p->conf_stamp)
		parent_reload(p, &result);
	else
		log_notice("the configuration's files have changed: what was seen of a token counts from the next reload on");
}

int cards_prepare(struct parent *p)
{
	p->complete = loop_timer_new(p->loop, complete, p);
	return p->complete ? 0 : -ENOMEM;
}

/* A key is there for the first time, or another one. Not more often than now and then, whatever a module shows. */
int cards_seen(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct child *c = arg;
	struct parent *p = c->p;
	struct rd r = rd_of_view(m->body);
	uint64_t earliest = p->completed_at ? p->completed_at + COMPLETE_EVERY : 0;
	struct view head, spki, cert;
	struct card_seen seen;

	(void)ch;
	if (rd_view(&r, sizeof(seen), &head))
		return -1;
	memcpy(&seen, head.p, sizeof(seen));
	if (rd_view(&r, seen.nspki, &spki) || rd_view(&r, seen.ncert, &cert) || rd_left(&r))
		return -1;
	for (unsigned i = 0; i < p->conf.ntokens; i++) {
		const struct conf_token *t = &p->conf.tokens[i];

		if (memcmp(&t->key, &seen.handle, sizeof(t->key)) != 0 || t->fixed || !sights_see(&p->sights, t->uri, spki, cert))
			continue;
		log_notice("a key on a token was seen for the first time: uri=\"%s\"", t->uri);
		loop_timer_set(p->complete, earliest > loop_now() ? earliest : loop_now());
	}
	return 0;
}

int cards_trial(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct child *c = arg;
	struct card_bad bad;
	int r;

	memcpy(&bad, m->body.p, sizeof(bad));
	r = trials_keep(&c->p->trials, &bad);
	if (r)			/* it is known as long as we live */
		log_error("the use of a PIN cannot be written down: dir=%s error=\"%s\"", c->p->options->run_dir, strerror(-r));
	ipc_send(ch, M_CARD_TRIAL_KEPT, m->id, NULL, 0);
	return 0;
}

int cards_forgive(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct child *c = arg;
	struct card_bad bad;

	(void)ch;
	memcpy(&bad, m->body.p, sizeof(bad));
	trials_forgive(&c->p->trials, &bad);
	return 0;
}
