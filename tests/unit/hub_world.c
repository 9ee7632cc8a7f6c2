// SPDX-License-Identifier: MIT
// Tokens, processes and a parent for tests of the hub.
#include "tests/unit/hub_world.h"

#include "keyd/crypto/alg.h"
#include "keyd/crypto/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct crypto_key *keys[WORLD_KEYS];

/* Public halves of real keys: what comes from a process is parsed. The last is of a longer curve. */
static struct crypto_key *key_of(int n)
{
	if (!keys[n])
		assert_int_equal(crypto_key_generate(&keys[n], CRYPTO_KEY_EC, n == WORLD_KEYS - 1 ? 384 : 256), 0);
	return keys[n];
}

static uint32_t schemes_of(int n)
{
	const struct crypto_sig *s = NULL;
	uint32_t bit = 1, all = 0;

	for (; (s = crypto_sig_next(s)); bit <<= 1)
		all |= crypto_sig_fits(s, key_of(n)) ? bit : 0;
	return all;
}

struct conf_digest world_handle(int key, const char *uri)
{
	struct conf_digest d = { 0 };

	if (key >= 0)
		assert_int_equal(crypto_key_digest(key_of(key), d.b), 0);
	else
		assert_int_equal(crypto_sha256(&(struct view){ (const uint8_t *)uri, strlen(uri) }, 1, d.b), 0);
	return d;
}

/* --- hooks --- */

static uint32_t on_start(void *arg, enum hub_kind kind, const char *what)
{
	struct world *w = arg;

	for (unsigned i = 0; i < WORLD_PROCESSES; i++) {
		struct world_process *p = &w->process[i];

		if (p->number)
			continue;
		*p = (struct world_process){ .number = ++w->last_process, .kind = kind };
		snprintf(p->what, sizeof(p->what), "%s", what);
		w->started++;
		return p->number;
	}
	return 0;
}

static struct world_process *by_number(struct world *w, uint32_t number)
{
	for (unsigned i = 0; number && i < WORLD_PROCESSES; i++)
		if (w->process[i].number == number)
			return &w->process[i];
	return NULL;
}

static void note_failed(struct world_token *t, const char *pin)
{
	for (unsigned i = 0; i < t->nfailed; i++)
		if (!strcmp(t->failed[i], pin))
			return;
	if (t->nfailed < 16)
		snprintf(t->failed[t->nfailed++], sizeof(t->failed[0]), "%s", pin);
}

/* The PIN in a request that waits, or "". */
static void pin_in(const struct world_process *p, char pin[CARD_PIN_MAX + 1])
{
	struct card_wire_sign s;

	memset(pin, 0, CARD_PIN_MAX + 1);
	if (p->type == CARD_WIRE_LOGIN) {
		memcpy(pin, p->body + sizeof(struct card_token), p->nbody - sizeof(struct card_token));
	} else if (p->type == CARD_WIRE_SIGN) {
		memcpy(&s, p->body, sizeof(s));
		memcpy(pin, p->body + sizeof(s), s.npin);
	}
}

/* What a token made of the PIN that it was given, nobody will ever know. */
static void lost(struct world *w, const struct world_process *p)
{
	char pin[CARD_PIN_MAX + 1];
	struct card_token c;

	pin_in(p, pin);
	memcpy(&c, p->body, sizeof(c));
	for (unsigned i = 0; pin[0] && pin[0] != 'h' && i < WORLD_TOKENS; i++)
		if (card_token_same(&w->token[i].card, &c))
			note_failed(&w->token[i], pin);
}

static void on_kill(void *arg, uint32_t process)
{
	struct world *w = arg;
	struct world_process *p = by_number(w, process);

	assert_non_null(p);
	lost(w, p);
	p->number = 0;
	w->killed++;
}

static void on_send(void *arg, uint32_t process, uint16_t type, uint32_t id, const struct view *parts, unsigned n)
{
	struct world *w = arg;
	struct world_process *p = by_number(w, process);

	assert_non_null(p);
	assert_int_equal(p->type, 0);		/* one at a time */
	p->type = type;
	p->id = id;
	p->nbody = 0;
	for (unsigned i = 0; i < n; i++) {
		assert_true(p->nbody + parts[i].n <= sizeof(p->body));
		if (parts[i].n)
			memcpy(p->body + p->nbody, parts[i].p, parts[i].n);
		p->nbody += parts[i].n;
	}
}

static size_t join(const struct view *parts, unsigned n, uint8_t *out, size_t room)
{
	size_t len = 0;

	for (unsigned i = 0; i < n; i++) {
		assert_true(len + parts[i].n <= room);
		if (parts[i].n)
			memcpy(out + len, parts[i].p, parts[i].n);
		len += parts[i].n;
	}
	return len;
}

static bool same_bad(const struct card_bad *a, const struct card_bad *b)
{
	return a->stamp == b->stamp && a->from == b->from && !memcmp(a->token, b->token, sizeof(a->token));
}

static void note_bad(struct world *w, const struct card_bad *b, bool is)
{
	unsigned i = 0;

	while (i < w->nbad && !same_bad(&w->bad[i], b))
		i++;
	if (is && i == w->nbad) {
		assert_true(w->nbad < 64);
		w->bad[w->nbad++] = *b;
	} else if (!is && i < w->nbad) {
		w->bad[i] = w->bad[--w->nbad];
	}
}

static void note_state(struct world *w, const struct card_state *s)
{
	unsigned i = 0;

	while (i < w->nstate && memcmp(&w->state[i].handle, &s->handle, sizeof(s->handle)))
		i++;
	assert_true(i < 16);
	if (i == w->nstate)
		w->nstate++;
	w->state[i] = *s;
}

static void on_tell(void *arg, enum hub_word word, uint32_t id, const struct view *parts, unsigned n)
{
	struct world *w = arg;
	static uint8_t buf[1 << 17];
	size_t len = join(parts, n, buf, sizeof(buf));

	switch (word) {
	case HUB_TRIAL:
		w->trial = id;
		if (!w->mute)
			note_bad(w, (const struct card_bad *)parts[0].p, true);
		break;
	case HUB_FORGIVE:
		note_bad(w, (const struct card_bad *)parts[0].p, false);
		break;
	case HUB_SIGNED:
		assert_true(w->nsigned < WORLD_HEARD && len >= sizeof(struct card_signed));
		w->signed_[w->nsigned].id = id;
		memcpy(&w->signed_[w->nsigned].s, buf, sizeof(struct card_signed));
		snprintf(w->signed_[w->nsigned].signature, 64, "%.*s", (int)(len - sizeof(struct card_signed)),
			 buf + sizeof(struct card_signed));
		w->nsigned++;
		break;
	case HUB_DONE:
		assert_true(w->ndone < WORLD_HEARD && len == sizeof(struct card_done));
		w->done[w->ndone].id = id;
		memcpy(&w->done[w->ndone++].d, buf, sizeof(struct card_done));
		break;
	case HUB_STATE:
		assert_int_equal(len, sizeof(struct card_state));
		note_state(w, (const struct card_state *)parts[0].p);
		break;
	case HUB_TOKEN:
		if (w->ntoken < 16)
			memcpy(&w->info[w->ntoken], buf, sizeof(w->info[0]));
		w->ntoken++;
		break;
	case HUB_SEEN: w->nseen++; break;
	case HUB_KEY: w->nkey++; break;
	case HUB_MISSING: w->nmissing++; break;
	default: w->nevent++;
	}
}

static void on_log(void *arg, enum log_level level, const char *text)
{
	struct world *w = arg;

	if (getenv("WORLD_TRACE"))
		fprintf(stderr, "%8llu.%03llu <%d> %s\n", (unsigned long long)(w->now / SECOND),
			(unsigned long long)(w->now / MS % 1000), level, text);
	if (level > LOG_LEVEL_NOTICE)
		return;
	if (w->nlog + strlen(text) + 2 > sizeof(w->log))
		w->nlog = 0;
	w->nlog += (size_t)snprintf(w->log + w->nlog, sizeof(w->log) - w->nlog, "%s\n", text);
}

static const struct hub_hooks hooks = { on_start, on_kill, on_send, on_tell, on_log };

unsigned world_logged(const struct world *w, const char *text)
{
	unsigned n = 0;

	for (const char *p = w->log; (p = strstr(p, text)); p++)
		n++;
	return n;
}

/* --- what processes answer --- */

int world_says(struct world *w, struct world_process *p, uint16_t type, uint32_t id, const void *body, size_t n)
{
	return hub_said(w->hub, p->number, type, id, (struct view){ body, n }, w->now);
}

void world_dies(struct world *w, struct world_process *p, int code)
{
	uint32_t number = p->number;

	lost(w, p);
	p->number = 0;
	hub_ended(w->hub, number, code, w->now);
}

static void done(struct world *w, struct world_process *p, int error)
{
	struct card_wire_done d = { .error = error };

	if (error)
		snprintf(d.why, sizeof(d.why), "C_Test: CKR_%d", -error);
	if (p->number)
		world_says(w, p, CARD_WIRE_DONE, p->id, &d, sizeof(d));
}

static void tell_token(struct world *w, struct world_process *p, uint32_t id, struct world_token *t)
{
	struct card_token c = t->card;

	c.login = t->pin[0] != 0;
	c.tries = t->tells || !t->tries ? t->tries : -1;
	world_says(w, p, CARD_WIRE_TOKEN, id, &c, sizeof(c));
}

/* The token that the request names, and that this process sees. */
static struct world_token *token_here(struct world *w, const struct world_process *p)
{
	struct card_token c;

	memcpy(&c, p->body, sizeof(c));
	for (unsigned i = 0; i < WORLD_TOKENS; i++)
		if (!strcmp(w->token[i].where, p->what) && card_token_same(&w->token[i].card, &c))
			return &w->token[i];
	return NULL;
}

static int answer_tokens(struct world *w, struct world_process *p, uint32_t id)
{
	for (unsigned i = 0; i < WORLD_TOKENS; i++)
		if (!strcmp(w->token[i].where, p->what)) {
			w->token[i].checks++;
			tell_token(w, p, id, &w->token[i]);
		}
	return CARD_OK;
}

static bool *logged(struct world *w, struct world_process *p, const struct world_token *t)
{
	return &p->logged[t - w->token];
}

static int answer_keys(struct world *w, struct world_process *p, uint32_t id, struct world_token *t)
{
	static uint8_t buf[CARD_WIRE_KEY_MAX];

	for (int i = 0; i < WORLD_KEYS; i++) {
		struct card_key k = { .id = { (uint8_t)(i + 1) }, .nid = 1, .seen = true, .each = t->each, .open = t->open,
				      .schemes = t->schemes };
		struct wr out = wr_of(buf, sizeof(buf));

		if (!(t->keys & 1u << i) || (t->shy && !*logged(w, p, t)))
			continue;
		k.public = key_of(i);
		snprintf(k.label, sizeof(k.label), "key %d", i);
		card_wire_key_put(&out, &k);
		assert_true(wr_ok(&out));
		world_says(w, p, CARD_WIRE_KEY, id, buf, out.len);
	}
	return CARD_OK;
}

/* Nobody tries by himself a PIN that has failed, or that may have. People's begin with h. */
static int try_pin(struct world_token *t, const char *pin)
{
	t->logins++;
	if (pin[0] != 'h')
		for (unsigned i = 0; i < t->nfailed; i++)
			assert_string_not_equal(t->failed[i], pin);
	if (!t->tries)
		return CARD_PIN_BLOCKED;
	if (!strcmp(pin[0] == 'h' ? pin + 1 : pin, t->pin)) {
		t->tries = 3;
		return CARD_OK;
	}
	if (pin[0] != 'h')
		note_failed(t, pin);
	return --t->tries ? CARD_PIN_WRONG : CARD_PIN_BLOCKED;
}

static int answer_login(struct world *w, struct world_process *p, struct world_token *t)
{
	char pin[CARD_PIN_MAX + 1];
	int r;

	pin_in(p, pin);
	if (t->card.pad) {
		assert_string_equal(pin, "");
		*logged(w, p, t) = true;
		return CARD_OK;
	}
	r = try_pin(t, pin);
	*logged(w, p, t) |= !r;
	return r;
}

static int answer_sign(struct world *w, struct world_process *p, uint32_t id, struct world_token *t)
{
	struct card_wire_sign s;
	char pin[CARD_PIN_MAX + 1], text[128];
	int r = CARD_OK;

	memcpy(&s, p->body, sizeof(s));
	pin_in(p, pin);
	if (t->pin[0] && !*logged(w, p, t) && (!t->open || t->lies))
		return CARD_LOCKED;
	if (t->each)
		r = t->card.pad ? CARD_OK : try_pin(t, pin);
	else
		assert_int_equal(s.npin, 0);
	if (r)
		return r;
	if (!(t->schemes & 1u << s.scheme))
		return CARD_NO_SCHEME;
	snprintf(text, sizeof(text), "%s signs %.*s", t->card.label, 16, (const char *)p->body + sizeof(s) + s.npin);
	if (strlen(w->order) + 1 < sizeof(w->order))
		w->order[strlen(w->order)] = (char)p->body[sizeof(s) + s.npin];
	world_says(w, p, CARD_WIRE_SIGNATURE, id, text, strlen(text));
	return CARD_OK;
}

static int answer(struct world *w, struct world_process *p, uint16_t type)
{
	struct world_token *t = type == CARD_WIRE_TOKENS || type == CARD_WIRE_RESET ? NULL : token_here(w, p);

	switch (type) {
	case CARD_WIRE_TOKENS: return answer_tokens(w, p, p->id);
	case CARD_WIRE_RESET: memset(p->logged, 0, sizeof(p->logged)); return CARD_OK;
	default: break;
	}
	if (!t)
		return CARD_GONE;
	switch (type) {
	case CARD_WIRE_CHECK: t->checks++; tell_token(w, p, p->id, t); return CARD_OK;
	case CARD_WIRE_KEYS: return answer_keys(w, p, p->id, t);
	case CARD_WIRE_LOGIN: return answer_login(w, p, t);
	case CARD_WIRE_LOGOUT: *logged(w, p, t) = false; return CARD_OK;
	default: return answer_sign(w, p, p->id, t);
	}
}

void world_fate(struct world *w, uint16_t type, enum fate fate, int error, unsigned count)
{
	w->fate_type = type;
	w->fate = fate;
	w->fate_error = error;
	w->fate_count = count;
}

static void serve(struct world *w, struct world_process *p)
{
	bool fated = w->fate_count && (p->type == w->fate_type || !w->fate_type);
	uint16_t type = p->type;

	if (fated)
		w->fate_count--;
	if (fated && w->fate == FATE_HANG) {
		p->hangs = true;
	} else if (fated && w->fate == FATE_DIE) {
		world_dies(w, p, -1);
	} else {
		int error = fated ? w->fate_error : answer(w, p, type);

		/* What is said of a signature before its PIN counts says that the PIN was spared. */
		if (fated && error != CARD_PIN_UNUSED && (type == CARD_WIRE_LOGIN || error == CARD_BROKEN || error == CARD_FAILED))
			lost(w, p);
		p->type = 0;
		done(w, p, error);
	}
}

struct world_process *world_process(struct world *w, enum hub_kind kind, const char *what)
{
	for (unsigned i = 0; i < WORLD_PROCESSES; i++)
		if (w->process[i].number && w->process[i].kind == kind && !strcmp(w->process[i].what, what))
			return &w->process[i];
	return NULL;
}

bool world_answer(struct world *w, const char *what)
{
	for (unsigned i = 0; i < WORLD_PROCESSES; i++) {
		struct world_process *p = &w->process[i];

		if (!p->number || !p->type || p->hangs || (what && strcmp(p->what, what)))
			continue;
		serve(w, p);
		return true;
	}
	return false;
}

/* Processes that were just started say so; watchers that have something to say say it. */
static bool greet(struct world *w)
{
	for (unsigned i = 0; i < WORLD_PROCESSES; i++) {
		struct world_process *p = &w->process[i];

		if (!p->number || p->id == UINT32_MAX || p->id)
			continue;
		p->id = UINT32_MAX;
		if (w->fate_count && w->fate_type == CARD_WIRE_READY) {
			w->fate_count--;
			if (w->fate == FATE_DIE)
				world_dies(w, p, 1);
			return true;
		}
		world_says(w, p, CARD_WIRE_READY, 0, "fake", 4);
		if (p->number && p->kind == HUB_WATCH_READERS) {
			world_says(w, p, CARD_WIRE_PCSCD, 1, NULL, 0);
			world_readers(w);
		}
		return true;
	}
	return false;
}

void world_run(struct world *w)
{
	bool going = true;
	unsigned rounds = 0;

	while (going) {
		uint32_t trial = w->mute ? 0 : w->trial;

		assert_true(rounds++ < 100000);		/* it would turn in circles */
		going = greet(w) || trial || (!w->late && world_answer(w, NULL));
		if (trial) {
			w->trial = 0;
			hub_trial_kept(w->hub, trial, w->now);
		}
	}
}

void world_pass(struct world *w, uint64_t us)
{
	uint64_t end = w->now + us, at;
	unsigned rounds = 0;

	world_run(w);
	while ((at = hub_deadline(w->hub)) <= end) {
		assert_true(rounds++ < 100000);
		w->now = at > w->now ? at : w->now;
		hub_tick(w->hub, w->now);
		world_run(w);
	}
	w->now = end;
}

/* --- what happens to tokens --- */

void world_readers(struct world *w)
{
	struct world_process *watcher = world_process(w, HUB_WATCH_READERS, "");
	struct card_wire_reader r[WORLD_TOKENS] = { 0 };
	unsigned n = 0;

	for (unsigned i = 0; i < WORLD_TOKENS; i++)
		if (!strncmp(w->token[i].where, "reader", 6))
			snprintf(r[n++].name, sizeof(r[0].name), "%s", w->token[i].where);
	if (watcher)
		world_says(w, watcher, CARD_WIRE_READERS, 0, r, n * sizeof(r[0]));
}

void world_forgets(struct world *w, unsigned token)
{
	for (unsigned i = 0; i < WORLD_PROCESSES; i++)
		w->process[i].logged[token] = false;
}

void world_moves(struct world *w, unsigned token, const char *where)
{
	struct world_token *t = &w->token[token];
	char was[64];

	snprintf(was, sizeof(was), "%s", t->where);
	snprintf(t->where, sizeof(t->where), "%s", where);
	world_forgets(w, token);
	for (unsigned i = 0; i < WORLD_PROCESSES; i++) {
		struct world_process *p = &w->process[i];

		if (p->number && p->kind == HUB_WATCH_MODULE && (!strcmp(p->what, where) || !strcmp(p->what, was)))
			world_says(w, p, CARD_WIRE_CHANGED, 0, NULL, 0);
	}
	if (!strncmp(was, "reader", 6) || !strncmp(where, "reader", 6))
		world_readers(w);
	world_run(w);
}

/* --- others --- */

void world_new(struct world *w)
{
	static const char *const labels[] = { "a", "b", "c", "d" };

	memset(w, 0, sizeof(*w));
	assert_int_equal(crypto_init(), 0);
	w->now = 1000 * SECOND;
	w->rules = (struct card_rules){ .call_ms = 30000, .pad_ms = 120000, .check_ms = 60000, .floor = 2, .native = 1 };
	w->hub = hub_new(&hooks, w);
	assert_non_null(w->hub);
	for (unsigned i = 0; i < WORLD_TOKENS; i++) {
		struct world_token *t = &w->token[i];

		snprintf(t->card.label, sizeof(t->card.label), "%s", labels[i]);
		snprintf(t->card.serial, sizeof(t->card.serial), "%u", i + 1);
		snprintf(t->card.model, sizeof(t->card.model), "M");
		snprintf(t->card.manufacturer, sizeof(t->card.manufacturer), "maker");
		t->card.slot = i;
		t->pin = "1234";
		t->tries = 3;
		t->tells = true;
		t->keys = 1u << i;
		t->schemes = schemes_of((int)i);
		snprintf(t->where, sizeof(t->where), "/m/%c.so", 'a' + (char)i);
	}
}

void world_free(struct world *w)
{
	hub_free(w->hub);
	for (unsigned i = 0; i < WORLD_PROCESSES; i++)
		assert_int_equal(w->process[i].number, 0);
	for (unsigned i = 0; i < WORLD_KEYS; i++) {
		crypto_key_free(keys[i]);
		keys[i] = NULL;
	}
	crypto_exit();
}

void world_again(struct world *w)
{
	hub_free(w->hub);
	w->trial = 0;
	w->hub = hub_new(&hooks, w);
	assert_non_null(w->hub);
}

void world_configure(struct world *w, const char *modules, const struct world_want *wants, unsigned nwants)
{
	w->rules.modules = (uint16_t)strlen(modules);
	hub_begin(w->hub, &w->rules);
	for (; *modules; modules++) {
		char file[] = { '/', 'm', '/', *modules, '.', 's', 'o' };

		assert_int_equal(hub_module(w->hub, (struct view){ (const uint8_t *)file, sizeof(file) }), 0);
	}
	for (unsigned i = 0; i < w->nbad; i++)
		assert_int_equal(hub_bad(w->hub, &w->bad[i]), 0);
	for (unsigned i = 0; i < nwants; i++) {
		struct card_want c = { .handle = world_handle(wants[i].key, wants[i].uri), .known = wants[i].key >= 0, .pin = wants[i].pin,
				       .each = wants[i].each, .stamp = wants[i].stamp };
		const char *digits = wants[i].digits ? wants[i].digits : "";

		snprintf(c.uri, sizeof(c.uri), "%s", wants[i].uri);
		snprintf(c.where, sizeof(c.where), "keyd.conf:%u", i + 1);
		assert_int_equal(hub_want(w->hub, &c, (struct view){ (const uint8_t *)digits, strlen(digits) }), 0);
	}
	assert_int_equal(hub_end(w->hub, w->now), 0);
	world_run(w);
}

void world_sign(struct world *w, uint32_t id, int key, unsigned source)
{
	struct card_sign s = { .handle = world_handle(key, ""), .schemes = UINT32_MAX };
	char octets[16] = "";

	s.source.family = 2;
	s.source.b[0] = (uint8_t)source;
	snprintf(octets, sizeof(octets), "%c%u", 'A' + (char)source, id);
	assert_int_equal(hub_sign(w->hub, id, &s, (struct view){ (const uint8_t *)octets, strlen(octets) }, w->now), 0);
	world_run(w);
}

const struct world_done *world_signed(struct world *w, uint32_t id)
{
	const struct world_done *found = NULL;

	for (unsigned i = 0; i < w->nsigned; i++) {
		if (w->signed_[i].id != id)
			continue;
		assert_null(found);		/* once */
		found = &w->signed_[i];
	}
	return found;
}

void world_ask(struct world *w, uint32_t id, enum card_verb verb, const char *token, const char *pin)
{
	struct card_ask a = { .verb = (uint8_t)verb };

	snprintf(a.token, sizeof(a.token), "%s", token);
	w->ntoken = w->nkey = w->nmissing = 0;
	assert_int_equal(hub_ask(w->hub, id, &a, (struct view){ (const uint8_t *)pin, strlen(pin) }, w->now), 0);
	world_run(w);
}

const struct world_done *world_done(struct world *w, uint32_t id)
{
	const struct world_done *found = NULL;

	for (unsigned i = 0; i < w->ndone; i++) {
		if (w->done[i].id != id)
			continue;
		assert_null(found);
		found = &w->done[i];
	}
	return found;
}

const struct card_state *world_state(struct world *w, int key)
{
	struct conf_digest handle = world_handle(key, "");

	for (unsigned i = 0; i < w->nstate; i++)
		if (!memcmp(&w->state[i].handle, &handle, sizeof(handle)))
			return &w->state[i];
	return NULL;
}
