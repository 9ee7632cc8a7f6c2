// SPDX-License-Identifier: MIT
// XAUTH in keyd.conf: users, passwords, hybrid mode, the dump, and what is said of mistakes (never with a secret in it).
#include "keyd/conf/load.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define HASH "$6$saltsalt$pqxtaP8VN9msji06dnBCbUbaSGTOXyo9jZDqZxik1rPexoqRIW4UKuiD0ZHZchCSd7S4/HoRU8bcFbnz2ihUr."
#define USERS "# name, hash, codes\n\nalice:" HASH "\r\nbob:" HASH ":totp=JBSW Y3DP-ehpk3pxp====\ngone:!" HASH "\nmad hatter:$y$j9T$x$y\n"
#define V1 "peer p { address 192.0.2.1; version 1; psk \"pw\"; "

static char here[] = "/tmp/test_conf_xauth.XXXXXX", said[8192];

static void listen_to(const char *text, void *arg)
{
	size_t n = strlen(said);

	(void)arg;
	snprintf(said + n, sizeof(said) - n, "%s\n", text);
}

static void put(const char *name, const char *text, mode_t mode)
{
	FILE *f = fopen(name, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(name, mode), 0);
}

static int load(struct conf *c, struct conf_secrets *s, const char *text)
{
	put("k", text, 0600);
	*said = 0;
	return conf_load(c, s, "k", listen_to, NULL);
}

static void clear(struct conf *c, struct conf_secrets *s)
{
	conf_free(c);
	conf_secrets_free(s);
}

static const struct conf_login *login(const struct conf_secrets *s, const struct conf_digest *key, const char *user)
{
	for (size_t i = 0; i < s->nlogins; i++)
		if (!memcmp(&s->logins[i].key, key, sizeof(*key)) && !strcmp(s->logins[i].user, user))
			return &s->logins[i];
	fail_msg("%s", user);
	return NULL;
}

static void is_secret(const struct secret *s, const void *p, size_t n)
{
	assert_int_equal(s->n, n);
	if (n)
		assert_memory_equal(s->p, p, n);
}

static void server(void **state)
{
	const struct conf_login *l;
	struct conf_secrets s;
	struct conf c;

	(void)state;
	put("u", USERS, 0600);
	put("v", "alice:" HASH "\n", 0600);
	assert_int_equal(load(&c, &s, "default { users u }\n"
			      "peer users { address any; version 1; psk \"pw\"; xauth server; mode-config push }\n"
			      "peer b { address 192.0.2.2; version 1; psk \"pw\"; xauth server; users v; mode-config pull }\n"
			      "peer c { address 192.0.2.3; psk \"pw\" }\n"), 0);
	assert_string_equal(said, "");
	assert_string_equal(c.peers[0].name, "users");
	assert_true(c.peers[0].xauth == CONF_XAUTH_SERVER && c.peers[0].mode_push && !c.peers[1].mode_push);
	assert_true(c.peers[2].xauth == CONF_XAUTH_OFF);
	assert_int_equal(s.nlogins, 5);
	assert_memory_equal(&c.peers[0].users, &c.peers[2].users, sizeof(struct conf_digest));
	assert_memory_not_equal(&c.peers[0].users, &c.peers[1].users, sizeof(struct conf_digest));
	l = login(&s, &c.peers[0].users, "alice");
	is_secret(&l->password, HASH, strlen(HASH));
	assert_true(l->hashed && !l->totp.n && l->at.line == 3);
	l = login(&s, &c.peers[0].users, "bob");
	is_secret(&l->password, HASH, strlen(HASH));
	is_secret(&l->totp, "Hello!\xde\xad\xbe\xef", 10);
	is_secret(&login(&s, &c.peers[0].users, "gone")->password, "!" HASH, strlen(HASH) + 1);
	login(&s, &c.peers[0].users, "mad hatter");
	is_secret(&login(&s, &c.peers[1].users, "alice")->password, HASH, strlen(HASH));
	clear(&c, &s);
}

static void client(void **state)
{
	struct conf_secrets s;
	struct conf c;

	(void)state;
	put("pw", "from a file\n", 0600);
	assert_int_equal(load(&c, &s, V1 "xauth client alice password \"wonder:land\" }\n"
			      "peer q { address 192.0.2.2; version 1; psk \"pw\"; xauth client \"mad hatter\" password file pw }\n"
			      "peer r { address 192.0.2.3; version 1; psk \"pw\"; xauth client alice }\n"
			      "peer t { address 192.0.2.4; version 1; psk \"pw\"; xauth client alice password ask }\n"), 0);
	assert_string_equal(said, "");
	is_secret(&login(&s, &c.peers[0].login, "alice")->password, "wonder:land", 11);
	is_secret(&login(&s, &c.peers[1].login, "mad hatter")->password, "from a file", 11);
	is_secret(&login(&s, &c.peers[2].login, "alice")->password, "", 0);
	is_secret(&login(&s, &c.peers[3].login, "alice")->password, "", 0);
	assert_true(!c.peers[0].login_asked && !c.peers[1].login_asked && c.peers[2].login_asked && c.peers[3].login_asked);
	assert_false(login(&s, &c.peers[0].login, "alice")->hashed);
	assert_memory_not_equal(&c.peers[0].login, &c.peers[2].login, sizeof(struct conf_digest));
	assert_string_equal(c.peers[1].xauth_user, "mad hatter");
	clear(&c, &s);
}

/* What is dumped loads to the same, but for what is secret. */
static void dump(void **state)
{
	char first[16384] = "", second[16384] = "";
	struct conf_secrets s;
	struct conf c;

	(void)state;
	put("u", USERS, 0600);
	put("pw", "from a file\n", 0600);
	assert_int_equal(load(&c, &s, "default { users u }\n" V1 "xauth server; mode-config push }\n"
			      "peer q { address 192.0.2.2; version 1; psk \"pw\"; xauth client \"mad hatter\" password file pw }\n"
			      "peer r { address 192.0.2.3; version 1; psk \"pw\"; xauth client alice }\n"
			      "peer \"users\" { address 192.0.2.4; version 1; psk \"pw\"; xauth client alice password \"s3cr3t\" }\n"), 0);
	for (int i = 0; i < 2; i++) {
		char *secret;
		FILE *f = fmemopen(i ? second : first, sizeof(first), "w");

		conf_dump(&c, f);
		fclose(f);
		clear(&c, &s);
		if (i)
			break;
		assert_int_equal(load(&c, &s, first), 0);
		secret = strstr(first, "\t# and a password");	/* but for that, which is now asked for */
		assert_non_null(secret);
		memmove(secret, secret + 17, strlen(secret + 17) + 1);
	}
	assert_string_equal(first, second);
	assert_non_null(strstr(first, "\tusers /tmp/test_conf_xauth."));
	assert_non_null(strstr(first, "\txauth server\n"));
	assert_non_null(strstr(first, "\tmode-config push\n"));
	assert_non_null(strstr(first, "\txauth client \"mad hatter\" password file /tmp/"));
	assert_non_null(strstr(first, "\txauth client alice\n"));
	assert_null(strstr(first, "s3cr3t"));
	assert_null(strstr(first, HASH));
}

static void mistakes(void **state)
{
	static const struct { const char *text, *said; } rows[] = {
		{ "peer p { address 192.0.2.1; psk \"pw\"; xauth client alice }", "peer 'p': XAUTH is of IKEv1: 'version 1' is missing" },
		{ "peer p { address 192.0.2.1; psk \"pw\"; auth none }", "only in IKEv1, with XAUTH, one end may prove nothing" },
		{ V1 "xauth server }", "'users FILE' is missing" },
		{ V1 "xauth servant }", "'servant' has no meaning here: 'xauth client USER', 'xauth server' or 'xauth off'" },
		{ V1 "xauth client }", "'xauth client' wants the name of a user behind it" },
		{ V1 "xauth user alice }", "found 'user', expected" },
		{ V1 "xauth server alice }", "'server' has no meaning here: 'xauth client USER' is expected" },
		{ V1 "xauth client a:b password \"x\" }", "a user has a name of 1 to 127 printable bytes without ':'" },
		{ V1 "xauth client alice password s3cr3t }", "a password stands in double quotes" },
		{ V1 "xauth client alice passwort \"s3cr3t\" }", "'passwort' has no meaning here" },
		{ V1 "xauth client alice password \"\" }", "a password has 1 to 256 bytes" },
		{ V1 "xauth client alice password \"s3\\x00t\" }", "a password has 1 to 256 bytes, and no NUL" },
		{ V1 "xauth client alice password file none-such }", "none-such' " },
		{ V1 "xauth client alice password file open }", "open" },
		{ V1 "xauth server; users open }", "open" },
		{ V1 "xauth server; xauth off }", "this is set twice" },
		{ V1 "mode-config poll }", "'poll' has no meaning here: pull or push is expected" },
		{ V1 "auth local none }", "'auth local none' goes with 'auth remote cert' and 'xauth client'" },
		{ V1 "auth local none; auth remote psk; xauth client alice }", "'auth local none' goes with 'auth remote cert'" },
		{ V1 "auth psk, cert }", "in IKEv1 each end proves once who it is" },
		{ V1 "auth local psk; auth remote key; remote-key file x }", "in IKEv1 both ends sign, or both have the shared key" },
		{ V1 "xauth server; users bad1 }", "/bad1:1: a line is \"user:hash\"" },
		{ V1 "xauth server; users bad2 }", "/bad2:2: what stands behind user 'alice' is no hash of crypt(5)" },
		{ V1 "xauth server; users bad3 }", "/bad3:1: the key of the codes of user 'alice' is no base32 of 10 to 64 bytes" },
		{ V1 "xauth server; users bad4 }", "/bad4:1: what stands behind the hash of user 'alice' is not known" },
		{ V1 "xauth server; users bad5 }", "/bad5:2: user 'alice' stands at line 1 already" },
		{ V1 "xauth server; users bad6 }", "/bad6:1: what stands behind user 'alice' is no hash" },
	};

	(void)state;
	put("open", "alice:" HASH "\n", 0644);
	put("bad1", ":" HASH "\n", 0600);
	put("bad2", "bob:" HASH "\nalice:s3cr3t\n", 0600);
	put("bad3", "alice:" HASH ":totp=S3CR3T\n", 0600);
	put("bad4", "alice:" HASH ":s3cr3t\n", 0600);
	put("bad5", "alice:" HASH "\nalice:" HASH "\n", 0600);
	put("bad6", "alice:$apr1$s3cr3t\n", 0600);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct conf_secrets s;
		struct conf c;

		assert_true(load(&c, &s, rows[i].text) < 0);
		if (!strstr(said, rows[i].said))
			fail_msg("%s\n%s\nhas no\n%s", rows[i].text, said, rows[i].said);
		assert_null(strstr(said, "s3cr3t"));
		assert_null(strstr(said, "S3CR3T"));
		assert_null(strstr(said, "saltsalt"));
	}
}

/* Old hashes are taken, with a word. */
static void weak(void **state)
{
	struct conf_secrets s;
	struct conf c;

	(void)state;
	put("w", "a:$1$saltsalt$czbX58I2vBxI8rdYAdIYd.\nb:rl.3StKT.4T8M\nc:" HASH "\n", 0600);
	assert_int_equal(load(&c, &s, V1 "xauth server; users w }"), 0);
	assert_non_null(strstr(said, "/w:1: warning: the hash of user 'a' is of an old kind"));
	assert_non_null(strstr(said, "/w:2: warning: the hash of user 'b'"));
	assert_null(strstr(said, "'c'"));
	assert_int_equal(s.nlogins, 3);
	clear(&c, &s);
}

/* keyd.conf may not be read by others if a password stands in it. */
static void exposed(void **state)
{
	struct conf_secrets s;
	struct conf c;

	(void)state;
	put("x", "peer p { address 192.0.2.1; version 1; psk file pw; xauth client alice password \"s3cr3t\" }", 0644);
	put("pw", "from a file\n", 0600);
	*said = 0;
	assert_int_equal(conf_load(&c, &s, "x", listen_to, NULL), -EACCES);
	assert_null(strstr(said, "s3cr3t"));
}

static int begin(void **state)
{
	(void)state;
	return !mkdtemp(here) || chdir(here);
}

static int end(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", here);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(server), cmocka_unit_test(client), cmocka_unit_test(dump),
		cmocka_unit_test(mistakes), cmocka_unit_test(weak), cmocka_unit_test(exposed),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
