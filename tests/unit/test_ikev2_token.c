// SPDX-License-Identifier: MIT
// Keys of ours on tokens, as the engine sees them: what cannot be signed now, tokens that are pulled out, and put back.
#include "tests/unit/with_crypto.h"
#include "tests/unit/world.h"

#include "keyd/auth/keeper.h"
#include "keyd/card/token.h"
#include "keyd/conf/id.h"
#include "keyd/crypto/key.h"
#include "keyd/ctl/reason.h"
#include "keyd/ike/engine_state.h"
#include "keyd/ike/ike_sa.h"
#include "keyd/ike/timer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct world w;
static struct keeper keeper;		/* of both hosts: who judges believes */
static struct conf_digest key[WORLD_HOSTS];
static struct conf_cred cred[WORLD_HOSTS];
static uint8_t spki[64];
static enum token_need need;		/* of host 0's token; TOKEN_READY: it signs */
static unsigned refused;
static unsigned slow_host;		/* its token takes long; WORLD_HOSTS: none does */

/* Who has asked for a key before it was seen knows it by another name. */
static void sign(struct world *world, unsigned host, const struct auth_request *rq, struct auth_answer *an)
{
	struct auth_request by_key = *rq;

	by_key.key = key[host];
	world->auth_delay = host == slow_host ? SECONDS(45) : MILLISECONDS(1);
	if (host == 0 && need != TOKEN_READY) {
		*an = (struct auth_answer){ .id = rq->id, .error = AUTH_TOKEN, .need = (uint8_t)need };
		snprintf(an->text, sizeof(an->text), "the token \"gate\" with our key %s", token_need_text(need));
		refused++;
		return;
	}
	keeper_answer(&keeper, &by_key, an);
}

static void judge(struct world *world, unsigned host, const struct trust_request *rq, struct trust_answer *an)
{
	(void)host;
	world->auth_delay = MILLISECONDS(1);
	*an = (struct trust_answer){ .id = rq->id, .ends_in = INT64_MAX, .ends = INT64_MAX };
}

static void give_key(unsigned host)
{
	struct conf_key k = { 0 };
	struct crypto_key *made = NULL;

	assert_int_equal(crypto_key_generate(&made, CRYPTO_KEY_ED25519, 0), 0);
	memset(&key[host], (int)host + 1, sizeof(key[host]));
	k.key = key[host];
	assert_int_equal(crypto_key_private_pem(made, &k.bytes), 0);
	assert_int_equal(keys_add(&keeper.keys, &k), 0);
	secret_clear(&k.bytes);
	crypto_key_free(made);
	cred[host] = (struct conf_cred){ .key = key[host], .token = host == 0, .spki = spki, .nspki = sizeof(spki) };
	w.host[host].conf.creds = &cred[host];
	w.host[host].conf.ncreds = 1;
}

/* Raw keys at both ends; what host 0's section says of a token that is pulled. */
static void begin(uint64_t seed, enum conf_pulled pulled, uint32_t after)
{
	world_init(&w, seed, true);
	w.sign = sign;
	w.judge = judge;
	need = TOKEN_READY;
	slow_host = WORLD_HOSTS;
	refused = 0;
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		struct conf_peer *d = &w.host[i].conf.defaults;

		give_key(i);
		d->key = key[i];
		d->auth_local[0] = d->auth_remote[0] = CONF_AUTH_KEY;
		conf_id_parse(&d->local_id, i ? "b.example" : "a.example");
		if (i == 0) {
			d->pulled = (uint8_t)pulled;
			d->pulled_after = after;
		}
		world_configure(&w, i);
	}
}

static void up(void)
{
	world_packet(&w, 0);
	assert_true(world_until(&w, SECONDS(5), world_joined));
}

static void end(void)
{
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		w.host[i].conf.creds = NULL;
		w.host[i].conf.ncreds = 0;
	}
	keeper_free(&keeper);
	keeper = (struct keeper){ 0 };
	world_free(&w);
}

static void token(bool there, bool usable)
{
	need = !there ? TOKEN_WANT_TOKEN : usable ? TOKEN_READY : TOKEN_WANT_PIN;
	engine_token(w.host[0].engine, w.now, &key[0], there, usable);
}

static unsigned ike_sas(unsigned host)
{
	unsigned n = 0;

	list_each(sa, &w.host[host].engine->sas, struct ike_sa, link)
		n += sa->state == IKE_ESTABLISHED;
	return n;
}

static struct ike_sa *the_sa(unsigned host)
{
	list_each(sa, &w.host[host].engine->sas, struct ike_sa, link)
		if (sa->state == IKE_ESTABLISHED)
			return sa;
	fail_msg("host %u has no IKE SA", host);
	return NULL;
}

static void on_ike(void *arg, const struct engine_ike_info *info)
{
	assert_memory_equal(&info->local_key, arg, sizeof(info->local_key));
}

static void on_child(void *arg, const struct engine_child_info *info)
{
	(void)arg;
	(void)info;
}

/* Nothing but the log: rekeys need no token, and the SA that they make is still by its key. */
static void test_keep(void **state)
{
	uint64_t before;

	(void)state;
	begin(1, CONF_PULLED_KEEP, 0);
	token(true, true);
	up();
	before = w.host[0].engine->stats.ike_rekeyed;
	token(false, false);
	world_run(&w, SECONDS(5 * 3600));
	assert_int_equal(ike_sas(0), 1);
	assert_int_equal(ike_sas(1), 1);
	assert_true(w.host[0].engine->stats.ike_rekeyed > before);
	engine_walk(w.host[0].engine, w.now, on_ike, on_child, &key[0]);
	end();
}

static struct {
	unsigned n;
	uint8_t reason;
} told;

static void on_story(void *arg, const struct engine_story *s)
{
	(void)arg;
	if (!told.n++)
		told.reason = s->reason;
}

/*
 * Not renewed while it is away, whoever wants it, and nothing ends for that; renewed when it is back in time, else it
 * comes back with it.
 */
static void test_no_rekey(void **state)
{
	struct engine_explain_end over;
	const struct engine_stats *peer;

	(void)state;
	begin(2, CONF_PULLED_NO_REKEY, 0);
	peer = &w.host[1].engine->stats;
	token(true, true);
	up();
	token(false, false);
	world_run(&w, SECONDS(480));
	engine_rekey(w.host[1].engine, w.now, NULL, ENGINE_REKEY_CHILD | ENGINE_REKEY_IKE);
	world_run(&w, SECONDS(60));
	assert_int_equal(peer->child_rekeyed + peer->ike_rekeyed, 0);
	world_run(&w, SECONDS(60));
	assert_int_equal(ike_sas(0), 1);
	assert_int_equal(peer->ike_up, 1);
	token(true, true);
	world_run(&w, SECONDS(60));
	assert_true(peer->child_rekeyed && peer->ike_rekeyed);
	world_run(&w, SECONDS(5 * 3600));
	assert_int_equal(ike_sas(0), 1);
	assert_true(the_sa(0)->rekeys > 0);
	token(false, false);
	for (unsigned hour = 0; hour < 9 && ike_sas(0); hour++) {
		world_log_clear(&w);
		world_run(&w, SECONDS(3600));
	}
	assert_int_equal(ike_sas(0), 0);
	assert_int_equal(ike_sas(1), 0);
	assert_non_null(strstr(w.host[0].log, "it is not renewed, as the token with our key is away"));
	told.n = 0;
	engine_explain(w.host[0].engine, w.now, "", on_story, NULL, &over);
	assert_string_equal(reason_by_number(told.reason)->name, "token-absent");
	token(true, true);
	world_run(&w, SECONDS(2));
	assert_int_equal(ike_sas(0), 1);
	end();
}

/* Down with DELETE, and back with the token, though no packet asks for it. */
static void test_down(void **state)
{
	(void)state;
	begin(3, CONF_PULLED_DOWN, 0);
	token(true, true);
	up();
	token(false, false);
	world_run(&w, SECONDS(2));
	assert_int_equal(ike_sas(0), 0);
	assert_int_equal(ike_sas(1), 0);
	token(true, false);
	world_run(&w, SECONDS(60));
	assert_int_equal(ike_sas(0), 0);
	token(true, true);
	world_run(&w, SECONDS(2));
	assert_int_equal(ike_sas(0), 1);
	assert_int_equal(ike_sas(1), 1);
	end();
}

static void test_down_after(void **state)
{
	(void)state;
	begin(4, CONF_PULLED_DOWN, 30);
	token(true, true);
	up();
	token(false, false);
	world_run(&w, SECONDS(20));
	token(true, true);
	world_run(&w, SECONDS(60));
	assert_int_equal(ike_sas(0), 1);
	token(false, false);
	world_run(&w, SECONDS(29));
	assert_int_equal(ike_sas(0), 1);
	token(false, false);		/* said again: the time goes on */
	world_run(&w, SECONDS(2));
	assert_int_equal(ike_sas(0), 0);
	assert_int_equal(ike_sas(1), 0);
	end();
}

/* Only the token of the key that has signed counts. */
static void test_other_key(void **state)
{
	struct conf_digest other = { { 9 } };

	(void)state;
	begin(5, CONF_PULLED_DOWN, 0);
	up();
	engine_token(w.host[0].engine, w.now, &other, false, false);
	engine_token(w.host[1].engine, w.now, &key[0], false, false);
	world_run(&w, SECONDS(2));
	assert_int_equal(ike_sas(0), 1);
	end();
}

/* What the section says counts from when it says it, also for what is up. */
static void test_reload(void **state)
{
	(void)state;
	begin(8, CONF_PULLED_KEEP, 0);
	token(true, true);
	up();
	token(false, false);
	world_run(&w, SECONDS(2));
	assert_int_equal(ike_sas(0), 1);
	w.host[0].conf.defaults.pulled = CONF_PULLED_DOWN;
	world_configure(&w, 0);
	world_run(&w, SECONDS(2));
	assert_int_equal(ike_sas(0), 0);
	assert_int_equal(ike_sas(1), 0);
	end();
}

/* The first attempt was before the key was ever seen; its digest is known since. */
static void test_first_sight(void **state)
{
	struct conf_digest seen, unseen = { { 7 } };

	(void)state;
	begin(9, CONF_PULLED_KEEP, 0);
	seen = key[0];
	cred[0].key = unseen;
	w.host[0].conf.defaults.key = unseen;
	world_configure(&w, 0);
	need = TOKEN_WANT_TOKEN;
	engine_token(w.host[0].engine, w.now, &unseen, false, false);
	engine_up(w.host[0].engine, w.now, w.host[0].conf.defaults.name, NULL);
	world_run(&w, SECONDS(2));
	assert_int_equal(refused, 0);
	assert_int_equal(ike_sas(0), 0);
	cred[0].key = seen;
	w.host[0].conf.defaults.key = seen;
	world_configure(&w, 0);
	token(true, true);
	world_run(&w, SECONDS(2));
	assert_int_equal(ike_sas(0), 1);
	end();
}

/* It is seen, and the configuration knows it, while the signature is being made: the first attempt is good, and by that key. */
static void test_sight_under_way(void **state)
{
	struct conf_digest seen, unseen = { { 7 } };

	(void)state;
	begin(10, CONF_PULLED_DOWN, 0);
	seen = key[0];
	slow_host = 0;
	cred[0].key = cred[0].uri = unseen;
	w.host[0].conf.defaults.key = unseen;
	world_configure(&w, 0);
	world_packet(&w, 0);
	world_run(&w, SECONDS(5));
	cred[0].key = seen;
	w.host[0].conf.defaults.key = seen;
	world_configure(&w, 0);
	token(true, true);
	world_run(&w, SECONDS(45));
	assert_int_equal(ike_sas(0), 1);
	assert_memory_equal(&the_sa(0)->proof.key, &seen, sizeof(seen));
	token(false, false);
	world_run(&w, SECONDS(2));
	assert_int_equal(ike_sas(0), 0);
	assert_int_equal(ike_sas(1), 0);
	end();
}

/* What the engine does not know after a restart, the card role tells again. */
static void test_restart(void **state)
{
	(void)state;
	begin(6, CONF_PULLED_DOWN, 0);
	token(true, true);
	up();
	world_run(&w, SECONDS(1));
	world_kill(&w, 0);
	world_run(&w, SECONDS(2));
	assert_int_equal(ike_sas(0), 1);
	token(false, false);
	world_run(&w, SECONDS(2));
	assert_int_equal(ike_sas(0), 0);
	assert_int_equal(ike_sas(1), 0);
	end();
}

/*
 * Refused at once with the reason, of a token that is away before the peer hears of it; and begun by itself as soon as
 * the token can sign.
 */
static void test_wants(void **state)
{
	static const struct {
		enum token_need need;
		enum engine_reason reason;
	} rows[] = {
		{ TOKEN_WANT_TOKEN, REASON_TOKEN_ABSENT },     { TOKEN_WANT_PIN, REASON_TOKEN_LOCKED },
		{ TOKEN_WANT_OTHER_PIN, REASON_TOKEN_PIN },    { TOKEN_WANT_HUMAN, REASON_TOKEN_LOCKED },
		{ TOKEN_WANT_UNBLOCK, REASON_TOKEN_BLOCKED },  { TOKEN_WANT_CURE, REASON_TOKEN_FAILING },
		{ TOKEN_WANT_TIME, REASON_TOKEN_FAILING },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct engine_explain_end over;
		bool there;

		begin(7 + i, CONF_PULLED_KEEP, 0);
		there = rows[i].need != TOKEN_WANT_TOKEN;
		engine_token(w.host[0].engine, w.now, &key[0], there, false);
		need = rows[i].need;
		world_packet(&w, 0);
		world_run(&w, MILLISECONDS(500));
		assert_int_equal(refused, there);
		assert_int_equal(!list_empty(&w.host[1].engine->sas), there);
		assert_int_equal(ike_sas(0), 0);
		told.n = 0;
		engine_explain(w.host[0].engine, w.now, "", on_story, NULL, &over);
		assert_string_equal(reason_by_number(told.reason)->name, reason_by_number(rows[i].reason)->name);
		token(true, true);
		world_run(&w, MILLISECONDS(500));
		assert_int_equal(ike_sas(0), 1);
		end();
	}
}

/* Somebody types at a PIN pad for that long: what the peer says again meanwhile is absorbed, at either end. */
static void test_slow(void **state)
{
	(void)state;
	for (unsigned slow = 0; slow < WORLD_HOSTS; slow++) {
		begin(20 + slow, CONF_PULLED_KEEP, 0);
		slow_host = slow;
		world_packet(&w, 0);
		world_run(&w, SECONDS(40));
		assert_false(world_joined(&w));
		world_run(&w, SECONDS(10));
		assert_true(world_joined(&w));
		assert_int_equal(ike_sas(0), 1);
		assert_int_equal(ike_sas(1), 1);
		end();
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keep),	   cmocka_unit_test(test_no_rekey),  cmocka_unit_test(test_down),
		cmocka_unit_test(test_down_after), cmocka_unit_test(test_other_key), cmocka_unit_test(test_reload),
		cmocka_unit_test(test_first_sight), cmocka_unit_test(test_sight_under_way), cmocka_unit_test(test_restart),
		cmocka_unit_test(test_wants),	   cmocka_unit_test(test_slow),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
