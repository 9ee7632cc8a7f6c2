// SPDX-License-Identifier: MIT
// What racoon.conf and ipsec.conf demand of a peer, what comes of them demands, or it refuses the peer: never less.
#include "keyd/conf/load.h"
#include "keyd/crypto/alg.h"
#include "keyd/import/import.h"

#include <libgen.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char ca[PATH_MAX];
static struct import_tree tree;
static struct import_result result;
static char said[4096];

static void note(const char *text, void *arg)
{
	(void)arg;
	snprintf(said, sizeof(said), "%s", text);
}

static bool told(const char *words)
{
	for (unsigned i = 0; i < result.nnotes; i++)
		if (strstr(result.notes[i].text, words))
			return true;
	return false;
}

/* As keyd -f has it, or (people) as keydctl import prints it. */
static void convert(const char *text, enum import_format format, bool people)
{
	struct import_options o = { .daemon = !people };

	import_result_free(&result);
	import_tree_free(&tree);
	if (import_tree_buffer(&tree, "file", text, strlen(text), format, note, NULL))
		fail_msg("%s of\n%s", said, text);
	assert_int_equal(import_convert(&result, &tree, &o), 0);
}

/* The words are in what comes of the text; with '!' in front: they are not; with '~': a remark has them. */
struct row {
	enum import_format format;
	const char *text, *words[8];
};

static void check(const struct row *row, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		convert(row[i].text, row[i].format, false);
		for (const char *const *w = row[i].words; w < row[i].words + 8 && *w; w++) {
			bool is = **w == '~' ? told(*w + 1) : strstr(result.conf, **w == '!' ? *w + 1 : *w) != NULL;

			if (is == (**w == '!'))
				fail_msg("'%s'\nof\n%s\nin\n%s", *w, row[i].text, result.conf);
		}
	}
}
#define CHECK(rows) check(rows, sizeof(rows) / sizeof(*(rows)))

#define RACOON(text, ...) { IMPORT_RACOON, text, { __VA_ARGS__ } }
#define CONN(text, ...) { IMPORT_IPSEC, "conn a\n left=192.0.2.1\n auto=add\n" text, { __VA_ARGS__ } }
#define CERTS " leftcert=a.pem\n rightrsasigkey=%cert\n"
#define PROPOSAL \
	" proposal { encryption_algorithm aes 256; hash_algorithm sha256; dh_group 14;" \
	" authentication_method pre_shared_key; }\n"

/* --- who it must be --- */

static void test_names(void **state)
{
	static const struct row rows[] = {
		CONN(" right=192.0.2.2\n" CERTS "ca b\n cacert=c.pem\n", "\tid remote 192.0.2.2\n",
		     "~must have its address"),
		CONN(" right=192.0.2.2\n rightid=192.0.2.2\n" CERTS "ca b\n cacert=c.pem\n", "\tid remote 192.0.2.2\n"),
		CONN(" right=192.0.2.2\n rightid=%fromcert\n" CERTS "ca b\n cacert=c.pem\n", "!\tid remote"),
		CONN(" right=%any\n" CERTS "ca b\n cacert=c.pem\n", "!\tid remote"),
		CONN(" right=192.0.2.0/24\n" CERTS "ca b\n cacert=c.pem\n", "!\tid remote"),
		CONN(" right=0.0.0.0/0\n" CERTS "ca b\n cacert=c.pem\n", "!\tid remote"),
		CONN(" right=192.0.2.2\n rightcert=b.pem\n leftcert=a.pem\n", "!\tid remote"),
		CONN(" right=192.0.2.2\n authby=secret\n", "!\tid remote", "\tserve yes\n}"),
		CONN(" right=192.0.2.2\n authby=secret\n rightid=%myid\n", "!\tauth ", "~anybody would be taken"),
		CONN(" right=192.0.2.2\n authby=secret\n rightid=asn1dn:CN\n", "!\tauth ", "~anybody would be taken"),
	};

	(void)state;
	CHECK(rows);
}

static void test_names_of_racoon(void **state)
{
	static const struct row rows[] = {
		RACOON("remote 192.0.2.2 { peers_identifier fqdn;\n" PROPOSAL "}\n", "!\tauth ",
		       "~keyd could not tell from others"),
		RACOON("remote anonymous { peers_identifier fqdn \"b\"; "
		       "proposal { authentication_method gssapi_krb; } }\n",
		       "\taddress any\n\tversion 1\n\tid remote fqdn \"b\"\n\tserve no\n}"),
		RACOON("remote 192.0.2.2 { peers_identifier subnet \"192.0.2.0/24\";\n" PROPOSAL "}\n", "!\tauth "),
		RACOON("remote 192.0.2.2 { peers_identifier keyid file \"x\";\n" PROPOSAL "}\n", "!\tauth ",
		       "~keyid file"),
		RACOON("remote 192.0.2.2 { peers_identifier asn1dn \"CN\";\n" PROPOSAL "}\n", "!\tauth "),
		RACOON("remote 192.0.2.2 { peers_identifier fqdn \"*.example\";\n" PROPOSAL "}\n", "!\tauth "),
		RACOON("remote 192.0.2.2 { peers_identifier address;\n" PROPOSAL "}\n", "\tid remote 192.0.2.2\n",
		       "\tserve yes\n}"),
		RACOON("remote 192.0.2.2 { peers_identifier asn1dn;\n" PROPOSAL "}\n", "!id remote", "\tserve yes\n}"),
		RACOON("remote 192.0.2.2 { peers_identifier fqdn \"b\"; peers_identifier user_fqdn \"c@d\"; "
		       "peers_identifier fqdn \"b\";\n" PROPOSAL "}\n", "peer \"to-192.0.2.2\" {",
		       "\tid remote fqdn \"b\"\n", "peer \"to-192.0.2.2-2\" {", "\tid remote user \"c@d\"\n",
		       "~each name that the peer may have"),
		RACOON("remote 192.0.2.2 { peers_identifier fqdn \"b\"; peers_identifier asn1dn;\n" PROPOSAL "}\n",
		       "!\tauth "),
		RACOON("remote \"m\" { peers_identifier fqdn \"x\";\n" PROPOSAL "}\n"
		       "remote 192.0.2.2 inherit \"m\" { peers_identifier fqdn \"y\"; }\n",
		       "\taddress 192.0.2.2\n\tversion 1\n\tid remote fqdn \"y\"\n",
		       "\taddress any\n\tversion 1\n\tid remote fqdn \"x\"\n"),
	};

	(void)state;
	CHECK(rows);
}

/* --- what it must show --- */

#define CA_IS "ca b\n cacert=c.pem\n"

static void test_demands(void **state)
{
	static const struct row rows[] = {
		CONN(" right=%any\n rightauth=psk\n leftauth=psk\n rightauth2=pubkey\n", "!\tauth ",
		     "~the peer is to prove twice"),
		CONN(" right=%any\n rightauth=pubkey\n leftcert=a.pem\n rightauth2=eap-md5\n" CA_IS, "!\tauth ",
		     "~the peer is to prove twice"),
		CONN(" right=%any\n rightauth=psk\n leftauth=psk\n leftauth2=psk\n", "!\tauth ",
		     "~this side is to prove twice"),
		CONN(" right=192.0.2.2\n" CERTS " rightcertpolicy=1.2.3\n" CA_IS, "\taddress 192.0.2.2\n", "!\tauth ",
		     "~policies of certificates are not compared"),
		CONN(" right=%any\n" CERTS " rightgroups=admins\n" CA_IS, "!\tauth ", "~nobody's groups are known"),
		CONN(" right=%any\n authby=secret\n pam-authorize=yes\n", "!\tauth ", "~there is no PAM"),
		CONN(" right=%any\n authby=secret\n pam-authorize=no\n", "\tauth "),
		CONN(" right=%any\n authby=secret\n ppk=insist\n", "!\tauth ", "~postquantum"),
		CONN(" right=%any\n authby=secret\n dns-match-id=yes\n", "!\tauth ", "~looked up in DNS"),
		CONN(" right=%any\n authby=secret\n policy-label=a:b:c:s0\n", "!\tauth ", "~security labels"),
		CONN(" right=%any\n" CERTS " leftgroups=admins\n leftca=%same\n" CA_IS, "\tauth ",
		     "~leftgroups is about this end"),
		CONN(" right=%any\n" CERTS " rightauth=rsa-4096-ecdsa-384-sha256-sha512\n" CA_IS,
		     "\tkey-floor rsa 4096, ec 384\n", "rsa-sha512", "rsapss-sha256", "!sha384", "!ed25519"),
		CONN(" right=%any\n" CERTS " rightauth=pubkey-sha384\n" CA_IS, "!\tauth ",
		     "~of the certificates above"),
		CONN(" right=%any\n" CERTS " rightauth=ike:pubkey-sha384\n" CA_IS,
		     "\tsignatures ecdsa-sha384, rsapss-sha384, rsa-sha384, ecdsa384\n"),
		CONN(" right=%any\n" CERTS " rightauth=pubkey-quantum\n" CA_IS, "!\tauth ",
		     "~demands what is not known"),
		CONN(" right=%any\n" CERTS " authby=rsa-sha2_512\n" CA_IS,
		     "\tsignatures ecdsa-sha512, rsapss-sha512, rsa-sha512, ecdsa521\n"),
		CONN(" right=%any\n" CERTS " authby=rsasig\n" CA_IS, "!signatures", "!key-floor", "\tauth "),
	};

	(void)state;
	CHECK(rows);
}

static void test_revocation(void **state)
{
	static const struct row rows[] = {
		CONN("config setup\n strictcrlpolicy=yes\n", "\trevocation strict\n"),
		CONN("config setup\n crl-strict=ifuri\n", "\trevocation strict\n"),
		CONN("config setup\n ocsp-strict=yes\n strictcrlpolicy=no\n", "\trevocation strict\n"),
		CONN("config setup\n ocsp-strict=no\n", "!revocation"),
		CONN("config setup\n ocsp-uri=http://a/\n", "!revocation"),
		CONN("config setup\n ocsp-uri=http://a/\n ocsp-enable=yes\n", "\trevocation strict\n",
		     "~is not asked for revoked"),
		CONN("ca b\n ocspuri=http://a/\n", "\trevocation strict\n", "~is not asked for revoked"),
		CONN("ca b\n crluri=ldap://a/\n", "\trevocation strict\n", "~is not asked for revoked"),
		CONN("ca b\n crluri=http://a/x\n crluri2=file:///etc/x.crl\n", "!revocation",
		     "crl \"http://a/x\", \"/etc/x.crl\"\n"),
	};

	(void)state;
	CHECK(rows);
}

static char both[] = "/tmp/test_import_both.XXXXXX";	/* a certificate and its key */

static void add_file(FILE *out, const char *name)
{
	char path[PATH_MAX + 32];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", ca, name);
	f = fopen(path, "re");
	assert_non_null(f);
	for (int c; (c = fgetc(f)) != EOF;)
		fputc(c, out);
	fclose(f);
}

/* With the certificates of the tests' CA: good is inter's, and inter is root's. */
static void check_ca(const char *rightca, const char *wants, const char *has)
{
	struct import_options o = { .daemon = true, .look = true };
	char text[6 * PATH_MAX];

	snprintf(text, sizeof(text), "conn a\n left=192.0.2.1\n auto=add\n right=%%any\n leftcert=%s\n rightca=%s\n"
				     "ca b\n cacert=%s/root.pem\nca c\n cacert=%s/inter.pem\n"
				     "ca d\n cacert=%s/good.key\n", both, rightca, ca, ca, ca);
	convert(text, IMPORT_IPSEC, true);
	import_result_free(&result);
	assert_int_equal(import_convert(&result, &tree, &o), 0);
	if (!strstr(result.conf, wants) || (has && !strstr(result.conf, has)))
		fail_msg("%s: %s", rightca, result.conf);
}

static void test_rightca(void **state)
{
	char root[PATH_MAX + 32], inter[PATH_MAX + 32], all[4 * PATH_MAX];

	FILE *out = fdopen(mkstemp(both), "w");

	(void)state;
	assert_non_null(out);
	add_file(out, "good.pem");
	add_file(out, "good.key");
	fclose(out);
	snprintf(root, sizeof(root), "\tca \"%s/root.pem\"\n", ca);
	snprintf(inter, sizeof(inter), "\tca \"%s/inter.pem\"\n", ca);
	snprintf(all, sizeof(all), "\tca \"%s/root.pem\", \"%s/inter.pem\", \"%s/good.key\"\n", ca, ca, ca);
	check_ca("%any", all, NULL);
	check_ca("%same", inter, NULL);
	check_ca("\"C=DE, O=Example Ltd, CN=root\"", root, NULL);
	check_ca("\"/C=de/O=example ltd/CN=ROOT\"", root, NULL);
	for (unsigned i = 0; i < 2; i++) {
		check_ca(i ? "nonsense" : "\"C=DE, O=Example Ltd, CN=good\"", "", NULL);
		assert_null(strstr(result.conf, "\tauth "));
		assert_true(told("is known to be the one that must vouch"));
	}
	unlink(both);
}

/* --- which sections are one --- */

#define ALSO "\nconn b\n also=a\n rightsubnet=10.9.0.0/16\n auto=add\n"
#define WEAKER "!10.9.0.0/16", "~has the same addresses and identities, and "

static void test_one_of_two(void **state)
{
	static const struct row rows[] = {
		CONN(" right=192.0.2.2\n authby=secret\n rightsubnet=10.8.0.0/16" ALSO,
		     "\ttraffic 192.0.2.1 <-> 10.8.0.0/16, 10.9.0.0/16\n"),
		CONN(" right=192.0.2.2\n authby=secret\n rightsubnet=10.8.0.0/16" ALSO " ikelifetime=2h\n",
		     "10.9.0.0/16", "~whose lifetimes and the like differ"),
		CONN(" right=192.0.2.2\n authby=secret\n ikev2=never\n rightsubnet=10.8.0.0/16" ALSO
		     " rightauth2=xauth\n rightxauthclient=yes\n", WEAKER "XAUTH"),
		CONN(" right=192.0.2.2\n authby=secret\n ikev2=never\n rightsubnet=10.8.0.0/16" ALSO
		     " aggressive=yes\n", WEAKER "the mode"),
		CONN(" right=192.0.2.2\n authby=secret\n rightsubnet=10.8.0.0/16" ALSO
		     " rightauth=pubkey\n rightcert=b.pem\n", WEAKER "the peer's proof"),
		CONN(" right=192.0.2.2\n authby=secret\n rightsubnet=10.8.0.0/16" ALSO " esp=aes128-sha1\n",
		     WEAKER "'esp'"),
		CONN(" right=192.0.2.2\n authby=secret\n rightsubnet=10.8.0.0/16" ALSO " ike=aes128-sha1-modp1024\n",
		     WEAKER "'ike'"),
		CONN(" right=192.0.2.2\n authby=secret\n rightsubnet=10.8.0.0/16" ALSO " pfs=no\n", WEAKER "'pfs'"),
		CONN(" right=192.0.2.2\n" CERTS " rightid=@b\n rightsubnet=10.8.0.0/16" ALSO
		     " rightauth=rsa-4096\n" CA_IS, WEAKER "the sizes of keys"),
		CONN(" right=192.0.2.2\n authby=secret\n ikev2=never\n rightsubnet=10.8.0.0/16" ALSO " ikev2=insist\n",
		     "10.8.0.0/16", "10.9.0.0/16", "\tversion 1\n"),
	};

	(void)state;
	CHECK(rows);
}

/* Who says no version is for those that its daemon speaks. */
static void test_versions(void **state)
{
	static const struct row rows[] = {
		CONN(" right=192.0.2.2\n authby=secret\n auto=start\n",
		     "peer \"a\" {\n\taddress 192.0.2.2\n\tlocal 192.0.2.1\n\tauth",
		     "\tstart yes\n\tserve yes\n}\npeer \"a-2\" {\n",
		     "\tversion 1\n\tauth local psk\n\tauth remote psk\n\ttraffic 192.0.2.1 <-> 192.0.2.2\n"
		     "\tserve yes\n}"),
		CONN(" right=192.0.2.2\n authby=secret\n ikev2=permit\n modeconfig=push\n",
		     "peer \"a\" {\n\taddress 192.0.2.2\n\tlocal 192.0.2.1\n\tversion 1\n\tmode-config push\n",
		     "peer \"a-2\" {\n\taddress 192.0.2.2\n\tlocal 192.0.2.1\n\tauth", "~keyd begins with IKEv1"),
		CONN(" right=192.0.2.2\n authby=secret\n ikev2=propose\n", "peer \"a-2\" {", "\tversion 1\n"),
		CONN(" right=192.0.2.2\n authby=secret\n keyexchange=ike\n", "peer \"a-2\" {", "\tversion 1\n",
		     "~keyd begins with IKEv2"),
		CONN(" right=192.0.2.2\n authby=secret\n keyexchange=ikev2\n", "!a-2", "!version"),
		CONN(" right=192.0.2.2\n authby=secret\n ikev2=insist\n", "!a-2", "!version"),
		CONN(" right=192.0.2.2\n authby=secret\n ikev2=no\n", "!a-2", "\tversion 1\n"),
		CONN(" right=192.0.2.2\n authby=secret\nconfig setup\n klipsdebug=none\n", "!a-2", "\tversion 1\n"),
		CONN(" right=192.0.2.2\n authby=secret\nconfig setup\n klipsdebug=none\n charondebug=x\n",
		     "peer \"a-2\" {"),
		CONN(" right=192.0.2.2\n authby=secret\nconfig setup\n ikev1-policy=accept\n", "!a-2", "!version"),
		CONN(" right=192.0.2.2\n authby=secret\n ike=aes256gcm16-prfsha256-ecp256\n", "!a-2", "!version",
		     "~IKEv2 alone is spoken with this peer: its algorithms"),
		CONN(" right=192.0.2.2\n authby=secret\n ikev2=no\n esp=chacha20poly1305\n", "!\tauth ",
		     "~no numbers for its algorithms"),
		CONN(" right=192.0.2.2\n authby=secret\n ike=aes256-sha256-modp2048\n esp=aes256-sha256\n",
		     "peer \"a-2\" {"),
		CONN(" right=192.0.2.2\n leftauth=psk\n rightauth=pubkey\n rightcert=b.pem\n", "!a-2", "!version",
		     "~both ends sign, or both"),
		CONN(" right=192.0.2.2\n authby=secret\n aggressive=yes\n", "!a-2",
		     "\tversion 1\n\texchange aggressive\n"),
		CONN(" right=%any\n rightid=@b\n authby=secret\n rightauth2=psk\n",
		     "\tserve no\n}\npeer \"a-2\" {\n\taddress any\n\tlocal 192.0.2.1\n\tversion 1\n"
		     "\tid remote fqdn \"b\"\n\tserve no\n}"),
	};

	(void)state;
	CHECK(rows);
}

/* What a conn holds back goes nowhere in clear, whatever becomes of the conn. */
static void test_clear(void **state)
{
	static const struct row rows[] = {
		CONN(" right=192.0.2.2\n rightsubnet=10.8.0.0/16\n authby=secret\n ah=sha1\n auto=route\n",
		     "drop 192.0.2.1 <-> 10.8.0.0/16\n", "!\tauth ", "~auto=ignore lets it go"),
		CONN(" right=192.0.2.2\n rightsubnet=10.8.0.0/16\n authby=secret\n ah=sha1\n auto=start\n",
		     "drop 192.0.2.1 <-> 10.8.0.0/16\n"),
		CONN(" right=192.0.2.2\n rightsubnet=10.8.0.0/16\n authby=secret\n ah=sha1\n auto=add\n", "!drop "),
		CONN(" right=192.0.2.2\n rightsubnet=10.8.0.0/16\n authby=secret\n ah=sha1\n auto=ignore\n", "!drop "),
		CONN(" right=192.0.2.2\n rightsubnet=10.8.0.0/16\n authby=secret\n auto=ondemand\n",
		     "drop 192.0.2.1 <-> 10.8.0.0/16\n", "\ttraffic 192.0.2.1 <-> 10.8.0.0/16\n", "\tstart yes\n",
		     "~until the tunnel is there"),
		CONN(" right=192.0.2.2\n rightsubnet=10.8.0.0/16\n authby=secret\n auto=start\n", "!drop ",
		     "\tstart yes\n"),
		CONN(" right=%any\n rightsubnet=10.8.0.0/16\n authby=secret\n auto=route\n", "!drop "),
		CONN(" right=10.8.0.1\n rightsubnet=10.8.0.0/16\n leftprotoport=tcp\n rightprotoport=tcp/22\n"
		     " type=drop\n authby=never\n auto=route\n", "drop 192.0.2.1[tcp] <-> 10.8.0.0/16[tcp/22]\n",
		     "~without an ICMP error", "!peer"),
		CONN(" right=10.8.0.1\n type=reject\n authby=never\n auto=route\n", "drop 192.0.2.1 <-> 10.8.0.1\n"),
		CONN(" right=10.8.0.1\n type=passthrough\n authby=never\n auto=route\n", "!drop "),
		CONN(" right=192.0.2.2\n left=%defaultroute\n type=transport\n authby=never\n auto=route\n",
		     "drop 0.0.0.0/0 <-> 192.0.2.2\n"),
		CONN(" right=192.0.2.2\n rightsubnets={10.8.0.0/16 10.9.0.0/16}\n leftsubnet=10.1.0.0/16\n"
		     " authby=secret\n auto=route\nconn b\n also=a\n leftsubnet=10.2.0.0/16\n"
		     " rightsubnets=10.8.0.0/16\n auto=route\n", "drop 10.1.0.0/16 <-> 10.9.0.0/16\n",
		     "drop 10.2.0.0/16 <-> 10.8.0.0/16\n", "!\ttraffic", "~not all paired"),
		CONN(" right=192.0.2.2\n authby=never\n leftsourceip=%config\n auto=start\n", "!drop ",
		     "~goes in clear"),
	};

	(void)state;
	CHECK(rows);
}

#define REMOTE "remote 192.0.2.2 {\n" PROPOSAL "}\n"
#define TO(n, inside) "sainfo address 10.0.0.0/8 any address 10." #n ".0.0/16 any { " inside " }\n"
#define AES256 "encryption_algorithm aes 256; authentication_algorithm hmac_sha256;"
#define MANY "encryption_algorithm des, aes 256, aes 128; authentication_algorithm hmac_md5, hmac_sha256;"

/* One network's weak algorithms are not another's. */
static void test_sainfo(void **state)
{
	static const struct row rows[] = {
		RACOON(REMOTE TO(8, AES256) TO(9, AES256), "\tesp aes256-sha256\n"),
		RACOON(REMOTE TO(8, AES256 "lifetime time 1 hour;") TO(9, MANY "lifetime time 2 hour;"),
		       "\tesp aes256-sha256\n", "\tlifetime child 1h\n", "~the algorithms that they have in common"),
		RACOON(REMOTE TO(8, MANY "lifetime time 2 hour;")
		       TO(9, AES256 "lifetime time 1 hour; lifetime byte 4 KB;"), "\tesp aes256-sha256\n",
		       "\tlifetime child 1h 4K\n"),
		RACOON(REMOTE TO(8, AES256) TO(9, "encryption_algorithm 3des; authentication_algorithm hmac_sha256;"),
		       "!\tauth ", "\taddress 192.0.2.2\n", "~no encryption_algorithm in common"),
		RACOON(REMOTE TO(8, AES256) TO(9, AES256 "pfs_group 14;"), "\tesp aes256-sha256-modp2048\n\tpfs yes\n"),
		RACOON(REMOTE TO(8, AES256 "pfs_group 2;") TO(9, AES256 "pfs_group 14;"), "!\tauth ",
		       "~no pfs_group in common"),
		RACOON("remote \"x\" { peers_identifier user_fqdn \"bobby@x\";\n" PROPOSAL "}\n"
		       "remote \"y\" { peers_identifier user_fqdn \"bob@x\";\n" PROPOSAL "}\n"
		       "sainfo anonymous from user_fqdn \"bob@x\" { encryption_algorithm 3des; "
		       "authentication_algorithm hmac_md5; }\n",
		       "\tid remote user \"bob@x\"\n\tauth local psk\n\tauth remote psk\n"
		       "\tike aes256-sha256-modp2048\n\tesp 3des-md5\n"),
		RACOON("remote \"x\" { peers_identifier user_fqdn \"bob@xy\";\n" PROPOSAL "}\n"
		       "sainfo anonymous from user_fqdn \"bob@x\" { encryption_algorithm 3des; "
		       "authentication_algorithm hmac_md5; }\n", "!3des", "~nothing here says to which remote"),
		RACOON(REMOTE TO(8, MANY) "sainfo anonymous { " AES256 " }\n", "default {\n\tesp aes256-sha256\n",
		       "!md5", "\tauth "),
		RACOON(REMOTE TO(8, "encryption_algorithm 3des; authentication_algorithm hmac_sha1;")
		       "sainfo anonymous { " AES256 " }\n", "\tesp 3des-sha1\n",
		       "~sainfo anonymous has no encryption_algorithm"),
	};

	(void)state;
	CHECK(rows);
}

/* --- what else they say --- */

static void test_rest(void **state)
{
	static const struct row rows[] = {
		RACOON("timer { counter 5; interval 20 sec; persend 1; phase1 30 sec; phase2 15 sec; }\n" REMOTE,
		       "\tretransmit 787ms 7\n", "~racoon sends 5 times, each 20 s", "~persend"),
		RACOON("timer { interval 3 sec; }\n" REMOTE, "\tretransmit 1000ms 4\n"),
		RACOON("timer { counter 0; }\n" REMOTE, "!retransmit", "~keyd's own waits count"),
		CONN(" right=192.0.2.2\n authby=secret\n retransmit-interval=500\n", "\tretransmit 500ms 7\n"),
		CONN(" right=192.0.2.2\n authby=secret\n retransmit-timeout=15s\n retransmit-interval=1s\n",
		     "\tretransmit 1000ms 4\n"),
		CONN(" right=192.0.2.2\n authby=secret\n retransmit-timeout=never\n", "!retransmit ",
		     "~keyd's own count"),
		CONN(" right=192.0.2.2\n authby=secret\n also=x\n", "!\tauth ", "~there is no section x"),
		CONN(" also=x\nconn x\n also=a\n right=192.0.2.2\n authby=secret\n", "\tauth ", "~name one another"),
		CONN(" right=192.0.2.2\n authby=secret\n alsoflip=x\nconn x\n leftid=@r\n rightid=@l\n"
		     " rightsubnet=10.1.0.0/16\n ikelifetime=2h\n", "\tid local fqdn \"l\"\n\tid remote fqdn \"r\"\n",
		     "\ttraffic 10.1.0.0/16 <-> 192.0.2.2\n", "\tlifetime ike 2h\n"),
		CONN(" right=192.0.2.2\n authby=secret\n auto=start\n failureshunt=drop\n",
		     "drop 192.0.2.1 <-> 192.0.2.2\n"),
		CONN(" right=192.0.2.2\n authby=secret\n auto=start\n failureshunt=passthrough\n", "!drop ",
		     "~never in clear"),
		CONN(" right=192.0.2.2\n authby=secret\n esp=aes256-sha256,aes128-sha256-modp4096\n"
		     " pfsgroup=modp3072\n", "\tesp aes256-sha256-modp3072, aes128-sha256-modp4096\n"),
		CONN(" right=192.0.2.2\n authby=secret\n pfsgroup=modp3072\n", "!\tesp",
		     "~behind each proposal of 'esp'"),
		CONN(" right=192.0.2.2\n authby=secret\n encapsulation=no\n", "\tnat off\n"),
		CONN(" right=192.0.2.2\n authby=secret\n forceencaps=no\n", "!\tnat"),
		CONN(" left=%any\n right=2001:db8::1\n rightsubnet=0.0.0.0/0\n authby=secret\n", "!\ttraffic",
		     "~networks of another family"),
		CONN("config setup\n keep-alive=0\n ikeport=x\n", "\tkeepalive off\n", "~ikeport: 'x' is not taken"),
		CONN("config setup\n keep_alive=9999\n", "~is not taken"),
		CONN("config setup\n ocsp-uri=http://a/\n", "~without ocsp-enable"),
		CONN(" right=192.0.2.2\n authby=secret\n lifebytes=many\n", "!many", "~keyd's own limits count"),
	};

	(void)state;
	CHECK(rows);
}

/* --- what is text stays text --- */

/* Each line is a comment, or a statement that has no other behind it. */
static void check_lines(const char *conf)
{
	for (const char *line = conf; *line; line = strchr(line, '\n') + 1) {
		bool quoted = false;

		if (line[strspn(line, "\t")] == '#')
			continue;
		for (const char *c = line; *c != '\n'; c++) {
			if (*c == '\\' && quoted)
				c++;
			else if (*c == '"')
				quoted = !quoted;
			else if (!quoted && (strchr(";#", *c) || (*c == '{' && c[1] != '\n') ||
					     (*c == '}' && c != line)))
				fail_msg("%.*s", (int)strcspn(line, "\n"), line);
		}
		if (strncmp(line, "\tpsk", 4) == 0 || strncmp(line, "psk", 3) == 0)
			fail_msg("%s", line);
	}
}

static void test_no_statement_of_others(void **state)
{
	static const char *const racoon[] = {
		"remote 192.0.2.2 { proposal { authentication_method \"x\npsk evil\npeer any { psk evil }\"; } }\n",
		"remote \"x\npeer any { psk evil }\" { remote_address \"y\npsk evil\";\n" PROPOSAL "}\n",
		"remote 192.0.2.2 { my_identifier fqdn \"x\npsk evil\"; peers_identifier keyid \"y\npsk evil\";"
		" ca_type x509 \"c\npsk evil\"; certificate_type x509 \"c\npsk evil\" \"k\npsk evil\";"
		" script \"/s\npsk\" phase1_up; exchange_mode \"main\npsk evil\"; dpd_delay \"1\npsk evil\";"
		" proposal { authentication_method rsasig; dh_group \"1\npsk evil\";"
		" encryption_algorithm \"aes\npsk evil\"; } }\n",
		"path pre_shared_key \"/x\npsk evil\"; path certificate \"/x\npsk evil\";"
		" remote 192.0.2.2 { certificate_type x509 \"c\" \"k\"; peers_certfile \"p\npsk\";\n" PROPOSAL "}\n",
		"mode_cfg { network4 10.0.0.1; default_domain \"x\npsk evil\"; split_dns \"x\npsk\";"
		" banner \"/x\npsk evil\"; dns4 \"1.1.1.1\npsk\"; }\n"
		"remote anonymous { generate_policy on; inherit \"x\npsk\";\n" PROPOSAL "}\n"
		"sainfo address \"10.0.0.0/8\npsk\" any anonymous { encryption_algorithm \"x\npsk\"; }\n",
		"remote 192.0.2.2 { xauth_login \"bob\npsk evil\";"
		" proposal { authentication_method xauth_psk_client; } }\n",
		"listen { isakmp 192.0.2.1 \"[500]\npsk\"; adminsock \"x\npsk evil\"; }\nlog \"x\npsk\";\n",
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(racoon) / sizeof(*racoon); i++) {
		convert(racoon[i / 2], IMPORT_RACOON, i % 2);
		check_lines(result.conf);
		if (result.spd)
			check_lines(result.spd);
		for (unsigned n = 0; n < result.nnotes; n++)
			assert_null(strchr(result.notes[n].text, '\n'));
	}
}

static int setup(void **state)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	(void)state;
	assert_true(n > 0);
	self[n] = 0;
	snprintf(ca, sizeof(ca), "%.*s/ca", (int)(PATH_MAX - 8), dirname(dirname(self)));
	return crypto_init();
}

static int teardown(void **state)
{
	(void)state;
	import_result_free(&result);
	import_tree_free(&tree);
	crypto_exit();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names), cmocka_unit_test(test_names_of_racoon),
		cmocka_unit_test(test_demands), cmocka_unit_test(test_revocation),
		cmocka_unit_test(test_rightca), cmocka_unit_test(test_one_of_two),
		cmocka_unit_test(test_sainfo), cmocka_unit_test(test_rest), cmocka_unit_test(test_clear),
		cmocka_unit_test(test_versions), cmocka_unit_test(test_no_statement_of_others),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
