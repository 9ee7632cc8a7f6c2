// SPDX-License-Identifier: MIT
// Offers and choices of algorithms, and the words for where two sides differ.
#include "keyd/conf/load.h"
#include "keyd/ike/proposal.h"
#include "keyd/wire/ikev2.h"
#include "tests/unit/with_crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct conf conf_of(const char *text)
{
	struct conf_secrets s;
	struct conf c;

	assert_int_equal(conf_load_buffer(&c, &s, "test", text, strlen(text), NULL, NULL), 0);
	conf_secrets_free(&s);
	return c;
}

static void test_proposals(void **state)
{
	static const struct {
		const char *ours, *theirs, *chosen;
	} t[] = {
		{ "aes128gcm16-prfsha256-x25519", "aes128gcm16-prfsha256-x25519", "aes128gcm16-prfsha256-x25519" },
		{ "aes256-sha256-modp2048", "aes128gcm16-prfsha256-x25519, aes256-aes128-sha512-sha256-modp2048-ecp256",
		  "aes256-sha256-prfsha256-modp2048" },
		/* our order counts, not theirs */
		{ "aes256gcm16-aes128gcm16-prfsha384-prfsha256-ecp256-x25519",
		  "aes128gcm16-aes256gcm16-prfsha256-prfsha384-x25519-ecp256", "aes256gcm16-prfsha384-ecp256" },
		{ "aes128gcm16-prfsha256-x25519", "aes256gcm16-prfsha256-x25519", NULL },
		{ "aes128gcm16-prfsha256-x25519", "aes128gcm16-prfsha384-x25519", NULL },
		{ "aes128gcm16-prfsha256-x25519", "aes128gcm16-prfsha256-ecp256", NULL },
		{ "aes128gcm16-prfsha256-x25519", "aes128-sha256-x25519", NULL },
	};
	char text[256];

	(void)state;
	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct proposal_choice choice, checked;
		struct wire_sa offer, answer;
		struct conf ours, theirs;

		snprintf(text, sizeof(text), "default { ike %s }\n", t[i].ours);
		ours = conf_of(text);
		snprintf(text, sizeof(text), "default { ike %s }\n", t[i].theirs);
		theirs = conf_of(text);
		proposal_offer(&theirs.defaults.ike, IKEV2_PROTO_IKE, (struct view){ 0 }, PROPOSAL_KE_REQUIRED, &offer);
		assert_int_equal(proposal_choose(&ours.defaults.ike, &offer, IKEV2_PROTO_IKE, PROPOSAL_KE_REQUIRED,
						 &choice), t[i].chosen != NULL);
		if (t[i].chosen) {
			proposal_answer(&choice, IKEV2_PROTO_IKE, (struct view){ 0 }, &answer);
			assert_string_equal(proposal_format(&answer, text, sizeof(text)), t[i].chosen);
			/* The other side recognises it, and nothing that it has not offered. */
			assert_true(proposal_check(&theirs.defaults.ike, &answer, IKEV2_PROTO_IKE, PROPOSAL_KE_REQUIRED,
						   &checked));
			assert_ptr_equal(checked.ke, choice.ke);
			answer.p[0].t[0].key_bits = 192;
			assert_false(proposal_check(&theirs.defaults.ike, &answer, IKEV2_PROTO_IKE,
						    PROPOSAL_KE_REQUIRED, &checked));
			proposal_answer(&choice, IKEV2_PROTO_IKE, (struct view){ 0 }, &answer);
			answer.p[0].t[answer.p[0].n++] = answer.p[0].t[0];
			assert_false(proposal_check(&theirs.defaults.ike, &answer, IKEV2_PROTO_IKE,
						    PROPOSAL_KE_REQUIRED, &checked));
			answer.p[0].n--;
			answer.p[0].number = 9;
			assert_false(proposal_check(&theirs.defaults.ike, &answer, IKEV2_PROTO_IKE,
						    PROPOSAL_KE_REQUIRED, &checked));
		}
		conf_free(&ours);
		conf_free(&theirs);
	}
}

/* A transform type that we do not understand makes a proposal unacceptable (RFC 7296 3.3.6). */
static void test_unknown_transform_type(void **state)
{
	struct proposal_choice choice;
	struct wire_sa offer;
	struct conf c;

	(void)state;
	conf_defaults(&c);
	proposal_offer(&c.defaults.esp, IKEV2_PROTO_ESP, (struct view){ 0 }, PROPOSAL_KE_NONE, &offer);
	offer.n = 1;
	assert_true(proposal_choose(&c.defaults.esp, &offer, IKEV2_PROTO_ESP, PROPOSAL_KE_NONE, &choice));
	offer.p[0].t[offer.p[0].n++] = (struct wire_transform){ .type = 9, .id = 1 };
	assert_false(proposal_choose(&c.defaults.esp, &offer, IKEV2_PROTO_ESP, PROPOSAL_KE_NONE, &choice));
	conf_free(&c);
}

static void format_wire(struct wire_sa *sa, const char *text)
{
	/* "12:128 3:12 5:0 | …": type by place; a word is TYPE:ID or TYPE:ID:BITS */
	char copy[300], *proposal, *word, *save, *save2;

	*sa = (struct wire_sa){ 0 };
	snprintf(copy, sizeof(copy), "%s", text);
	for (proposal = strtok_r(copy, "|", &save); proposal; proposal = strtok_r(NULL, "|", &save)) {
		struct wire_proposal *p = &sa->p[sa->n++];

		p->number = (uint8_t)sa->n;
		p->protocol = IKEV2_PROTO_ESP;
		for (word = strtok_r(proposal, " ", &save2); word; word = strtok_r(NULL, " ", &save2)) {
			unsigned type = 0, id = 0, bits = 0;

			if (!strcmp(word, "AH")) {
				p->protocol = IKEV2_PROTO_AH;
				continue;
			}
			assert_true(sscanf(word, "%u:%u:%u", &type, &id, &bits) >= 2);
			p->t[p->n++] = (struct wire_transform){ (uint8_t)type, (uint16_t)id, (uint16_t)bits };
		}
	}
}

/* What a peer may write, and what we make of it. Types: 1 ENCR, 3 INTEG, 4 KE, 5 ESN; 20 GCM, 12 CBC and SHA-256. */
static void test_offers(void **state)
{
	static const struct {
		const char *ours, *theirs, *answer;
		enum proposal_ke ke;
	} t[] = {
		{ "aes128gcm16", "1:20:128 5:0", "1:20:128 5:0", PROPOSAL_KE_NONE },
		{ "aes128gcm16", "1:20:128", NULL, PROPOSAL_KE_NONE },			/* ESN is a must */
		{ "aes128gcm16", "1:20:128 5:1", NULL, PROPOSAL_KE_NONE },
		{ "aes128gcm16-esn-noesn", "1:20:128 5:0 5:1", "1:20:128 5:1", PROPOSAL_KE_NONE },
		{ "aes128gcm16", "1:20:128 3:0 5:0", "1:20:128 3:0 5:0", PROPOSAL_KE_NONE },
		{ "aes128gcm16", "1:20:128 3:0 3:12 5:0", "1:20:128 3:0 5:0", PROPOSAL_KE_NONE },
		{ "aes128gcm16", "1:20:128 3:12 5:0", NULL, PROPOSAL_KE_NONE },		/* RFC 5282 8 */
		{ "aes128gcm16", "1:20:0 5:0", NULL, PROPOSAL_KE_NONE },		/* a key length is a must */
		{ "aes128gcm16", "1:20:256 1:99:128 1:20:128 5:7 5:0", "1:20:128 5:0", PROPOSAL_KE_NONE },
		{ "aes128gcm16", "1:20:128 5:0 4:0", "1:20:128 4:0 5:0", PROPOSAL_KE_NONE },
		{ "aes128gcm16", "1:20:128 5:0 4:31", NULL, PROPOSAL_KE_NONE },
		{ "aes128gcm16-x25519", "1:20:128 5:0 4:0", "1:20:128 4:0 5:0", PROPOSAL_KE_OPTIONAL },
		{ "aes128gcm16-x25519", "1:20:128 5:0 4:0 4:31", "1:20:128 4:31 5:0", PROPOSAL_KE_OPTIONAL },
		{ "aes128gcm16-x25519", "1:20:128 5:0", "1:20:128 5:0", PROPOSAL_KE_OPTIONAL },
		{ "aes128gcm16", "1:20:128 5:0 6:35", NULL, PROPOSAL_KE_NONE },		/* a type that we do not know */
		{ "aes128gcm16", "AH 3:12 5:0|1:20:128 5:0", "1:20:128 5:0", PROPOSAL_KE_NONE },
		{ "aes128gcm16, aes128-sha256", "1:12:256 3:12 5:0|1:12:128 3:2 3:12 5:0", "1:12:128 3:12 5:0",
		  PROPOSAL_KE_NONE },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct proposal_choice choice;
		struct wire_sa offer, answer, want;
		char text[256];
		struct conf c;

		snprintf(text, sizeof(text), "default { esp %s }\n", t[i].ours);
		c = conf_of(text);
		format_wire(&offer, t[i].theirs);
		if (proposal_choose(&c.defaults.esp, &offer, IKEV2_PROTO_ESP, t[i].ke, &choice) != !!t[i].answer)
			fail_msg("%s of %s", t[i].theirs, t[i].ours);
		if (t[i].answer) {
			proposal_answer(&choice, IKEV2_PROTO_ESP, (struct view){ 0 }, &answer);
			format_wire(&want, t[i].answer);
			assert_int_equal(answer.p[0].n, want.p[0].n);
			assert_int_equal(answer.p[0].number, offer.n);
			for (unsigned k = 0; k < want.p[0].n; k++)
				assert_memory_equal(&answer.p[0].t[k], &want.p[0].t[k], sizeof(want.p[0].t[k]));
		}
		conf_free(&c);
	}
}

/* What a peer may answer to "aes128gcm16-x25519-noesn, aes128-aes256-sha256-x25519-noesn". */
static void test_answers(void **state)
{
	static const struct {
		const char *text;
		unsigned number;
		enum proposal_ke ke;
		bool ok;
	} t[] = {
		{ "1:20:128 4:31 5:0", 1, PROPOSAL_KE_OPTIONAL, true },
		{ "1:20:128 3:0 4:31 5:0", 1, PROPOSAL_KE_OPTIONAL, true },
		{ "1:20:128 5:0", 1, PROPOSAL_KE_OPTIONAL, false },	/* takes the key exchange away */
		{ "1:20:128 4:0 5:0", 1, PROPOSAL_KE_OPTIONAL, false },
		{ "1:20:128 5:0", 1, PROPOSAL_KE_NONE, true },
		{ "1:20:128 4:31 5:0", 1, PROPOSAL_KE_NONE, false },	/* was not offered */
		{ "1:20:128 4:31", 1, PROPOSAL_KE_OPTIONAL, false },
		{ "1:20:128 4:31 5:1", 1, PROPOSAL_KE_OPTIONAL, false },
		{ "1:20:128 4:31 5:0", 2, PROPOSAL_KE_OPTIONAL, false },	/* another number */
		{ "1:20:128 4:31 5:0", 3, PROPOSAL_KE_OPTIONAL, false },
		{ "1:20:128 4:31 5:0", 0, PROPOSAL_KE_OPTIONAL, false },
		{ "1:12:256 3:12 4:31 5:0", 2, PROPOSAL_KE_OPTIONAL, true },
		{ "1:12:256 1:12:128 3:12 4:31 5:0", 2, PROPOSAL_KE_OPTIONAL, false },	/* two of one type */
		{ "1:12:256 4:31 5:0", 2, PROPOSAL_KE_OPTIONAL, false },
		{ "1:20:128 4:31 5:0|1:20:128 4:31 5:0", 1, PROPOSAL_KE_OPTIONAL, false },
		{ "1:20:128 2:5 4:31 5:0", 1, PROPOSAL_KE_OPTIONAL, false },
	};
	struct conf c = conf_of("default { esp aes128gcm16-x25519, aes128-aes256-sha256-x25519 }\n");

	(void)state;
	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct proposal_choice choice;
		struct wire_sa answer;

		format_wire(&answer, t[i].text);
		answer.p[0].number = (uint8_t)t[i].number;
		if (proposal_check(&c.defaults.esp, &answer, IKEV2_PROTO_ESP, t[i].ke, &choice) != t[i].ok)
			fail_msg("%s as number %u", t[i].text, t[i].number);
	}
	conf_free(&c);
}

static void test_explain(void **state)
{
	static const struct {
		const char *ours, *theirs, *want;
	} t[] = {
		{ "aes128-sha256", "1:20:256 5:0|1:12:128 3:2 5:0",
		  "the peer's proposal 2 is nearest to ours, and differs in integrity (the peer has sha1, we have "
		  "sha256): add sha1 to \"esp\" here, or sha256 there" },
		{ "aes128gcm16-aes256gcm16", "1:3 3:2 5:0",
		  "the peer's proposal 1 is nearest to ours, and differs in encryption (the peer has 3des, we "
		  "have aes128gcm16/aes256gcm16) and integrity (the peer has sha1, we have none): add 3des to "
		  "\"esp\" here, or aes128gcm16 there" },
		{ "aes128gcm16-aes256gcm16", "1:2 3:2 5:0",
		  "the peer's proposal 1 is nearest to ours, and differs in encryption (the peer has ENCR_DES, we "
		  "have aes128gcm16/aes256gcm16) and integrity (the peer has sha1, we have none): give the peer "
		  "aes128gcm16" },
		{ "aes128gcm16", "1:20:128 5:1",
		  "the peer's proposal 1 is nearest to ours, and differs in extended sequence numbers (the peer has "
		  "esn, we have noesn): add esn to \"esp\" here, or noesn there" },
		{ "aes128gcm16", "1:20:128 5:0 7:3",
		  "the peer's proposal 1 is nearest to ours, and differs in a kind of transform that nobody here "
		  "knows" },
		{ "aes128gcm16", "AH 3:12 5:0",
		  "the peer proposes nothing for ESP that has only transforms known here" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		char text[600], small[40];
		struct wire_sa offer;
		struct conf c;

		snprintf(text, sizeof(text), "default { esp %s }\n", t[i].ours);
		c = conf_of(text);
		format_wire(&offer, t[i].theirs);
		assert_string_equal(proposal_explain(&c.defaults.esp, &offer, IKEV2_PROTO_ESP, PROPOSAL_KE_NONE, text,
						     sizeof(text)), t[i].want);
		for (size_t n = 1; n <= sizeof(small); n++)
			assert_true(strlen(proposal_explain(&c.defaults.esp, &offer, IKEV2_PROTO_ESP, PROPOSAL_KE_NONE,
							    small, n)) < n);
		conf_free(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_proposals),
		cmocka_unit_test(test_unknown_transform_type),
		cmocka_unit_test(test_offers),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_explain),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
