// SPDX-License-Identifier: MIT
// IKEv1's CERTREQ: each CA of the section by its name, within limits; and what is made of the peer's.
#include "tests/unit/cert_world.h"
#include "tests/unit/with_crypto.h"

#include "keyd/conf/id.h"
#include "keyd/conf/load.h"
#include "keyd/ike/timer.h"
#include "keyd/wire/isakmp_cert.h"
#include "keyd/wire/isakmp_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/test_crypto_ca.h"

static struct world w;
static struct secret spki[WORLD_HOSTS];
static struct conf believed[WORLD_HOSTS];

/* The CERTREQs of each host. */
static struct {
	unsigned n;
	uint8_t name[32][512];
	size_t len[32];
} asked[WORLD_HOSTS];

static void overhear(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	struct wire_message m;
	const struct wire_payload *p = NULL;
	struct isakmp_cert c;
	struct view text;

	(void)world;
	if (isakmp_message_get(&m, (struct view){ bytes, n }, &text))
		return;
	while ((p = wire_next(&m, ISAKMP_PL_CERTREQ, p))) {
		unsigned i = asked[from].n++;

		assert_true(i < 32);
		assert_int_equal(isakmp_certreq_get(&c, p->body), 0);
		assert_int_equal(c.encoding, ISAKMP_CERT_X509_SIGNATURE);
		assert_true(c.data.n <= sizeof(asked[from].name[i]));
		if (c.data.n)
			memcpy(asked[from].name[i], c.data.p, c.data.n);
		asked[from].len[i] = c.data.n;
	}
}

static void on_mistake(const char *text, void *arg)
{
	(void)arg;
	fail_msg("%s", text);
}

/* The CAs that a host believes: files of tests/ca, as "ca" names them. */
static void believes(unsigned host, const char *a, const char *b)
{
	struct conf *c = &w.host[host].conf;
	struct conf_secrets s;
	char text[3 * PATH_MAX], whole[PATH_MAX], name[] = "/tmp/certreq.XXXXXX";
	int fd;

	assert_non_null(realpath(folder, whole));
	snprintf(text, sizeof(text), "default ca \"%s/%s.crt\"", whole, a);
	if (b)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), ", \"%s/%s.crt\"", whole, b);
	strcat(text, "\n");
	fd = mkstemp(name);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	assert_int_equal(conf_load(&believed[host], &s, name, on_mistake, NULL), 0);
	unlink(name);
	conf_secrets_free(&s);
	c->cas = believed[host].cas;
	c->ncas = believed[host].ncas;
	memcpy(c->defaults.trust.ca, believed[host].defaults.trust.ca, sizeof(c->defaults.trust.ca));
	c->defaults.trust.ncas = believed[host].defaults.trust.ncas;
}

static void begin_v1(uint8_t exchange)
{
	begin(&w, 3, CRYPTO_KEY_EC, 256);
	memset(asked, 0, sizeof(asked));
	w.tap = overhear;
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		assert_int_equal(crypto_key_spki(of[i].key, &spki[i]), 0);
		of[i].cred.spki = spki[i].p;
		of[i].cred.nspki = (uint32_t)spki[i].n;
		w.host[i].conf.defaults.version = 1;
		w.host[i].conf.defaults.exchange = exchange;
		w.host[i].conf.defaults.fragment_size = 0;
	}
}

static void end_v1(void)
{
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		w.host[i].conf.cas = NULL;
		w.host[i].conf.ncas = 0;
	}
	end();
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		secret_clear(&spki[i]);
		conf_free(&believed[i]);
	}
}

static void come_up(void)
{
	configured();
	world_packet(&w, 0);
	assert_true(world_until(&w, SECONDS(20), world_joined));
}

static void assert_asked(unsigned host, unsigned i, const char *name)
{
	struct crypto_cert *c = cert(name);
	struct view subject = crypto_cert_subject(c);

	assert_int_equal(asked[host].len[i], subject.n);
	assert_memory_equal(asked[host].name[i], subject.p, subject.n);
	crypto_cert_free(c);
}

static void test_named(void **state)
{
	(void)state;
	for (uint8_t exchange = CONF_EXCHANGE_MAIN; exchange <= CONF_EXCHANGE_AGGRESSIVE; exchange++) {
		begin_v1(exchange);
		believes(0, "root", NULL);
		believes(1, "inter", "root");
		come_up();
		assert_int_equal(asked[0].n, 1);
		assert_asked(0, 0, "root");
		assert_int_equal(asked[1].n, 2);
		assert_asked(1, 0, "inter");
		assert_asked(1, 1, "root");
		end_v1();
	}
}

/* As responder of main mode nobody knows yet whom the peer will say it is: the CAs of all sections that it may be. */
static void test_of_all_sections(void **state)
{
	static struct conf_peer sections[2];
	struct conf *c = &w.host[1].conf;

	(void)state;
	begin_v1(CONF_EXCHANGE_MAIN);
	believes(0, "root", NULL);
	believes(1, "inter", "root");
	for (unsigned i = 0; i < 2; i++) {
		sections[i] = c->defaults;
		snprintf(sections[i].name, sizeof(sections[i].name), i ? "two" : "one");
		conf_id_parse(&sections[i].remote_id, i ? "a.example" : "elsewhere.example");
		sections[i].trust.ncas = 1;
		sections[i].trust.ca[0] = c->defaults.trust.ca[i];
	}
	c->peers = sections;
	c->npeers = 2;
	come_up();
	assert_int_equal(asked[1].n, 2);
	c->peers = NULL;
	c->npeers = 0;
	end_v1();
}

/* Where there are too many, none is named: any will do. */
static void test_any(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		begin_v1(CONF_EXCHANGE_MAIN);
		believes(0, "root", NULL);
		believes(1, "root", "inter");
		if (i)
			believed[1].cas[1].nnames = 0;
		else
			w.host[1].conf.defaults.trust.ncas = 0;
		come_up();
		assert_int_equal(asked[1].n, 1);
		assert_int_equal(asked[1].len[0], 0);
		end_v1();
	}
}

/* Ours is shown in any case; that the peer wants another is told. */
static void test_peers(void **state)
{
	static const struct { const char *ca, *other; bool met; } rows[] = {
		{ "root", NULL, false }, { "inter", NULL, true }, { "root", "inter", true },
	};

	(void)state;
	for (unsigned i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		struct file f = load("alice.crt");
		struct wr chain;

		begin_v1(i & 1 ? CONF_EXCHANGE_AGGRESSIVE : CONF_EXCHANGE_MAIN);
		chain = wr_of(of[0].chain, sizeof(of[0].chain));
		wr_u32(&chain, (uint32_t)f.n);
		wr_mem(&chain, f.p, f.n);
		assert_true(wr_ok(&chain));
		of[0].cred.nchain = (uint32_t)chain.len;
		believes(0, "root", NULL);
		believes(1, rows[i / 2].ca, rows[i / 2].other);
		come_up();
		assert_int_equal(!strstr(w.host[0].log, "the peer asks for a certificate by \""), rows[i / 2].met);
		free(f.p);
		end_v1();
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_named),
		cmocka_unit_test(test_of_all_sections),
		cmocka_unit_test(test_any),
		cmocka_unit_test(test_peers),
	};

	ca_folder(argc, argv);
	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
