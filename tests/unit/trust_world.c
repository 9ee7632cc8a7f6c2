// SPDX-License-Identifier: MIT
// A trust role in a test.
#include "tests/unit/trust_world.h"

#include "keyd/crypto/alg.h"
#include "keyd/crypto/cert.h"
#include "keyd/crypto/dn.h"
#include "keyd/crypto/sig.h"
#include "keyd/trust/codec.h"
#include "tests/unit/signable.h"

#include <arpa/inet.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SHOWN_MAX (5u << 20)

static char folder[PATH_MAX];
const struct conf_digest world_set = { { 1, 2, 3 } };
static const struct view message = { (const uint8_t *)"message", 7 }, nonce = { (const uint8_t *)"nonce", 5 },
			 macid = { (const uint8_t *)"macid", 5 };

int world_folder(void **state)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	(void)state;
	if (n < 0)
		return -1;
	path[n] = 0;
	snprintf(folder, sizeof(folder), "%s/../ca", dirname(path));
	return crypto_init();
}

const char *world_path(const char *name)
{
	static char path[PATH_MAX + 64];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

struct bytes world_load(const char *name)
{
	struct bytes b = { malloc(4 << 20), 0 };
	FILE *in = fopen(world_path(name), "r");

	if (!in) {
		fail_msg("%s: there is no such file", world_path(name));
		return b;
	}
	b.n = fread(b.p, 1, 4 << 20, in);
	fclose(in);
	return b;
}

static struct bytes der_of(const char *name)
{
	char crt[64];

	snprintf(crt, sizeof(crt), "%s.crt", name);
	return world_load(crt);
}

static struct crypto_cert *cert_of(const char *name)
{
	struct bytes b = der_of(name);
	struct crypto_cert *c = NULL;

	assert_int_equal(crypto_cert_from_der(&c, (struct view){ b.p, b.n }), 0);
	free(b.p);
	return c;
}

static struct crypto_key *key_of(const char *name)
{
	struct crypto_key *k = NULL;
	char file[64];
	struct bytes b;

	snprintf(file, sizeof(file), "%s.key", name);
	b = world_load(file);
	assert_int_equal(crypto_key_from_private(&k, (struct view){ b.p, b.n }, (struct view){ 0 }), 0);
	free(b.p);
	return k;
}

static void spki_of(const char *name, struct secret *out)
{
	struct crypto_key *k = key_of(name);

	assert_int_equal(crypto_key_spki(k, out), 0);
	crypto_key_free(k);
}

/* --- hooks --- */

static void on_answer(void *arg, const struct trust_answer *an)
{
	struct world *w = arg;

	w->answer[w->n++ % ANSWERS] = *an;
	for (const char *p = an->text; *p; p++)
		assert_in_range(*p, ' ', '~');
}

static void on_changed(void *arg)
{
	((struct world *)arg)->changed++;
}

static void on_staple(void *arg, const struct conf_digest *key, struct view response)
{
	struct world *w = arg;

	(void)key;
	w->staples++;
	w->staple = response.n;
}

static void on_fetch(void *arg, const struct trust_fetch *f)
{
	struct world *w = arg;
	struct world_fetch *x = &w->fetch[w->nfetch++ % FETCHES];

	*x = (struct world_fetch){ .id = f->id, .npost = f->post.n };
	assert_in_range(f->url.n, 1, sizeof(x->url) - 1);
	assert_in_range(f->post.n, 0, sizeof(x->post));
	memcpy(x->url, f->url.p, f->url.n);
	if (f->post.n)
		memcpy(x->post, f->post.p, f->post.n);
}

static void on_cancel(void *arg, uint32_t id)
{
	struct world *w = arg;

	w->cancelled++;
	for (unsigned i = 0; i < FETCHES; i++)
		if (w->fetch[i].id == id)
			w->fetch[i].id = 0;
}

static void on_cache(void *arg, struct view url, struct view bytes)
{
	assert_true(url.n && bytes.n);
	((struct world *)arg)->cached++;
}

static void on_log(void *arg, enum log_level level, const char *text)
{
	struct world *w = arg;
	size_t n = strlen(w->log);

	snprintf(w->log + n, sizeof(w->log) - n, "%d %s\n", level, text);
}

static const struct trust_hooks hooks = { on_answer, on_changed, on_staple, on_fetch, on_cancel, on_cache, on_log };

/* --- configuration --- */

/* Each word of names, to fn. */
static void each(const char *names, void (*fn)(void *arg, const char *name), void *arg)
{
	char copy[512], *rest = copy, *word;

	snprintf(copy, sizeof(copy), "%s", names ? names : "");
	while ((word = strsep(&rest, " ")))
		if (*word)
			fn(arg, word);
}

static void give_ca(void *arg, const char *name)
{
	struct world *w = arg;
	struct bytes b = der_of(name);
	const char *why;

	assert_int_equal(trust_ca(w->t, &w->set, (struct view){ b.p, b.n }, &why), 0);
	free(b.p);
}

static void give_pin(void *arg, const char *name)
{
	struct world *w = arg;
	struct secret spki = { 0 };
	const char *why;

	spki_of(name, &spki);
	assert_int_equal(trust_pin(w->t, secret_view(&spki), &why), 0);
	secret_clear(&spki);
}

static void give_own(void *arg, const char *name)
{
	static uint8_t buf[8192];
	struct world *w = arg;
	struct wr wr = wr_of(buf, sizeof(buf));
	struct bytes b = der_of(name), above = der_of("inter");
	struct conf_digest key = { { 9 } };
	const char *why;

	trust_item_put(&wr, (struct view){ b.p, b.n });
	trust_item_put(&wr, (struct view){ above.p, above.n });
	assert_int_equal(trust_own(w->t, &key, "keyd.conf:7", wr_view(&wr), &why), 0);
	free(b.p);
	free(above.p);
}

static void give_crl(void *arg, const char *name)
{
	struct world *w = arg;
	struct bytes b = world_load(name);
	const char *why = "";

	if (trust_crl(w->t, w->now, (struct view){ b.p, b.n }, &why))
		fail_msg("%s: %s", name, why);
	free(b.p);
}

static void give_url(void *arg, const char *url)
{
	struct world *w = arg;
	const char *why;

	assert_int_equal(trust_crl_url(w->t, (struct view){ (const uint8_t *)url, strlen(url) }, &why), 0);
}

/* "FILE@URL" */
static void give_cached(void *arg, const char *text)
{
	struct world *w = arg;
	const char *at = strchr(text, '@'), *why;
	char file[64];
	struct bytes b;

	snprintf(file, sizeof(file), "%.*s", (int)(at - text), text);
	b = world_load(file);
	assert_int_equal(trust_cached(w->t, w->now, (struct view){ (const uint8_t *)at + 1, strlen(at + 1) },
				      (struct view){ b.p, b.n }, &why), 0);
	free(b.p);
}

void world_configure(struct world *w, const struct world_conf *c)
{
	w->set = world_set;
	w->set.b[0] += c->other_set;
	trust_begin(w->t, !c->no_fetch, c->warning);
	each(c->cas, give_ca, w);
	each(c->pins, give_pin, w);
	each(c->owns, give_own, w);
	each(c->crls, give_crl, w);
	each(c->urls, give_url, w);
	each(c->cached, give_cached, w);
	trust_end(w->t, w->now);
}

void world_begin(struct world *w)
{
	struct crypto_cert *c = cert_of("looped");

	*w = (struct world){ .now = { .us = 1000 * SEC, .wall = crypto_cert_begins(c) + DAY } };
	crypto_cert_free(c);
	w->t = trust_new(&hooks, w);
	assert_non_null(w->t);
	trust_asker(w->t, true);
	trust_fetcher(w->t, w->now, true);
	world_configure(w, &(struct world_conf){ .cas = "root" });
}

void world_end(struct world *w)
{
	trust_free(w->t);
}

/* --- proofs --- */

static void show(void *arg, const char *word)
{
	struct wr *w = arg;
	const char *colon = strchr(word, ':');
	uint8_t encoding = 4;
	struct secret spki = { 0 };
	struct bytes b = { 0 };

	if (!strncmp(word, "raw:", 4)) {
		encoding = 15;
		spki_of(colon + 1, &spki);
		b = (struct bytes){ malloc(spki.n), spki.n };
		memcpy(b.p, spki.p, spki.n);
		secret_clear(&spki);
	} else if (!strcmp(word, "url") || !strcmp(word, "pkcs7") || !strcmp(word, "empty")) {
		encoding = word[0] == 'u' ? 12 : word[0] == 'p' ? 1 : 4;
		b = (struct bytes){ calloc(1, 30), word[0] == 'e' ? 0 : 30 };
	} else if (!strcmp(word, "4mb")) {
		b = (struct bytes){ calloc(1, 4 << 20), 4 << 20 };
	} else if (!strncmp(word, "crl:", 4) || !strncmp(word, "ocsp:", 5)) {
		encoding = word[0] == 'c' ? 7 : 14;
		b = world_load(colon + 1);
	} else {
		b = der_of(colon ? colon + 1 : word);
		b.n -= colon ? 10 : 0;		/* cut:NAME */
	}
	wr_u32(w, (uint32_t)b.n + 1);
	wr_u8(w, encoding);
	wr_mem(w, b.p, b.n);
	assert_true(wr_ok(w));
	free(b.p);
}

static const struct crypto_sig *scheme_for(const struct crypto_key *k, const char *name)
{
	const struct crypto_sig *s = NULL;

	if (name)
		return crypto_sig_by_name(name);
	while ((s = crypto_sig_next(s)) && !crypto_sig_fits(s, k))
		;
	return s;
}

/* The AUTH payload's data, or that of a SIG payload, over what goes into rq. */
static void sign(const struct world_proof *p, const struct crypto_key *k, const struct crypto_sig *s, struct trust_request *rq,
		 struct wr *out)
{
	uint8_t sig[CRYPTO_SIG_MAX], other[64] = { 1 };
	struct view parts[] = { message, p->forge ? macid : nonce, macid };
	size_t n = sizeof(sig);

	rq->message = message;
	rq->nonce = nonce;
	rq->macid = macid;
	if (s->bare) {
		rq->form = TRUST_IKEV1;
		rq->message = signable(s);
		rq->nonce = rq->macid = parts[1] = parts[2] = (struct view){ 0 };
		parts[0] = p->forge ? (struct view){ other, rq->message.n } : rq->message;
	}

	if (s->algid.n) {
		wr_u8(out, (uint8_t)s->algid.n);
		wr_put(out, s->algid);
	}
	if (!crypto_sig_fits(s, k))
		memset(sig, 0, n = 64);
	else
		assert_int_equal(crypto_sig_make(s, k, parts, 3, sig, &n), 0);
	wr_mem(out, sig, n);
}

static void rule_pin(void *arg, const char *name)
{
	struct conf_trust *rules = arg;
	struct crypto_key *k = key_of(name);

	assert_int_equal(crypto_key_digest(k, rules->pin[rules->npins++].b), 0);
	crypto_key_free(k);
}

static void rule_scheme(void *arg, const char *name)
{
	struct conf_trust *rules = arg;
	const struct crypto_sig *s = NULL;

	for (unsigned bit = 0; (s = crypto_sig_next(s)); bit++)
		if (!strcmp(s->name, name))
			rules->schemes |= 1u << bit;
}

static void rules_of(const struct world_proof *p, struct conf_trust *rules)
{
	const struct crypto_sig *s = NULL;

	*rules = (struct conf_trust){ .ncas = !p->no_ca, .ca = { world_set }, .rsa_bits = p->rsa ? p->rsa : 2048,
				      .ec_bits = p->ec ? p->ec : 256, .revocation = p->revocation };
	each(p->pins, rule_pin, rules);
	each(p->schemes, rule_scheme, rules);
	while (!p->schemes && (s = crypto_sig_next(s)))
		if (!s->legacy && !s->bare)
			rule_scheme(rules, s->name);
}

static void id_of(const struct world_proof *p, const char *key, struct conf_id *id)
{
	char text[128];
	const char *why;
	size_t n = sizeof(id->data);

	snprintf(text, sizeof(text), "%s.example.org", key);
	id->type = p->id_type ? p->id_type : CRYPTO_NAME_FQDN;
	if (id->type == CRYPTO_NAME_DN) {
		assert_int_equal(crypto_dn_parse(p->id, strlen(p->id), id->data, &n, &why), 0);
	} else if (id->type == CRYPTO_NAME_IPV4 || id->type == CRYPTO_NAME_IPV6) {
		n = id->type == CRYPTO_NAME_IPV4 ? 4 : 16;
		assert_int_equal(inet_pton(n == 4 ? AF_INET : AF_INET6, p->id, id->data), 1);
	} else {
		n = strlen(p->id ? p->id : text);
		memcpy(id->data, p->id ? p->id : text, n);
	}
	id->len = (uint16_t)n;
}

static const struct trust_answer *ask(struct world *w, struct trust_request *rq)
{
	unsigned before = w->n;

	rq->id = ++w->last_id;
	trust_ask(w->t, w->now, rq);
	if (w->n == before)
		return NULL;
	assert_int_equal(world_last(w)->id, rq->id);
	return world_last(w);
}

const struct trust_answer *world_prove(struct world *w, const struct world_proof *p)
{
	static uint8_t shown[SHOWN_MAX], auth[2000];
	struct wr certs = wr_of(shown, sizeof(shown)), a = wr_of(auth, sizeof(auth));
	char first[64];
	const struct crypto_sig *s;
	struct crypto_key *k;
	struct trust_request rq = { .kind = TRUST_PROOF, .way = p->way ? p->way : CONF_AUTH_CERT };

	snprintf(first, sizeof(first), "%.*s", (int)strcspn(p->show, " "), p->show);
	each(p->show, show, &certs);
	k = key_of(p->key ? p->key : first);
	s = scheme_for(k, p->scheme);
	rq.method = p->method ? p->method : s->method;
	sign(p, k, s, &rq, &a);
	crypto_key_free(k);
	rules_of(p, &rq.rules);
	id_of(p, p->key ? p->key : first, &rq.remote);
	rq.auth = wr_view(&a);
	rq.certs = wr_view(&certs);
	return ask(w, &rq);
}

const struct trust_answer *world_still(struct world *w, const struct trust_answer *before, uint8_t revocation)
{
	struct trust_answer kept = *before;
	struct trust_request rq = { .kind = TRUST_STILL, .way = CONF_AUTH_CERT, .ticket = { kept.ticket, kept.nticket } };

	rules_of(&(struct world_proof){ .revocation = revocation }, &rq.rules);
	return ask(w, &rq);
}

const struct trust_answer *world_last(const struct world *w)
{
	return &w->answer[(w->n - 1) % ANSWERS];
}

/* --- time, and what is fetched --- */

void world_wait(struct world *w, uint64_t us)
{
	uint64_t until = w->now.us + us, start = w->now.us;
	int64_t wall = w->now.wall;

	for (unsigned turns = 0; trust_deadline(w->t, w->now) <= until; turns++) {
		uint64_t at = trust_deadline(w->t, w->now);

		/* What is due must be done by then: a deadline that stays would be a loop without end. */
		assert_in_range(turns, 0, 10000);
		w->now.us = at > w->now.us ? at : w->now.us;
		w->now.wall = wall + (int64_t)((w->now.us - start) / SEC);
		trust_tick(w->t, w->now);
	}
	w->now.us = until;
	w->now.wall = wall + (int64_t)(us / SEC);
}

int world_fetching(const struct world *w, const char *url)
{
	for (int i = 0; i < FETCHES; i++)
		if (w->fetch[i].id && !strcmp(w->fetch[i].url, url))
			return i;
	return -1;
}

static uint32_t over(struct world *w, const char *url)
{
	int i = world_fetching(w, url);
	uint32_t id;

	if (i < 0)
		fail_msg("%s is not being fetched", url);
	id = w->fetch[i].id;
	w->fetch[i].id = 0;
	return id;
}

void world_give_bytes(struct world *w, const char *url, struct bytes b)
{
	trust_fetched(w->t, w->now, over(w, url), (struct view){ b.p, b.n });
	free(b.p);
}

void world_give(struct world *w, const char *url, const char *file)
{
	world_give_bytes(w, url, world_load(file));
}

void world_fail(struct world *w, const char *url, const char *why)
{
	trust_fetch_failed(w->t, w->now, over(w, url), (struct view){ (const uint8_t *)why, strlen(why) });
}

struct bytes world_ocsp(struct world *w, const char *url, const char *signer)
{
	char command[4 * PATH_MAX], name[64];
	const struct world_fetch *f = &w->fetch[world_fetching(w, url)];
	struct bytes b;
	FILE *out;

	/* It looks at the real clock. */
	if (w->now.wall < time(NULL))
		w->now.wall = time(NULL);
	snprintf(name, sizeof(name), "world-%d.resp", (int)getpid());
	snprintf(command, sizeof(command), "%s/world-%d.req", folder, (int)getpid());
	out = fopen(command, "w");
	assert_int_equal(fwrite(f->post, 1, f->npost, out), f->npost);
	fclose(out);
	snprintf(command, sizeof(command), "cd '%s' && openssl ocsp -index index -CA inter.pem -rsigner %s.pem -rkey %s.key "
		 "-ndays 2 -reqin world-%d.req -respout %s >/dev/null 2>&1", folder, signer, signer, (int)getpid(), name);
	assert_int_equal(system(command), 0);
	b = world_load(name);
	snprintf(command, sizeof(command), "%s/%s", folder, name);
	unlink(command);
	snprintf(command, sizeof(command), "%s/world-%d.req", folder, (int)getpid());
	unlink(command);
	return b;
}
