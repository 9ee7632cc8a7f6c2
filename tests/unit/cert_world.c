// SPDX-License-Identifier: MIT
// Two engines that prove themselves by keys and certificates, and who judges them.
#include "tests/unit/cert_world.h"

#include "keyd/conf/id.h"
#include "keyd/crypto/sig.h"
#include "keyd/ike/engine_state.h"
#include "keyd/ike/ike_sa.h"
#include "keyd/ike/timer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define KEY_KINDS_MAX 12

static struct world *world;
struct cert_host of[WORLD_HOSTS];

static void sign(struct world *in, unsigned host, const struct auth_request *rq, struct auth_answer *an)
{
	if (rq->form == AUTH_LOGIN)
		logins_check(&of[host].keeper.logins, &of[host].tries, rq, in->now, 1700000000, an);
	else
		keeper_answer(&of[host].keeper, rq, an);
}

static unsigned count_items(struct view all)
{
	struct rd r = rd_of_view(all);
	struct view v;
	uint32_t len;
	unsigned n = 0;

	while (!rd_u32(&r, &len) && !rd_view(&r, len, &v))
		n++;
	assert_int_equal(rd_left(&r), 0);
	return n;
}

static int check(const struct trust_request *rq, const struct crypto_key *key, struct trust_answer *an)
{
	const struct view octets[] = { rq->message, rq->nonce, rq->macid };
	const struct crypto_sig *s = rq->form == TRUST_IKEV1 ? crypto_sig_by_ikev1_method(rq->method) : crypto_sig_by_method(rq->method);
	struct view sig = rq->auth;

	if (rq->method == 14 && rq->form != TRUST_IKEV1) {
		size_t n = 1 + (size_t)sig.p[0];

		assert_true(n < sig.n);
		s = crypto_sig_by_algid((struct view){ sig.p + 1, n - 1 });
		sig = (struct view){ sig.p + n, sig.n - n };
	}
	if (!s)
		return TRUST_SCHEME;
	snprintf(an->scheme, sizeof(an->scheme), "%s", s->name);
	return crypto_sig_check(s, key, octets, 3, sig) ? TRUST_SIGNATURE : TRUST_OK;
}

static void judge(struct world *in, unsigned host, const struct trust_request *rq, struct trust_answer *an)
{
	*an = (struct trust_answer){ .id = rq->id, .ends_in = INT64_MAX, .ends = INT64_MAX };

	if (of[host].ends_at)
		an->ends_in = (int64_t)(of[host].ends_at / SECONDS(1)) - (int64_t)(in->now / SECONDS(1));
	of[host].way = rq->way;
	if (rq->kind == TRUST_STILL) {
		of[host].still++;
		of[host].set = rq->rules.ca[0].b[0];
		assert_int_equal(rq->ticket.n, 5);
		assert_memory_equal(rq->ticket.p, "admit", 5);
		an->error = of[host].verdict ? TRUST_NOT_TRUSTED : TRUST_OK;
		an->verdict = of[host].verdict;
		snprintf(an->subject, sizeof(an->subject), "CN=peer");
		snprintf(an->text, sizeof(an->text), "is revoked");
		return;
	}
	of[host].judged++;
	assert_in_range(rq->auth.n, 1, TRUST_AUTH_MAX);	/* the other role takes a longer request for a sign that we are broken */
	of[host].certs = (uint8_t)count_items(rq->certs);
	an->error = of[host].error ? of[host].error : check(rq, of[!host].key, an);
	an->verdict = of[host].verdict;
	snprintf(an->subject, sizeof(an->subject), "CN=peer");
	snprintf(an->text, sizeof(an->text), "has a reason");
	if (rq->way == CONF_AUTH_CERT && !of[host].sleeps) {
		memcpy(an->ticket, "admit", 5);
		an->nticket = 5;
	}
}

/* Each host has one key of each kind for as long as the program runs: to find primes would be most of what it does. */
static struct crypto_key *key_of(unsigned host, enum crypto_key_type type, unsigned bits)
{
	static struct {
		enum crypto_key_type type;
		unsigned bits;
		struct secret pem;
	} made[2][KEY_KINDS_MAX];
	struct crypto_key *key;
	unsigned i = 0;

	while (made[host][i].pem.n && (made[host][i].type != type || made[host][i].bits != bits))
		assert_in_range(++i, 1, KEY_KINDS_MAX - 1);
	if (made[host][i].pem.n) {
		assert_int_equal(crypto_key_from_private(&key, secret_view(&made[host][i].pem), (struct view){ 0 }), 0);
		return key;
	}
	assert_int_equal(crypto_key_generate(&key, type, bits), 0);
	assert_int_equal(crypto_key_private_pem(key, &made[host][i].pem), 0);
	made[host][i].type = type;
	made[host][i].bits = bits;
	return key;
}

static void give_key(unsigned host, enum crypto_key_type type, unsigned bits)
{
	struct conf_key k = { .at = { .line = 5 } };
	struct secret spki = { 0 };

	of[host].key = key_of(host, type, bits);
	assert_int_equal(crypto_key_spki(of[host].key, &spki), 0);
	memset(&of[host].digest, (int)host + 1, sizeof(of[host].digest));
	k.key = of[host].digest;
	assert_int_equal(crypto_key_private_pem(of[host].key, &k.bytes), 0);
	assert_int_equal(keys_add(&of[host].keeper.keys, &k), 0);
	secret_clear(&k.bytes);
	secret_clear(&spki);
}

void give_cert(unsigned host, size_t n)
{
	struct wr chain = wr_of(of[host].chain, sizeof(of[host].chain));

	for (unsigned i = 0; i < 2; i++) {
		wr_u32(&chain, (uint32_t)n);
		wr_zero(&chain, n);
	}
	assert_true(wr_ok(&chain));
	of[host].cred = (struct conf_cred){ .key = of[host].digest, .chain = of[host].chain, .nchain = (uint32_t)chain.len,
					    .spki = of[host].spki, .nspki = sizeof(of[host].spki) };
	world->host[host].conf.creds = &of[host].cred;
	world->host[host].conf.ncreds = 1;
}

void begin(struct world *w, uint64_t seed, enum crypto_key_type type, unsigned bits)
{
	world = w;
	world_init(w, seed, true);
	memset(of, 0, sizeof(of));
	w->sign = sign;
	w->judge = judge;
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		struct conf_peer *d = &w->host[i].conf.defaults;

		give_key(i, type, bits);
		give_cert(i, 700);
		d->key = of[i].digest;
		d->auth_local[0] = d->auth_remote[0] = CONF_AUTH_CERT;
		conf_id_parse(&d->local_id, i ? "b.example" : "a.example");
	}
}

void configured(void)
{
	for (unsigned i = 0; i < WORLD_HOSTS; i++)
		world_configure(world, i);
}

void end(void)
{
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		world->host[i].conf.creds = NULL;
		world->host[i].conf.ncreds = 0;
		crypto_key_free(of[i].key);
		keeper_free(&of[i].keeper);
	}
	world_free(world);
}

unsigned ike_sas(unsigned host)
{
	unsigned n = 0;

	list_each(sa, &world->host[host].engine->sas, struct ike_sa, link)
		n += sa->state == IKE_ESTABLISHED;
	return n;
}

void ways(unsigned host, unsigned local, unsigned local2, unsigned remote, unsigned remote2)
{
	struct conf_peer *d = &world->host[host].conf.defaults;

	d->auth_local[0] = (uint8_t)local;
	d->auth_local[1] = (uint8_t)local2;
	d->auth_remote[0] = (uint8_t)remote;
	d->auth_remote[1] = (uint8_t)remote2;
}
