// SPDX-License-Identifier: MIT
// keyd.conf: what texts mean, what is said about mistakes, files and who may read them, and back to text.
#include "keyd/conf/id.h"
#include "keyd/conf/load.h"
#include "keyd/conf/proposal.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct said {
	char text[8192];
};

static void listen_to(const char *line, void *arg)
{
	struct said *s = arg;
	size_t n = strlen(s->text);

	snprintf(s->text + n, sizeof(s->text) - n, "%s\n", line);
}

/* Loads text that must be free of mistakes. */
static void load(struct conf *c, struct conf_secrets *s, const char *text)
{
	struct said said = { "" };
	int r = conf_load_buffer(c, s, "t", text, strlen(text), listen_to, &said);

	assert_string_equal(said.text, "");
	assert_int_equal(r, 0);
}

static struct ipsec_addr addr(const char *text)
{
	struct ipsec_addr a;

	assert_int_equal(ipsec_addr_parse(&a, text), 0);
	return a;
}

static void assert_proposals(const struct conf_proposals *ps, const char *want)
{
	char text[CONF_PROPOSALS_STRLEN];

	assert_string_equal(conf_proposals_format(ps, text, sizeof(text)), want);
}

static void assert_id(const struct conf_id *id, const char *want)
{
	char text[CONF_ID_STRLEN];

	assert_string_equal(conf_id_format(id, text, sizeof(text)), want);
}

#define IKE_DEFAULT "aes128gcm16-aes256gcm16-chacha20poly1305-prfsha256-prfsha384-prfsha512-" \
	"x25519-ecp256-ecp384-modp2048-modp3072-modp4096, " \
	"aes128-aes256-prfsha256-prfsha384-prfsha512-sha256-sha384-sha512-x25519-ecp256-ecp384-modp2048-modp3072-modp4096"
#define ESP_DEFAULT "aes128gcm16-aes256gcm16-chacha20poly1305-noesn, aes128-aes256-sha256-sha384-sha512-noesn"

static void test_defaults(void **state)
{
	struct conf c;

	(void)state;
	conf_defaults(&c);
	assert_int_equal(c.port, 500);
	assert_int_equal(c.cookie_threshold, 64);
	assert_int_equal(c.half_open_max, 1024);
	assert_int_equal(c.half_open_per_source, 128);
	assert_false(c.larval_drop);
	assert_int_equal(c.npeers, 0);
	assert_string_equal(c.defaults.name, "default");
	assert_proposals(&c.defaults.ike, IKE_DEFAULT);
	assert_proposals(&c.defaults.esp, ESP_DEFAULT);
	assert_true(c.defaults.pfs);
	assert_int_equal(c.defaults.childless, CONF_CHILDLESS_ALLOW);
	assert_false(c.defaults.single_pair);
	assert_false(c.defaults.refuse);
	assert_int_equal(c.defaults.tfc, 0);
	assert_int_equal(c.defaults.unique, CONF_UNIQUE_REPLACE);
	assert_int_equal(c.defaults.children, 1000);
	assert_int_equal(c.defaults.version, 2);
	assert_int_equal(c.defaults.exchange, CONF_EXCHANGE_MAIN);
	assert_int_equal(c.defaults.ike_lifetime, 14400);
	assert_int_equal(c.defaults.reauth_lifetime, 0);
	assert_int_equal(c.defaults.child_lifetime, 3600);
	assert_int_equal(c.defaults.jitter, 10);
	assert_int_equal(c.defaults.dpd, 30);
	assert_int_equal(c.defaults.replay_window, 128);
	assert_int_equal(c.defaults.retransmit_ms, 500);
	assert_int_equal(c.defaults.retransmit_tries, 7);
	assert_int_equal(c.defaults.fragment_size, 1280);
	assert_int_equal(c.defaults.linger, 10);
	assert_int_equal(c.nat_port, 4500);
	assert_int_equal(c.defaults.nat, CONF_NAT_AUTO);
	assert_int_equal(c.defaults.keepalive, 20);
	conf_free(&c);
}

static void test_common_case(void **state)
{
	static const char *const same[] = {
		"peer 192.0.2.2 {\n\tpsk \"correct horse battery staple\"\n}\n",
		"peer 192.0.2.2 psk \"correct horse battery staple\"",
		"peer gw address 192.0.2.2 psk \"correct horse battery staple\"",
		"peer gw { psk \"correct horse battery staple\"; address 192.0.2.2; }",
		"peer 192.0.2.2 { psk 0x636f727265637420686f727365206261747465727920737461706c65 }",
	};
	struct ipsec_addr remote = addr("192.0.2.2");

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
		struct conf_secrets s;
		struct conf c;
		const struct psk_entry *e;

		load(&c, &s, same[i]);
		assert_int_equal(c.npeers, 1);
		assert_true(ipsec_addr_equal(&c.peers[0].remote, &remote));
		assert_int_equal(c.peers[0].remote_len, 32);
		assert_proposals(&c.peers[0].ike, IKE_DEFAULT);
		e = psk_find(&s, NULL, NULL, &remote);
		assert_non_null(e);
		assert_int_equal(e->key.n, 28);
		assert_memory_equal(e->key.p, "correct horse battery staple", 28);
		conf_free(&c);
		conf_secrets_free(&s);
	}
}

static const char everything[] =
	"# comment\n"
	"keylog \"/run/key log\"\n"
	"listen 192.0.2.1,\n\t2001:db8::1\n"
	"port 5500; nat-port off; larval-drop keep ; cookie threshold 100 ; half-open 1K; half-open per-source 7\n"
	"default {\n\tdpd off\n\tlifetime child 30m 1G 2M packets }\n"
	"peer gw2 {\n"
	"	address 192.0.2.0/24\n"
	"	local 192.0.2.1\n"
	"	id local fqdn \"a.example\" ; id remote user \"bob@example\"\n"
	"	auth psk\n"
	"	psk \"a\\\"b\\\\c\\x00d\"\n"
	"	ike aes128gcm16-prfsha256-x25519 ,	# the first\n"
	"	    aes256-sha256-modp2048\n"
	"	esp aes128gcm16-esn-ecp256\n"
	"	pfs no\n"
	"	childless prefer\n"
	"	single-pair yes\n"
	"	serve no\n"
	"	tfc 1400\n"
	"	unique keep ; children 7 ; version 1 ; exchange aggressive, main\n"
	"	lifetime ike 8h, reauth 1d, child 90s 10G 5 packets\n"
	"	rekey jitter 20%\n"
	"	dpd 1m\n"
	"	retransmit 1s 5\n"
	"	replay-window 4096\n"
	"	fragment 576\n"
	"	linger 0s\n"
	"	port 5501 ; nat-port 5502 ; nat force ; keepalive off\n"
	"	pool p1\n"
	"	traffic 10.0.0.0/24, 2001:db8:1::/48 <-> assigned\n"
	"}\n"
	"pool p1 {\n"
	"	address 10.3.0.0/24, 10.4.0.10-10.4.0.99\n"
	"	address 2001:db8:3::/64; except 10.3.0.7\n"
	"	dns 10.0.0.53, 2001:db8:1::53 ; domain corp.example ; banner \"Hello,\\x0aworld\"\n"
	"}\n"
	"peer gw address 192.0.2.254 virtual-address ipv4, ipv6 on tun7 start yes traffic assigned <-> 10.0.0.0/8 dpd 10s\n"
	"peer whole address 192.0.2.253 { virtual-address ipv6 }\n"
	"drop 10.8.0.0/16[tcp] <-> 10.9.0.0/16[tcp/80]\ndrop 2001:db8::/32 <-> ::/0\n"
	"peer l2tp address 192.0.2.251 traffic transport host[udp/1701] <-> host[udp], host[132/9]\n"
	"peer part address 192.0.2.250 traffic host, 10.0.0.0/24[tcp/80] <-> 10.1.0.0/24[gre], 10.2.0.0/24[89]\n"
	"peer byname address gw.example.org traffic host <-> 10.0.0.0/8 start yes\n"
	"peer named address 192.0.2.252 { id local dn \"C=DE, O=a\\\\, b\\\\\\\"c, CN=gw\"; id remote \"/C=DE/O=*/CN=x\" }\n"
	"peer any { id remote keyid \"\\x01\\x02\" } # the end without a newline";

static void assert_pool(const struct conf *c)
{
	struct ipsec_addr broadcast = addr("10.3.0.255"), except = addr("10.3.0.7"), dns = addr("2001:db8:1::53");

	assert_int_equal(c->npools, 1);
	assert_int_equal(c->pools[0].nranges, 3);
	assert_int_equal(c->pools[0].range[0].len, 24);
	assert_true(ipsec_addr_equal(&c->pools[0].range[0].last, &broadcast));
	assert_int_equal(c->pools[0].range[1].len, 0);
	assert_true(ipsec_addr_equal(&c->pools[0].except[0], &except));
	assert_int_equal(c->pools[0].ndns, 2);
	assert_true(ipsec_addr_equal(&c->pools[0].dns[1], &dns));
	assert_string_equal(c->pools[0].domain, "corp.example");
}

static void test_everything(void **state)
{
	const struct conf_peer *p;
	char text[CONF_ID_STRLEN];
	struct conf_secrets s;
	struct conf c;

	(void)state;
	load(&c, &s, everything);
	assert_int_equal(c.nlisten, 2);
	assert_int_equal(c.listen[1].family, AF_INET6);
	assert_int_equal(c.port, 5500);
	assert_int_equal(c.nat_port, 0);
	assert_true(c.larval_drop);
	assert_int_equal(c.cookie_threshold, 100);
	assert_int_equal(c.half_open_max, 1000);
	assert_int_equal(c.half_open_per_source, 7);
	assert_int_equal(c.npeers, 8);
	p = conf_peer_by_name(&c, "gw2");
	assert_ptr_equal(p, &c.peers[0]);
	assert_int_equal(p->remote_len, 24);
	assert_id(&p->local_id, "a.example");
	assert_int_equal(p->local_id.type, CONF_ID_FQDN);
	assert_id(&p->remote_id, "bob@example");
	assert_int_equal(p->remote_id.type, CONF_ID_RFC822);
	assert_proposals(&p->ike, "aes128gcm16-prfsha256-x25519, aes256-prfsha256-sha256-modp2048");
	assert_proposals(&p->esp, "aes128gcm16-ecp256-esn");
	assert_false(p->pfs);
	assert_int_equal(p->childless, CONF_CHILDLESS_PREFER);
	assert_true(p->single_pair);
	assert_true(p->refuse);
	assert_int_equal(p->tfc, 1400);
	assert_int_equal(p->unique, CONF_UNIQUE_KEEP);
	assert_int_equal(p->children, 7);
	assert_int_equal(p->version, 1);
	assert_int_equal(p->exchange, CONF_EXCHANGE_AGGRESSIVE);
	assert_true(p->exchange_both);
	assert_int_equal(p->ike_lifetime, 28800);
	assert_int_equal(p->reauth_lifetime, 86400);
	assert_int_equal(p->child_lifetime, 90);
	assert_true(p->child_bytes == 10ULL << 30);
	assert_true(p->child_packets == 5);
	assert_int_equal(p->jitter, 20);
	assert_int_equal(p->dpd, 60);
	assert_int_equal(p->retransmit_ms, 1000);
	assert_int_equal(p->retransmit_tries, 5);
	assert_int_equal(p->replay_window, 4096);
	assert_int_equal(p->fragment_size, 576);
	assert_int_equal(p->linger, 0);
	assert_int_equal(p->port, 5501);
	assert_int_equal(p->nat_port, 5502);
	assert_int_equal(p->nat, CONF_NAT_FORCE);
	assert_int_equal(p->keepalive, 0);
	assert_string_equal(p->pool, "p1");
	assert_int_equal(p->traffic.local.n, 2);
	assert_int_equal(p->traffic.local.net[1].len, 48);
	assert_true(p->traffic.remote.assigned && !p->traffic.remote.n && !p->traffic.local.assigned);
	p = conf_peer_by_name(&c, "gw");
	assert_true(p->virtual_v4 && p->virtual_v6 && p->traffic.local.assigned && p->traffic.remote.n == 1);
	assert_string_equal(p->virtual_interface, "tun7");
	assert_true(p->start);
	p = conf_peer_by_name(&c, "whole");
	assert_true(!p->virtual_v4 && p->virtual_v6 && p->traffic.local.assigned && p->traffic.remote.n == 2);
	assert_string_equal(p->virtual_interface, "gapless0");
	p = conf_peer_by_name(&c, "l2tp");
	assert_int_equal(c.ndrops, 2);
	assert_true(c.drop[0].local.len == 16 && c.drop[0].local.proto == 6 && c.drop[0].remote.port == 80 && c.drop[0].at.line);
	assert_true(c.drop[1].remote.addr.family == AF_INET6 && !c.drop[1].remote.len);
	assert_true(p->traffic.transport && p->traffic.local.n == 1 && p->traffic.remote.n == 2);
	assert_int_equal(p->traffic.local.net[0].addr.family, 0);
	assert_int_equal(p->traffic.local.net[0].proto, 17);
	assert_int_equal(p->traffic.local.net[0].port, 1701);
	assert_int_equal(p->traffic.remote.net[0].port, 0);
	assert_int_equal(p->traffic.remote.net[1].proto, 132);
	p = conf_peer_by_name(&c, "part");
	assert_true(!p->traffic.transport && !p->traffic.local.net[0].addr.family && p->traffic.local.net[1].port == 80);
	assert_int_equal(p->traffic.remote.net[0].proto, 47);
	assert_int_equal(p->traffic.remote.net[1].proto, 89);
	p = conf_peer_by_name(&c, "byname");
	assert_string_equal(p->host, "gw.example.org");
	assert_true(p->start && !p->remote.family);
	assert_pool(&c);
	p = conf_peer_by_name(&c, "named");
	assert_string_equal(conf_id_format(&p->local_id, text, sizeof(text)), "C=DE, O=a\\, b\\\"c, CN=gw");
	assert_string_equal(conf_id_format(&p->remote_id, text, sizeof(text)), "C=DE, O=*, CN=x");
	p = conf_peer_by_name(&c, "any");
	assert_int_equal(p->remote.family, 0);
	assert_int_equal(p->dpd, 0);
	assert_int_equal(p->child_lifetime, 1800);
	assert_true(p->child_packets == 2000000);
	assert_null(conf_peer_by_name(&c, "nobody"));
	assert_ptr_equal(conf_peer_by_name(&c, "default"), &c.defaults);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.entries[0].key.n, 7);
	assert_memory_equal(s.entries[0].key.p, "a\"b\\c\0d", 7);
	assert_id(&s.entries[0].id, "bob@example");
	assert_int_equal(s.entries[0].remote_len, 24);
	conf_free(&c);
	conf_secrets_free(&s);
}

static char *dump(const struct conf *c, size_t *n)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, n);

	assert_non_null(f);
	conf_dump(c, f);
	fclose(f);
	return text;
}

/* A dump has its statements in other lines, and is in another file. */
static void forget_places(struct conf *c)
{
	for (unsigned i = 0; i <= c->npeers; i++) {
		struct conf_peer *peer = i ? &c->peers[i - 1] : &c->defaults;

		peer->section = (struct conf_at){ 0 };
		memset(peer->at, 0, sizeof(peer->at));
	}
}

static void test_round_trip(void **state)
{
	static const char *const texts[] = {
		"", everything,
		"default { local 192.0.2.1; id local a.example; id remote b.example; lifetime child 1h 1K, reauth 1d }\n"
		"peer 2001:db8::/32 { local any; id local any; id remote any; lifetime child 1h, reauth never }\n"
		"peer \"a \\\"b\\\"\" address 192.0.2.9 pfs no\npeer \"psk\" address any id remote address 192.0.2.7",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct conf a, b;
		struct conf_secrets s;
		char *text, *again;
		size_t n;

		load(&a, &s, texts[i]);
		conf_secrets_free(&s);
		text = dump(&a, &n);
		load(&b, &s, text);
		conf_secrets_free(&s);
		again = dump(&b, &n);
		assert_string_equal(text, again);
		assert_int_equal(a.npeers, b.npeers);
		forget_places(&a);
		forget_places(&b);
		assert_memory_equal(&a.defaults, &b.defaults, sizeof(a.defaults));
		for (unsigned j = 0; j < a.npeers; j++)
			assert_memory_equal(&a.peers[j], &b.peers[j], sizeof(a.peers[j]));
		assert_memory_equal(a.listen, b.listen, sizeof(a.listen));
		assert_int_equal(a.larval_drop, b.larval_drop);
		assert_int_equal(a.half_open_max, b.half_open_max);
		assert_int_equal(a.half_open_per_source, b.half_open_per_source);
		free(text);
		free(again);
		conf_free(&a);
		conf_free(&b);
	}
}

static void assert_at(const struct conf *c, struct conf_at at, const char *want)
{
	char text[64];

	assert_string_equal(conf_at_format(c, at, text, sizeof(text)), want);
}

/* Each setting knows the line that it stands in; what a peer has from the defaults points there. */
static void test_places(void **state)
{
	static const char text[] =
		"half-open 900\n"
		"default {\n"
		"	esp aes128gcm16\n"
		"}\n"
		"peer 192.0.2.2 dpd 10s {\n"
		"	psk \"x\"; id remote\tbob.example\n"
		"	ike aes128gcm16-prfsha256-x25519,\n"
		"		aes256-sha256-modp2048\n"
		"}\n"
		"peer gw address 192.0.2.3\n";
	struct conf_at beyond = { .line = 7, .file = 200 };
	struct conf_secrets s;
	struct conf c;

	(void)state;
	load(&c, &s, text);
	assert_at(&c, c.at[CONF_STMT_HALF_OPEN], "t:1");
	assert_at(&c, c.at[CONF_STMT_COOKIE], "");
	assert_at(&c, c.defaults.section, "t:2");
	assert_at(&c, c.peers[0].section, "t:5");
	assert_at(&c, c.peers[0].at[CONF_STMT_DPD], "t:5");
	assert_at(&c, c.peers[0].at[CONF_STMT_ID_REMOTE], "t:6");
	assert_at(&c, c.peers[0].at[CONF_STMT_IKE], "t:7");
	assert_at(&c, c.peers[0].at[CONF_STMT_ESP], "t:3");
	assert_at(&c, c.peers[1].at[CONF_STMT_ESP], "t:3");
	assert_at(&c, c.peers[1].at[CONF_STMT_IKE], "");
	assert_at(&c, c.peers[1].at[CONF_STMT_ADDRESS], "t:10");
	assert_at(&c, s.entries[0].at, "t:6");
	assert_at(&c, beyond, "line 7 of another file");
	for (unsigned i = 0; i < 400; i++) {	/* more names than there is room for */
		char name[64];

		snprintf(name, sizeof(name), "/etc/gapless/a-rather-long-name-of-a-file-%u.conf", i);
		conf_file_number(&c, name);
	}
	assert_int_equal(conf_file_number(&c, "t"), 1);
	assert_int_equal(conf_file_number(&c, "/etc/gapless/a-rather-long-name-of-a-file-399.conf"), 0);
	conf_free(&c);
	conf_secrets_free(&s);
}

static void test_find(void **state)
{
	static const struct {
		const char *local, *remote, *want;
	} cases[] = {
		{ NULL, "192.0.2.7", "host" },
		{ NULL, "192.0.2.8", "net" },
		{ "10.0.0.1", "192.0.2.8", "net-from-10" },
		{ "10.0.0.2", "192.0.2.8", "net" },
		{ NULL, "192.0.3.1", "wide" },
		{ NULL, "198.51.100.1", "default" },
		{ NULL, "2001:db8::5", "six" },
		{ "10.0.0.9", "203.0.113.1", "from-9" },
	};
	struct conf_secrets s;
	struct conf c;

	(void)state;
	load(&c, &s, "peer wide address 192.0.0.0/16\npeer net address 192.0.2.0/24\npeer host address 192.0.2.7\n"
	     "peer net-from-10 address 192.0.2.0/24 local 10.0.0.1\npeer six address 2001:db8::/32\n"
	     "peer from-9 address 203.0.113.1 local 10.0.0.9\n");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct ipsec_addr local = { 0 }, remote = addr(cases[i].remote);

		if (cases[i].local)
			local = addr(cases[i].local);
		assert_string_equal(conf_peer_find(&c, cases[i].local ? &local : NULL, &remote)->name,
				    i == 2 ? "net-from-10" : cases[i].want);
	}
	conf_free(&c);
	conf_secrets_free(&s);
	load(&c, &s, "peer any dpd 5s");
	assert_string_equal(conf_peer_find(&c, NULL, &(struct ipsec_addr){ .family = AF_INET6 })->name, "any");
	conf_free(&c);
	conf_secrets_free(&s);
}

#define P "peer 192.0.2.2 "
#define STATEMENTS "cookie, crl, default, drop, expiry-warning, fetch, half-open, include, keylog, larval-drop, listen, " \
	"module, nat-port, peer, pin-tries, pool, port, secrets, token-check or token-timeout"
#define SETTINGS "address, auth, ca, cert, childless, children, dpd, esp, exchange, expired, fragment, id, ike, keepalive, " \
	"key, key-floor, lifetime, linger, local, login, mode-config, nat, nat-port, pfs, pin, pool, port, psk, pulled, " \
	"rekey, remote-key, replay-window, retransmit, revocation, revoked, serve, signatures, single-pair, start, tfc, " \
	"traffic, unique, users, version, virtual-address or xauth"

/* Every line that is said about a text, in order. */
static const struct {
	const char *text, *said;
} mistakes[] = {
	{ "peeer x {\n psk \"a\"\n foo { bar }\n}\ndpd 3s\n",
	  "t:1:1: found 'peeer', expected " STATEMENTS "; did you mean 'peer'?\n"
	  "t:5:1: found 'dpd', expected " STATEMENTS "\n" },
	{ P "{\n dpdd 30s\n retrans 1s\n}\n",
	  "t:2:2: found 'dpdd', expected " SETTINGS "; did you mean 'dpd'?\n"
	  "t:3:2: found 'retrans', expected " SETTINGS "; did you mean 'retransmit'?\n" },
	{ P "{ dpd }", "t:1:22: found '}', expected off or a duration such as 30s\n" },
	{ P "dpd\n", "t:1:19: found the end of the statement, expected off or a duration such as 30s\n" },
	{ P "dpd 30\n" P, "t:2:6: peer '192.0.2.2' has the name of the one at t:1\n" },
	{ P "\npeer b address 192.0.2.2\n", "t:2:6: peer 'b' has the address and identities of the one at t:1\n" },
	{ P "dpd 30x", "t:1:20: '30x' is not a duration: a number and s, m, h, d or w are expected, such as 90s or 8h\n" },
	{ P "dpd 0s", "t:1:20: 0s is outside of 1s to 31622400s\n" },
	{ P "dpd 99999999999999999999s", "t:1:20: 99999999999999999999s is outside of 1s to 31622400s\n" },
	{ P "{ dpd 1s\n dpd 2s }", "t:2:6: this is set twice: first at t:1\n" },
	{ P "{", "t:1:17: found end of file, expected '}'\n" },
	{ P "\n{ pfs no }", "t:2:1: found '{', expected " STATEMENTS "; a '{' stands in the line of what it belongs to\n" },
	{ P "childless always", "t:1:26: found 'always', expected allow, never or prefer\n" },
	{ P "unique yes", "t:1:23: found 'yes', expected keep, never, no or replace\n" },
	{ P "version 3", "t:1:24: 3 is outside of 1 to 2\n" },
	{ P "exchange main, main", "t:1:31: 'main' stands twice\n" },
	{ P "exchange base", "t:1:25: 'base' is no exchange that begins: main or aggressive is expected\n" },
	{ P "{ version 1\n ike aes128gcm16-prfsha256-x25519 }",
	  "t:1:6: peer '192.0.2.2': IKEv1 knows nothing of what 'ike' names; it wants no AEAD: a cipher such as aes256\n" },
	{ P "children 0", "t:1:25: 0 is outside of 1 to 100000\n" },
	{ P "tfc 0", "t:1:20: 0 is outside of 1 to 65535\n" },
	{ P "pfs maybe", "t:1:20: found 'maybe', expected no or yes\n" },
	{ "peer gw", "t:1:6: peer 'gw' has no address: the statement 'address' is missing "
	  "('address any' for one that may come from anywhere)\n" },
	{ "peer id", "t:1:6: found 'id', expected any or an address, a prefix or a name; to use 'id' as a name, quote it\n" },
	{ "peer \"\"", "t:1:6: a peer has a name of 1 to 63 printable bytes that is not 'default'\n" },
	{ P "address 192.0.2.3", "t:1:16: the name of this peer is its address already\n" },
	{ "peer 192.0.2.2/24", "t:1:6: 192.0.2.2/24 has bits beyond its length; did you mean 192.0.2.0/24?\n" },
	{ "peer 192.0.2.0/33", "t:1:6: '33' is no prefix length of an IPv4 address: 0 to 32\n" },
	{ "peer 2001:db8::/129", "t:1:6: '129' is no prefix length of an IPv6 address: 0 to 128\n" },
	{ "peer a address gateway",
	  "t:1:16: 'gateway' is not an address, a prefix such as 192.0.2.0/24 or a host name such as gw.example.org\n" },
	{ "peer a address 192.0.2.300",
	  "t:1:16: '192.0.2.300' is not an address, a prefix such as 192.0.2.0/24 or a host name such as gw.example.org\n" },
	{ "peer a address gw..org",
	  "t:1:16: 'gw..org' is not an address, a prefix such as 192.0.2.0/24 or a host name such as gw.example.org\n" },
	{ "peer a address gw.example\npeer b address GW.example", "t:2:6: peer 'b' has the address and identities of the one at t:1\n" },
	{ P "local 2001:db8::1", "t:1:6: peer '192.0.2.2': local and address are of different families\n" },
	{ "default address any", "t:1:9: the defaults have no address: they are for every peer\n" },
	{ P "\ndefault dpd 1s", "t:2:1: the defaults stand before the first peer, which starts from them (t:1)\n" },
	{ P "id remote fqdn \"a b\"", "t:1:31: 'a b' is no host name\n" },
	{ P "id local \"*.example\"", "t:1:25: '*.example' is a pattern: only 'id remote' may be one\n" },
	{ P "rekey jitter 51%", "t:1:29: '51%' is no percentage from 0% to 50%\n" },
	{ P "retransmit 10ms", "t:1:27: '10ms' is no wait from 50ms to 60s, such as 500ms\n" },
	{ P "retransmit 60s 20", "t:1:6: peer '192.0.2.2': 60000ms doubled 20 times is more than a day until a silent peer "
	  "counts as dead\n" },
	{ P "lifetime child 10s", "t:1:6: peer '192.0.2.2': an old SA lingers 10s, but the next rekey may come after 9s "
	  "(lifetime child 10s, rekey jitter 10%): shorten linger\n" },
	{ P "lifetime child 10x", "t:1:31: '10x' is no lifetime: a duration such as 1h, a volume such as 10G, or a number of "
	  "packets such as '1M packets' is expected\n" },
	{ P "replay-window 4097", "t:1:30: 4097 is outside of 0 to 4096\n" },
	{ "port 0", "t:1:6: 0 is outside of 1 to 65535\n" },
	{ P "id local\n", "t:1:24: found the end of the statement, expected address, any, dn, fqdn, keyid, user or an identity\n" },
	{ P "lifetime reauth 0\n", "t:1:32: 0 is outside of 1s to 31622400s\n" },
	{ P "lifetime child 25d", "t:1:31: 25d is outside of 1s to 2073600s\n" },
	{ P "lifetime ike\n", "t:1:28: found the end of the statement, expected a duration such as 1h\n" },
	{ "port ike", "t:1:6: found 'ike', expected a number\n" },
	{ "listen 1.2.3.4, 1.2.3.4", "t:1:17: 1.2.3.4 is listened on already\n" },
	{ "listen eth0", "t:1:8: 'eth0' is not an IPv4 or IPv6 address\n" },
	{ "port 4500", "t:1:6: port and nat-port are both 4500: give nat-port another number, or turn it off\n" },
	{ "nat-port 500", "t:1:10: port and nat-port are both 500: give nat-port another number, or turn it off\n" },
	{ P "nat maybe", "t:1:20: found 'maybe', expected auto, force or off\n" },
	{ P "keepalive 2h", "t:1:26: 2h is outside of 1s to 3600s\n" },
	{ "half-open 5", "t:1:11: cookies would never be asked for: cookie threshold 64 is above half-open 5\n" },
	{ "include \"x\"", "t:1:9: this text is no file and cannot name others\n" },
	{ "secrets \"x\"", "t:1:9: this text is no file and cannot name others\n" },
	{ "port 500 \\ 5", "t:1:10: a \\ may stand only at the end of a line or in a quoted string\n" },
	{ "\x01", "t:1:1: the byte 0x01 has no place in this file\n" },
	/* pools and traffic */
	{ "pool a { address 10.3.0.0/24 }\npool b {\n address 10.3.0.9-10.3.1.2\n}",
	  "t:3:10: 10.3.0.9-10.3.1.2 shares addresses with what pool 'a' has already\n" },
	{ "pool a { address 10.3.0.9-10.3.0.8 }", "t:1:18: '10.3.0.9-10.3.0.8' is no network such as 10.3.0.0/24, nor a range "
	  "such as 10.3.0.10-10.3.0.99\n" },
	{ "pool a { dns 10.0.0.53 }", "t:1:6: pool 'a' has no addresses: a line such as 'address 10.3.0.0/24' is missing\n" },
	{ "pool a { address 10.3.0.0/24 }\npool a { address 10.4.0.0/24 }", "t:2:6: pool 'a' stands at t:1 already\n" },
	{ "pool a { address 10.3.0.0/24; adress 10.4.0.0/24 }", "t:1:31: found 'adress', expected address, banner, dns, domain or "
	  "except; did you mean 'address'?\n" },
	{ "pool a { address 10.3.0.0/24; domain \"a b\" }", "t:1:38: 'a b' is not the name of a domain\n" },
	{ P "pool p traffic 10.0.0.0/8 <-> assigned", "t:1:6: peer '192.0.2.2': there is no pool 'p'\n" },
	{ P "traffic 10.0.0.0/8 <-> assigned", "t:1:16: peer '192.0.2.2': nothing is assigned to the peer without 'pool NAME'\n" },
	{ P "traffic assigned <-> 10.0.0.0/8", "t:1:16: peer '192.0.2.2': nothing is assigned to this side without "
	  "'virtual-address ipv4' (or ipv6)\n" },
	{ P "traffic 10.0.0.0/8 <-> 10.0.0.1/8", "t:1:39: 10.0.0.1/8 has bits beyond its length; did you mean 10.0.0.0/8?\n" },
	{ P "traffic 10.0.0.0/8 <-> 2001:db8::/32", "t:1:16: peer '192.0.2.2': one side of its traffic is IPv4, the other IPv6\n" },
	{ P "traffic transport 10.0.0.0/8 <-> host", "t:1:16: peer '192.0.2.2': transport mode is between the two hosts: "
	  "'traffic transport host <-> host', perhaps with protocols and ports\n" },
	{ "drop 10.0.0.0/8 <-> 10.0.0.1/8\n", "t:1:21: 10.0.0.1/8 has bits beyond its length; did you mean 10.0.0.0/8?\n" },
	{ "drop 10.0.0.0/8 <-> ::/0\n", "t:1:21: one of the networks is IPv4, the other IPv6\n" },
	{ "drop 10.0.0.0/8[tcp] <-> 0.0.0.0/0[udp]\n", "t:1:26: the two ends of a packet have one protocol\n" },
	{ "drop host <-> 0.0.0.0/0\n", "t:1:6: 'host' is not a network such as 10.0.0.0/24, perhaps with a protocol and a port "
	  "behind it: 10.0.0.0/24[tcp/80]\n" },
	{ P "traffic beet host <-> host", "t:1:24: 'beet' has no meaning here: transport or tunnel is expected, or a network\n" },
	{ P "traffic host[udp/0] <-> host", "t:1:24: 'host[udp/0]' is not a network such as 10.0.0.0/24, or host, perhaps with a protocol "
	  "and a port behind it: host[udp/1701]\n" },
	{ P "traffic host[gre/7] <-> host", "t:1:24: 'host[gre/7]' is not a network such as 10.0.0.0/24, or host, perhaps with a protocol "
	  "and a port behind it: host[udp/1701]\n" },
	{ P "traffic 10.0.0.0/8", "t:1:34: found the end of the statement, expected <->, ',' or a network such as 10.0.0.0/24\n" },
	{ P "virtual-address ipv4 on lo", "t:1:40: the kernel encrypts nothing that is routed to lo; without 'on', keyd makes an "
	  "interface gapless0\n" },
	{ P "virtual-address ipv4 traffic 10.0.0.0/8 <-> 10.1.0.0/16", "t:1:37: peer '192.0.2.2' gives us an address that no "
	  "traffic uses: 'traffic assigned <-> NETWORK' is missing\n" },
	{ P "start yes", "t:1:16: peer '192.0.2.2': 'start' is for a tunnel that begins here: one with 'traffic' or "
	  "'virtual-address', to a single address\n" },
	{ P "id local \"C=DE, CN=*\"", "t:1:25: 'C=DE, CN=*' is a pattern: only 'id remote' may be one\n" },
	{ P "id remote dn \"C=DE, XY=z\"", "t:1:29: 'C=DE, XY=z' is no DN: no such attribute is known; write its OID with dots\n" },
	{ P "id remote dn moon", "t:1:29: 'moon' is no DN: an attribute's name and \"=\" are expected, as in CN=moon\n" },
	{ P "id remote C=DE, CN=moon", "t:1:30: found ',', expected " "*" },
	/* algorithms */
	{ P "ike aes128gmc16-x25519", "t:1:20: unknown algorithm 'aes128gmc16'; did you mean 'aes128gcm16'?" "*" },
	{ P "ike aes128-sha256-modp2084", "t:1:34: unknown algorithm 'modp2084'; did you mean 'modp2048'?" "*" },
	{ P "ike aes128-sha256", "t:1:20: this ike proposal has no key exchange, such as x25519\n" },
	{ P "ike sha256-x25519", "t:1:20: this ike proposal has no encryption algorithm, such as aes128gcm16\n" },
	{ P "ike aes128-x25519", "t:1:20: this ike proposal has no integrity algorithm, such as sha256\n" },
	{ P "ike aes128gcm16-sha256-x25519", "t:1:20: the encryption here has its own integrity: no integrity algorithm beside "
	  "it (a PRF is written like prfsha256)\n" },
	{ P "esp aes128gcm16-aes128-sha256", "t:1:20: algorithms with and without integrity of their own cannot share a "
	  "proposal: make two, with ',' between\n" },
	{ P "esp aes128gcm16-prfsha256", "t:1:32: 'prfsha256' is a PRF: it has a place in ike only\n" },
	{ P "ike aes128gcm16-x25519-esn", "t:1:39: 'esn' has a place in esp only\n" },
	{ P "esp aes128gcm16-aes128gcm16", "t:1:32: 'aes128gcm16' is in this proposal twice\n" },
	{ P "esp aes128gcm16-", "t:1:32: an algorithm is missing before or after '-'\n" },
	{ P "esp aes128gcm16,aes256gcm16,aes128-sha256,aes256-sha256,aes256-sha384", "t:1:72: more than 4 proposals; one may "
	  "name several algorithms of a kind\n" },
	/* secrets, of which nothing is shown */
	{ P "psk hunter2", "t:1:20: a secret stands in double quotes, or is 0x and hexadecimal digits\n" },
	{ P "psk hunter2 hunter3", "t:1:20: a secret stands in double quotes, or is 0x and hexadecimal digits\n"
	  "t:1:28: found a word (a secret stands in double quotes), expected address, " "*" },
	{ P "psk \"hunter2", "t:1:20: the quoted string does not end on its line\n" },
	{ P "psk \"hunter\\2\"", "t:1:20: the quoted string has a control character or an escape other than \\\\, \\\" and \\xHH\n" },
	{ P "psk \"\"", "t:1:20: the key is empty\n" },
	{ P "psk 0x123", "t:1:20: the key begins with 0x, but what follows are no pairs of hexadecimal digits\n" },
	{ P "psk=hunter2", "t:1:16: found 'psk…', expected " "*" },
	{ P "dpd \"hunter2\"", "t:1:20: found a quoted string, expected off or a duration such as 30s\n" },
};

static void test_mistakes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(*mistakes); i++) {
		struct said said = { "" };
		struct conf_secrets s;
		struct conf c;
		char *want = strdup(mistakes[i].said);
		size_t n = strlen(want);

		assert_int_equal(conf_load_buffer(&c, &s, "t", mistakes[i].text, strlen(mistakes[i].text), listen_to, &said),
				 -EINVAL);
		if (want[n - 1] == '*') {	/* only how it begins */
			want[n - 1] = 0;
			said.text[n - 1] = 0;
		}
		assert_string_equal(said.text, want);
		assert_null(strstr(said.text, "hunter"));
		assert_null(c.peers);
		assert_null(s.entries);
		free(want);
	}
}

static void test_too_many_mistakes(void **state)
{
	struct said said = { "" };
	struct conf_secrets s;
	struct conf c;
	char text[600] = "";
	unsigned lines = 0;

	(void)state;
	for (int i = 0; i < 100; i++)
		strcat(text, "foo\n");
	assert_int_equal(conf_load_buffer(&c, &s, "t", text, strlen(text), listen_to, &said), -EINVAL);
	for (const char *p = said.text; *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 21);
	assert_non_null(strstr(said.text, "t: that is 20 mistakes: reading no further\n"));
}

/* The known algorithms of the kind, where a word is near none of them. */
static void test_known_algorithms(void **state)
{
	static const char text[] = P "esp chachacha-sha256";
	struct said said = { "" };
	struct conf_secrets s;
	struct conf c;

	(void)state;
	assert_int_equal(conf_load_buffer(&c, &s, "t", text, strlen(text), listen_to, &said), -EINVAL);
	assert_non_null(strstr(said.text, "t:1:20: unknown algorithm 'chachacha'. Known for encryption: "));
	assert_non_null(strstr(said.text, " aes128gcm16"));
	assert_null(strstr(said.text, "x25519"));
}

static void write_file(const char *dir, const char *name, const char *text, mode_t mode)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

/* Loads DIR/main and compares what was said, in which "DIR/" is left out. */
static int load_file(const char *dir, struct conf *c, struct conf_secrets *s, const char *want)
{
	struct said said = { "" };
	char path[256], *at;
	int r;

	snprintf(path, sizeof(path), "%s/main", dir);
	r = conf_load(c, s, path, listen_to, &said);
	while ((at = strstr(said.text, dir)))
		memmove(at, at + strlen(dir) + 1, strlen(at + strlen(dir) + 1) + 1);
	assert_string_equal(said.text, want);
	return r;
}

static void test_files(void **state)
{
	char dir[] = "/tmp/test_conf_XXXXXX";
	struct conf_secrets s;
	struct conf c;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(load_file(dir, &c, &s, "main: cannot be opened: No such file or directory\n"), -ENOENT);
	write_file(dir, "key", "from a file\n", 0600);
	write_file(dir, "hexkey", "0x0102", 0400);
	write_file(dir, "psk", "192.0.2.9 nine\n", 0600);
	write_file(dir, "more", "peer b address 192.0.2.3 psk file hexkey\n", 0644);
	write_file(dir, "main", "include more; secrets \"psk\"\npeer a address 192.0.2.2 psk file \"key\"\n", 0644);
	assert_int_equal(load_file(dir, &c, &s, ""), 0);
	assert_int_equal(c.npeers, 2);
	assert_string_equal(c.peers[0].name, "b");
	assert_int_equal(s.n, 3);
	assert_memory_equal(s.entries[0].key.p, "\1\2", 2);
	assert_memory_equal(s.entries[1].key.p, "nine", 4);
	assert_int_equal(s.entries[2].key.n, 11);
	conf_free(&c);
	conf_secrets_free(&s);

	write_file(dir, "key", "from a file\n", 0640);
	write_file(dir, "psk", "192.0.2.9 nine\n", 0620);
	assert_int_equal(load_file(dir, &c, &s,
		"psk: this file holds secrets and others can write it: chmod 600 psk\n"
		"main:2:35: this file holds secrets and others can read it: chmod 600 key\n"), -EACCES);
	write_file(dir, "main", "peer 192.0.2.2 psk \"x\"", 0604);
	assert_int_equal(load_file(dir, &c, &s,
		"main:1:20: this file holds secrets and others can read it: chmod 600 main\n"), -EACCES);
	write_file(dir, "main", "peer 192.0.2.2 psk \"x\"", 0600);
	assert_int_equal(load_file(dir, &c, &s, ""), 0);
	conf_free(&c);
	conf_secrets_free(&s);

	write_file(dir, "main", "include main", 0600);
	assert_int_equal(load_file(dir, &c, &s,
		"main:1:9: 8 files include one another: does 'main' include itself?\n"), -EINVAL);
	write_file(dir, "main", "include missing\nsecrets \".\"\nfoo", 0600);
	assert_int_equal(load_file(dir, &c, &s,
		"main:1:9: 'missing' cannot be opened: No such file or directory\n"
		".: is not a regular file\n"
		"main:3:1: found 'foo', expected " STATEMENTS "\n"), -EISDIR);
	for (const char *const *name = (const char *const[]){ "main", "more", "key", "hexkey", "psk", NULL }; *name; name++) {
		char path[256];

		snprintf(path, sizeof(path), "%s/%s", dir, *name);
		unlink(path);
	}
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults), cmocka_unit_test(test_common_case), cmocka_unit_test(test_everything),
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_places), cmocka_unit_test(test_find),
		cmocka_unit_test(test_mistakes), cmocka_unit_test(test_too_many_mistakes),
		cmocka_unit_test(test_known_algorithms), cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
