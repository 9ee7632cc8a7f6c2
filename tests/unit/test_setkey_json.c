// SPDX-License-Identifier: MIT
/* What -j prints, read back by a JSON parser: whole values, whole arrays however a dump ends, and no keys unless asked. */
#include "setkey/show/json.h"

#include <errno.h>
#include <linux/udp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "pfkey/alg.h"
#include "pfkey/handle.h"

static struct ipsec_addr addr(const char *text)
{
	struct ipsec_addr a;

	assert_int_equal(ipsec_addr_parse(&a, text), 0);
	return a;
}

static void set_alg(struct ipsec_alg *out, enum ipsec_alg_kind kind, const char *name, const char *key)
{
	assert_int_equal(ipsec_alg_set(out, ipsec_alg_by_name(kind, name), key, (unsigned int)strlen(key) * 8), 0);
}

/* Compares with JSON written with ' for ". */
static void expect(json_t *have, const char *want)
{
	char *text = strdup(want), *shown;
	json_error_t error;
	json_t *parsed;

	assert_non_null(have);
	assert_non_null(text);
	for (char *c = text; *c; c++)
		if (*c == '\'')
			*c = '"';
	parsed = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	if (!parsed)
		fail_msg("%s in %s", error.text, text);
	if (!json_equal(have, parsed)) {
		shown = json_dumps(have, JSON_COMPACT);
		fail_msg("have %s\nwant %s", shown, text);
	}
	json_decref(parsed);
	json_decref(have);
	free(text);
}

static struct ipsec_sa plain_sa(void)
{
	struct ipsec_sa sa = { .proto = IPPROTO_ESP, .spi = 4096, .state = IPSEC_STATE_MATURE };

	sa.src = addr("192.0.2.1");
	sa.dst = addr("192.0.2.2");
	set_alg(&sa.enc, IPSEC_ALG_ENC, "aes-cbc", "0123456789abcdef");
	set_alg(&sa.auth, IPSEC_ALG_AUTH, "hmac-sha1", "this is the test key");
	return sa;
}

#define NO_LIMITS "{'bytes':0,'packets':0,'add_seconds':0,'use_seconds':0}"
#define NO_LIFETIME "'lifetime':{'soft':" NO_LIMITS ",'hard':" NO_LIMITS "}"
#define NO_USAGE "'usage':{'bytes':0,'packets':0,'add_time':0,'use_time':0,'seq':0,'oseq':0,'replay_failed':0,'icv_failed':0}"
#define PLAIN_HEAD "'src':'192.0.2.1','dst':'192.0.2.2','proto':'esp','spi':4096,'mode':'transport','reqid':0,'state':'mature'"
#define PLAIN_ALGS "'enc':{'name':'aes-cbc','kernel_name':'cbc(aes)','key_bits':128}," \
	"'auth':{'name':'hmac-sha1','kernel_name':'hmac(sha1)','key_bits':160,'icv_bits':96}"
#define PLAIN_SA "{" PLAIN_HEAD "," PLAIN_ALGS ",'replay_window':0," NO_LIFETIME "," NO_USAGE "}"

static void test_sa(void **state)
{
	struct ipsec_sa sa = plain_sa();

	(void)state;
	expect(json_sa(&sa, false), PLAIN_SA);
	expect(json_sa(&sa, true), "{" PLAIN_HEAD ",'enc':{'name':'aes-cbc','kernel_name':'cbc(aes)','key_bits':128,"
	       "'key':'30313233343536373839616263646566'},'auth':{'name':'hmac-sha1','kernel_name':'hmac(sha1)','key_bits':160,"
	       "'icv_bits':96,'key':'74686973206973207468652074657374206b6579'},'replay_window':0," NO_LIFETIME "," NO_USAGE "}");
}

/* Everything that an SA can have. */
static void test_sa_whole(void **state)
{
	struct ipsec_sa sa = {
		.proto = IPPROTO_ESP, .mode = IPSEC_MODE_BEET, .flags = IPSEC_SA_ESN | IPSEC_SA_OSEQ_MAY_WRAP,
		.spi = 0xffffffff, .reqid = 5, .encap = { UDP_ENCAP_ESPINUDP, 4500, 4501, addr("198.51.100.1") },
		.mark = { 1, 0xff }, .output_mark = { 2, 3 }, .if_id = 7, .replay_window = 4096, .tfc_pad = 1400,
		.offload = { 1, IPSEC_OFFLOAD_PACKET, true }, .dir = IPSEC_SA_DIR_IN, .nat_keepalive = 20,
		.soft = { 1, 2, 3, 4 }, .hard = { UINT64_MAX, 6, 7, 8 }, .acquire_seq = 9, .ctx = "label\xff",
		.state = IPSEC_STATE_DYING, .usage = { 10, 11, 12, 13, 1ull << 40, 15, 16, 17 },
	};

	(void)state;
	sa.src = addr("2001:db8::1");
	sa.dst = addr("2001:db8::2");
	sa.sel.src = addr("10.0.0.0");
	sa.sel.dst = addr("10.1.0.0");
	sa.sel.src_len = 8;
	sa.sel.dst_len = 16;
	sa.sel.proto = IPPROTO_TCP;
	sa.sel.dport = 80;
	sa.sel.dport_mask = 0xffff;
	set_alg(&sa.aead, IPSEC_ALG_AEAD, "aes-gcm-16", "0123456789abcdef0123");
	expect(json_sa(&sa, false), "{'src':'2001:db8::1','dst':'2001:db8::2','proto':'esp','spi':4294967295,'mode':'beet',"
	       "'reqid':5,'state':'dying','aead':{'name':'aes-gcm-16','kernel_name':'rfc4106(gcm(aes))','key_bits':160,"
	       "'icv_bits':128},'replay_window':4096,'flags':['esn','oseq-may-wrap'],'dir':'in',"
	       "'encap':{'type':'espinudp','sport':4500,'dport':4501,'original_address':'198.51.100.1'},"
	       "'mark':{'value':1,'mask':255},'output_mark':{'value':2,'mask':3},'if_id':7,'tfc_pad':1400,'nat_keepalive':20,"
	       "'offload':{'ifindex':1,'device':'lo','kind':'packet','dir':'in'},"
	       "'selector':{'src':'10.0.0.0','src_len':8,'dst':'10.1.0.0','dst_len':16,'proto':6,'dport':80,'dport_mask':65535},"
	       "'context':'label?','acquire_seq':9,"
	       "'lifetime':{'soft':{'bytes':1,'packets':2,'add_seconds':3,'use_seconds':4},"
	       "'hard':{'bytes':9223372036854775807,'packets':6,'add_seconds':7,'use_seconds':8}},"
	       "'usage':{'bytes':10,'packets':11,'add_time':12,'use_time':13,'seq':1099511627776,'oseq':15,'replay_failed':16,"
	       "'icv_failed':17}}");
}

static struct ipsec_policy plain_policy(void)
{
	struct ipsec_policy pol = { .dir = IPSEC_DIR_OUT, .priority = 0x80000000, .index = 9 };

	pol.sel.src = addr("10.0.0.0");
	pol.sel.dst = addr("::");
	pol.sel.src_len = 8;
	return pol;
}

#define POLICY_USAGE "'usage':{'bytes':0,'packets':0,'add_time':0,'use_time':0}"
#define PLAIN_POLICY "{'dir':'out','action':'none','priority':2147483648,'index':9,'ptype':'main'," \
	"'selector':{'src':'10.0.0.0','src_len':8,'dst':'::','dst_len':0,'proto':0},'templates':[]," \
	NO_LIFETIME "," POLICY_USAGE "}"

static void test_policy(void **state)
{
	struct ipsec_policy pol = plain_policy();

	(void)state;
	expect(json_policy(&pol), PLAIN_POLICY);
	pol.dir = IPSEC_DIR_FWD;
	pol.type = 1;
	pol.flags = IPSEC_POLICY_LOCALOK | IPSEC_POLICY_ICMP;
	pol.mark = (struct ipsec_mark){ 1, 2 };
	pol.if_id = 3;
	pol.socket = true;
	pol.sel.proto = IPPROTO_ICMPV6;
	pol.sel.sport = 135;
	pol.sel.sport_mask = 0xffff;
	pol.ntmpl = 2;
	pol.tmpl[0] = (struct ipsec_tmpl){ addr("192.0.2.1"), addr("192.0.2.2"), IPPROTO_COMP, IPSEC_MODE_TUNNEL, true, 0, 0 };
	pol.tmpl[1] = (struct ipsec_tmpl){ .proto = IPPROTO_AH, .reqid = 4, .spi = 5 };
	expect(json_policy(&pol), "{'dir':'fwd','action':'ipsec','priority':2147483648,'index':9,'ptype':'sub',"
	       "'selector':{'src':'10.0.0.0','src_len':8,'dst':'::','dst_len':0,'proto':58,'type':135},'templates':["
	       "{'proto':'ipcomp','mode':'tunnel','src':'192.0.2.1','dst':'192.0.2.2','level':'use','reqid':0},"
	       "{'proto':'ah','mode':'transport','src':'any','dst':'any','level':'require','reqid':4,'spi':5}],"
	       "'flags':['localok','icmp'],'socket':true,'mark':{'value':1,'mask':2},'if_id':3," NO_LIFETIME "," POLICY_USAGE "}");
}

static void test_events(void **state)
{
	struct ipsec_event ev = { .type = IPSEC_EVENT_SA_DELETE, .pid = 7 };

	(void)state;
	ev.sa_id = (struct ipsec_sa_id){ addr("192.0.2.2"), IPPROTO_AH, 256, { 0, 0 } };
	expect(json_event(&ev, false), "{'event':'delete','pid':7,'dst':'192.0.2.2','proto':'ah','spi':256}");

	ev = (struct ipsec_event){ .type = IPSEC_EVENT_SA_FLUSH };
	expect(json_event(&ev, false), "{'event':'flush','proto':'any'}");
	ev = (struct ipsec_event){ .type = IPSEC_EVENT_OVERRUN };
	expect(json_event(&ev, false), "{'event':'overrun'}");
	ev = (struct ipsec_event){ .type = IPSEC_EVENT_POLICY_NEW, .policy = plain_policy() };
	expect(json_event(&ev, false), "{'event':'spdadd','policy':" PLAIN_POLICY "}");
	ev = (struct ipsec_event){ .type = IPSEC_EVENT_POLICY_EXPIRE, .policy_expire = { plain_policy(), true } };
	expect(json_event(&ev, false), "{'event':'spdexpire','hard':true,'policy':" PLAIN_POLICY "}");
	ev = (struct ipsec_event){ .type = IPSEC_EVENT_SA_NEW, .sa = plain_sa() };
	expect(json_event(&ev, false), "{'event':'add','sa':" PLAIN_SA "}");
	ev = (struct ipsec_event){ .type = IPSEC_EVENT_EXPIRE, .expire = { plain_sa(), false } };
	expect(json_event(&ev, true), "{'event':'expire','hard':false,'sa':" PLAIN_SA "}");

	ev = (struct ipsec_event){ .type = IPSEC_EVENT_ACQUIRE, .acquire = { .seq = 3, .proto = IPPROTO_ESP } };
	ev.acquire.src = addr("192.0.2.1");
	ev.acquire.dst = addr("192.0.2.2");
	ev.acquire.sel = plain_policy().sel;
	ev.acquire.policy = plain_policy();
	expect(json_event(&ev, false), "{'event':'acquire','seq':3,'src':'192.0.2.1','dst':'192.0.2.2','proto':'esp',"
	       "'selector':{'src':'10.0.0.0','src_len':8,'dst':'::','dst_len':0,'proto':0},'template':0,'policy':" PLAIN_POLICY "}");

	ev = (struct ipsec_event){ .type = IPSEC_EVENT_MAPPING };
	ev.mapping.id = (struct ipsec_sa_id){ addr("192.0.2.2"), IPPROTO_ESP, 256, { 1, 3 } };
	ev.mapping.old_addr = addr("192.0.2.3");
	ev.mapping.new_addr = addr("192.0.2.4");
	ev.mapping.new_port = 4500;
	expect(json_event(&ev, false), "{'event':'mapping','dst':'192.0.2.2','proto':'esp','spi':256,'mark':{'value':1,'mask':3},"
	       "'reqid':0,'old_addr':'192.0.2.3','old_port':0,'new_addr':'192.0.2.4','new_port':4500}");
}

/* A SAD that says dumped SAs (their SPIs from 256) and then err, as often as it is asked to fail. */
static unsigned int dumped, failures, asked;
static int dump_err;

static int sa_dump(struct ipsec *ip, ipsec_sa_fn *fn, void *arg)
{
	struct ipsec_sa sa = plain_sa();

	(void)ip;
	asked++;
	for (sa.spi = 256; sa.spi < 256 + dumped; sa.spi++) {
		int err;

		sa.state = sa.spi == 257 ? IPSEC_STATE_DEAD : IPSEC_STATE_MATURE;
		err = fn(&sa, arg);
		if (err)
			return err;
	}
	return failures && failures-- ? dump_err : 0;
}

static int policy_dump(struct ipsec *ip, ipsec_policy_fn *fn, void *arg)
{
	struct ipsec_policy pol = plain_policy();

	(void)ip;
	for (unsigned int i = 0; i < dumped; i++)
		fn(&pol, arg);
	return failures && failures-- ? dump_err : 0;
}

static struct ipsec *open_dumping(unsigned int n, unsigned int fail, int err)
{
	static struct ipsec_backend backend;
	struct ipsec *ip;

	assert_int_equal(ipsec_open(&ip, "fake", NULL, 0), 0);
	backend = *ip->ops;
	backend.sa_dump = sa_dump;
	backend.policy_dump = policy_dump;
	ip->ops = &backend;
	dumped = n;
	failures = fail;
	dump_err = err;
	asked = 0;
	return ip;
}

/* Whatever the result: one array, and this many elements. */
static void expect_array(unsigned int n, unsigned int fail, int err, bool all, bool policies, int result, size_t elements)
{
	struct ipsec *ip = open_dumping(n, fail, err);
	struct json_options opt = { .all = all };
	json_error_t error;
	size_t size, count;
	char *text = NULL;
	json_t *array;

	opt.out = open_memstream(&text, &size);
	assert_non_null(opt.out);
	if (policies)
		assert_int_equal(json_dump_spd(ip, &opt, &count), result);
	else
		assert_int_equal(json_dump_sad(ip, 0, &opt, &count), result);
	fclose(opt.out);
	array = json_loads(text, 0, &error);
	if (!array)
		fail_msg("%s in %s", error.text, text);
	assert_true(json_is_array(array));
	assert_int_equal(json_array_size(array), elements);
	assert_int_equal(count, elements);
	assert_int_equal(text[size - 1], '\n');
	json_decref(array);
	free(text);
	ipsec_close(ip);
}

static void test_arrays(void **state)
{
	(void)state;
	expect_array(0, 0, 0, true, false, 0, 0);
	expect_array(1, 0, 0, true, false, 0, 1);
	expect_array(5, 0, 0, true, false, 0, 5);
	expect_array(5, 0, 0, false, false, 0, 4);		/* without the dead one */
	expect_array(0, 0, 0, true, true, 0, 0);
	expect_array(3, 0, 0, true, true, 0, 3);
	/* Half of it is an array, too, and an error. */
	expect_array(2, 1, -ENOBUFS, true, false, -ENOBUFS, 2);
	expect_array(2, 1, -EINTR, true, true, -EINTR, 2);
	expect_array(2, 1, -EINTR, true, false, -EINTR, 2);
	assert_int_equal(asked, 1);
	/* What printed nothing is asked for again, though not for ever. */
	expect_array(0, 3, -EINTR, true, false, 0, 0);
	assert_int_equal(asked, 4);
	expect_array(0, 1000, -EINTR, true, false, -EINTR, 0);
}

/* An output that takes nothing ends the dump at once. */
static void test_full_disk(void **state)
{
	struct ipsec *ip = open_dumping(100000, 0, 0);
	struct json_options opt = { .out = fopen("/dev/full", "w") };
	size_t count;

	(void)state;
	assert_non_null(opt.out);
	assert_int_equal(json_dump_sad(ip, 0, &opt, &count), -EIO);
	assert_true(count < 1000);
	fclose(opt.out);
	ipsec_close(ip);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sa),
		cmocka_unit_test(test_sa_whole),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_arrays),
		cmocka_unit_test(test_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
