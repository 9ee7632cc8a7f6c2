// SPDX-License-Identifier: MIT
/* The PF_KEY codec without a kernel: messages cut short, hostile messages, events. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/lib/pfkey_hand.h"

/* ---- hostile messages ---- */

/* Everything the codec can do with a message, in memory that ends where it ends. 0, or -EBADMSG from each. */
static void nothing(const struct ipsec_event *ev, void *arg)
{
	(void)ev;
	++*(int *)arg;
}

static int swallow(const void *bytes, size_t n, int *events)
{
	struct sadb_msg *exact = malloc(n ? n : 1);
	struct ipsec_policy pol;
	struct pfkey_exts t;
	struct ipsec_sa sa;
	int err;

	assert_non_null(exact);
	memcpy(exact, bytes, n);
	*events = 0;
	err = pfkey_exts_get(&t, exact, n);
	if (!err) {
		pfkey_sa_get(exact, &t, &sa);
		pfkey_policy_get(&t, &pol);
	}
	assert_true(pfkey_event_get(exact, n, nothing, events) == (err ? err : *events) || !*events);
	free(exact);
	return err;
}

/* An SA message, a policy and a migration with every extension there is among them. */
static void large_messages(struct pfkey_msg m[3])
{
	const struct ipsec_event ev = { .migrate = { .proto = IPPROTO_ESP, .mode = IPSEC_MODE_TUNNEL, .old_src = addr("192.0.2.1"),
		.old_dst = addr("192.0.2.2"), .new_src = addr("2001:db8::1"), .new_dst = addr("2001:db8::2"),
		.sel = { .src = addr("10.1.0.0"), .dst = addr("10.2.0.0") } } };
	struct ipsec_policy pol = tunnel_policy();
	struct ipsec_addr src = addr("10.0.0.1"), dst = addr("10.0.0.2");
	struct ipsec_sa sa = esp_sa();
	struct sadb_ident *ident;
	struct sadb_x_selector *sel;
	struct sadb_sens *sens;
	uint8_t *km;

	sa.replay_window = 64;
	sa.auth.icv_bits = 80;
	pfkey_sa_put(&m[0], &sa, false);
	pfkey_ext_room(&m[0], SADB_EXT_LIFETIME_CURRENT, sizeof(struct sadb_lifetime));
	pfkey_addr_put(&m[0], SADB_X_EXT_NAT_T_OA, &dst, 32, 0, 0);
	ident = pfkey_ext_room(&m[0], SADB_EXT_IDENTITY_SRC, sizeof(*ident) + 5);
	memcpy(ident + 1, "host", 5);
	pfkey_ext_room(&m[0], SADB_EXT_IDENTITY_DST, sizeof(*ident));
	sens = pfkey_ext_room(&m[0], SADB_EXT_SENSITIVITY, sizeof(*sens) + 3 * 8);
	sens->sadb_sens_sens_len = 1;
	sens->sadb_sens_integ_len = 2;
	pfkey_ext_room(&m[0], SADB_EXT_PROPOSAL, sizeof(struct sadb_prop) + 2 * sizeof(struct sadb_comb));
	pfkey_ext_room(&m[0], SADB_EXT_SUPPORTED_AUTH, sizeof(struct sadb_supported) + 3 * sizeof(struct sadb_alg));
	pfkey_ext_room(&m[0], SADB_EXT_SUPPORTED_ENCRYPT, sizeof(struct sadb_supported));
	pfkey_ext_room(&m[0], SADB_EXT_SPIRANGE, sizeof(struct sadb_spirange));
	pfkey_ext_room(&m[0], SADB_X_EXT_KMPRIVATE, sizeof(struct sadb_x_kmprivate));
	pfkey_filter_put(&m[0], &src, &dst);
	pfkey_extended_put(&m[0]);
	sel = pfkey_ext_room(&m[0], SADB_X_EXT_SELECTOR, sizeof(*sel));
	sel->sadb_x_selector_family = AF_INET6;
	sel->sadb_x_selector_splen = sel->sadb_x_selector_dplen = 128;
	pfkey_policy_put(&m[1], SADB_X_SPDADD, &pol);
	pfkey_migrate_put(&m[2], &ev);
	km = pfkey_ext_room(&m[2], SADB_X_EXT_KMADDRESS, sizeof(struct sadb_x_kmaddress) + pfkey_pair_size(AF_INET));
	pfkey_pair_put(km + sizeof(struct sadb_x_kmaddress), &src, &dst);
}

static void test_every_extension_is_covered(void **state)
{
	bool seen[PFKEY_EXT_TOP + 1] = { false };
	struct pfkey_msg m[3];

	(void)state;
	large_messages(m);
	for (int i = 0; i < 3; i++) {
		struct pfkey_exts t;
		int events;

		assert_int_equal(swallow(m[i].bytes, pfkey_msg_size(&m[i]), &events), 0);
		assert_int_equal(events, 1);
		assert_int_equal(pfkey_exts_get(&t, &m[i].head, pfkey_msg_size(&m[i])), 0);
		for (int k = 1; k <= PFKEY_EXT_TOP; k++)
			seen[k] |= t.e[k] != NULL;
	}
	for (int k = 1; k <= PFKEY_EXT_TOP; k++)
		assert_true(seen[k] || (k > SADB_EXT_MAX && k < SADB_X_EXT_REPLAY));
}

static void test_truncated(void **state)
{
	struct pfkey_msg m[3];
	int events;

	(void)state;
	large_messages(m);
	for (int i = 0; i < 3; i++)
		for (size_t n = 0; n < pfkey_msg_size(&m[i]); n++) {
			int err = swallow(m[i].bytes, n, &events);

			/* A policy's head may be wrong about the length; without its X_POLICY it is none. */
			if (i != 1 || n % 8)
				assert_int_equal(err, -EBADMSG);
			if (n < pfkey_msg_size(&m[i]) - 16)
				assert_int_equal(events, 0);
			/* The same, with a head that agrees. */
			m[i].head.sadb_msg_len = (uint16_t)(n / 8);
			swallow(m[i].bytes, n, &events);
			large_messages(m);
		}
}

/* Each extension with each length that is not its own; twice; of type 0; of a type from the future. */
static void test_extension_lengths(void **state)
{
	static const int wrong[] = { 0, -2, -1, 1, 2, 0x7fff, 0xffff };
	struct pfkey_msg m[3];
	int events;

	(void)state;
	large_messages(m);
	for (int i = 0; i < 3; i++) {
		size_t size = pfkey_msg_size(&m[i]);

		for (size_t at = 16, len; at < size; at += len) {
			struct sadb_ext *e = (struct sadb_ext *)(m[i].bytes + at);
			struct sadb_ext was = *e;

			len = was.sadb_ext_len * 8u;
			for (size_t k = 0; k < sizeof(wrong) / sizeof(wrong[0]); k++) {
				e->sadb_ext_len = (uint16_t)(wrong[k] > -3 && wrong[k] < 3 && wrong[k] ?
					was.sadb_ext_len + wrong[k] : wrong[k]);
				swallow(m[i].bytes, size, &events);
				if (!e->sadb_ext_len || e->sadb_ext_len >= 0x7fff)
					assert_int_equal(swallow(m[i].bytes, size, &events), -EBADMSG);
			}
			*e = was;
			e->sadb_ext_type = 0;
			assert_int_equal(swallow(m[i].bytes, size, &events), -EBADMSG);
			e->sadb_ext_type = SADB_EXT_MAX + 1;
			assert_int_equal(swallow(m[i].bytes, size, &events), 0);
			*e = was;
		}
	}
}

static void test_twice(void **state)
{
	struct ipsec_sa sa = plain_sa();
	struct pfkey_msg m;
	int events;

	(void)state;
	pfkey_sa_put(&m, &sa, false);
	pfkey_ext_room(&m, SADB_X_EXT_SA2, sizeof(struct sadb_x_sa2));
	assert_int_equal(swallow(m.bytes, pfkey_msg_size(&m), &events), -EBADMSG);
}

/* Extensions that say of themselves what is not so: one field each, in a message that is right otherwise. */
static void test_lying_extensions(void **state)
{
	static const struct { int msg; uint16_t type; size_t at; uint16_t value; } rows[] = {
		{ 0, SADB_EXT_KEY_AUTH, offsetof(struct sadb_key, sadb_key_bits), 193 },
		{ 0, SADB_EXT_KEY_ENCRYPT, offsetof(struct sadb_key, sadb_key_bits), 0xffff },
		{ 0, SADB_EXT_ADDRESS_SRC, sizeof(struct sadb_address), AF_INET6 },
		{ 0, SADB_EXT_ADDRESS_DST, sizeof(struct sadb_address), AF_UNIX },
		{ 0, SADB_EXT_ADDRESS_PROXY, sizeof(struct sadb_address), 0 },
		{ 0, SADB_X_EXT_NAT_T_OA, sizeof(struct sadb_address), 0xffff },
		{ 0, SADB_X_EXT_SEC_CTX, offsetof(struct sadb_x_sec_ctx, sadb_x_ctx_len), 9 },
		{ 0, SADB_EXT_SENSITIVITY, offsetof(struct sadb_sens, sadb_sens_sens_len), 2 },
		{ 1, SADB_X_EXT_POLICY, sizeof(struct sadb_x_policy), 0 },
		{ 1, SADB_X_EXT_POLICY, sizeof(struct sadb_x_policy), 15 },
		{ 1, SADB_X_EXT_POLICY, sizeof(struct sadb_x_policy), 73 },
		{ 1, SADB_X_EXT_POLICY, sizeof(struct sadb_x_policy), 0xffff },
		{ 2, SADB_X_EXT_KMADDRESS, sizeof(struct sadb_x_kmaddress), AF_INET6 },
		{ 2, SADB_X_EXT_KMADDRESS, sizeof(struct sadb_x_kmaddress) + 16, AF_INET6 },
	};
	struct pfkey_exts t;
	struct pfkey_msg m[3];
	int events;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pfkey_msg *x = &m[rows[i].msg];

		large_messages(m);
		assert_int_equal(pfkey_exts_get(&t, &x->head, pfkey_msg_size(x)), 0);
		memcpy((uint8_t *)t.e[rows[i].type] + rows[i].at, &rows[i].value, 2);
		if (swallow(x->bytes, pfkey_msg_size(x), &events) != -EBADMSG)
			fail_msg("row %zu", i);
	}
	large_messages(m);
	assert_int_equal(pfkey_exts_get(&t, &m[0].head, pfkey_msg_size(&m[0])), 0);
	memset((uint8_t *)t.e[SADB_EXT_IDENTITY_SRC] + 16, 'x', 8);	/* no end */
	assert_int_equal(swallow(m[0].bytes, pfkey_msg_size(&m[0]), &events), -EBADMSG);
}

/* What is well formed, and no value of ours. */
static void test_not_a_value(void **state)
{
	struct ipsec_policy pol = tunnel_policy();
	struct ipsec_sa sa = esp_sa();
	struct sadb_x_selector *sel;
	struct sadb_address *a;
	struct pfkey_exts t;
	struct pfkey_msg m;
	struct sadb_sa *x;

	(void)state;
	pfkey_sa_put(&m, &sa, false);
	assert_int_equal(pfkey_exts_get(&t, &m.head, pfkey_msg_size(&m)), 0);
	x = (struct sadb_sa *)t.e[SADB_EXT_SA];
	x->sadb_sa_state = SADB_SASTATE_MAX + 1;
	assert_int_equal(sa_back(&m, &sa), -EBADMSG);
	x->sadb_sa_state = SADB_SASTATE_DYING;
	x->sadb_sa_auth = 99;
	assert_int_equal(sa_back(&m, &sa), 0);
	assert_int_equal(sa.state, IPSEC_STATE_DYING);
	assert_string_equal(sa.auth.name, "sadb(99)");
	m.head.sadb_msg_satype = SADB_X_SATYPE_IPCOMP;
	x->sadb_sa_encrypt = SADB_X_CALG_OUI;	/* has a number, and no kernel has it */
	assert_int_equal(sa_back(&m, &sa), 0);
	assert_string_equal(sa.comp.name, "sadb(1)");
	x->sadb_sa_encrypt = SADB_X_EALG_AESCBC;
	m.head.sadb_msg_satype = 0;
	assert_int_equal(sa_back(&m, &sa), 0);
	assert_int_equal(sa.proto, IPPROTO_IPIP);
	/* The kernel's prefix of another family. */
	a = (struct sadb_address *)t.e[SADB_EXT_ADDRESS_PROXY];
	a->sadb_address_prefixlen = 48;
	assert_int_equal(sa_back(&m, &sa), 0);
	assert_int_equal(sa.sel.src.family, AF_UNSPEC);
	sa = esp_sa();
	sa.auth.icv_bits = 80;
	pfkey_sa_put(&m, &sa, false);
	assert_int_equal(pfkey_exts_get(&t, &m.head, pfkey_msg_size(&m)), 0);
	((struct sadb_x_icv *)t.e[SADB_X_EXT_ICV])->sadb_x_icv_bits = 0;
	assert_int_equal(sa_back(&m, &sa), -EBADMSG);
	sa = esp_sa();
	sa.sel.dst_len = 8;
	pfkey_sa_put(&m, &sa, false);
	assert_int_equal(pfkey_exts_get(&t, &m.head, pfkey_msg_size(&m)), 0);
	sel = (struct sadb_x_selector *)t.e[SADB_X_EXT_SELECTOR];
	sel->sadb_x_selector_dplen = 33;
	assert_int_equal(sa_back(&m, &sa), -EBADMSG);
	sel->sadb_x_selector_dplen = 32;
	sel->sadb_x_selector_family = 1;
	assert_int_equal(sa_back(&m, &sa), -EBADMSG);
	pfkey_policy_put(&m, SADB_X_SPDADD, &pol);
	assert_int_equal(pfkey_exts_get(&t, &m.head, pfkey_msg_size(&m)), 0);
	a = (struct sadb_address *)t.e[SADB_EXT_ADDRESS_SRC];
	a->sadb_address_prefixlen = 33;
	assert_int_equal(policy_back(&m, &pol), -EBADMSG);
}

/* ---- events ---- */

static void keep(const struct ipsec_event *ev, void *arg)
{
	*(struct ipsec_event *)arg = *ev;
}

static int event_of(struct hand *h, struct ipsec_event *ev)
{
	uint16_t words = (uint16_t)(h->n / 8);
	uint32_t pid = 4321;

	memcpy(h->b + 4, &words, 2);
	memcpy(h->b + 12, &pid, 4);
	memset(ev, 0, sizeof(*ev));
	return pfkey_event_get((const struct sadb_msg *)h->b, h->n, keep, ev);
}

static void test_event_acquire(void **state)
{
	struct ipsec_policy pol = tunnel_policy();
	struct ipsec_event ev;
	struct hand h;

	(void)state;
	head(&h, 6, 2, 0, 88);
	address4(&h, 5, 0, 32, "192.0.2.1", 0);
	address4(&h, 6, 0, 32, "192.0.2.2", 0);
	policy_ext(&h, 2, 2, 2, 0x99, 7);
	ext(&h, 10, 13);
	while (h.n < 160)
		u8(&h, 0);
	assert_int_equal(event_of(&h, &ev), 1);
	assert_int_equal(ev.type, IPSEC_EVENT_ACQUIRE);
	assert_int_equal(ev.acquire.seq, 88);
	assert_int_equal(ev.acquire.proto, IPPROTO_AH);
	assert_int_equal(ev.acquire.policy.index, 0x99);
	assert_int_equal(ev.acquire.policy.priority, 7);
	/* The second template asks: it is of the protocol. */
	ev.acquire.policy = pol;
	pfkey_acquire_complete(&ev);
	assert_int_equal(ev.acquire.tmpl, 1);
	same(selector_differs(&ev.acquire.sel, &pol.sel));
	/* Of two tunnels the one that ends there. */
	pol.tmpl[1] = pol.tmpl[0];
	pol.tmpl[1].dst = ev.acquire.dst;
	pol.tmpl[1].src = ev.acquire.src;
	ev.acquire.policy = pol;
	ev.acquire.proto = IPPROTO_ESP;
	pfkey_acquire_complete(&ev);
	assert_int_equal(ev.acquire.tmpl, 1);
	/* A key manager says that it has failed. */
	h.b[2] = 5;
	assert_int_equal(event_of(&h, &ev), 0);
}

static void test_event_expire(void **state)
{
	struct ipsec_event ev;
	struct hand h;

	(void)state;
	for (unsigned int hard = 0; hard < 2; hard++) {
		head(&h, 8, 3, 0, 0);
		sa_ext(&h, 0x1000, 32, hard ? 3 : 2, 3, 12, 0);
		lifetime(&h, hard ? 3 : 4, 0, 0, 100, 0);
		lifetime(&h, 2, 11, 22, 33, 44);
		address4(&h, 5, 0, 32, "192.0.2.1", 0);
		address4(&h, 6, 0, 32, "192.0.2.2", 0);
		address4(&h, 7, 255, 0, "0.0.0.0", 0);
		sa2_ext(&h, 2, 6);
		assert_int_equal(event_of(&h, &ev), 1);
		assert_int_equal(ev.type, IPSEC_EVENT_EXPIRE);
		assert_int_equal(ev.expire.hard, hard);
		assert_int_equal(ev.expire.sa.state, hard ? IPSEC_STATE_DEAD : IPSEC_STATE_DYING);
		assert_int_equal(ev.expire.sa.reqid, 6);
		assert_int_equal(ev.expire.sa.usage.packets, 11);
		assert_int_equal(ev.expire.sa.usage.use_time, 44);
		assert_int_equal(ev.expire.sa.sel.src.family, AF_UNSPEC);
		assert_int_equal(ev.expire.sa.enc.key_bits, 0);
	}
}

static void test_events_of_sas(void **state)
{
	struct ipsec_sa sa = esp_sa();
	struct ipsec_event ev;
	struct pfkey_msg m;
	struct hand h;

	(void)state;
	pfkey_sa_put(&m, &sa, false);
	assert_int_equal(pfkey_event_get(&m.head, pfkey_msg_size(&m), keep, &ev), 1);
	assert_int_equal(ev.type, IPSEC_EVENT_SA_NEW);
	same(sa_differs(&sa, &ev.sa));
	pfkey_sa_put(&m, &sa, true);
	assert_int_equal(pfkey_event_get(&m.head, pfkey_msg_size(&m), keep, &ev), 1);
	assert_int_equal(ev.type, IPSEC_EVENT_SA_UPDATE);
	m.head.sadb_msg_type = SADB_DELETE;
	assert_int_equal(pfkey_event_get(&m.head, pfkey_msg_size(&m), keep, &ev), 1);
	assert_int_equal(ev.type, IPSEC_EVENT_SA_DELETE);
	assert_int_equal(ev.sa_id.spi, sa.spi);
	m.head.sadb_msg_type = SADB_GET;
	assert_int_equal(pfkey_event_get(&m.head, pfkey_msg_size(&m), keep, &ev), 0);
	head(&h, 9, 2, 0, 0);
	assert_int_equal(event_of(&h, &ev), 1);
	assert_int_equal(ev.type, IPSEC_EVENT_SA_FLUSH);
	assert_int_equal(ev.flush_proto, IPPROTO_AH);
	assert_int_equal(ev.pid, 4321);
	head(&h, 200, 2, 0, 0);
	assert_int_equal(event_of(&h, &ev), 0);
}

static void test_events_of_policies(void **state)
{
	static const struct { uint8_t type, event; } rows[] = {
		{ SADB_X_SPDADD, IPSEC_EVENT_POLICY_NEW }, { SADB_X_SPDSETIDX, IPSEC_EVENT_POLICY_NEW },
		{ SADB_X_SPDUPDATE, IPSEC_EVENT_POLICY_UPDATE }, { SADB_X_SPDDELETE, IPSEC_EVENT_POLICY_DELETE },
		{ SADB_X_SPDDELETE2, IPSEC_EVENT_POLICY_DELETE }, { SADB_X_SPDEXPIRE, IPSEC_EVENT_POLICY_EXPIRE },
	};
	struct ipsec_policy pol = tunnel_policy();
	struct ipsec_event ev;
	struct hand h;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		hand_policy(&h, rows[i].type);
		assert_int_equal(event_of(&h, &ev), 1);
		assert_int_equal(ev.type, rows[i].event);
		same(policy_differs(&pol, rows[i].type == SADB_X_SPDEXPIRE ? &ev.policy_expire.policy : &ev.policy));
	}
	head(&h, 19, 0, 0, 0);
	assert_int_equal(event_of(&h, &ev), 1);
	assert_int_equal(ev.type, IPSEC_EVENT_POLICY_FLUSH);
}

static void test_event_mapping(void **state)
{
	struct ipsec_addr old = addr("192.0.2.1"), new = addr("192.0.2.7");
	struct ipsec_event ev;
	struct hand h;

	(void)state;
	head(&h, 23, 3, 0, 0);
	sa_ext(&h, 0x1000, 0, 0, 0, 0, 0);
	address4(&h, 5, 0, 32, "192.0.2.1", 0);
	ext(&h, 1, 21);
	u32(&h, htons(4500));
	address4(&h, 6, 0, 32, "192.0.2.7", 0);
	ext(&h, 1, 22);
	u32(&h, htons(1024));
	assert_int_equal(event_of(&h, &ev), 1);
	assert_int_equal(ev.type, IPSEC_EVENT_MAPPING);
	assert_true(ipsec_addr_equal(&ev.mapping.old_addr, &old) && ipsec_addr_equal(&ev.mapping.new_addr, &new));
	assert_int_equal(ev.mapping.old_port, 4500);
	assert_int_equal(ev.mapping.new_port, 1024);
	assert_int_equal(ev.mapping.id.spi, 0x1000);
}

static void test_event_migrate(void **state)
{
	struct ipsec_event want = { .migrate = { .dir = IPSEC_DIR_FWD, .proto = IPPROTO_AH, .mode = IPSEC_MODE_BEET, .reqid = 9,
		.old_src = addr("192.0.2.1"), .old_dst = addr("192.0.2.2"), .new_src = addr("2001:db8::1"),
		.new_dst = addr("2001:db8::2"), .sel = { .src = addr("10.1.0.0"), .dst = addr("10.2.0.0"), .src_len = 16 } } };
	struct ipsec_event ev;
	struct pfkey_msg m;
	struct hand h;

	(void)state;
	pfkey_migrate_put(&m, &want);
	assert_int_equal(pfkey_event_get(&m.head, pfkey_msg_size(&m), keep, &ev), 1);
	assert_int_equal(ev.type, IPSEC_EVENT_MIGRATE);
	same(selector_differs(&want.migrate.sel, &ev.migrate.sel));
	assert_true(ipsec_addr_equal(&ev.migrate.old_src, &want.migrate.old_src));
	assert_true(ipsec_addr_equal(&ev.migrate.new_dst, &want.migrate.new_dst));
	assert_int_equal(ev.migrate.mode, IPSEC_MODE_BEET);
	assert_int_equal(ev.migrate.dir, IPSEC_DIR_FWD);
	/* A request without its other half. */
	head(&h, 24, 3, 0, 0);
	address4(&h, 5, 255, 16, "10.1.0.0", 0);
	address4(&h, 6, 255, 24, "10.2.0.0", 0);
	policy_ext(&h, 8, 2, 1, 0, 0);
	request(&h, 48, 50, 2, 3, 9);
	sin4(&h, "192.0.2.1", 0);
	sin4(&h, "192.0.2.2", 0);
	assert_int_equal(event_of(&h, &ev), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_extension_is_covered),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_extension_lengths),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_lying_extensions),
		cmocka_unit_test(test_not_a_value),
		cmocka_unit_test(test_event_acquire),
		cmocka_unit_test(test_event_expire),
		cmocka_unit_test(test_events_of_sas),
		cmocka_unit_test(test_events_of_policies),
		cmocka_unit_test(test_event_mapping),
		cmocka_unit_test(test_event_migrate),
	};

	return cmocka_run_group_tests_name("pfkey_read", tests, NULL, NULL);
}
