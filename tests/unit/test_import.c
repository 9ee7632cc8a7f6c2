// SPDX-License-Identifier: MIT
// racoon.conf and ipsec.conf into keyd.conf: what each file of the corpus becomes, that keyd takes it, and mistakes.
#include "keyd/import/draft.h"
#include "keyd/import/load.h"
#include "tests/unit/test_import_inside.h"

#include <errno.h>
#include <strings.h>
#include <sys/stat.h>

#define DATA "tests/data/import/"

static void read_file(const char *name, int how)
{
	char path[256];

	clear();
	snprintf(path, sizeof(path), DATA "%s.conf", name);
	if (import_tree_read(&tree, path, IMPORT_GUESS, note, NULL))
		fail_msg("%s: %s", name, said);
	convert(how);
}

static const struct row {
	const char *name;
	int how;
	const char *words[12];		/* that are in what comes out; with "!" in front: that are not */
} rows[] = {
	{ "handbook.racoon", PLAIN, { "listen 172.16.5.4\n", "secrets \"/etc/racoon/psk.txt\"",
	  "peer \"to-192.168.1.12\" {", "\taddress 192.168.1.12\n", "\tauth local psk\n",
	  "handbook.racoon.conf:44: not taken over: encryption_algorithm: keyd does not have blowfish",
	  "\tlifetime child 10h\n", "\tlifetime ike 30s\n", "!\tike ", "!\ttraffic" } },
	{ "handbook.racoon", SETKEY, { "!spdadd" } },
	{ "pfsense.racoon", PLAIN, { "\tike aes256-sha1-modp1024\n", "\tesp aes256-aes192-aes128-sha1-modp1024\n",
	  "\tdpd 10s\n", "\tnat off\n", "\tunique never\n", "cert \"/var/etc/ipsec/cert-2.crt\"",
	  "ca \"/var/etc/ipsec/ca-2.crt\"", "\tpfs no\n", "\tike aes256-sha256-modp2048\n",
	  "\tversion 1\n\texchange aggressive\n", "lets anybody try passwords offline" } },
	{ "pfsense.racoon", MODERN, { "!aes256-sha1-modp1024\n", "\tike aes256-sha256-modp2048\n",
	  "modp1024 is too weak", "!\tpfs no", "!version" } },
	{ "android.racoon", PLAIN, { "\tversion 1\n\texchange main, aggressive\n\txauth client \"alice\"\n",
	  "lets anybody try passwords offline", "\tauth local none\n\tauth remote cert\n", "\tvirtual-address ipv4\n",
	  "\tlifetime child 8h\n" } },
	{ "android.racoon", MODERN, { "\npeer \"to-203.0.113.9\" {", "\tid local keyid \"alice\"\n",
	  "\tauth remote cert\n", "\tauth local psk\n", "\tvirtual-address ipv4\n",
	  "\tid remote fqdn \"vpn.example.com\"\n" } },
	{ "shrew-server.racoon", PLAIN, {
	  "pool \"clients\" {\n\taddress 10.20.30.10-10.20.30.99\n\tdns 10.20.0.53, 10.20.0.54\n\tdomain \"corp.example.org\"\n",
	  "\texchange aggressive\n\txauth server\n\tusers \"", "esp_frag",
	  "\tkeepalive 15s\n", "\tlifetime child 1h 102400K\n", "radiuscfg", "ldapcfg" } },
	{ "shrew-server.racoon", MODERN, { "\npeer \"anonymous\" {",
	  "\ttraffic 10.20.0.0/16, 192.168.77.0/24 <-> assigned\n", "\tpool \"clients\"\n", "\tnat force\n" } },
	{ "debian.racoon", PLAIN, { "3des", "peer \"to-172.31.1.1\"", "\tpfs yes\n" } },
	{ "transport.racoon", PLAIN, { "peer \"anonymous\" {", "\taddress any\n", "\tesp aes128-sha256-modp2048\n",
	  "\tlifetime child 30m\n", "\tlifetime ike 1h\n", "\tike aes128-sha256-modp2048\n" } },
	{ "ipv6.racoon", PLAIN, { "listen 2001:db8::1\n", "\taddress 2001:db8::2\n",
	  "id remote dn \"C=DE, O=Example Ltd, CN=two\"", "\tike aes256-sha512-modp4096\n",
	  "cert \"/etc/racoon/certs/six.pem\"" } },
	{ "ipv6.racoon", SETKEY, { "!\ttraffic" } },
	{ "hub.racoon", PLAIN, { "spoke-a.conf:2: remote 198.51.100.2 inherit spoke", "\taddress 198.51.100.2\n",
	  "\taddress 198.51.100.3\n", "\tid remote user \"a@example.org\"\n", "\tid remote keyid \"spoke b\"\n",
	  "\tunique never\n", "\tike aes256-sha256-modp2048\n", "complex_bundle", "\tike aes192-sha384-modp3072\n" } },
	{ "cisco.racoon", PLAIN, { "\texchange aggressive\n\txauth client \"bob@example.org\"\n" } },
	{ "cisco.racoon", MODERN, { "user \"bob@example.org\"", "\tvirtual-address ipv4\n", "\tid remote 192.0.2.50\n",
	  "\tdpd 30s\n" } },
	{ "keys.racoon", PLAIN, { "plain_rsa", "gss_id_enc", "unknown: 'wibble'",
	  "remote-key file \"/etc/racoon/certs/peer.pem\"", "verify_cert off",
	  "nothing here says to which remote it belongs", "path pidfile" } },
	{ "site.ipsec", PLAIN, { "crl \"http://crl.strongswan.org/strongswan.crl\"", "\tlifetime ike 57m\n",
	  "\tlifetime child 17m\n", "\tid local fqdn \"moon.strongswan.org\"\n",
	  "\tca \"tests/data/import/ipsec.d/cacerts/strongswanCert.pem\"\n",
	  "cert \"tests/data/import/ipsec.d/certs/moonCert.pem\"", "leftfirewall", "mobike",
	  "conn host-host: the same peer", "setkey -f",
	  "spdadd 10.1.0.0/16 10.2.0.0/16 any -P out ipsec esp/tunnel/192.168.0.1-192.168.0.2/require;", "!\tstart" } },
	{ "roadwarrior.ipsec", PLAIN, { "pool \"rw\" {\n\taddress 10.66.0.0/24\n\tdns 10.0.0.53, 10.0.0.54\n",
	  "\ttraffic 10.0.0.0/8, 192.168.0.0/16 <-> assigned\n", "\tike aes256-sha256-modp2048, aes128-sha256-ecp256\n",
	  "\tesp aes256-sha256, aes128gcm16-ecp256\n", "\tdpd 5m\n", "keyd does no EAP", "\taddress any\n", "compress",
	  "\tpool \"rw\"\n" } },
	{ "client.ipsec", PLAIN, { "cert \"pkcs11:slot-id=0;id=%45\"", "\tvirtual-address ipv4\n",
	  "\ttraffic assigned <-> 10.0.0.0/8\n", "\tstart yes\n", "id remote dn \"C=DE, O=Example Ltd, CN=vpn\"",
	  "!\tkey " } },
	{ "aws.ipsec", PLAIN, { "peer \"Tunnel1\"", "peer \"Tunnel2\"", "\ttraffic 0.0.0.0/0 <-> 0.0.0.0/0\n",
	  "\tid local 198.51.100.20\n", "mark: policies", "leftupdown", "\tike aes128-sha1-modp1024\n", "\tversion 1\n",
	  "\tlifetime ike 8h\n", "\tstart yes\n" } },
	{ "aws.ipsec", MODERN, { "!\tike ", "!\tesp " } },
	{ "azure.ipsec", PLAIN, { "\tike aes256-sha256-modp1024, aes256-sha1-modp1024\n",
	  "\tesp aes256-sha1, aes256gcm16\n", "\tpfs no\n", "\tid local 198.51.100.44\n",
	  "\ttraffic 172.16.0.0/24, 172.16.1.0/24 <-> 10.3.0.0/16, 10.4.0.0/16\n", "\tdpd 15s\n",
	  "\tlifetime ike 8h\n" } },
	{ "azure.ipsec", SETKEY, { "!\ttraffic", "!\tstart" } },
	{ "l2tp.ipsec", PLAIN, { "\ttraffic transport host[udp/1701] <-> host[udp]\n", "\tunique no\n",
	  "pool \"xauth-psk\" {\n\taddress 192.168.43.10-192.168.43.250\n\tdns 8.8.8.8\n", "auto=ignore",
	  "\tnat force\n", "keyd takes 4 proposals at most", "\tike aes256-aes128-sha256-sha1-modp2048-modp1024\n" } },
	{ "l2tp.ipsec", MODERN, { "only one of them gives out addresses", "# \tpool \"xauth-psk\"\n" } },
	{ "libreswan-raw.ipsec", PLAIN, { "\tauth remote key\n", "\tremote-key MIG", "\tkey-floor rsa ", "pk12util",
	  "id remote dn", "ca FILE" } },
	{ "openwrt.ipsec", PLAIN, { "peer \"office-lan\"", "networks that are not all paired", "\tlifetime child 51m\n",
	  "\tdpd off\n", "conn office-voip: the same peer" } },
	{ "transport.ipsec", SETKEY, { "!\ttraffic" } },
	{ "transport.ipsec", PLAIN, { "\ttraffic transport host <-> host\n", "parts/rack.ipsec:2: conn rack",
	  "spdadd 10.9.0.1/32[22] 10.9.0.2 tcp -P out none;", "\tesp aes256gcm16-esn\n", "\treplay-window 1024\n",
	  "\tike aes256gcm16-prfsha384-ecp384\n" } },
	{ "ipv6.ipsec", PLAIN, { "\ttraffic 2001:db8:1::/48, 10.1.0.0/16 <-> 2001:db8:2::/48, 10.2.0.0/16\n",
	  "\tlifetime child 4h 10000000000B\n", "\tlifetime reauth 1d\n", "\ttfc 65535\n",
	  "remote-key file \"tests/data/import/ipsec.d/certs/peer.pem\"", "\taddress vpn.example.com\n",
	  "\txauth client \"bob\"\n" } },
};

static void test_corpus(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		read_file(rows[i].name, rows[i].how);
		for (const char *const *w = rows[i].words; w < rows[i].words + 12 && *w; w++)
			**w == '!' ? has_not(*w + 1) : has(*w);
		loads(rows[i].name);
	}
}

/* Whatever is asked for, keyd takes what comes out. */
static void test_all_ways(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		for (int how = 0; how < 4; how++) {
			read_file(rows[i].name, how);
			loads(rows[i].name);
		}
}

static void test_policies(void **state)
{
	(void)state;
	read_file("site.ipsec", SETKEY);
	assert_non_null(strstr(result.spd, "spdadd 10.2.0.0/16 10.1.0.0/16 any -P in "
					   "ipsec esp/tunnel/192.168.0.2-192.168.0.1/require;"));
	assert_non_null(strstr(result.spd, "spdadd 192.168.0.1 192.168.0.2 any -P out "
					   "ipsec esp/tunnel/192.168.0.1-192.168.0.2/require;"));
	read_file("ipv6.racoon", SETKEY);
	assert_non_null(strstr(result.spd, "spdadd 2001:db8::1 2001:db8::2 89 -P out ipsec esp/transport//require;"));
	read_file("transport.ipsec", SETKEY);
	assert_non_null(strstr(result.spd, "spdadd 10.9.0.1 10.9.0.2 any -P out ipsec esp/transport//require;"));
	read_file("roadwarrior.ipsec", SETKEY);
	has("\ttraffic 10.0.0.0/8, 192.168.0.0/16 <-> assigned\n");	/* nobody but keyd knows the addresses */
	assert_null(strstr(result.spd, "spdadd"));
}

/* --- mistakes of form --- */

static void refused(const char *text, enum import_format format, const char *words)
{
	clear();
	assert_int_not_equal(import_tree_buffer(&tree, "file", text, strlen(text), format, note, NULL), 0);
	if (!strstr(said, words))
		fail_msg("'%s' is not in\n%s", words, said);
	assert_null(tree.first);
	assert_int_equal(tree.nfiles, 0);
}

static void test_mistakes(void **state)
{
	char deep[] = "a { b { c { d { e { f { } } } } } }";

	(void)state;
	refused("remote 192.0.2.1 {\n\tpassive on;\n", IMPORT_RACOON, "file:1: the '{' of this block has no '}'");
	refused("log debug\n", IMPORT_RACOON, "file:1: there is no ';' behind 'debug'");
	refused("\nremote anonymous {\n\tpassive on\n}\n", IMPORT_RACOON, "file:3: there is no ';' behind 'on'");
	refused("path certificate \"/etc;\n", IMPORT_RACOON, "file:1: a quote is not closed");
	refused("}\n", IMPORT_RACOON, "file:1: this '}' closes nothing");
	refused("{ }\n", IMPORT_RACOON, "file:1: a name is missing");
	refused("\ninclude \"x\";\n", IMPORT_RACOON, "file:2: this text is no file");
	refused(deep, IMPORT_RACOON, "blocks one inside the other");
	refused("left=1\n", IMPORT_IPSEC, "file:1: this line stands at the left margin");
	refused("\n\tleft=1\n", IMPORT_IPSEC, "file:2: this line is indented, but stands below no section");
	refused("conn a\n\tleft\n", IMPORT_IPSEC, "file:2: a name, '=' and a value");
	refused("conn\n", IMPORT_IPSEC, "file:1: after 'conn' one name is expected");
	refused("conn a\n\tleftid=\"C=DE\n", IMPORT_IPSEC, "file:2: a quote is not closed");
	refused("include x\n", IMPORT_IPSEC, "file:1: this text is no file");
	clear();
	assert_int_not_equal(import_tree_read(&tree, DATA "nothing.conf", IMPORT_GUESS, note, NULL), 0);
	assert_non_null(strstr(said, DATA "nothing.conf' "));
}

/* --- hostile files --- */

/*
 * Each file of the corpus, cut anywhere: a mistake that is told, or something that keyd's reader takes but for the
 * files that are named.
 */
static void test_cut(void **state)
{
	struct import_options o = { .daemon = true };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		static char text[1 << 16];
		enum import_format format = strstr(rows[i].name, ".racoon") ? IMPORT_RACOON : IMPORT_IPSEC;
		char path[256];
		size_t n;
		FILE *f;

		if (i && !strcmp(rows[i].name, rows[i - 1].name))
			continue;
		snprintf(path, sizeof(path), DATA "%s.conf", rows[i].name);
		f = fopen(path, "r");
		assert_non_null(f);
		n = fread(text, 1, sizeof(text), f);
		fclose(f);
		for (size_t cut = 0; cut < n; cut += 7) {
			clear();
			if (import_tree_buffer(&tree, "file", text, cut, format, note, NULL)) {
				assert_non_null(strstr(said, "file"));
				continue;
			}
			assert_int_equal(import_convert(&result, &tree, &o), 0);
			assert_true(result.nplaces >= 1);
		}
	}
}

static void write_text(const char *path, const char *fmt, ...)
{
	FILE *f = fopen(path, "w");
	va_list ap;

	assert_non_null(f);
	va_start(ap, fmt);
	vfprintf(f, fmt, ap);
	va_end(ap);
	fclose(f);
}

/* Files that include themselves, or one another without an end, and one that is not there. */
static void test_includes(void **state)
{
	char dir[] = "/tmp/test_import_dir.XXXXXX", path[12][64];

	(void)state;
	assert_non_null(mkdtemp(dir));
	for (unsigned i = 0; i < 12; i++) {
		snprintf(path[i], sizeof(path[i]), "%s/%u", dir, i);
		write_text(path[i], "include \"%s/%u\";\n", dir, i + 1);
	}
	clear();
	assert_int_not_equal(import_tree_read(&tree, path[0], IMPORT_RACOON, note, NULL), 0);
	assert_non_null(strstr(said, "10 files include one another"));
	write_text(path[0], "include %s/*\nconn a\n\tleft=1.2.3.4\n", dir);
	clear();
	assert_int_not_equal(import_tree_read(&tree, path[0], IMPORT_IPSEC, note, NULL), 0);
	assert_non_null(strstr(said, "does this one include itself?"));
	assert_true(strlen(said) < sizeof(said) - 1);
	write_text(path[0], "include %s/nothing\nconn a\n\tleft=1.2.3.4\n", dir);
	clear();
	assert_int_equal(import_tree_read(&tree, path[0], IMPORT_IPSEC, note, NULL), 0);
	assert_non_null(strstr(said, "/0:1: warning: no file fits"));
	clear();
	write_text(path[0], "include \"%s/nothing\";\n", dir);
	assert_int_not_equal(import_tree_read(&tree, path[0], IMPORT_RACOON, note, NULL), 0);
	assert_non_null(strstr(said, "is not there"));
	for (unsigned i = 0; i < 12; i++)
		unlink(path[i]);
	rmdir(dir);
}

/* Lines without end, statements without end, sections without end: bounded, and told. */
static void test_enormous(void **state)
{
	size_t n = IMPORT_FILE_MAX - 64;
	char *text = malloc(IMPORT_FILE_MAX + 2);

	(void)state;
	assert_non_null(text);
	memset(text, 'a', n);
	memcpy(text, "conn a\n\tleftid=", 15);
	clear();
	assert_int_equal(import_tree_buffer(&tree, "file", text, n, IMPORT_IPSEC, note, NULL), 0);
	convert(PLAIN);
	memcpy(text, "log ", 4);
	clear();
	assert_int_not_equal(import_tree_buffer(&tree, "file", text, n, IMPORT_RACOON, note, NULL), 0);
	for (size_t i = 0; i + 1 < n; i += 2)
		memcpy(text + i, "x ", 2);
	clear();
	assert_int_not_equal(import_tree_buffer(&tree, "file", text, n, IMPORT_RACOON, note, NULL), 0);
	assert_non_null(strstr(said, "more than 256 words"));
	for (size_t i = 0; i + 8 < n; i += 8)
		memcpy(text + i, "remote {", 8);
	clear();
	assert_int_not_equal(import_tree_buffer(&tree, "file", text, n, IMPORT_RACOON, note, NULL), 0);
	for (size_t i = 0; i + 11 < n; i += 11)
		memcpy(text + i, "remote x{}\n", 11);
	clear();
	assert_int_not_equal(import_tree_buffer(&tree, "file", text, n, IMPORT_RACOON, note, NULL), 0);
	assert_non_null(strstr(said, "more than 65536 statements"));
	memset(text, 'a', IMPORT_FILE_MAX + 1);
	clear();
	n = IMPORT_FILE_MAX + 1;
	assert_int_not_equal(import_tree_buffer(&tree, "file", text, n, IMPORT_RACOON, note, NULL), 0);
	assert_non_null(strstr(said, "larger than"));
	free(text);
}

/* Names that nobody knows are told wherever they stand. */
static void test_unknown(void **state)
{
	(void)state;
	read_text("frob on;\nlisten { frob; }\nremote 192.0.2.1 {\n frob 1;\n proposal {\n frob x;\n }\n}\n"
		  "sainfo anonymous {\n frob 1;\n}\nmode_cfg {\n frob;\n}\n", IMPORT_RACOON, PLAIN);
	for (size_t i = 0; i < 6; i++)
		told((const unsigned[]){ 1, 2, 4, 6, 10, 13 }[i], IMPORT_UNKNOWN, "frob");
	read_text("config setup\n\tfrob=1\nconn a\n\tleftfrob=1\n\tfrob=yes\n\tx-frob=1\nca b\n\tfrob=1\nfrob 2\n",
		  IMPORT_IPSEC, PLAIN);
	for (size_t i = 0; i < 5; i++)
		told((const unsigned[]){ 2, 4, 5, 8, 9 }[i], IMPORT_UNKNOWN, "frob");
	told(6, IMPORT_IDLE, "x-frob");
}

/* Values that make no sense are told, and nothing is made of them. */
static void test_values(void **state)
{
	(void)state;
	read_text("remote 192.0.2.1 {\n lifetime time 8 weeks;\n my_identifier subnet \"x\";\n nat_traversal maybe;\n"
		  " dpd_delay x;\n my_identifier fqdn;\n}\n"
		  "timer { natt_keepalive 9 hours; }\nlisten { isakmp moon; }\nmode_cfg { network4 x; }\n",
		  IMPORT_RACOON, PLAIN);
	told(2, IMPORT_NOT, "lifetime");
	told(3, IMPORT_NOT, "subnet");
	told(4, IMPORT_NOT, "maybe");
	told(5, IMPORT_NOT, "dpd_delay");
	told(6, IMPORT_NOT, "value is missing");
	told(8, IMPORT_NOT, "natt_keepalive");
	told(9, IMPORT_NOT, "isakmp");
	told(10, IMPORT_NOT, "network4");
	read_text("conn a\n left=1.2.3.4\n right=1.2.3.5\n leftsubnet=10.0.0.0/33\n authby=secret\n ikelifetime=never\n"
		  " replay_window=x\n also=b\n auto=now\n", IMPORT_IPSEC, PLAIN);
	told(4, IMPORT_NOT, "10.0.0.0/33");
	told(6, IMPORT_NOT, "never");
	told(7, IMPORT_NOT, "'x'");
	told(8, IMPORT_NOT, "no such section");
	told(9, IMPORT_NOT, "auto=now");
	loads("values");
}

/* What came of hostile files: keyd must take what is printed, so a section that lacks something is a comment. */
static void test_comments(void **state)
{
	(void)state;
	read_text("remote 192.0.2.1 {\n certificate_type x509 \"a.pem\" \"a.key\";\n}\n", IMPORT_RACOON, PLAIN);
	has("# This section is a comment: no way to prove");
	loads("no auth");
	read_text("remote 192.0.2.1 {\n xauth_login \"b@exam+le.org\";\n"
		  " proposal { authentication_method xauth_psk_client; }\n}\n", IMPORT_RACOON, MODERN);
	has_not("id local");
	loads("no user");
	read_text("ca a\n crluri=http://a\xc3\xa4/\n crluri1=ldap://x\n cacert=a,b\n", IMPORT_IPSEC, PLAIN);
	told(2, IMPORT_NOT, "by http only");
	told(3, IMPORT_NOT, "by http only");
	told(4, IMPORT_NOT, "cacert");
	loads("no URL");
	read_text("conn a\n right=192.0.2.1\n rightid=\"C=DE, CN=b\"\n authby=secret\n auto=add\n"
		  "conn b\n also=a\n rightid=\"/C=de/CN=B\"\n auto=add\n", IMPORT_IPSEC, PLAIN);
	told(6, IMPORT_CHOICE, "the same peer");
	loads("one identity in two forms");
	for (unsigned i = 0; i < 2; i++) {
		read_text(i ? "conn a\n left=1.1.1.1\n right=%any\n rightsourceip=10.0.0.0/24,10.0.0.9\n"
			      " authby=psk\n auto=add\n" :
			      "conn a\n left=1.1.1.1\n right=%any\n rightsourceip=0.0.0.0/0\n"
			      " authby=psk\n auto=add\n", IMPORT_IPSEC, PLAIN);
		told(4, IMPORT_NOT, "pools of its own only");
		loads("no pool");
	}
}

/* Why a section is a comment is told like the rest. */
static void test_sections_told(void **state)
{
	(void)state;
	read_text("conn a\n left=192.0.2.1\n right=192.0.2.2\n ah=sha256\n authby=secret\n auto=start\n"
		  "conn b\n left=192.0.2.1\n right=vpn_.1\n authby=secret\n auto=add\n"
		  "conn c\n right=192.0.2.3\n rightid='C=DE, CN=c'\n authby=secret\n", IMPORT_IPSEC, PLAIN);
	told(1, IMPORT_NOT, "AH is not done");
	told(7, IMPORT_NOT, "vpn_.1 is neither an address nor a host name");
	told(12, IMPORT_IDLE, "auto=ignore");
	has("id remote dn \"C=DE, CN=c\"");
	read_text("remote anonymous { proposal { authentication_method pre_shared_key; } }\n"
		  "remote 192.0.2.1 { proposal { authentication_method pre_shared_key; } }\n"
		  "sainfo address 10.0.0.0/8 any address 192.168.0.0/16 any { lifetime time 5 min; }\n",
		  IMPORT_RACOON, PLAIN);
	has("\taddress any\n\tversion 1\n\tauth local psk\n\tauth remote psk\n\tpfs no\n\tlifetime child 5m\n");
}

/* --- a daemon acts on it --- */

static struct conf loaded;
static struct conf_secrets loaded_secrets;

/* The text as a file of its own; 0, or what import_load says. */
static int load_text(const char *text, enum import_format format)
{
	char path[] = "/tmp/test_import_text.XXXXXX";
	struct import_source from = { .path = path, .format = format };
	FILE *out = fdopen(mkstemp(path), "w");
	int r;

	*said = 0;
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
	r = import_load(&loaded, &loaded_secrets, &from, NULL, note, NULL);
	unlink(path);
	return r;
}

static void unload(void)
{
	conf_free(&loaded);
	conf_secrets_free(&loaded_secrets);
}

/* Places are those of the file, also of what another file says. */
static void test_places(void **state)
{
	const struct conf_peer *p;
	char place[256];

	(void)state;
	assert_int_equal(load_text("# one\n"
				   "remote 192.0.2.1 {\n\tdpd_delay 7;\n\tproposal {\n"
				   "\t\tencryption_algorithm aes 256;\n\t\thash_algorithm sha256;\n\t\tdh_group 14;\n"
				   "\t\tauthentication_method pre_shared_key;\n\t}\n\tlifetime time 1 hour;\n"
				   "\tesp_frag 500;\n}\n"
				   "timer { natt_keepalive 9 sec; }\n", IMPORT_RACOON), 0);
	assert_int_equal(loaded.npeers, 1);
	p = &loaded.peers[0];
	assert_int_equal(p->section.line, 2);
	assert_int_equal(p->at[CONF_STMT_ADDRESS].line, 2);
	assert_int_equal(p->at[CONF_STMT_DPD].line, 3);
	assert_int_equal(p->at[CONF_STMT_IKE].line, 4);
	assert_int_equal(p->at[CONF_STMT_AUTH_LOCAL].line, 8);
	assert_int_equal(p->at[CONF_STMT_LIFE_IKE].line, 10);
	assert_int_equal(loaded.defaults.at[CONF_STMT_KEEPALIVE].line, 13);
	conf_at_format(&loaded, p->at[CONF_STMT_DPD], place, sizeof(place));
	assert_memory_equal(place, "/tmp/test_import_text.", 22);
	assert_string_equal(strrchr(place, ':'), ":3");
	assert_non_null(strstr(said, ":11: warning: not taken over: esp_frag: "));
	assert_int_equal(p->version, 1);
	assert_false(p->refuse);
	assert_true(loaded.defaults.refuse);
	unload();
	assert_int_equal(load_text("conn a\n right=192.0.2.1\n left=192.0.2.2\n authby=secret\n auto=add\n secret=x\n"
				   " ikelifetime=1s\n replay_window=1\n", IMPORT_IPSEC), -ENOENT);
	assert_non_null(strstr(said, ":6: warning: unknown: "));
	assert_non_null(strstr(said, ":7: warning: not taken over: "));
	assert_non_null(strstr(said, ":1: this is where '/tmp/ipsec.secrets' is named"));
}

/* What keyd's own reader refuses is told by the lines of the file, too. */
static void test_mistakes_have_places(void **state)
{
	(void)state;
	assert_int_equal(load_text("remote 192.0.2.1 {\n proposal { authentication_method pre_shared_key; }\n}\n"
				   "remote \"two\" {\n remote_address 192.0.2.1;\n proposal {\n"
				   " authentication_method pre_shared_key; }\n}\n"
				   "listen {\n isakmp 192.0.2.9;\n isakmp_natt 192.0.2.9 [500];\n}\n",
				   IMPORT_RACOON), -EINVAL);
	assert_non_null(strstr(said, ":11: "));
	assert_null(strchr(strstr(said, ":11: ") + 1, '#'));
	assert_int_equal(loaded.npeers, 0);
}

/* A section that cannot be refuses its peer, and nobody else's. */
static void test_refused(void **state)
{
	(void)state;
	assert_int_equal(load_text("remote 192.0.2.1 { proposal { authentication_method gssapi_krb; } }\n"
				   "remote anonymous { proposal { authentication_method pre_shared_key; } }\n"
				   "remote \"x\" { proposal { authentication_method dsssig; } }\n"
				   "remote 192.0.2.3 { certificate_type x509 \"/no\" \"/no\"; ca_type x509 \"/no\";\n"
				   " proposal { authentication_method rsasig; } }\n", IMPORT_RACOON), 0);
	assert_int_equal(loaded.npeers, 3);
	assert_true(loaded.peers[0].refuse);
	assert_int_equal(loaded.peers[0].remote_len, 32);
	assert_false(loaded.peers[1].refuse);
	assert_true(loaded.peers[2].refuse);
	assert_non_null(strstr(said, ":4: warning: not taken over: \"/no\" cannot be read: "));
	unload();
}

/*
 * A user's password is where those daemons have it, and nothing else is taken for one: what stands in psk.txt (or
 * ipsec.secrets) under his name only where it cannot be a secret that somebody else has.
 */
static void test_no_password(void **state)
{
#define ALICE "remote 192.0.2.1 { xauth_login \"alice\"; %s proposal { authentication_method xauth_psk_client; } }\n"
#define PSK(where, more) "remote " where " { " more " proposal { authentication_method pre_shared_key; } }\n"
	static const struct { const char *mine, *other; bool good; } cases[] = {
		{ "", "", true },
		{ "", PSK("192.0.2.7", ""), true },			/* its secret stands under its address */
		{ "", PSK("192.0.2.7", "peers_identifier fqdn \"bob\"; verify_identifier on;"), true },
		{ "", PSK("192.0.2.7", "peers_identifier keyid tag \"alice\"; verify_identifier on;"), false },
		{ "", PSK("192.0.2.7", "peers_identifier fqdn \"alice\"; verify_identifier on;"), false },
		{ "", PSK("192.0.2.8", ""), false },			/* under a name that nobody knows */
		{ "", PSK("anonymous", ""), false },
		{ "peers_identifier fqdn \"alice\"; verify_identifier on;", "", false },
	};
	char secrets[] = "/tmp/test_import_secrets.XXXXXX", own[300], text[1024];
	FILE *out = fdopen(mkstemp(secrets), "w");

	(void)state;
	assert_non_null(out);
	fputs("192.0.2.1 group\n192.0.2.7 shared\nalice wonderland\n", out);
	fclose(out);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		for (unsigned first = 0; first < 2; first++) {
			snprintf(own, sizeof(own), ALICE, cases[i].mine);
			snprintf(text, sizeof(text), "path pre_shared_key \"%s\";\n%s%s", secrets,
				 first ? cases[i].other : own, first ? own : cases[i].other);
			assert_int_equal(load_text(text, IMPORT_RACOON), 0);
			assert_int_equal(loaded_secrets.nlogins, 1);
			assert_int_equal(loaded_secrets.logins[0].password.n, cases[i].good ? 10 : 0);
			unload();
		}
	out = fopen(secrets, "w");
	fputs("192.0.2.1 : PSK \"group\"\n@alice : PSK \"shared\"\n192.0.2.7 alice : XAUTH \"other\"\n", out);
	fclose(out);
	snprintf(text, sizeof(text), "config setup\n secretsfile=%s\n"
				     "conn a\n left=192.0.2.9\n right=192.0.2.1\n authby=xauthpsk\n xauth=client\n"
				     " xauth_identity=alice\n auto=add\n", secrets);
	assert_int_equal(load_text(text, IMPORT_IPSEC), 0);
	assert_int_equal(loaded_secrets.nlogins, 1);
	assert_int_equal(loaded_secrets.logins[0].password.n, 0);
	unload();
	unlink(secrets);
#undef ALICE
#undef PSK
}

static void test_passwords(void **state)
{
	static const char racoon[] = "remote 192.0.2.1 { xauth_login \"alice\"; "
				     "proposal { authentication_method xauth_psk_client; } }\n";
	static const char conf[] = "peer x address 192.0.2.1 version 1 psk \"g\" xauth client alice\n";
	char secrets[] = "/tmp/test_import_secrets.XXXXXX", text[512];
	FILE *out = fdopen(mkstemp(secrets), "w");

	(void)state;
	assert_non_null(out);
	fputs("192.0.2.1 group\nalice wonderland\n", out);
	fclose(out);
	snprintf(text, sizeof(text), "path pre_shared_key \"%s\";\n%s", secrets, racoon);
	assert_int_equal(load_text(text, IMPORT_RACOON), 0);
	assert_int_equal(loaded.npeers, 1);
	assert_int_equal(loaded_secrets.nlogins, 1);
	assert_string_equal(loaded_secrets.logins[0].user, "alice");
	assert_int_equal(loaded_secrets.logins[0].password.n, 10);
	assert_memory_equal(loaded_secrets.logins[0].password.p, "wonderland", 10);
	assert_false(loaded.peers[0].login_asked);
	unload();
	out = fopen(secrets, "w");
	assert_non_null(out);
	fprintf(out, "secrets \"%s.psk\"\n%s", secrets, conf);
	fclose(out);
	snprintf(text, sizeof(text), "%s.psk", secrets);
	out = fopen(text, "w");
	assert_non_null(out);
	fputs("alice wonderland\n", out);
	fclose(out);
	assert_int_equal(chmod(text, 0600), 0);
	assert_int_equal(conf_load(&loaded, &loaded_secrets, secrets, note, NULL), 0);
	assert_true(loaded.peers[0].login_asked);
	unload();
	out = fopen(text, "w");
	assert_non_null(out);
	fputs("192.0.2.9 @alice : XAUTH \"for others\"\n@alice : XAUTH \"down the hole\"\n", out);
	fclose(out);
	assert_int_equal(conf_load(&loaded, &loaded_secrets, secrets, note, NULL), 0);
	assert_false(loaded.peers[0].login_asked);
	assert_memory_equal(loaded_secrets.logins[0].password.p, "down the hole", 13);
	unload();
	out = fopen(text, "w");
	assert_non_null(out);
	fputs("@alice : XAUTH \"for all\"\n192.0.2.1 192.0.2.9 @alice : XAUTH \"for it\"\n", out);
	fclose(out);
	assert_int_equal(conf_load(&loaded, &loaded_secrets, secrets, note, NULL), 0);
	assert_int_equal(loaded_secrets.logins[0].password.n, 6);
	assert_memory_equal(loaded_secrets.logins[0].password.p, "for it", 6);
	unload();
	unlink(text);
	unlink(secrets);
}

static void test_recognised(void **state)
{
	static const struct {
		const char *text;
		enum import_format format;
	} texts[] = {
		{ "", IMPORT_GUESS }, { "peer any\nremote x", IMPORT_GUESS },
		{ "listen 192.0.2.1\ninclude \"x\"\n", IMPORT_GUESS },
		{ "default {\n remote\n}\npool x {\n}", IMPORT_GUESS },
		{ "listen {\n", IMPORT_RACOON }, { "listen\t { isakmp", IMPORT_RACOON },
		{ "# conn\nlog debug;", IMPORT_RACOON }, { "x { # }\nremote\n \"{\" }\n\tsainfo", IMPORT_RACOON },
		{ "version 2.0\nconfig setup", IMPORT_IPSEC },
		{ "\n\r\nconn", IMPORT_IPSEC }, { "remotely\nlogs\n", IMPORT_GUESS },
		{ "path{", IMPORT_RACOON }, { "}\n}path", IMPORT_GUESS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (import_recognise_text(texts[i].text) != texts[i].format)
			fail_msg("%s", texts[i].text);
}

/* Each name that is known stands in the documentation. */
static void test_documented(void **state)
{
	static const struct import_row *(*const tables[])(unsigned) = { import_racoon_row, import_ipsec_row };
	static char page[1 << 17];
	FILE *f = fopen("docs/import.md", "re");

	(void)state;
	assert_non_null(f);
	page[fread(page, 1, sizeof(page) - 1, f)] = 0;
	fclose(f);
	for (unsigned t = 0; t < 2; t++)
		for (unsigned i = 0; tables[t](i); i++) {
			char name[64];

			snprintf(name, sizeof(name), "`%s`", tables[t](i)->name);
			if (*tables[t](i)->name && !strstr(page, name))
				fail_msg("docs/import.md has no %s", name);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_corpus), cmocka_unit_test(test_all_ways), cmocka_unit_test(test_policies),
		cmocka_unit_test(test_mistakes), cmocka_unit_test(test_cut), cmocka_unit_test(test_includes),
		cmocka_unit_test(test_enormous), cmocka_unit_test(test_unknown), cmocka_unit_test(test_values),
		cmocka_unit_test(test_comments), cmocka_unit_test(test_sections_told), cmocka_unit_test(test_places),
		cmocka_unit_test(test_mistakes_have_places),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_no_password),
		cmocka_unit_test(test_passwords), cmocka_unit_test(test_recognised), cmocka_unit_test(test_documented),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
