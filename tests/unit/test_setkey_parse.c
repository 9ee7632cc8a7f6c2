// SPDX-License-Identifier: MIT
/* setkey's language as a table: a text, and what its statements say, or the errors with their lines and tokens. */
#include "setkey/lang/resolve.h"
#include "setkey/lang/script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

struct output {
	char text[4096];
	size_t n;
};

__attribute__((format(printf, 2, 3))) static void put(struct output *o, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(o->text + o->n, sizeof(o->text) - o->n, fmt, ap);
	va_end(ap);
	assert_true(n >= 0 && o->n + (size_t)n < sizeof(o->text));
	o->n += (size_t)n;
}

static void put_error(void *arg, unsigned int line, const char *msg, const char *token)
{
	put(arg, "%u:%s:%s\n", line, msg, token ? token : "");
}

static void put_endpoint(struct output *o, const struct endpoint *ep)
{
	char buf[IPSEC_ADDR_STRLEN];

	put(o, " %s", ep->naddrs ? ipsec_addr_format(ep->addrs, buf, sizeof(buf)) : ep->host);
	if (!ep->naddrs)
		put(o, "?");
	if (ep->prefix >= 0)
		put(o, "/%d", ep->prefix);
	if (ep->port.service)
		put(o, "[%s]", ep->port.service);
	else if (ep->port.mask == UINT16_MAX)
		put(o, "[%u]", ep->port.number);
	else if (ep->port.mask || ep->port.number)
		put(o, "[%u/%x]", ep->port.number, ep->port.mask);
}

static void put_alg(struct output *o, char letter, const struct alg_spec *spec)
{
	if (!spec->alg)
		return;
	put(o, " %c:%s:", letter, spec->alg->names[0]);
	for (unsigned int i = 0; i < spec->bytes; i++)
		put(o, "%02x", spec->key[i]);
}

static void put_selector(struct output *o, const struct selector_spec *sel)
{
	put(o, " sel=");
	put_endpoint(o, &sel->src);
	put_endpoint(o, &sel->dst);
	put(o, " %u", sel->upper.proto);
	if (sel->upper.have_type)
		put(o, " type=%u", sel->upper.type);
	if (sel->upper.have_code)
		put(o, " code=%u", sel->upper.code);
}

static void put_number(struct output *o, const char *name, unsigned long long v)
{
	if (v)
		put(o, " %s=%llu", name, v);
}

static void put_mark(struct output *o, const char *name, const struct ipsec_mark *mark)
{
	if (mark->mask)
		put(o, " %s=%x/%x", name, mark->value, mark->mask);
}

static void put_more(struct output *o, const struct more_spec *m)
{
	if (m->ctx.label)
		put(o, " ctx=%u,%u,%s", m->ctx.doi, m->ctx.alg, m->ctx.label);
	put_number(o, "ph", m->hard.packets);
	put_number(o, "ps", m->soft.packets);
	put_number(o, "uh", m->hard.use_seconds);
	put_number(o, "us", m->soft.use_seconds);
	put_mark(o, "mark", &m->mark);
	put_mark(o, "output-mark", &m->output_mark);
	put_number(o, "if-id", m->if_id);
	put_number(o, "tfc", m->tfc);
	put_number(o, "nat-keepalive", m->nat_keepalive);
	put_number(o, "index", m->index);
	if (m->flags)
		put(o, " flags=%x", m->flags);
	put_number(o, "trunc", m->trunc);
	put_number(o, "dir", m->dir);
	put_number(o, "ptype", m->ptype);
	if (m->dev.name)
		put(o, " dev=%s", m->dev.name);
	if (m->offload)
		put(o, " offload=%s,%u,%u", m->offload_dev.name, m->offload, m->offload_dir);
	if (m->sel)
		put_selector(o, m->sel);
}

static void put_sa(struct output *o, const struct sa_spec *sa, const struct more_spec *m)
{
	static const char modes[] = "tub-";	/* transport, tunnel, beet, any */
	static const struct more_spec none;

	m = m ? m : &none;
	put(o, " spi=%u %c u%u r%u f%x", sa->spi, modes[sa->mode], sa->reqid, sa->replay, sa->flags);
	put(o, " %llu/%llu %llu/%llu", (unsigned long long)m->hard.add_seconds, (unsigned long long)m->soft.add_seconds,
	    (unsigned long long)m->hard.bytes, (unsigned long long)m->soft.bytes);
	if (m->oa.host)
		put_endpoint(o, &m->oa);
	put_alg(o, 'E', &sa->enc);
	put_alg(o, 'A', &sa->auth);
	put_alg(o, 'C', &sa->comp);
	put_more(o, m);
}

static void put_rule(struct output *o, const struct rule_spec *r)
{
	static const char *const modes[] = { "transport", "tunnel", "beet", "any" };
	static const char *const levels[] = { "default", "use", "require", "unique" };
	char src[IPSEC_ADDR_STRLEN], dst[IPSEC_ADDR_STRLEN];

	put(o, " %s/%s/%s-%s/%s", protocol_name(r->proto), modes[r->mode], ipsec_addr_format(&r->src, src, sizeof(src)),
	    ipsec_addr_format(&r->dst, dst, sizeof(dst)), levels[r->level]);
	if (r->reqid)
		put(o, ":%u", r->reqid);
	if (r->spi)
		put(o, "/spi:%u", r->spi);
}

static void put_policy(struct output *o, const struct policy_spec *pol, const struct more_spec *m)
{
	static const char *const actions[] = { "-", "discard", "none", "ipsec" };

	if (pol->tag)
		put(o, " tag=%s", pol->tag);
	put(o, " proto=%u", pol->upper.proto);
	if (pol->upper.have_type)
		put(o, " type=%u", pol->upper.type);
	if (pol->upper.have_code)
		put(o, " code=%u", pol->upper.code);
	if (m)
		put_more(o, m);
	put(o, " %s %08x %s", ((const char *[]){ "in", "out", "fwd" })[pol->dir], pol->priority, actions[pol->action]);
	for (unsigned int i = 0; i < pol->nrules; i++)
		put_rule(o, &pol->rules[i]);
}

static void put_statement(struct output *o, const struct statement *st)
{
	put(o, "%u %s", st->line, command_name(st->command));
	if (st->names.numeric)
		put(o, " -n");
	if (st->names.family)
		put(o, st->names.family == AF_INET ? " -4" : " -6");
	if (st->src.host)
		put_endpoint(o, &st->src);
	if (st->dst.host)
		put_endpoint(o, &st->dst);
	if (st->proto)
		put(o, " %s", protocol_name(st->proto));
	if (st->sa)
		put_sa(o, st->sa, st->more);
	if (st->policy)
		put_policy(o, st->policy, st->more);
	put(o, "\n");
}

static int parse(struct script *sc, const char *text, size_t n)
{
	char *copy = malloc(n + 2);
	int err;

	assert_non_null(copy);
	memcpy(copy, text, n);
	err = script_parse_text(sc, copy, n);
	free(copy);
	return err;
}

/* Errors come first, then the statements that were read all the same. */
static void read_text(const char *text, size_t n, struct output *o)
{
	struct script sc = { .on_error = put_error, .arg = o };
	size_t count = 0;
	int err;

	o->n = 0;
	o->text[0] = '\0';
	err = parse(&sc, text, n);
	assert_int_equal(err, sc.errors ? -1 : 0);
	assert_int_equal(o->n > 0, sc.errors > 0);
	for (const struct statement *st = sc.first; st; st = st->next, count++)
		put_statement(o, st);
	assert_int_equal(count, sc.count);
	script_clear(&sc);
}

#define A "192.0.2.1 192.0.2.2 "
#define B " 192.0.2.1 192.0.2.2 "
#define NONE " spi=256 - u0 r0 f0 0/0 0/0"
#define NULLALG " E:null:"

static const struct { const char *text, *want; } cases[] = {
	/* Layout */
	{ "", "" },
	{ " \t\n\n# comment ; with \"quotes\n#", "" },
	{ ";;", "" },
	{ "flush;", "1 flush\n" },
	{ "flush; spdflush;dump;\nspddump;", "1 flush\n1 spdflush\n1 dump\n2 spddump\n" },
	{ "flush\n\n;", "1 flush\n" },
	{ "flush;\r\nspdflush;\r\n", "1 flush\n2 spdflush\n" },
	{ "spddelete " A "any\r\n -P\r\n out ;\r\nflush;", "1 spddelete" B "proto=0 out 80000000 -\n4 flush\n" },
	{ "flush esp ; dump ipcomp; flush ah;", "1 flush esp\n1 dump ipcomp\n1 flush ah\n" },
	{ "flush; exit; what is this", "1 flush\n" },
	{ "quit;", "" }, { "bye;@", "" },
	{ "deleteall " A "esp; deleteall " A ";", "1 deleteall" B "esp\n1 deleteall 192.0.2.1 192.0.2.2\n" },

	/* Addresses */
	{ "get 192.0.2.1 192.0.2.2 esp 256;", "1 get" B "esp" NONE "\n" },
	{ "get -4 " A "esp 256;", "1 get -4" B "esp" NONE "\n" },
	{ "get -n4 " A "esp 256;", "1 get -n -4" B "esp" NONE "\n" },
	{ "get -4n " A "esp 256;", "1 get -n -4" B "esp" NONE "\n" },
	{ "get -4 -n " A "esp 256;", "1 get -n -4" B "esp" NONE "\n" },
	{ "get -6n 2001:db8::1 ::1 esp 256;", "1 get -n -6 2001:db8::1 ::1 esp" NONE "\n" },
	{ "get one.example two-2.example. esp 256;", "1 get one.example? two-2.example.? esp" NONE "\n" },
	{ "get fe80::1%eth0 fe80::2%eth0 esp 256;", "1 get fe80::1 fe80::2 esp" NONE "\n" },
	{ "get 192.0.2.1[500] 192.0.2.2[any] esp 256;", "1 get 192.0.2.1[500] 192.0.2.2 esp" NONE "\n" },
	{ "get 192.0.2.1[domain] 192.0.2.2[0] esp 256;", "1 get 192.0.2.1[domain] 192.0.2.2 esp" NONE "\n" },
	{ "get -6 " A "esp 256;", "1:address of the other family than -4 or -6 says:192.0.2.1\n" },
	{ "get 192.0.2.1[65536] 192.0.2.2 esp 256;", "1:port too big:65536\n" },
	{ "get -x " A "esp 256;", "1:unknown option:-x\n" },

	/* SPIs */
	{ "get " A "esp 0x100;", "1 get" B "esp" NONE "\n" },
	{ "get " A "esp 0XfFfFfFfF;", "1 get" B "esp spi=4294967295 - u0 r0 f0 0/0 0/0\n" },
	{ "get " A "esp 5;", "1 get" B "esp spi=5 - u0 r0 f0 0/0 0/0\n" },
	{ "get " A "esp 0x100000001;", "1:SPI too big:4294967297\n" },
	{ "get " A "esp 0x10000000000000001;", "1:number too big:0x...\n" },
	{ "get " A "esp 99999999999999999999;", "1:number too big:99999999999999999999\n" },
	{ "add " A "esp 255 -E null;", "1:SPIs below 256 are reserved:255\n" },
	{ "getspi " A "esp 0;", "1 getspi" B "esp spi=0 - u0 r0 f0 0/0 0/0\n" },
	{ "getspi " A "esp 7;", "1:SPIs below 256 are reserved:7\n" },
	{ "add " A "ipcomp 2 -C deflate;", "1 add" B "ipcomp spi=2 - u0 r0 f0 0/0 0/0 C:deflate:\n" },
	{ "add " A "ipcomp 65536 -C deflate;", "1:SPI too big:65536\n" },

	/* Protocols and extensions */
	{ "add " A "esp 256 -m tunnel -u 5 -r 64 -lh 4 -ls 3 -bh 2 -bs 1 -E null;",
	  "1 add" B "esp spi=256 u u5 r64 f0 4/3 2/1 E:null:\n" },
	{ "add " A "esp 256 -m transport -E null;", "1 add" B "esp spi=256 t u0 r0 f0 0/0 0/0 E:null:\n" },
	{ "add " A "esp 256 -m any -E null;", "1 add" B "esp" NONE NULLALG "\n" },
	{ "add " A "esp 256 -f zero-pad -f nocyclic-seq -E null;", "1 add" B "esp spi=256 - u0 r0 f48 0/0 0/0 E:null:\n" },
	{ "add " A "esp 256 -f random-pad -f seq-pad -E null;", "1 add" B "esp spi=256 - u0 r0 f30 0/0 0/0 E:null:\n" },
	{ "add " A "esp 256 -ctx 1 1 \"a:b;#\" -E null;", "1 add" B "esp" NONE NULLALG " ctx=1,1,a:b;#\n" },
	{ "add " A "esp-old 256 -E null;", "1 add" B "esp spi=256 - u0 r0 f1 0/0 0/0 E:null:\n" },
	{ "add " A "ah-old 256 -r 4 -A null;", "1:replay prevention cannot be used with ah-old and esp-old:;\n" },
	{ "add " A "esp-udp 256 -E null;", "1 add" B "esp spi=256 - u0 r0 f2 0/0 0/0 E:null:\n" },
	{ "add 192.0.2.1[4501] 192.0.2.2[4500] esp-udp 198.51.100.1 256 -E null;",
	  "1 add 192.0.2.1[4501] 192.0.2.2[4500] esp spi=256 - u0 r0 f2 0/0 0/0 198.51.100.1 E:null:\n" },
	{ "add " A "tcp 0x1000 -A tcp-md5 \"secret\";", "1 add" B "tcp spi=4096 - u0 r0 f0 0/0 0/0 A:tcp-md5:736563726574\n" },
	{ "add " A "esp 256 -r 4097 -E null;", "1:replay window too big:4097\n" },
	{ "add " A "esp 256 -u 4294967296 -E null;", "1:reqid too big:4294967296\n" },
	{ "update " A "ah 256 -A null;", "1 update" B "ah" NONE " A:null:\n" },
	{ "delete " A "esp 256;", "1 delete" B "esp" NONE "\n" },

	/* Algorithms and keys */
	{ "add " A "ah 256 -A hmac-md5 0x0;", "1:key of 8 bits, and it must have 128:hmac-md5\n" },
	{ "add " A "ah 256 -A hmac-md5 0x123456789abcdef00112233445566778;",
	  "1 add" B "ah" NONE " A:hmac-md5:123456789abcdef00112233445566778\n" },
	{ "add " A "ah 256 -A hmac-md5 0x1112233445566778899aabbccddeeff;",
	  "1 add" B "ah" NONE " A:hmac-md5:01112233445566778899aabbccddeeff\n" },
	{ "add " A "ah 256 -A hmac-md5 \";#\n'0123456789ab\";\nflush;",
	  "1 add" B "ah" NONE " A:hmac-md5:3b230a27303132333435363738396162\n3 flush\n" },
	{ "add " A "esp 256 -E\taes-cbc 0x00112233445566778899aabbccddeeff -A\nhmac-sha1 \"this is the test key\";",
	  "1 add" B "esp" NONE " E:aes-cbc:00112233445566778899aabbccddeeff A:hmac-sha1:"
	  "7468697320697320746865207465737420" "6b6579\n" },
	{ "add " A "esp 256 -E rijndael-cbc \"0123456789abcdef\";",
	  "1 add" B "esp" NONE " E:aes-cbc:30313233343536373839616263646566\n" },
	{ "add " A "esp 256 -E aes-gcm-16 \"0123456789abcdef0123\";",
	  "1 add" B "esp" NONE " E:aes-gcm-16:3031323334353637383961626364656630313233\n" },
	{ "add " A "esp 256 -E null \"\";", "1 add" B "esp" NONE NULLALG "\n" },
	{ "add " A "esp 256 -E null \"\" -A null;", "1 add" B "esp" NONE NULLALG " A:null:\n" },
	{ "add " A "esp 256 -E simple;", "1 add" B "esp" NONE NULLALG "\n" },
	{ "add " A "ipcomp 256 -C deflate -R;", "1 add" B "ipcomp spi=256 - u0 r0 f4 0/0 0/0 C:deflate:\n" },
	{ "add " A "esp 256 -E aes-cbc 0x0011223344556677889900112233445566;",
	  "1:key of 136 bits, and it must have 128 to 256 in steps of 64:aes-cbc\n" },
	{ "add " A "esp 256 -E aes-cbc;", "1:key of 0 bits, and it must have 128 to 256 in steps of 64:aes-cbc\n" },
	{ "add " A "esp 256 -E rot13 0x00;", "1:unknown algorithm:rot13\n" },
	{ "add " A "esp 256 -E hmac-sha1 0x00;", "1:unknown algorithm:hmac-sha1\n" },
	{ "add " A "esp 256 -E aes-gcm-16 \"0123456789abcdef0123\" -A null;",
	  "1:this algorithm carries its own integrity: no -A:;\n" },
	{ "add " A "esp 256 -A null;", "1:esp needs an algorithm after -E:;\n" },
	{ "add " A "ah 256;", "1:ah needs an algorithm after -A, and none after -E:;\n" },
	{ "add " A "ah 256 -E null -A null;", "1:ah needs an algorithm after -A, and none after -E:;\n" },
	{ "add " A "ipcomp 256;", "1:ipcomp needs an algorithm after -C:;\n" },
	{ "add " A "esp 256 -E null -C deflate;", "1:-C is for ipcomp:;\n" },
	{ "add " A "esp 256 -E null \"abc;", "1:unterminated string:\"\n" },
	{ "add " A "esp 256 -E;", "1:syntax error, expected string or algorithm:;\n" },

	/* Selectors */
	{ "spdadd 10.0.0.0/8[any] 10.0.0.0/24[80] tcp -P out none;",
	  "1 spdadd 10.0.0.0/8 10.0.0.0/24[80] proto=6 out 80000000 none\n" },
	{ "spdadd ::/0 2001:db8::/32 any -P in discard;", "1 spdadd ::/0 2001:db8::/32 proto=0 in 80000000 discard\n" },
	{ "spdadd " A "icmp 8,0 -P out none;", "1 spdadd" B "proto=1 type=8 code=0 out 80000000 none\n" },
	{ "spdadd " A "icmp 8 -P out none;", "1 spdadd" B "proto=1 type=8 out 80000000 none\n" },
	{ "spdadd " A "icmp6 135,0 -P out none;", "1 spdadd" B "proto=58 type=135 code=0 out 80000000 none\n" },
	{ "spdadd " A "mh 5,6 -P out none;", "1 spdadd" B "proto=135 type=5 code=6 out 80000000 none\n" },
	{ "spdadd " A "gre 1.2.3.4 -P out none;", "1 spdadd" B "proto=47 type=258 code=772 out 80000000 none\n" },
	{ "spdadd " A "gre 16909060 -P out none;", "1 spdadd" B "proto=47 type=258 code=772 out 80000000 none\n" },
	{ "spdadd " A "ip4 -P out none;", "1 spdadd" B "proto=4 out 80000000 none\n" },
	{ "spdadd " A "132 -P out none;", "1 spdadd" B "proto=132 out 80000000 none\n" },
	{ "spdadd " A "esp -P out none;", "1 spdadd" B "proto=50 out 80000000 none\n" },
	{ "spdadd " A "udp -ctx 1 1 \"x\" -P out none;", "1 spdadd" B "proto=17 ctx=1,1,x out 80000000 none\n" },
	{ "spdadd tagged \"x y\" -P out none;", "1 spdadd tag=x y proto=0 out 80000000 none\n" },
	{ "spdadd " A "icmp 256,0 -P out none;", "1:invalid upper layer protocol spec:256,0\n" },
	{ "spdadd " A "tcp 8,0 -P out none;", "1:invalid upper layer protocol spec:8,0\n" },
	{ "spdadd " A "256 -P out none;", "1:protocol too big:256\n" },
	{ "spdadd " A "carrier-pigeon -P out none;", "1:invalid upper layer protocol:carrier-pigeon\n" },
	{ "spdadd 10.0.0.0/129 10.0.0.0/8 any -P out none;", "1:prefix length too big:129\n" },

	/* Policies */
	{ "spdadd " A "any -P out ipsec esp/tunnel/192.0.2.1-192.0.2.2/unique:5;",
	  "1 spdadd" B "proto=0 out 80000000 ipsec esp/tunnel/192.0.2.1-192.0.2.2/unique:5\n" },
	{ "spdadd " A "any -P out ipsec esp/tunnel/192.0.2.1[500]-192.0.2.2[500]/unique;",
	  "1 spdadd" B "proto=0 out 80000000 ipsec esp/tunnel/192.0.2.1-192.0.2.2/unique\n" },
	{ "spdupdate " A "any -P in ipsec esp/tunnel/2001:db8::1-2001:db8::2/use;",
	  "1 spdupdate" B "proto=0 in 80000000 ipsec esp/tunnel/2001:db8::1-2001:db8::2/use\n" },
	{ "spdadd " A "any -P in ipsec\n\tipcomp/transport//use\n\tesp/transport//require ah/transport;",
	  "1 spdadd" B "proto=0 in 80000000 ipsec ipcomp/transport/any-any/use esp/transport/any-any/require "
	  "ah/transport/any-any/default\n" },
	{ "spdadd " A "any -P in ipsec esp/transport/ ah/transport/192.0.2.1-192.0.2.2/ esp/transport//default;",
	  "1 spdadd" B "proto=0 in 80000000 ipsec esp/transport/any-any/default ah/transport/192.0.2.1-192.0.2.2/default "
	  "esp/transport/any-any/default\n" },
	{ "spdadd " A "any -P out ipsec esp/transport/me-any/require;",
	  "1 spdadd" B "proto=0 out 80000000 ipsec esp/transport/any-any/require\n" },
	{ "spdadd " A "any -P in ipsec esp/transport/any-me/require;",
	  "1 spdadd" B "proto=0 in 80000000 ipsec esp/transport/any-any/require\n" },
	{ "spdadd " A "any -P fwd bypass;", "1 spdadd" B "proto=0 fwd 80000000 none\n" },
	{ "spdadd " A "any -P out none esp/transport//require;", "1 spdadd" B "proto=0 out 80000000 none\n" },
	{ "spddelete " A "any -P out;", "1 spddelete" B "proto=0 out 80000000 -\n" },
	{ "spdadd " A "any -P out prio 7 none;", "1 spdadd" B "proto=0 out 7ffffff9 none\n" },
	{ "spdadd " A "any -P out priority -7 none;", "1 spdadd" B "proto=0 out 80000007 none\n" },
	{ "spdadd " A "any -P out prio high none;", "1 spdadd" B "proto=0 out 40000000 none\n" },
	{ "spdadd " A "any -P out prio low+1 none;", "1 spdadd" B "proto=0 out bfffffff none\n" },
	{ "spdadd " A "any -P out prio def - 5 none;", "1 spdadd" B "proto=0 out 80000005 none\n" },
	{ "spdadd " A "any -P out prio low - 1073741824 none;", "1:priority too big:1073741824\n" },
	{ "spdadd " A "any -P out;", "1:a policy needs discard, none or ipsec:;\n" },
	{ "spdadd " A "any -P out ipsec;", "1:ipsec without a rule would let everything pass in clear:;\n" },
	{ "spdadd " A "any -P out ipsec esp/tunnel//require;", "1:a tunnel needs the addresses of both ends:esp\n" },
	{ "spdadd " A "any -P out ipsec esp/tunnel/1.2.3.4-::1/require;",
	  "1:the ends of a rule are of different families:esp\n" },
	{ "spdadd " A "any -P in ipsec esp/transport/me-any/require;", "1:me-any is for out and any-me for in:me-any\n" },
	{ "spdadd " A "any -P out ipsec esp/tunnel/a.example-192.0.2.2/require;",
	  "1:invalid IP address:a.example\n" },
	{ "spdadd " A "any -P out ipsec esp/transport//unique:4294967296;", "1:reqid too big:4294967296\n" },
	{ "spdadd " A "any -P out ipsec # no comments here\n esp/transport//require;", "1:Syntax error:#\n" },
	{ "spdadd " A "any -P out ipsec esp/transport esp/transport esp/transport esp/transport esp/transport "
	  "esp/transport esp/transport;", "1:more rules than the kernel takes:esp\n" },

	/* Words in the place of names, names in the place of words */
	{ "get tunnel crypto esp 256;", "1 get tunnel? crypto? esp" NONE "\n" },
	{ "add " A "esp 256 -mtunnel -r32 -lh10 -u5 -Enull;", "1 add" B "esp spi=256 u u5 r32 f0 10/0 0/0 E:null:\n" },
	{ "add 192.0.2.1 [4500] 192.0.2.2 [ 4501 ] esp-udp 256 -E null;",
	  "1 add 192.0.2.1[4500] 192.0.2.2[4501] esp spi=256 - u0 r0 f2 0/0 0/0 E:null:\n" },
	{ "add " A "esp#comment ; \"\n 256 -E null#comment\n;#comment\nflush;",
	  "1 add" B "esp" NONE NULLALG "\n4 flush\n" },
	{ "add " A "esp 0256 -u 010 -E null;", "1 add" B "esp spi=256 - u10 r0 f0 0/0 0/0 E:null:\n" },
	{ "add " A "esp 0x0000000000000000000100 -u 0x10 -E null;", "1 add" B "esp spi=256 - u16 r0 f0 0/0 0/0 E:null:\n" },
	{ "add " A "esp 256 -f cyclic-seq -E null  -A null;", "1 add" B "esp" NONE NULLALG " A:null:\n" },
	{ "add " A "esp 256 -E des-32iv \"12345678\";", "1 add" B "esp" NONE " E:des-deriv:3132333435363738\n" },
	{ "spdadd 2001:db8::1%eth0/64[any] fe80::2%0 any -P out ipsec esp/tunnel/fe80::1%eth0-fe80::2%eth0/require;",
	  "1 spdadd 2001:db8::1/64 fe80::2 proto=0 out 80000000 ipsec esp/tunnel/fe80::1-fe80::2/require\n" },
	{ "spdadd 10.0.0.0/8[500/0xff00] 10.0.0.0/8[0/65535] udp -P out none;",
	  "1 spdadd 10.0.0.0/8[500/ff00] 10.0.0.0/8[0] proto=17 out 80000000 none\n" },
	{ "spdadd " A "255 -P in none; spdadd " A "0xff -P in none; spdadd " A "ip -P in none;",
	  "1 spdadd" B "proto=0 in 80000000 none\n1 spdadd" B "proto=255 in 80000000 none\n1 spdadd" B
	  "proto=0 in 80000000 none\n" },
	{ "spdadd " A "any -P out prio high+1 none; spdadd " A "any -P out prio def -3 none; spdadd " A
	  "any -P out priority -10 none; spdadd " A "any -P\tout\npriority\n+\n5\nnone\n;",
	  "1 spdadd" B "proto=0 out 3fffffff none\n1 spdadd" B "proto=0 out 80000003 none\n1 spdadd" B
	  "proto=0 out 8000000a none\n1 spdadd" B "proto=0 out 7ffffffb none\n" },
	{ "spdadd " A "any -P out prio=5 none; flush;", "1:Syntax error:=\n1 flush\n" },
	{ "spdadd 0.0.0.0/0 0.0.0.0/0 any -P in ipsec esp/tunnel/0.0.0.0-0.0.0.0/require\n"
	  "\tah/transport/192.0.2.1[500]-192.0.2.2[any]/default;",
	  "1 spdadd 0.0.0.0/0 0.0.0.0/0 proto=0 in 80000000 ipsec esp/tunnel/0.0.0.0-0.0.0.0/require "
	  "ah/transport/192.0.2.1-192.0.2.2/default\n" },
	{ "spddelete " A "any -P fwd ipsec esp/tunnel/192.0.2.1-192.0.2.2/require;",
	  "1 spddelete" B "proto=0 fwd 80000000 ipsec esp/tunnel/192.0.2.1-192.0.2.2/require\n" },
	{ "spdadd " A "tcp\n\t-ctx 1 1 \"system_u:object_r:ipsec_t:s0-s15:c0.c1023\"\n\t-P out none;",
	  "1 spdadd" B "proto=6 ctx=1,1,system_u:object_r:ipsec_t:s0-s15:c0.c1023 out 80000000 none\n" },
	{ "spdadd -4 -n " A "any -P out entrust;", "1 spdadd -n -4" B "proto=0 out 80000000 none\n" },

	/* What XFRM has more: associations */
	{ "add " A "esp 256 -r 64 -esn -f noecn -f decap-dscp -f nopmtudisc -f wildrecv -f icmp -f af-unspec -f align4 "
	  "-f dont-encap-dscp -f oseq-may-wrap -E null;",
	  "1 add" B "esp spi=256 - u0 r64 f0 0/0 0/0 E:null: flags=3ff\n" },
	{ "add " A "esp 256 -m beet -ph 4 -ps 3 -uh 2 -us 1 -tfc 1400 -nat-keepalive 20 -if-id 0x10 -dir out -E null;",
	  "1 add" B "esp spi=256 b u0 r0 f0 0/0 0/0 E:null: ph=4 ps=3 uh=2 us=1 if-id=16 tfc=1400 nat-keepalive=20 dir=2\n" },
	{ "add " A "esp 256 -mark 5 -output-mark 0x10/0xF0 -E null;",
	  "1 add" B "esp" NONE NULLALG " mark=5/ffffffff output-mark=10/f0\n" },
	{ "add " A "ah 256 -trunc 96 -A hmac-sha256 \"01234567890123456789012345678901\";", "1 add" B "ah" NONE
	  " A:hmac-sha256:3031323334353637383930313233343536373839303132333435363738393031 trunc=96\n" },
	{ "add " A "esp 256 -offload eth0 in -E null; add " A "esp 256 -offload \"wan 0\" packet out -E null; add " A
	  "esp 256 -dir in -hwif br-lan.5_a@b -E null; add " A "esp 256 -offload 7 in crypto -E null;",
	  "1 add" B "esp" NONE NULLALG " offload=eth0,1,1\n1 add" B "esp" NONE NULLALG " offload=wan 0,2,2\n1 add" B "esp"
	  NONE NULLALG " dir=1 offload=br-lan.5_a@b,1,0\n1 add" B "esp" NONE NULLALG " offload=7,1,1\n" },
	{ "add " A "esp 256 -m tunnel -sel 10.0.0.0/8[any] 10.1.0.0/16[80] tcp -dev eth0 -E null;",
	  "1 add" B "esp spi=256 u u0 r0 f0 0/0 0/0 E:null: dev=eth0 sel= 10.0.0.0/8 10.1.0.0/16[80] 6\n" },
	{ "add " A "esp 256 -sel ::/0 ::/0 icmp6 135,0 -u 5 -E null;",
	  "1 add" B "esp spi=256 - u5 r0 f0 0/0 0/0 E:null: sel= ::/0 ::/0 58 type=135 code=0\n" },
	{ "add " A "esp 256 -E \"cbc(serpent)\" 0x00 -A \"hmac(sha1)\" \"key\";",
	  "1 add" B "esp" NONE " E:cbc(serpent):00 A:hmac(sha1):6b6579\n" },
	{ "add " A "esp 256 -natt 10.0.0.1[4501] 10.0.0.2[4502] -natt_mtu 1400 -E null;",
	  "1 add 192.0.2.1[4501/0] 192.0.2.2[4502/0] esp spi=256 - u0 r0 f2 0/0 0/0 E:null:\n" },
	{ "delete " A "esp 256 -mark 7/0xff; get " A "esp 256 -m tunnel -mark 0x7;",
	  "1 delete" B "esp" NONE " mark=7/ff\n1 get" B "esp spi=256 u u0 r0 f0 0/0 0/0 mark=7/ffffffff\n" },
	{ "add " A "esp 256 -mark 0x100/0xff -E null;", "1:the mark has bits outside its mask:-mark\n" },
	{ "add " A "esp 256 -mark 0x100000000 -E null;", "1:mark too big:4294967296\n" },
	{ "add " A "esp 256 -trunc 97 -A null -E null;", "1:-trunc counts bits, and an ICV has whole bytes:;\n" },
	{ "add " A "esp 256 -trunc 520 -A null -E null;", "1:ICV length too big:520\n" },
	{ "add " A "esp 256 -trunc 96 -E null;", "1:-trunc needs an algorithm with an ICV:;\n" },
	{ "add " A "esp 256 -offload eth0 -E null;", "1:-offload needs a direction: in or out:;\n" },
	{ "add " A "esp 256 -dir in -offload eth0 out -E null;", "1:-offload and -dir name different directions:;\n" },
	{ "add " A "esp 256 -offload eth0 sideways -E null;", "1:expected crypto, packet, in or out:sideways\n" },
	{ "add " A "esp 256 -offload a-name-that-is-too-long in -E null;",
	  "1:not a name of a network device:a-name-that-is-too-long\n" },
	{ "add " A "esp 256 -dev eth0 -E null;", "1:-dev needs -sel, to which it belongs:;\n" },
	{ "add " A "esp 256 -dir sideways -E null;", "1:unknown word after an option:sideways\n" },
	{ "add " A "esp 256 -f localok -E null;", "1:unknown word after an option:localok\n" },
	{ "add " A "esp 256 -ptype sub -E null;", "1:option of a policy:-ptype\n" },
	{ "add " A "esp 256 -index 8 -E null;", "1:option of a policy:-index\n" },
	{ "add " A "ah 256 -natt 10.0.0.1[1] 10.0.0.2[2] -A null;", "1:UDP encapsulation is for ESP:-natt\n" },
	{ "add " A "esp 256 -E aes-cbc 00112233445566778899001122334455;", "1:number too big:...\n" },
	{ "add " A "esp 256 -E aes-cbc 0011223344556677889900112233445f;", "1:syntax error:...\n" },
	{ "add " A "esp 256 -E null 0011223344556677889900112233445f;", "1:syntax error:...\n" },
	{ "add " A "esp 256 -E \"0123456789abcdef\";", "1:not a name of a kernel's algorithm:\"...\"\n" },
	{ "add " A "esp 256 -E \"secret key\" 0x00;", "1:not a name of a kernel's algorithm:\"...\"\n" },
	{ "add " A "esp 256 -foo;", "1:unknown word after an option:oo\n" },

	/* What XFRM has more: policies */
	{ "spdadd " A "any -mark 1/3 -if-id 7 -index 9 -ptype sub -dev eth0 -offload eth1 -f localok -f icmp -P out none;",
	  "1 spdadd" B "proto=0 mark=1/3 if-id=7 index=9 flags=3 ptype=1 dev=eth0 offload=eth1,2,0 out 80000000 none\n" },
	{ "spdadd " A "icmp 8 -lh 1 -ls 2 -bh 3 -bs 4 -ph 5 -ps 6 -uh 7 -us 8 -ctx 1 1 \"x\" -P out none;",
	  "1 spdadd" B "proto=1 type=8 ctx=1,1,x ph=5 ps=6 uh=7 us=8 out 80000000 none\n" },
	{ "spddelete " A "any -mark 1 -P in;", "1 spddelete" B "proto=0 mark=1/ffffffff in 80000000 -\n" },
	{ "spdadd " A "any -P out ipsec esp/beet/192.0.2.1-192.0.2.2/use:7 ah/transport//unique:8/spi:0x100 "
	  "ipcomp/transport//require/spi:9;",
	  "1 spdadd" B "proto=0 out 80000000 ipsec esp/beet/192.0.2.1-192.0.2.2/use:7 ah/transport/any-any/unique:8/spi:256 "
	  "ipcomp/transport/any-any/require/spi:9\n" },
	{ "spdadd " A "any -index 9 -P in none;", "1:-index belongs to a policy of another direction:;\n" },
	{ "spdadd " A "any -r 32 -P in none;", "1:option of an association:-r\n" },
	{ "spdadd " A "any -sel ::/0 ::/0 any -P in none;", "1:option of an association:-sel\n" },
	{ "spdadd " A "any -E null -P in none;", "1:algorithms are for associations:null\n" },
	{ "spdadd " A "any -esn -P in none;", "1:option of an association:-esn\n" },
	{ "spdadd " A "any -offload eth0 crypto -P in none;", "1:expected packet:crypto\n" },
	{ "spdadd " A "any -offload eth0 in -P in none;", "1:expected packet:in\n" },
	{ "spdadd " A "any -P out ipsec esp/beet//require;", "1:a tunnel needs the addresses of both ends:esp\n" },
	{ "spdadd " A "any -P out ipsec esp/transport//require/spi:4294967296;", "1:SPI too big:4294967296\n" },
	{ "spdadd " A "any -P out ipsec esp/transport/spi:5;", "1:syntax error:spi:5\n" },

	/* Errors: where, what, and that reading goes on */
	{ "foo;", "1:syntax error:foo\n" },
	{ "flush", "1:syntax error, expected protocol or old protocol or esp-udp or ';':end of file\n" },
	{ "flush;\nfoo bar; spdflush;\n\nadd @;\ndump;",
	  "2:syntax error:foo\n4:Syntax error:@\n1 flush\n2 spdflush\n5 dump\n" },
	{ "flush;\rdump;", "1:Syntax error:?\n1 flush\n" },
	{ "get under_score b esp 256; flush;", "1:Syntax error:_\n1 flush\n" },
	{ "spdadd " A "any -P out none @ foo; flush;", "1:Syntax error:@\n1 flush\n" },
	{ "add " A "\"not for the log\";", "1:syntax error, expected protocol or old protocol or esp-udp or '[':\"...\"\n" },
	{ "add 192.0.2.1 0xbeef;", "1:syntax error, expected address or name or '[':0x...\n" },
	{ "foo", "1:syntax error:foo\n" },
};

static void test_table(void **state)
{
	struct output o;
	unsigned int bad = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		read_text(cases[i].text, strlen(cases[i].text), &o);
		if (!strcmp(o.text, cases[i].want))
			continue;
		bad++;
		print_error("case %zu: %s\n  want %s  have %s", i, cases[i].text, cases[i].want, o.text);
	}
	assert_int_equal(bad, 0);
}

/* Which lengths of a key, in bits, each algorithm takes: from min to max in steps. */
static const struct { char option; const char *name; unsigned int min, max, step; } key_sizes[] = {
	{ 'E', "des-cbc", 64, 64, 8 }, { 'E', "des-deriv", 64, 64, 8 }, { 'E', "des-32iv", 64, 64, 8 },
	{ 'E', "3des-cbc", 192, 192, 8 }, { 'E', "blowfish-cbc", 40, 448, 8 }, { 'E', "cast128-cbc", 40, 128, 8 },
	{ 'E', "aes-cbc", 128, 256, 64 }, { 'E', "rijndael-cbc", 128, 256, 64 }, { 'E', "camellia-cbc", 128, 256, 64 },
	{ 'E', "twofish-cbc", 128, 256, 64 }, { 'E', "serpent-cbc", 128, 256, 64 }, { 'E', "sm4-cbc", 128, 128, 8 },
	{ 'E', "aes-ctr", 160, 288, 64 }, { 'E', "aes-gcm-16", 160, 288, 64 }, { 'E', "aes-gmac", 160, 288, 64 },
	{ 'E', "chacha20-poly1305", 288, 288, 8 }, { 'E', "null", 0, 0, 8 }, { 'E', "simple", 0, 0, 8 },
	{ 'A', "hmac-md5", 128, 128, 8 }, { 'A', "hmac-sha1", 160, 160, 8 }, { 'A', "keyed-md5", 128, 128, 8 },
	{ 'A', "keyed-sha1", 160, 160, 8 }, { 'A', "hmac-sha256", 256, 256, 8 }, { 'A', "hmac-sha2-256", 256, 256, 8 },
	{ 'A', "hmac-sha384", 384, 384, 8 }, { 'A', "hmac-sha2-384", 384, 384, 8 }, { 'A', "hmac-sha512", 512, 512, 8 },
	{ 'A', "hmac-sha2-512", 512, 512, 8 }, { 'A', "hmac-ripemd160", 160, 160, 8 }, { 'A', "aes-xcbc-mac", 128, 128, 8 },
	{ 'A', "null", 0, 0, 8 }, { 'A', "tcp-md5", 8, 640, 8 },
};

static void try_key(char option, const char *name, unsigned int bytes, bool good)
{
	struct script sc = { 0 };
	char text[300], key[130];

	memset(key, 'k', bytes);
	key[bytes] = '\0';
	snprintf(text, sizeof(text), "add " A "%s 256 -%c %s \"%s\";", option == 'E' ? "esp" : "ah", option, name, key);
	if (parse(&sc, text, strlen(text)) != (good ? 0 : -1))
		fail_msg("%s with %u bits", name, bytes * 8);
	script_clear(&sc);
}

static void test_key_sizes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(key_sizes) / sizeof(key_sizes[0]); i++)
		for (unsigned int bits = 0; bits <= 129 * 8; bits += 8)
			try_key(key_sizes[i].option, key_sizes[i].name, bits / 8,
				bits >= key_sizes[i].min && bits <= key_sizes[i].max &&
				(bits - key_sizes[i].min) % key_sizes[i].step == 0);
}

/* Every prefix of every case, cut anywhere, ends in an orderly way. */
static void test_truncated(void **state)
{
	static struct output o;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t n = 0; n <= strlen(cases[i].text); n++)
			read_text(cases[i].text, n, &o);
}

static void test_nul_bytes(void **state)
{
	static const char key[] = "add " A "ah 256 -A hmac-md5 \"0123\0" "56789abcdef\";";
	static const char text[] = "flush;\0dump;";
	struct output o;

	(void)state;
	read_text(key, sizeof(key) - 1, &o);
	assert_string_equal(o.text, "1 add" B "ah" NONE " A:hmac-md5:30313233003536373839616263646566\n");
	read_text(text, sizeof(text) - 1, &o);
	assert_string_equal(o.text, "1:Syntax error:\n1 flush\n");
}

/* Errors beyond the limit are counted, not told. */
static void test_many_errors(void **state)
{
	struct output o = { .n = 0 };
	struct script sc = { .on_error = put_error, .arg = &o };
	char text[4 * 500 + 2];
	unsigned int lines = 0;

	(void)state;
	for (size_t i = 0; i < 500; i++)
		memcpy(text + i * 4, "foo;", 4);
	assert_int_equal(script_parse_text(&sc, text, 4 * 500), -1);
	assert_int_equal(sc.errors, 500);
	for (size_t i = 0; i < o.n; i++)
		lines += o.text[i] == '\n';
	assert_int_equal(lines, SCRIPT_ERRORS_TOLD);
	script_clear(&sc);
}

static void test_many_statements(void **state)
{
	const size_t count = 10000;
	struct script sc = { 0 };
	char *text = malloc(count * 160 + 2);
	size_t n = 0;
	unsigned int i = 0;

	(void)state;
	assert_non_null(text);
	for (size_t k = 0; k < count; k++)
		n += (size_t)sprintf(text + n, "spdadd 10.%zu.%zu.0/24 10.0.0.0/8 any -P out ipsec "
				     "esp/tunnel/192.0.2.1-192.0.2.2/unique:%zu;\n", k >> 8, k & 255, k + 1);
	assert_int_equal(script_parse_text(&sc, text, n), 0);
	assert_int_equal(sc.count, count);
	for (const struct statement *st = sc.first; st; st = st->next, i++) {
		assert_int_equal(st->line, i + 1);
		assert_int_equal(st->policy->rules[0].reqid, i + 1);
		assert_int_equal(st->src.addrs->b[2], i & 255);
	}
	assert_int_equal(i, count);
	script_clear(&sc);
	free(text);
}

/* A stream gives each statement as soon as its ';' was read, before the rest is there. */
struct streamed {
	FILE *to;
	unsigned int count;
};

static void write_next(void *arg, struct statement *st)
{
	static const char *const next[] = { "spdflush;\n", "get " A "esp\n", "", "" };
	static const enum command want[] = { CMD_FLUSH, CMD_SPDFLUSH, CMD_GET };
	struct streamed *s = arg;

	assert_true(s->count < 3);
	assert_int_equal(st->command, want[s->count]);
	fputs(next[s->count++], s->to);
	if (s->count == 2)
		fputs("0x100; exit;\n", s->to);
	fflush(s->to);
}

static void test_stream(void **state)
{
	struct streamed s = { 0 };
	struct script sc = { .on_statement = write_next, .arg = &s };
	int fds[2];
	FILE *from;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	from = fdopen(fds[0], "r");
	s.to = fdopen(fds[1], "w");
	assert_non_null(from);
	assert_non_null(s.to);
	fputs("flush;\n", s.to);
	fflush(s.to);
	/* The pipe stays open: if anything were read beyond a statement, this would not come back. */
	alarm(20);
	assert_int_equal(script_parse_stream(&sc, from), 0);
	alarm(0);
	assert_int_equal(s.count, 3);
	assert_true(sc.ended);
	script_clear(&sc);
	fclose(from);
	fclose(s.to);
}

/* Files as other systems' editors leave them. */
static void test_file(void **state)
{
	static const char *const good[] = {
		"", "\357\273\277", "\357\273\277flush;\r\n", "flush;\r\nflush;\r", "flush; # no end\r", "\r",
	};
	static const char *const bad[] = { "flush\r", "fl\rush;", "flush;\357\273\277", "\357\273flush;" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]) + sizeof(bad) / sizeof(bad[0]); i++) {
		bool is_good = i < sizeof(good) / sizeof(good[0]);
		const char *text = is_good ? good[i] : bad[i - sizeof(good) / sizeof(good[0])];
		FILE *file = tmpfile();
		struct script sc = { 0 };

		assert_non_null(file);
		assert_true(fputs(text, file) >= 0);
		rewind(file);
		assert_int_equal(script_parse_file(&sc, file), is_good ? 0 : -1);
		fclose(file);
		script_clear(&sc);
	}
}

static void test_resolve(void **state)
{
	static const struct { const char *text, *want; } table[] = {
		{ "spdadd -n 192.0.2.1[domain] 192.0.2.2[http] tcp -P out none;", "" },
		{ "flush;\nspdadd -n no.such.host 192.0.2.2 any -P out none;", "2:Name or service not known:no.such.host\n" },
		{ "get 192.0.2.1 ::1 esp 256;", "1:source and destination are of different families:::1\n" },
		{ "get 192.0.2.1[no-such-service] 192.0.2.2 esp 256;", "1:unknown service:no-such-service\n" },
		{ "get -n 10.1 127.1 esp 256;", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct output o = { .n = 0 };
		struct script sc = { .on_error = put_error, .arg = &o };

		assert_int_equal(parse(&sc, table[i].text, strlen(table[i].text)), 0);
		assert_int_equal(resolve_script(&sc), table[i].want[0] ? -1 : 0);
		assert_string_equal(o.text, table[i].want);
		script_clear(&sc);
	}
}

/* Several addresses multiply for an SA and are refused for a policy. */
static void test_resolve_many(void **state)
{
	static const char text[] = "get 192.0.2.1 192.0.2.2 esp 256; spdadd 192.0.2.1 192.0.2.2 any -P out none;";
	struct script sc = { 0 };
	const char *token;
	char msg[100];

	(void)state;
	assert_int_equal(parse(&sc, text, strlen(text)), 0);
	for (struct statement *st = sc.first; st; st = st->next) {
		struct ipsec_addr two[2] = { st->dst.addrs[0], st->dst.addrs[0] };

		st->dst.addrs = two;
		st->dst.naddrs = 2;
		assert_int_equal(resolve_statement(&sc, st, msg, sizeof(msg), &token), st->policy ? -1 : 0);
	}
	assert_string_equal(msg, "multiple address specified");
	assert_string_equal(token, "192.0.2.2");
	script_clear(&sc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_key_sizes),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_nul_bytes),
		cmocka_unit_test(test_many_errors),
		cmocka_unit_test(test_many_statements),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_resolve),
		cmocka_unit_test(test_resolve_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
