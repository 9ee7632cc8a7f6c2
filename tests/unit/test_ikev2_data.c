// SPDX-License-Identifier: MIT
// Messages that other implementations sent, with their keys (tests/data/ikev2): taken apart, decrypted, written again, proven.
#include "keyd/crypto/alg.h"
#include "keyd/crypto/keymat.h"
#include "keyd/crypto/prf.h"
#include "keyd/ikev2/message.h"
#include "keyd/ikev2/payloads.h"
#include "keyd/wire/auth.h"
#include "keyd/wire/cp.h"
#include "keyd/wire/delete.h"
#include "keyd/wire/id.h"
#include "keyd/wire/nonce.h"
#include "keyd/wire/ts.h"
#include "tests/unit/with_crypto.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DATA "tests/data/ikev2"
#define MESSAGES_MAX 64

enum key { SK_D, SK_AI, SK_AR, SK_EI, SK_ER, SK_PI, SK_PR, SHARED, PSK, AUTH_I, AUTH_R, KEYS };
static const char *const key_names[KEYS] = { "sk_d",  "sk_ai", "sk_ar",	 "sk_ei", "sk_er", "sk_pi",
					     "sk_pr", "shared", "psk", "auth_i", "auth_r" };

struct message {
	bool initiators;
	uint8_t *bytes, *sent;	/* sent stays as it was */
	size_t n;
	struct wire_message m;
};

/* One file: an IKE SA, or as much of it as somebody has told. */
static struct file {
	char name[300];
	struct ikev2_suite suite;
	struct secret key[KEYS];
	struct message said[MESSAGES_MAX];
	unsigned n;
	struct view id[2], auth[2];	/* bodies of IDi and AUTH, IDr and AUTH */
} f;

static size_t unhex(const char *hex, uint8_t **out)
{
	size_t n = strlen(hex) / 2;

	*out = malloc(n + 1);
	assert_non_null(*out);
	for (size_t i = 0; i < n; i++) {
		unsigned byte;

		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		(*out)[i] = (uint8_t)byte;
	}
	return n;
}

static void take_suite(char *words)
{
	const char *encr = strtok(words, " "), *integ = strtok(NULL, " "), *prf = strtok(NULL, " ");

	f.suite.encr = crypto_alg_by_name(CRYPTO_ENCR, encr);
	f.suite.integ = *integ == '-' ? NULL : crypto_alg_by_name(CRYPTO_INTEG, integ);
	f.suite.prf = crypto_alg_by_name(CRYPTO_PRF, prf);
	assert_non_null(f.suite.encr);
	assert_non_null(f.suite.prf);
	assert_int_equal(f.suite.encr->aead, !f.suite.integ);
}

static void take_line(char *line)
{
	char *value = strchr(line, ' ');

	line[strcspn(line, "\n")] = '\0';
	if (*line == '#' || !value)
		return;
	*value++ = '\0';
	if (!strcmp(line, "suite")) {
		take_suite(value);
	} else if (!strcmp(line, "i") || !strcmp(line, "r")) {
		struct message *s = &f.said[f.n++];

		assert_true(f.n <= MESSAGES_MAX);
		s->initiators = *line == 'i';
		s->n = unhex(value, &s->bytes);
		unhex(value, &s->sent);
	} else {
		unsigned k = 0;

		while (k < KEYS && strcmp(line, key_names[k]) != 0)
			k++;
		if (k < KEYS)
			f.key[k].n = unhex(value, &f.key[k].p);
		else
			fail_msg("%s: what is \"%s\"?", f.name, line);
	}
}

static void file_read(const char *name)
{
	static char line[20000];
	FILE *in;

	memset(&f, 0, sizeof(f));
	snprintf(f.name, sizeof(f.name), DATA "/%s", name);
	in = fopen(f.name, "r");
	assert_non_null(in);
	while (fgets(line, sizeof(line), in))
		take_line(line);
	fclose(in);
	assert_true(f.n > 0);
}

static void file_free(void)
{
	for (unsigned i = 0; i < f.n; i++) {
		free(f.said[i].bytes);
		free(f.said[i].sent);
	}
	for (unsigned k = 0; k < KEYS; k++)
		secret_clear(&f.key[k]);
}

static struct view key(enum key k)
{
	return secret_view(&f.key[k]);
}

/* --- written again it is the same --- */

/* A decoder and its encoder for each payload type that we write. */
#define SAME(name, kind) \
	static void name##_same(struct view body, struct wr *w) \
	{ \
		struct kind it; \
\
		assert_int_equal(wire_##name##_get(&it, body), 0); \
		wire_##name##_put(w, &it); \
	}

SAME(sa, wire_sa)
SAME(ke, wire_ke)
SAME(id, wire_id)
SAME(auth, wire_auth)
SAME(nonce, wire_nonce)
SAME(notify, wire_notify)
SAME(delete, wire_delete)
SAME(ts, wire_ts_list)
SAME(cp, wire_cp)

static void (*const again[])(struct view body, struct wr *w) = {
	[IKEV2_PL_SA] = sa_same,	 [IKEV2_PL_KE] = ke_same,	  [IKEV2_PL_IDI] = id_same,
	[IKEV2_PL_IDR] = id_same,	 [IKEV2_PL_AUTH] = auth_same,  [IKEV2_PL_NONCE] = nonce_same,
	[IKEV2_PL_NOTIFY] = notify_same, [IKEV2_PL_DELETE] = delete_same, [IKEV2_PL_TSI] = ts_same,
	[IKEV2_PL_TSR] = ts_same,	 [IKEV2_PL_CP] = cp_same,
};

static unsigned written;

static void same_payload(const struct wire_payload *p)
{
	static uint8_t buf[70000];
	struct wr w = wr_of(buf, sizeof(buf));

	if (p->type >= sizeof(again) / sizeof(again[0]) || !again[p->type])
		return;
	again[p->type](p->body, &w);
	assert_true(wr_ok(&w));
	assert_int_equal(w.len, p->body.n);
	assert_memory_equal(buf, p->body.p, w.len);
	written++;
}

/* --- opened --- */

static unsigned opened;

static void open_message(struct message *s)
{
	bool mine = s->initiators;
	struct crypto_cipher *c = crypto_cipher_new(f.suite.encr, f.suite.integ, key(mine ? SK_EI : SK_ER),
						    key(mine ? SK_AI : SK_AR));
	const struct wire_payload *sk;
	struct view inner;

	assert_non_null(c);
	s->bytes[s->n - 1] ^= 1;	/* not when it is forged */
	assert_int_equal(message_decrypt(c, s->bytes, s->n, &s->m, &sk, &inner), MESSAGE_FORGED);
	memcpy(s->bytes, s->sent, s->n);
	assert_int_equal(message_decrypt(c, s->bytes, s->n, &s->m, &sk, &inner), 0);
	assert_int_equal(wire_inner_get(&s->m, s->m.sk_next, inner), 0);
	crypto_cipher_free(c);
	opened++;
}

static void note_proof(const struct message *s)
{
	const struct wire_payload *id = wire_find(&s->m, s->initiators ? IKEV2_PL_IDI : IKEV2_PL_IDR);
	const struct wire_payload *p = wire_find(&s->m, IKEV2_PL_AUTH);
	struct wire_auth auth;

	if (!p || !id)
		return;
	assert_int_equal(wire_auth_get(&auth, p->body), 0);
	f.id[!s->initiators] = id->body;
	f.auth[!s->initiators] = auth.data;
}

static void take_message(struct message *s)
{
	char why[PAYLOADS_WHY];
	const char *wrong;

	assert_int_equal(wire_message_get(&s->m, (struct view){ s->bytes, s->n }), 0);
	assert_int_equal(!!(s->m.h.flags & IKEV2_FLAG_INITIATOR), s->initiators);
	if (s->m.present_clear & WIRE_BIT(IKEV2_PL_SK)) {
		if (!f.key[SK_EI].n)
			return;
		open_message(s);
	}
	/* free5gc's is the middle of an EAP conversation: IDi was in the request before. */
	wrong = payloads_wrong(&s->m, why);
	if (wrong && !(wire_find(&s->m, IKEV2_PL_EAP) && strstr(wrong, "IDi")))
		fail_msg("%s: %s", f.name, wrong);
	for (unsigned i = 0; i < s->m.n; i++)
		same_payload(&s->m.pl[i]);
	note_proof(s);
}

/* --- derived --- */

static unsigned derived, proven;

static struct view nonce_of(const struct message *s)
{
	struct view nonce;

	assert_int_equal(message_get_nonce(&s->m, &nonce), 0);
	return nonce;
}

static void same_key(const struct secret *ours, enum key k)
{
	if (!f.key[k].n)
		return;
	assert_int_equal(ours->n, f.key[k].n);
	assert_memory_equal(ours->p, f.key[k].p, ours->n);
}

static void derive(void)
{
	const struct message *i = &f.said[0], *r = &f.said[1];
	struct ikev2_keys keys = { 0 };

	if (!f.key[SHARED].n)
		return;
	assert_int_equal(ikev2_keymat_ike(&keys, &f.suite, nonce_of(i), nonce_of(r), key(SHARED), r->m.h.spi_i,
					  r->m.h.spi_r), 0);
	same_key(&keys.sk_d, SK_D);
	same_key(&keys.sk_ai, SK_AI);
	same_key(&keys.sk_ar, SK_AR);
	same_key(&keys.sk_ei, SK_EI);
	same_key(&keys.sk_er, SK_ER);
	same_key(&keys.sk_pi, SK_PI);
	same_key(&keys.sk_pr, SK_PR);
	ikev2_keys_clear(&keys);
	derived++;
}

/* AUTH is as it was told by others; and where the secret is known, as we make it ourselves. */
static void prove(unsigned side)
{
	const struct message *own = &f.said[side], *other = &f.said[!side];
	uint8_t macid[CRYPTO_PRF_MAX], auth[CRYPTO_PRF_MAX];
	size_t n = f.suite.prf ? f.suite.prf->prf : 0;

	if (f.key[AUTH_I + side].n) {
		assert_int_equal(f.auth[side].n, f.key[AUTH_I + side].n);
		assert_memory_equal(f.auth[side].p, f.key[AUTH_I + side].p, f.auth[side].n);
	}
	if (!f.key[PSK].n || !f.auth[side].n)	/* a refusal proves nothing */
		return;
	assert_int_equal(ikev2_auth_octets_macid(f.suite.prf, key(side ? SK_PR : SK_PI), f.id[side], macid), 0);
	assert_int_equal(ikev2_auth_psk(f.suite.prf, key(PSK), (struct view){ own->sent, own->n }, nonce_of(other),
					(struct view){ macid, n }, auth), 0);
	assert_int_equal(f.auth[side].n, n);
	assert_memory_equal(f.auth[side].p, auth, n);
	proven++;
}

static void test_data(void **state)
{
	unsigned files = 0;
	struct dirent *entry;
	DIR *dir = opendir(DATA);

	(void)state;
	if (!dir)
		skip();		/* not run from the top of the sources */
	while ((entry = readdir(dir))) {
		if (!strstr(entry->d_name, ".txt"))
			continue;
		file_read(entry->d_name);
		for (unsigned i = 0; i < f.n; i++)
			take_message(&f.said[i]);
		derive();
		prove(0);
		prove(1);
		file_free();
		files++;
	}
	closedir(dir);
	print_message("%u files: %u messages opened, %u payloads written again, %u key sets derived, %u proofs made\n",
		      files, opened, written, derived, proven);
	assert_true(files >= 14 && opened >= 30 && written >= 200 && derived >= 3 && proven >= 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_data) };

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
