// SPDX-License-Identifier: MIT
// The native driver with cards whose answers are cut short, forged and garbled, and with a pcscd that fails at every moment.
#define CARD_DRIVER card_driver_native
#include "tests/unit/test_card_inside.h"

#include "tests/unit/card_all.h"
#include "tests/unit/card_pcsc.h"

static void closed(struct card *c)
{
	d->close(c);
	assert_int_equal(mock_pcsc.contexts, 0);
	assert_int_equal(mock_pcsc.handles, 0);
	assert_int_equal(mock_pcsc.transactions, 0);
}

/* What is done to the n-th answer, in so many ways; each answer gets every other one. */
static unsigned spoilt, way;

static void spoil(unsigned n, struct view command, uint8_t *answer, size_t *nanswer)
{
	static const uint16_t statuses[] = { 0x6100, 0x61ff, 0x6c05, 0x6285, 0x6700, 0x6982, 0x6983, 0x6a80, 0x6a88, 0x6d00, 0x63c0,
					     0xffff, 0x9000 };
	const unsigned nstatuses = sizeof(statuses) / sizeof(*statuses);

	(void)command;
	if (n != spoilt && way != nstatuses + 9)
		return;
	if (way < nstatuses) {
		answer[0] = (uint8_t)(statuses[way] >> 8);
		answer[1] = (uint8_t)statuses[way];
		*nanswer = 2;
	} else switch (way - nstatuses) {
	case 0:
		*nanswer = 0;
		break;
	case 1:
		*nanswer = 1;
		break;
	case 2 ... 4:				/* cut short, with a good end */
		*nanswer = *nanswer / 4 * (way - nstatuses - 1);
		*nanswer = *nanswer < 2 ? 2 : *nanswer;
		answer[*nanswer - 2] = 0x90;
		answer[*nanswer - 1] = 0x00;
		break;
	case 5 ... 7:				/* a length that lies, perhaps */
		if (*nanswer > way - nstatuses - 2)
			answer[way - nstatuses - 4] ^= 0xff;
		break;
	case 8:
		for (size_t i = 0; i + 2 < *nanswer; i++)
			answer[i] = (uint8_t)(i * 31 + n);
		break;
	case 9:				/* a card that never comes to an end */
		memset(answer, 0x61, 200);
		*nanswer = 200;
		break;
	case 10:
		memset(answer, 0x7f, 65000);
		answer[64998] = 0x90;
		answer[64999] = 0x00;
		*nanswer = 65000;
		break;
	}
}

#define WAYS (13 + 11)

/* How many commands it took. */
static unsigned do_everything(void)
{
	struct card *c = open_module(MOCK_READER);
	unsigned all;

	mock_pcsc.count = 0;
	card_all(c);
	all = mock_pcsc.count;
	closed(c);
	return all;
}

static void full_card(bool piv)
{
	mock_pcsc_new(!piv, piv, false);
	assert_int_equal(mock_pcsc_certify(piv ? "piv" : "openpgp", piv ? "9a" : "auth", piv ? "rsa2048" : "p256", "gate"), 0);
	assert_int_equal(mock_pcsc_certify(piv ? "piv" : "openpgp", piv ? "9c" : "sign", "p256", "gate"), 0);
}

static void no_answer_of_a_card_does_harm(void **state)
{
	(void)state;
	for (int piv = 0; piv < 2; piv++) {
		unsigned commands;

		full_card(piv);
		commands = do_everything();
		assert_in_range(commands, 15, 100);
		for (spoilt = 0; spoilt < commands; spoilt++)
			for (way = spoilt % 2; way < WAYS; way += 2) {
				full_card(piv);
				mock_pcsc.spoil = spoil;
				assert_in_range(do_everything(), 1, 20000);
			}
	}
}

static long fails_at_once(unsigned n)
{
	static const uint32_t codes[] = { 0x80100069, 0x80100068, 0x80100016, 0x8010002f, 0x80100013, 0x80100066, 0x80100003 };

	return n == spoilt ? (long)codes[way] : 0;
}

static void no_failure_of_pcscd_does_harm(void **state)
{
	(void)state;
	for (int piv = 0; piv < 2; piv++) {
		unsigned commands;

		full_card(piv);
		commands = do_everything();
		for (spoilt = 0; spoilt < commands; spoilt++)
			for (way = 0; way < 7; way++) {
				full_card(piv);
				mock_pcsc.fail = fails_at_once;
				assert_in_range(do_everything(), 1, 2000);
			}
	}
}

/* A PIN that was not asked for is none that was tried. */
static void only_a_login_uses_a_try(void **state)
{
	(void)state;
	for (int piv = 0; piv < 2; piv++) {
		struct card_token t[2];
		struct card_keys *keys = calloc(1, sizeof(*keys));
		struct card *c;
		unsigned n = 2;

		full_card(piv);
		for (spoilt = 0, way = 0; spoilt < 40; spoilt++, way = (way + 1) % 7) {
			mock_pcsc.fail = fails_at_once;
			c = open_module(MOCK_READER);
			mock_pcsc.count = 0;
			n = 2;
			if (!d->tokens(c, t, &n) && n) {
				d->check(c, &t[0]);
				d->keys(c, &t[0], keys);
				card_keys_free(keys);
			}
			closed(c);
			assert_int_equal(mock_pcsc_tries(piv ? "piv" : "openpgp", "user"), 3);
		}
		free(keys);
	}
}

static int begin_all(void **state)
{
	(void)state;
	return crypto_init();
}

static int end_all(void **state)
{
	(void)state;
	mock_pcsc_free();
	crypto_exit();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_answer_of_a_card_does_harm),
		cmocka_unit_test(no_failure_of_pcscd_does_harm),
		cmocka_unit_test(only_a_login_uses_a_try),
	};

	return cmocka_run_group_tests_name("card_hostile", tests, begin_all, end_all);
}
