// SPDX-License-Identifier: MIT
// Words of racoon.conf and ipsec.conf one by one: which sections count, whose end is whose, which traffic is meant.
#include "tests/unit/test_import_inside.h"

static void test_racoon_words(void **state)
{
	const struct import_stmt *s;

	(void)state;
	read_text("sainfo address 10.0.0.0 /24 [500] udp address ::/0[any] any { pfs_group 2; } # all\n"
		  "log  debug;path certificate \"a #;\nb\";\nlog x;", IMPORT_RACOON, PLAIN);
	s = tree.first;
	assert_true(s->block);
	assert_int_equal(s->nwords, 9);
	assert_string_equal(import_word(s, 2), "10.0.0.0/24");
	assert_string_equal(import_word(s, 3), "[500]");
	assert_string_equal(import_word(s, 7), "[any]");
	assert_string_equal(import_word(s->inside, 1), "2");
	assert_string_equal(import_word(s->next->next, 2), "a #;\nb");
	assert_true(s->next->next->words[2].quoted);
	assert_int_equal(s->next->next->next->at.line, 4);
}

static void test_ipsec_words(void **state)
{
	const struct import_stmt *s;

	(void)state;
	read_text("# c\nversion 2.0\n\nconn \"a\" # x\n\tleftid = \"C=DE, O=a # b\"   # c\n\n"
		  "    right=%any#b\n\trightid=a\"b\"\n# d\n\tesp=\n", IMPORT_IPSEC, PLAIN);
	s = tree.first->next;
	assert_string_equal(import_word(s, 1), "a");
	assert_string_equal(import_word(s->inside, 0), "leftid");
	assert_string_equal(import_word(s->inside, 1), "C=DE, O=a # b");
	assert_string_equal(import_word(s->inside->next, 1), "%any#b");
	assert_int_equal(s->inside->next->at.line, 7);
	assert_string_equal(import_word(s->inside->next->next, 1), "a\"b\"");
	assert_string_equal(import_word(s->inside->next->next->next, 1), "");
}

/* What a section says itself counts, then what also= names, then %default. */
static void test_also(void **state)
{
	(void)state;
	read_text("conn c\n right=192.0.2.1\n auto=add\n also=b\n"
		  "conn b\n left=192.0.2.9\n right=192.0.2.2\n ikelifetime=2h\n authby=secret\n"
		  "conn %default\n ikelifetime=5h\n lifetime=9h\n", IMPORT_IPSEC, PLAIN);
	has("peer \"c\" {\n");
	has("\taddress 192.0.2.1\n\tlocal 192.0.2.9\n");
	has("\tlifetime ike 2h\n\tlifetime child 9h\n");
	read_text("conn a\n also=b\n left=1.1.1.1\n right=1.1.1.2\n authby=secret\nconn b\n also=a\n",
		  IMPORT_IPSEC, PLAIN);
	told(2, IMPORT_NOT, "name one another");
}

/* Which end is ours: by our addresses, by %defaultroute, else left. */
static void test_sides(void **state)
{
	static const char text[] = "conn a\n left=192.0.2.1\n leftid=@l\n right=192.0.2.2\n rightid=@r\n"
				   " authby=secret\n auto=add\n";
	struct ipsec_addr own;
	struct import_options o = { .own = &own, .nown = 1 };

	(void)state;
	read_text(text, IMPORT_IPSEC, PLAIN);
	has("\taddress 192.0.2.2\n\tlocal 192.0.2.1\n\tid local fqdn \"l\"\n");
	import_result_free(&result);
	assert_int_equal(ipsec_addr_parse(&own, "192.0.2.2"), 0);
	assert_int_equal(import_convert(&result, &tree, &o), 0);
	has("\taddress 192.0.2.1\n\tlocal 192.0.2.2\n\tid local fqdn \"r\"\n");
	read_text("conn a\n left=192.0.2.1\n right=%defaultroute\n authby=secret\n auto=add\n", IMPORT_IPSEC, PLAIN);
	has("\taddress 192.0.2.1\n\tauth");
}

/* Two conns of one peer of which only one is given an address: their networks are not the same kind of thing. */
static void test_half_virtual(void **state)
{
	(void)state;
	read_text("conn a\n left=192.0.2.1\n right=192.0.2.2\n leftsubnet=10.0.0.0/8\n rightsubnet=10.9.0.0/16\n"
		  " authby=secret\n auto=add\n"
		  "conn b\n also=a\n leftmodecfgclient=yes\n auto=add\n", IMPORT_IPSEC, PLAIN);
	told(8, IMPORT_NOT, "only one of them asks for one");
	has("\ttraffic 10.0.0.0/8 <-> 10.9.0.0/16\n");
	loads("half virtual");
	read_text("conn a\n left=192.0.2.1\n right=192.0.2.2\n leftmodecfgclient=yes\n rightsourceip=10.3.0.0/24\n"
		  " leftsubnet=10.0.0.0/8\n authby=secret\n auto=add\n", IMPORT_IPSEC, PLAIN);
	told(1, IMPORT_NOT, "gives out addresses and asks for one");
	loads("both ways");
}

/* The ends themselves, protocols and ports: L2TP as its howtos have it, hosts in tunnels, what 'traffic' cannot say. */
static void test_hosts(void **state)
{
	(void)state;
	read_text("conn L2TP-PSK-NAT\n rightsubnet=vhost:%priv\n also=L2TP-PSK-noNAT\n"
		  "conn L2TP-PSK-noNAT\n authby=secret\n pfs=no\n auto=add\n type=transport\n left=192.0.2.1\n"
		  " leftprotoport=17/1701\n right=%any\n rightprotoport=17/%any\n", IMPORT_IPSEC, PLAIN);
	has("\taddress any\n\tlocal 192.0.2.1\n");
	has("\ttraffic transport host[udp/1701] <-> host[udp]\n");
	loads("l2tp");
	read_text("conn a\n left=%defaultroute\n right=192.0.2.2\n rightsubnet=10.0.0.0/8\n rightprotoport=tcp/443\n"
		  " authby=secret\n auto=start\n", IMPORT_IPSEC, PLAIN);
	has("\ttraffic host <-> 10.0.0.0/8[tcp/443]\n\tstart yes\n");
	loads("host");
	read_text("conn a\n left=%defaultroute\n leftsubnet=10.0.0.0/8\n right=%any\n leftprotoport=89\n"
		  " rightprotoport=89\n authby=secret\n auto=add\n", IMPORT_IPSEC, PLAIN);
	has("\ttraffic 10.0.0.0/8[89] <-> host[89]\n");
	loads("any");
	read_text("conn a\n left=192.0.2.1\n leftsubnet=10.0.0.0/8\n right=192.0.2.2\n type=transport\n authby=secret\n"
		  " auto=add\n", IMPORT_IPSEC, PLAIN);
	has("transport mode of other addresses than the two ends");
	has_not("\ttraffic ");
	read_text("conn a\n left=192.0.2.1\n right=192.0.2.2\n leftprotoport=icmp/8\n authby=secret\n auto=add\n",
		  IMPORT_IPSEC, PLAIN);
	has("numbers behind protocols that have no ports");
	read_text("conn a\n left=%defaultroute\n right=%any\n type=transport\n authby=secret\n auto=add\n",
		  IMPORT_IPSEC, SETKEY);
	assert_null(strstr(result.spd, "spdadd"));
}

/* Samples name certificates beside shared keys: nobody has these files. */
static void test_unused(void **state)
{
	(void)state;
	read_text("path certificate \"/nowhere\";\n"
		  "remote 192.0.2.1 {\n exchange_mode main;\n certificate_type x509 \"mycert\" \"mypriv\";\n"
		  " ca_type x509 \"ca\";\n"
		  " proposal { authentication_method pre_shared_key; dh_group 14; encryption_algorithm aes;"
		  " hash_algorithm sha256; }\n}\n", IMPORT_RACOON, PLAIN);
	told(4, IMPORT_IDLE, "mycert");
	told(4, IMPORT_IDLE, "mypriv");
	told(5, IMPORT_IDLE, "/nowhere/ca");
	has_not("\tcert ");
	has_not("\tca ");
	loads("unused");
}

/* Networks that are ours, where an address is asked for, too; of an address that is given no protocol can be named. */
static void test_own_networks(void **state)
{
	(void)state;
	read_text("conn a\n left=192.0.2.1\n leftsourceip=%config\n leftsubnet=10.1.0.0/24\n leftprotoport=tcp/443\n"
		  " right=192.0.2.2\n rightsubnet=10.2.0.0/24\n authby=secret\n auto=add\n", IMPORT_IPSEC, PLAIN);
	has("\ttraffic 10.1.0.0/24[tcp/443] <-> 10.2.0.0/24\n");
	has_not("\tvirtual-address ");
	told(3, IMPORT_NOT, "no address is asked for");
	loads("networks");
	read_text("conn a\n left=192.0.2.1\n leftsourceip=%config\n leftprotoport=tcp/443\n right=192.0.2.2\n"
		  " rightsubnet=10.2.0.0/24\n authby=secret\n auto=add\n", IMPORT_IPSEC, PLAIN);
	has("\ttraffic assigned <-> 10.2.0.0/24\n");
	told(4, IMPORT_NOT, "protoport");
	loads("address");
}

/* What clients are told. */
static void test_banner(void **state)
{
	char text[400];

	(void)state;
	snprintf(text, sizeof(text), "remote anonymous { generate_policy on;"
				     " proposal { authentication_method pre_shared_key; } mode_cfg on; }\n"
				     "mode_cfg { network4 10.3.0.1; pool_size 9; banner \"%s\"; }\n", psk);
	read_text(text, IMPORT_RACOON, PLAIN);
	snprintf(text, sizeof(text), "\tbanner file \"%s\"\n", psk);
	has(text);
	read_text("remote anonymous { generate_policy on; proposal { authentication_method pre_shared_key; }"
		  " mode_cfg on; }\n"
		  "mode_cfg { network4 10.3.0.1; pool_size 9; banner \"/nowhere/motd\"; }\n", IMPORT_RACOON, PLAIN);
	told(2, IMPORT_NOT, "clients are told none");
	read_text("conn a\n left=192.0.2.1\n leftsubnet=0.0.0.0/0\n right=%any\n rightaddresspool=10.3.0.1-10.3.0.9\n"
		  " modecfgbanner=\"Hello \"\n authby=secret\n auto=add\n", IMPORT_IPSEC, PLAIN);
	has("\tbanner \"Hello \"\n");
}

/* Peers by name: what is not told before it is looked up, keyd finds out. */
static void test_names(void **state)
{
	(void)state;
	read_text("conn a\n left=%defaultroute\n right=gw.example.org\n rightsubnet=10.0.0.0/8\n authby=secret\n"
		  " auto=start\n"
		  "conn b\n left=%defaultroute\n right=gw2\n rightsubnet=10.0.0.0/8\n authby=secret\n auto=add\n",
		  IMPORT_IPSEC, PLAIN);
	has("peer \"a\" {");
	has("\taddress gw.example.org\n");
	has("\ttraffic host <-> 10.0.0.0/8\n\tstart yes\n");
	has("\taddress gw2.\n");
	has_not("# peer");
	loads("names");
	read_text("conn a\n left=%defaultroute\n right=gw_\300.org\n authby=secret\n auto=start\n",
		  IMPORT_IPSEC, PLAIN);
	has("is neither an address nor a host name");
	read_text("remote gw.example.org [5000] {\n proposal { authentication_method pre_shared_key; }\n}\n",
		  IMPORT_RACOON, PLAIN);
	has("\taddress gw.example.org\n");
	has("\tport 5000\n");
	loads("racoon");
	read_text("remote 192.0.2.300 {\n proposal { authentication_method pre_shared_key; }\n}\n",
		  IMPORT_RACOON, PLAIN);
	has("is neither an address nor a host name");
}

/* What comes from a file must not become a statement of ours. */
static void test_quoting(void **state)
{
	(void)state;
	read_text("conn a\"}\n left=192.0.2.1\n right=192.0.2.2\n leftid=\"keyid:x\\\" psk y\"\n authby=secret\n"
		  " auto=add\n", IMPORT_IPSEC, PLAIN);
	has("peer \"a\\\"}\" {");
	loads("quoting");
	read_text("remote \"a\npeer b { }\" { my_identifier keyid tag \"k\n}\";"
		  " proposal { authentication_method pre_shared_key; } }\n", IMPORT_RACOON, PLAIN);
	has("keyid \"k\\x0a}\"");
	has("# file:1: remote a peer b { }\n");
	loads("quoting");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_racoon_words), cmocka_unit_test(test_ipsec_words), cmocka_unit_test(test_also),
		cmocka_unit_test(test_sides), cmocka_unit_test(test_half_virtual), cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_names), cmocka_unit_test(test_banner), cmocka_unit_test(test_unused),
		cmocka_unit_test(test_own_networks), cmocka_unit_test(test_quoting),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
