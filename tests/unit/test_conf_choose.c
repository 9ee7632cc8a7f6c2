// SPDX-License-Identifier: MIT
// Which section serves a peer that has begun: the table of docs/keyd.conf.md, row by row.
#include "keyd/conf/id.h"
#include "keyd/conf/load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct row {
	const char *remote, *local, *asks, *is;	/* addresses; identities, asks may be NULL */
	const char *chosen;		/* name of the section; NULL: none */
	const char *why;		/* of each section tried: its name and F fits, L local, R remote, A address, M may, S serve no */
	bool nat;
};

static bool no_sha1(void *arg, const struct conf_peer *peer)
{
	(void)arg;
	return strncmp(peer->name, "old", 3) != 0;
}

static const char *tried(const struct conf_choice *choice, char *buf, size_t n)
{
	static const char letters[] = "FLRAMS";
	size_t at = 0;

	*buf = 0;
	for (unsigned i = 0; i < choice->n && i < CONF_TRIED_MAX; i++)
		at += (size_t)snprintf(buf + at, n - at, "%s%s:%c", i ? " " : "", choice->tried[i].peer->name,
				       letters[choice->tried[i].why]);
	return buf;
}

static void check(const struct conf *c, const struct row *r)
{
	struct conf_id asks, is;
	struct ipsec_addr local, remote;
	struct conf_claim claim = { .local = &local, .remote = &remote, .remote_id = &is, .nat = r->nat };
	struct conf_choice choice;
	const struct conf_peer *found;
	char text[512];

	assert_int_equal(ipsec_addr_parse(&remote, r->remote), 0);
	assert_int_equal(ipsec_addr_parse(&local, r->local), 0);
	assert_int_equal(conf_id_parse(&is, r->is), 0);
	if (r->asks) {
		assert_int_equal(conf_id_parse(&asks, r->asks), 0);
		claim.local_id = &asks;
	}
	found = conf_peer_choose(c, &claim, no_sha1, NULL, &choice);
	assert_string_equal(tried(&choice, text, sizeof(text)), r->why);
	assert_string_equal(found ? found->name : "none", r->chosen ? r->chosen : "none");
}

static void load(struct conf *c, const char *text)
{
	struct conf_secrets s;

	assert_int_equal(conf_load_buffer(c, &s, "t", text, strlen(text), NULL, NULL), 0);
	conf_secrets_free(&s);
}

static void test_rows(void **state)
{
	static const char text[] =
		"peer all { address any; id remote *.example }\n"
		"peer net { address 192.0.2.0/24; id remote *.example }\n"
		"peer net2 { address 192.0.2.0/24; id remote a.example }\n"
		"peer net3 { address 192.0.2.0/24; id local gw.example }\n"
		"peer net4 { address 192.0.2.0/24; id remote c@example }\n"
		"peer here { address 192.0.2.0/24; local 198.51.100.9; id remote a.example }\n"
		"peer host { address 192.0.2.7; id remote z.example }\n"
		"peer old { address 203.0.113.1; id remote a.example }\n"
		"peer new { address 203.0.113.1; id remote *.example }\n"
		"peer six { address 2001:db8::/32 }\n"
		"peer none { address 203.0.113.2; serve no }\n"
		"peer well { address 203.0.113.2; id remote a.example }\n";
	static const struct row rows[] = {
		{ "203.0.113.2", "198.51.100.1", NULL, "a.example", "well", "none:F well:F", false },
		{ "203.0.113.2", "198.51.100.1", NULL, "b.example", NULL, "none:S", false },
		/* the longest prefix stays in play, whatever the names */
		{ "10.0.0.1", "10.0.0.9", NULL, "a.example", "all", "all:F", false },
		{ "10.0.0.1", "10.0.0.9", NULL, "a.org", NULL, "all:R", false },
		{ "192.0.2.7", "10.0.0.9", NULL, "z.example", "host", "host:F", false },
		{ "192.0.2.7", "10.0.0.9", NULL, "a.example", NULL, "host:R", false },
		/* then the one that names our address */
		{ "192.0.2.1", "198.51.100.9", NULL, "a.example", "here", "here:F", false },
		{ "192.0.2.1", "198.51.100.9", NULL, "b.example", NULL, "here:R", false },
		/* exact before pattern before none */
		{ "192.0.2.1", "10.0.0.9", NULL, "a.example", "net2", "net:F net2:F net3:F net4:R", false },
		{ "192.0.2.1", "10.0.0.9", NULL, "A.EXAMPLE", "net2", "net:F net2:F net3:F net4:R", false },
		{ "192.0.2.1", "10.0.0.9", NULL, "b.example", "net", "net:F net2:R net3:F net4:R", false },
		{ "192.0.2.1", "10.0.0.9", NULL, "b.org", "net3", "net:R net2:R net3:F net4:R", false },
		{ "192.0.2.1", "10.0.0.9", NULL, "c@example", "net4", "net:R net2:R net3:F net4:F", false },
		/* whom it asks for must be us */
		{ "192.0.2.1", "10.0.0.9", "gw.example", "b.org", "net3", "net:R net2:R net3:F net4:R", false },
		{ "192.0.2.1", "10.0.0.9", "other.example", "b.org", NULL, "net:R net2:R net3:L net4:R", false },
		/* an address is a name only for who talks from it, or from behind a NAT */
		{ "192.0.2.1", "10.0.0.9", NULL, "192.0.2.1", "net3", "net:R net2:R net3:F net4:R", false },
		{ "192.0.2.1", "10.0.0.9", NULL, "192.0.2.2", NULL, "net:R net2:R net3:A net4:R", false },
		{ "192.0.2.1", "10.0.0.9", NULL, "10.1.1.1", "net3", "net:R net2:R net3:F net4:R", true },
		{ "2001:db8::5", "2001:db8::1", NULL, "2001:db8::5", "six", "six:F", false },
		{ "2001:db8::5", "2001:db8::1", NULL, "2001:db8::6", NULL, "six:A", false },
		{ "2001:db8::5", "2001:db8::1", NULL, "192.0.2.1", NULL, "six:A", false },
		/* what the caller cannot use does not count, however well it fits */
		{ "203.0.113.1", "10.0.0.9", NULL, "a.example", "new", "old:M new:F", false },
		{ "203.0.113.1", "10.0.0.9", NULL, "a.org", NULL, "old:R new:R", false },
	};
	struct conf c;

	(void)state;
	load(&c, text);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		check(&c, &rows[i]);
	conf_free(&c);
}

/* A DN is exact, a pattern, or none, like other names. */
static void test_dn(void **state)
{
	static const char sections[] =
		"peer any1 { address any; id remote \"C=DE, O=*, CN=*\" }\n"
		"peer any2 { address any; id remote dn \"/C=DE/O=Example Ltd/CN=moon\"; id local \"C=DE, CN=gw\" }\n";
	static const struct row rows[] = {
		{ "192.0.2.1", "10.0.0.9", NULL, "C=DE, O=Example Ltd, CN=moon", "any2", "any1:F any2:F", false },
		{ "192.0.2.1", "10.0.0.9", "C=DE, CN=gw", "C=DE, O=Example Ltd, CN=MOON", "any2", "any1:F any2:F", false },
		{ "192.0.2.1", "10.0.0.9", "C=DE, CN=fw", "C=DE, O=Example Ltd, CN=moon", "any1", "any1:F any2:L", false },
		{ "192.0.2.1", "10.0.0.9", NULL, "C=DE, O=Example Ltd, CN=sun", "any1", "any1:F any2:R", false },
		{ "192.0.2.1", "10.0.0.9", NULL, "C=FR, O=Example Ltd, CN=sun", NULL, "any1:R any2:R", false },
		{ "192.0.2.1", "10.0.0.9", NULL, "moon", NULL, "any1:R any2:R", false },
	};
	struct conf c;

	(void)state;
	load(&c, sections);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		check(&c, &rows[i]);
	conf_free(&c);
}

/* Of two that fit alike the first in the file; and who has no section has the defaults, which may name somebody. */
static void test_order(void **state)
{
	static const struct row first = { "192.0.2.1", "10.0.0.9", NULL, "a.example", "b", "b:F a:F", false };
	static const struct row none = { "192.0.2.1", "10.0.0.9", NULL, "a.example", "default", "default:F", false };
	static const struct row spoof = { "192.0.2.1", "10.0.0.9", NULL, "192.0.2.2", NULL, "default:A", false };
	static const struct row named = { "192.0.2.1", "10.0.0.9", NULL, "a.org", NULL, "default:R", false };
	struct conf c;

	(void)state;
	load(&c, "peer b { address 192.0.2.0/24; id local x.example }\npeer a { address 192.0.2.0/24; id local y.example }\n");
	check(&c, &first);
	conf_free(&c);
	load(&c, "peer 198.51.100.1\n");
	check(&c, &none);
	check(&c, &spoof);
	conf_free(&c);
	load(&c, "default { id remote *.example }\n");
	check(&c, &none);
	check(&c, &named);
	conf_free(&c);
}

/* What is told of is bounded, what is chosen is not; and the choice begins where conf_peer_find ends. */
static void test_many(void **state)
{
	char text[4096] = "";
	struct ipsec_addr remote;
	struct conf_id is;
	struct conf_claim claim = { .remote = &remote, .remote_id = &is };
	struct conf_choice choice;
	struct conf c;

	(void)state;
	for (unsigned i = 0; i < 3 * CONF_TRIED_MAX; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "peer p%u { address 192.0.2.0/24; id remote n%u }\n", i, i);
	load(&c, text);
	assert_int_equal(ipsec_addr_parse(&remote, "192.0.2.1"), 0);
	assert_int_equal(conf_id_parse(&is, "n20"), 0);
	assert_string_equal(conf_peer_choose(&c, &claim, NULL, NULL, &choice)->name, "p20");
	assert_int_equal(choice.n, 3 * CONF_TRIED_MAX);
	assert_ptr_equal(choice.tried[0].peer, conf_peer_find(&c, NULL, &remote));
	assert_int_equal(choice.tried[CONF_TRIED_MAX - 1].why, CONF_MISFIT_REMOTE);
	conf_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows), cmocka_unit_test(test_dn), cmocka_unit_test(test_order),
					    cmocka_unit_test(test_many) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
