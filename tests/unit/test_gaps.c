// SPDX-License-Identifier: MIT
// keydctl gaps: messages of the gap meter, whole and spoilt, as JSON and in words.
#include "keyd/ctl/gaps.h"

#include "kmod/uapi/ipsec_gap.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/xfrm.h>
#include <netlink/genl/genl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const unsigned char local[4] = { 192, 0, 2, 1 }, peer[4] = { 192, 0, 2, 2 };

static struct nl_msg *message(uint32_t type)
{
	struct nl_msg *m = nlmsg_alloc();

	assert_non_null(genlmsg_put(m, 1, 1, 20, 0, 0, IPSEC_GAP_CMD_EVENT, IPSEC_GAP_VERSION));
	nla_put_u64(m, IPSEC_GAP_A_SEQ, 7);
	nla_put_u32(m, IPSEC_GAP_A_TYPE, type);
	nla_put_u64(m, IPSEC_GAP_A_TIME, 1700000000123456789ULL);
	nla_put(m, IPSEC_GAP_A_LOCAL, 4, local);
	nla_put(m, IPSEC_GAP_A_PEER, 4, peer);
	nla_put_u8(m, IPSEC_GAP_A_PROTO, 50);
	return m;
}

static void put_sa(struct nl_msg *m, int attr, uint32_t spi, uint64_t age, uint64_t packets)
{
	struct nlattr *nest = nla_nest_start(m, attr);

	nla_put_u32(m, IPSEC_GAP_SA_SPI, htonl(spi));
	nla_put_u64(m, IPSEC_GAP_SA_AGE_US, age);
	nla_put_u64(m, IPSEC_GAP_SA_PACKETS, packets);
	nla_put_u64(m, IPSEC_GAP_SA_BYTES, packets * 84);
	nla_nest_end(m, nest);
}

static void put_policy(struct nl_msg *m)
{
	struct xfrm_selector s = { .family = AF_INET, .prefixlen_d = 32, .prefixlen_s = 24, .proto = 17, .dport = htons(53),
				   .dport_mask = 0xffff };

	memcpy(&s.saddr, local, 4);
	memcpy(&s.daddr, peer, 4);
	nla_put(m, IPSEC_GAP_A_SELECTOR, sizeof(s), &s);
	nla_put_u32(m, IPSEC_GAP_A_POLICY_INDEX, 9);
}

static struct nl_msg *closed(void)
{
	struct nl_msg *m = message(IPSEC_GAP_TYPE_CLOSED);

	put_policy(m);
	nla_put_u32(m, IPSEC_GAP_A_CAUSE, IPSEC_GAP_CAUSE_FLUSHED);
	nla_put_u32(m, IPSEC_GAP_A_END, IPSEC_GAP_END_PACKET);
	nla_put_string(m, IPSEC_GAP_A_BY_COMM, "setkey");
	nla_put_u32(m, IPSEC_GAP_A_BY_PID, 4711);
	nla_put_u64(m, IPSEC_GAP_A_LASTED_US, 1234567);
	nla_put_u64(m, IPSEC_GAP_A_KEYED_US, 21042);
	nla_put_u64(m, IPSEC_GAP_A_WAITED_US, 999);
	nla_put_u64(m, IPSEC_GAP_A_HELD_PACKETS, 11);
	nla_put_u64(m, IPSEC_GAP_A_HELD_BYTES, 924);
	put_sa(m, IPSEC_GAP_A_OUT_OLD, 0x1001, 60000000, 45);
	put_sa(m, IPSEC_GAP_A_OUT_NEW, 0x1002, 0, 0);
	put_sa(m, IPSEC_GAP_A_IN_OLD, 0x2001, 60000001, 44);
	put_sa(m, IPSEC_GAP_A_IN_NEW, 0x2002, 30, 0);
	return m;
}

static json_t *object(struct nl_msg *m)
{
	json_t *o = gaps_object(nlmsg_hdr(m));

	nlmsg_free(m);
	return o;
}

static void assert_text(const json_t *o, const char *key, const char *wanted)
{
	const char *text = json_string_value(json_object_get(o, key));

	assert_non_null(text);
	assert_string_equal(text, wanted);
}

static void a_gap_is_an_object(void **state)
{
	json_t *o = object(closed()), *old;

	(void)state;
	assert_text(o, "type", "gap");
	assert_text(o, "local", "192.0.2.1");
	assert_text(o, "peer", "192.0.2.2");
	assert_text(o, "protocol", "esp");
	assert_text(o, "selector", "192.0.2.1/24 192.0.2.2/32[53] udp");
	assert_text(o, "cause", "flushed");
	assert_text(o, "by", "setkey");
	assert_int_equal(json_integer_value(json_object_get(o, "time_us")), 1700000000123456LL);
	assert_int_equal(json_integer_value(json_object_get(o, "lasted_us")), 1234567);
	old = json_object_get(o, "out_old");
	assert_text(old, "spi", "0x00001001");
	assert_int_equal(json_integer_value(json_object_get(old, "packets")), 45);
	json_decref(o);
}

/* What is printed for o, whose reference is taken. */
static char *printed(json_t *o, void (*print)(const json_t *o))
{
	static char text[4096];
	char name[] = "/tmp/gaps.XXXXXX";
	int file = mkstemp(name), out = dup(STDOUT_FILENO);
	ssize_t n;

	assert_true(file >= 0 && out >= 0);
	unlink(name);
	fflush(stdout);
	dup2(file, STDOUT_FILENO);
	print(o);
	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	n = pread(file, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	close(file);
	close(out);
	json_decref(o);
	return text;
}

static void a_gap_is_told_in_words(void **state)
{
	const char *text = printed(object(closed()), gaps_text_event);

	(void)state;
	assert_non_null(strstr(text, "gap ends after 1.234567 s: all SAs were flushed by setkey (4711); a new SA came after "
			       "21.042 ms; packets waited 999 us; held 11 (924 bytes), dropped 0, in clear 0; by 0x00001002; "
			       "inbound 0x00002002 (30 us old, 0 packets, 0 bytes), before it 0x00002001 (60.000001 s old, "
			       "44 packets, 3696 bytes)"));
}

static void a_switch_has_ages(void **state)
{
	struct nl_msg *m = message(IPSEC_GAP_TYPE_SWITCH);

	(void)state;
	put_sa(m, IPSEC_GAP_A_OUT_OLD, 0x1001, 3600000000, 45);
	put_sa(m, IPSEC_GAP_A_OUT_NEW, 0x1002, 12, 1);
	assert_non_null(strstr(printed(object(m), gaps_text_event),
			       "switch from 0x00001001 (3600.000000 s old, 45 packets, 3780 bytes) to 0x00001002 (12 us old"));
}

static void a_peer_that_was_early(void **state)
{
	struct nl_msg *m = message(IPSEC_GAP_TYPE_SPI_KNOWN);

	(void)state;
	nla_put_u32(m, IPSEC_GAP_A_SPI, htonl(0xabcd));
	nla_put_u32(m, IPSEC_GAP_A_FATE, IPSEC_GAP_FATE_EARLY);
	nla_put_u64(m, IPSEC_GAP_A_KNOWN_US, 1500);
	nla_put_u64(m, IPSEC_GAP_A_PACKETS, 3);
	assert_non_null(strstr(printed(object(m), gaps_text_event), "192.0.2.2 -> 192.0.2.1  inbound esp 0x0000abcd has no SA: its SA came "
			       "1.500 ms later: the peer sent too early; packets 3"));
}

/* Of two that are behind one address both; the same peer's old and new IKE SA is one. */
static void addresses_have_names(void **state)
{
	json_t *status = json_pack("{s:[{s:s,s:s},{s:s,s:s},{s:s,s:s},{s:s,s:s},{}]}", "ike",
				   "peer", "office", "remote", "192.0.2.2", "peer", "office", "remote", "192.0.2.2",
				   "peer", "off", "remote", "192.0.2.2", "peer", "home", "remote", "192.0.2.9");
	json_t *names = gaps_names_of(status), *o = object(closed());

	(void)state;
	gaps_name(o, names);
	assert_text(o, "name", "office, off");
	assert_string_equal(gaps_address_of("home", names), "192.0.2.9");
	assert_string_equal(gaps_address_of("off", names), "192.0.2.2");
	assert_null(gaps_address_of("nobody", names));
	assert_null(gaps_address_of("offic", names));
	assert_null(gaps_address_of("", names));
	assert_non_null(strstr(printed(o, gaps_text_event), "udp  (office, off)\n"));
	gaps_name(NULL, names);
	json_decref(names);
	assert_null(gaps_names_of(NULL));
	assert_null(gaps_address_of("office", NULL));
	json_decref(status);
}

static void totals_are_told(void **state)
{
	json_t *all = json_pack("{s:{s:i, s:i, s:i, s:i, s:i}}", "info", "gaps", 12, "held", 3, "dropped", 5,
				"clear", 7, "packets", 17);
	const char *text = printed(all, gaps_text_all);

	(void)state;
	assert_non_null(strstr(text, "\nin all, since the meter is there: 12 gaps; held 3, dropped 5, in clear 7; "
			       "inbound without an SA 17\n"));
	assert_non_null(strstr(text, "no outbound policy"));
}

/* A table of what a message of a newer kernel, or nothing at all, says. */
static void what_is_missing_is_no_harm(void **state)
{
	json_t *o = object(message(99));

	(void)state;
	assert_int_equal(json_integer_value(json_object_get(o, "type")), 99);
	assert_non_null(strstr(printed(o, gaps_text_event), "event of kind 99, which"));
	printed(json_object(), gaps_text_event);
	assert_null(strstr(printed(json_object(), gaps_text_all), "in all"));
	printed(json_pack("{s:[{}], s:[{}], s:[{}]}", "paths", "spis", "events"), gaps_text_all);
}

/* Every message cut short at every octet, and with every octet of its attributes another: read, or refused. */
static void spoilt_messages_do_no_harm(void **state)
{
	struct nl_msg *m = closed();
	unsigned size = nlmsg_hdr(m)->nlmsg_len;
	unsigned char *copy;

	(void)state;
	for (unsigned n = NLMSG_HDRLEN; n < size * 2; n++) {
		unsigned len = n < size ? n : size;

		copy = malloc(len);
		assert_non_null(copy);
		memcpy(copy, nlmsg_hdr(m), len);
		((struct nlmsghdr *)copy)->nlmsg_len = len;
		if (n >= size && n - size >= NLMSG_HDRLEN)
			copy[n - size] ^= 0xff;
		json_decref(gaps_object((struct nlmsghdr *)copy));
		free(copy);
	}
	nlmsg_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_gap_is_an_object),
		cmocka_unit_test(a_gap_is_told_in_words),
		cmocka_unit_test(a_switch_has_ages),
		cmocka_unit_test(a_peer_that_was_early),
		cmocka_unit_test(addresses_have_names),
		cmocka_unit_test(totals_are_told),
		cmocka_unit_test(what_is_missing_is_no_harm),
		cmocka_unit_test(spoilt_messages_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
