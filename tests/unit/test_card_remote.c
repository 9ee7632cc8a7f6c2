// SPDX-License-Identifier: MIT
// keyd-card and who calls it: the driver's functions from afar, a module that hangs or crashes, a worker that lies, PINs in its memory.
#include "keyd/card/remote.h"
#include "keyd/card/remote_process.h"
#include "keyd/card/wire_io.h"
#include "tests/unit/test_card_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define PATIENCE_MS 60000
#define SHORT_MS 300		/* for what never comes */

static char module[PATH_MAX], worker[PATH_MAX], liar[PATH_MAX];
static struct crypto_key *ec;

static void control(const char *lines)
{
	char from[PATH_MAX], to[PATH_MAX];
	FILE *f;

	snprintf(from, sizeof(from), "%s/control.new", folder);
	snprintf(to, sizeof(to), "%s/control", folder);
	f = fopen(from, "w");
	fputs(lines, f);
	fclose(f);
	assert_int_equal(rename(from, to), 0);
}

static unsigned noted(const char *what)
{
	char path[PATH_MAX], line[128];
	unsigned n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/log", folder);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		n += !strcmp(line, what);
	}
	if (f)
		fclose(f);
	return n;
}

static int folder_begin(void **state)
{
	struct secret pem = { 0 };
	char path[PATH_MAX];
	FILE *f;

	(void)state;
	if (crypto_init() || !mkdtemp(folder) || chmod(folder, 0777) || setenv("MOCK_P11_DIR", folder, 1))
		return -1;
	if (crypto_key_generate(&ec, CRYPTO_KEY_EC, 256) || crypto_key_private_pem(ec, &pem))
		return -1;
	snprintf(path, sizeof(path), "%s/ec.pem", folder);
	f = fopen(path, "w");
	fwrite(pem.p, 1, pem.n, f);
	fclose(f);
	secret_clear(&pem);
	return 0;
}

static int all_end(void **state)
{
	crypto_key_free(ec);
	return folder_end(state);
}

static int fresh(void **state)
{
	char path[PATH_MAX];

	(void)state;
	control("");
	snprintf(path, sizeof(path), "%s/log", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/tries", folder);
	unlink(path);
	return 0;
}

static struct card *open_remote(void)
{
	const struct card_remote_how how = { worker, "--module", module, PATIENCE_MS, PATIENCE_MS };
	char why[CARD_WHY_MAX] = "";
	struct card *c = NULL;

	if (card_remote_open(&c, &how, why))
		fail_msg("%s", why);
	return c;
}

static struct card_token token_of(struct card *c)
{
	struct card_token t[CARD_TOKENS_MAX];
	unsigned n = CARD_TOKENS_MAX;

	assert_int_equal(c->driver->tokens(c, t, &n), 0);
	assert_int_equal(n, 1);
	return t[0];
}

static int sign_far(struct card *c, const struct card_token *t, const struct card_key *k, const char *pin)
{
	const struct crypto_sig *s = crypto_sig_by_name("ecdsa-sha256");
	const struct view octets = signable(s);
	uint8_t out[CRYPTO_SIG_MAX];
	size_t n = sizeof(out);

	return c->driver->sign(c, t, k, s, &octets, 1, text(pin), out, &n);
}

/* The only child of ours. */
static pid_t worker_pid(void)
{
	char path[64];
	int pid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	f = fopen(path, "r");
	assert_non_null(f);
	if (fscanf(f, "%d", &pid) != 1)
		pid = 0;
	fclose(f);
	return pid;
}

static void the_functions_are_the_driver_s(void **state)
{
	struct card *c = open_remote();
	struct card_token t = token_of(c);
	struct card_keys *keys = calloc(1, sizeof(*keys));

	(void)state;
	assert_string_equal(card_remote_driver(c), "pkcs11");
	assert_string_equal(t.label, "mock");
	assert_true(t.login);
	assert_int_equal(c->driver->keys(c, &t, keys), 0);
	assert_int_equal(keys->n, 1);
	assert_false(keys->key[0].seen);
	assert_int_equal(sign_far(c, &t, &keys->key[0], ""), CARD_LOCKED);
	assert_int_equal(c->driver->login(c, &t, text("0000")), CARD_PIN_WRONG);
	assert_string_equal(c->driver->error(c), "C_Login: CKR_PIN_INCORRECT");
	assert_int_equal(noted("C_Login"), 1);
	assert_int_equal(c->driver->check(c, &t), 0);
	assert_int_equal(t.tries, 2);
	assert_int_equal(c->driver->login(c, &t, text("1234")), 0);
	assert_int_equal(sign_far(c, &t, &keys->key[0], ""), 0);
	card_keys_free(keys);
	assert_int_equal(c->driver->keys(c, &t, keys), 0);
	assert_true(keys->key[0].seen);
	assert_int_equal(c->driver->logout(c, &t), 0);
	assert_int_equal(sign_far(c, &t, &keys->key[0], ""), CARD_LOCKED);
	assert_int_equal(c->driver->reset(c), 0);
	control("card 0\n");
	assert_int_equal(c->driver->check(c, &t), CARD_GONE);
	control("bad yes\n");
	assert_int_equal(c->driver->login(c, &t, text("1234")), 0);
	assert_int_equal(sign_far(c, &t, &keys->key[0], ""), CARD_BAD_SIGNATURE);
	control("always yes\n");
	assert_int_equal(sign_far(c, &t, &keys->key[0], "1234"), 0);
	card_keys_free(keys);
	free(keys);
	c->driver->close(c);
	assert_int_equal(worker_pid(), 0);
}

static void what_is_no_module_says_so(void **state)
{
	struct card_remote_how how = { worker, "--module", "/nonexistent/module.so", PATIENCE_MS, PATIENCE_MS };
	char why[CARD_WHY_MAX] = "";
	struct card *c;

	(void)state;
	assert_int_equal(card_remote_open(&c, &how, why), CARD_BROKEN);
	assert_non_null(strstr(why, "cannot be loaded"));
	how.program = "/nonexistent/keyd-card";
	assert_int_equal(card_remote_open(&c, &how, why), CARD_BROKEN);
	assert_non_null(strstr(why, "No such file"));
	how.program = module;		/* can be executed, and is no program */
	assert_int_equal(card_remote_open(&c, &how, why), CARD_BROKEN);
	how = (struct card_remote_how){ worker, "--module", module, SHORT_MS, SHORT_MS };
	control("hang C_Initialize\n");
	assert_int_equal(card_remote_open(&c, &how, why), CARD_BROKEN);
	assert_non_null(strstr(why, "no answer came within"));
	assert_int_equal(worker_pid(), 0);
}

static void hangs_and_crashes_end_the_worker(void **state)
{
	static const char *const functions[] = { "C_GetTokenInfo", "C_Login", "C_Sign" };

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(functions) / sizeof(*functions); i++) {
		bool crash = i & 1;
		struct card *c = open_remote();
		struct card_token t = token_of(c);
		struct card_keys *keys = calloc(1, sizeof(*keys));
		int64_t begun = card_wire_clock();
		char line[64];
		int r;

		assert_int_equal(c->driver->keys(c, &t, keys), 0);
		snprintf(line, sizeof(line), "%s %s\n", crash ? "crash" : "hang", functions[i / 2]);
		control(line);
		if (!crash)
			card_remote_limit(c, SHORT_MS);
		r = c->driver->check(c, &t);
		r = r ? r : c->driver->login(c, &t, text("1234"));
		r = r ? r : sign_far(c, &t, &keys->key[0], "");
		assert_int_equal(r, CARD_BROKEN);
		assert_non_null(strstr(c->driver->error(c), crash ? "died of a signal: Segmentation fault" : "no answer came within"));
		assert_true(card_wire_clock() - begun < PATIENCE_MS);
		assert_int_equal(worker_pid(), 0);
		assert_int_equal(c->driver->check(c, &t), CARD_BROKEN);
		card_keys_free(keys);
		free(keys);
		c->driver->close(c);
		fresh(NULL);
	}
}

static void a_worker_that_is_killed_is_missed(void **state)
{
	struct card *c = open_remote();
	struct card_token t = token_of(c);

	(void)state;
	kill(worker_pid(), SIGKILL);
	assert_int_equal(c->driver->check(c, &t), CARD_BROKEN);
	assert_string_equal(c->driver->error(c), "its process is gone");
	c->driver->close(c);
}

/* --- a worker that lies: this program itself --- */

static void say(uint16_t type, uint32_t id, const void *body, size_t n)
{
	if (card_wire_send(CARD_WIRE_FD, type, id, &(struct view){ body, n }, 1, CARD_WIRE_FOREVER))
		_exit(0);
}

static void say_key(uint32_t id, int spoil)
{
	static uint8_t buf[CARD_WIRE_KEY_MAX];
	struct card_key k = { .label = "lie" };
	struct wr w = wr_of(buf, sizeof(buf));

	if (crypto_init() || crypto_key_generate(&k.public, CRYPTO_KEY_EC, 256))
		_exit(1);
	card_wire_key_put(&w, &k);
	buf[w.len - 20] ^= (uint8_t)spoil;
	say(CARD_WIRE_KEY, id, buf, w.len - (spoil == 2));
}

static int lie(const char *how)
{
	static uint8_t huge[100000];
	struct card_token t = { .label = "lie", .tries = 1 };
	struct card_wire_done done = { 0 };
	struct ipc_hdr h = { 0 };

	if (!strcmp(how, "never"))
		for (;;)
			pause();
	if (!strcmp(how, "header"))
		send(CARD_WIRE_FD, huge, 5, 0);
	else if (!strcmp(how, "unready"))
		say(CARD_WIRE_TOKEN, 0, &t, sizeof(t));
	else
		say(CARD_WIRE_READY, 0, "liar", 4);
	if (card_wire_peek(CARD_WIRE_FD, &h, CARD_WIRE_FOREVER))
		return 0;
	if (!strcmp(how, "type"))
		say(CARD_WIRE_SIGNATURE, h.id, huge, 64);
	else if (!strcmp(how, "id"))
		say(CARD_WIRE_DONE, h.id + 1, &done, sizeof(done));
	else if (!strcmp(how, "long"))
		say(CARD_WIRE_TOKEN, h.id, huge, sizeof(huge));
	else if (!strcmp(how, "short"))
		say(CARD_WIRE_DONE, h.id, &done, 3);
	else if (!strcmp(how, "key"))
		say_key(h.id, 1);
	else if (!strcmp(how, "cut"))
		say_key(h.id, 2);
	else if (!strcmp(how, "close"))
		close(CARD_WIRE_FD);
	else if (!strcmp(how, "many"))
		for (;;)
			say(h.type == CARD_WIRE_KEYS ? CARD_WIRE_KEY : CARD_WIRE_TOKEN, h.id, &t, sizeof(t));
	for (;;)
		pause();
}

static void lies_are_found_out(void **state)
{
	static const char *const early[] = { "never", "header", "unready" };
	static const char *const late[] = { "type", "id", "long", "short", "key", "cut", "many", "close", "nothing" };
	struct card_remote_how how = { liar, "--lie", NULL, SHORT_MS, SHORT_MS };
	char why[CARD_WHY_MAX];
	struct card *c;

	(void)state;
	for (size_t i = 0; i < sizeof(early) / sizeof(*early); i++) {
		how.what = early[i];
		assert_int_equal(card_remote_open(&c, &how, why), CARD_BROKEN);
		assert_int_equal(worker_pid(), 0);
	}
	for (size_t i = 0; i < 2 * sizeof(late) / sizeof(*late); i++) {
		struct card_token t[2] = { 0 };
		struct card_keys *keys = calloc(1, sizeof(*keys));
		unsigned n = 2;

		how.what = late[i / 2];
		how.call_ms = PATIENCE_MS;
		assert_int_equal(card_remote_open(&c, &how, why), 0);
		if (!strcmp(how.what, "nothing"))
			card_remote_limit(c, SHORT_MS);
		assert_int_equal(i & 1 ? c->driver->keys(c, t, keys) : c->driver->tokens(c, t, &n), CARD_BROKEN);
		assert_true(*c->driver->error(c));
		card_keys_free(keys);
		free(keys);
		c->driver->close(c);
		assert_int_equal(worker_pid(), 0);
	}
}

/* --- what it gives up --- */

static bool file_has(const char *path, const char *word)
{
	static char buf[65536];
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(buf, 1, sizeof(buf) - 1, f);
	buf[n] = 0;
	fclose(f);
	for (size_t i = 0; i < n; i++)	/* of arguments and environments */
		buf[i] = buf[i] ? buf[i] : '\n';
	return strstr(buf, word);
}

static void it_gives_up_its_rights(void **state)
{
	int extra = open("/dev/null", O_RDONLY);	/* not close-on-exec */
	struct card *c = open_remote();
	pid_t pid = worker_pid();
	char path[64];

	(void)state;
	token_of(c);
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	assert_true(file_has(path, "NoNewPrivs:\t1"));
	if (geteuid() == 0)
		assert_false(file_has(path, "Uid:\t0"));
	snprintf(path, sizeof(path), "/proc/%d/limits", pid);
	assert_true(file_has(path, "Max core file size        0                    0"));
	for (int fd = 0; fd < 64; fd++) {
		char what[PATH_MAX] = "";

		snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
		if (readlink(path, what, sizeof(what) - 1) < 0)
			continue;
		if (fd < 2)
			assert_string_equal(what, "/dev/null");
		assert_true(fd <= CARD_WIRE_FD);
	}
	c->driver->close(c);
	close(extra);
}

/* How often bytes stand in what a process has mapped; -1: it cannot be looked at. */
static int count_in_memory(pid_t pid, const char *needle, size_t n)
{
	static char chunk[1 << 20];
	char path[64], line[512];
	int mem, found = 0;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	mem = open(path, O_RDONLY);
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "r");
	while (mem >= 0 && maps && fgets(line, sizeof(line), maps)) {
		unsigned long from, to;

		if (sscanf(line, "%lx-%lx rw", &from, &to) != 2 || to - from > (64ul << 20))
			continue;
		for (; from < to; from += sizeof(chunk) - n) {
			ssize_t got = pread(mem, chunk, to - from < sizeof(chunk) ? to - from : sizeof(chunk), (off_t)from);

			for (char *at = chunk; got > 0 && (at = memmem(at, (size_t)(chunk + got - at), needle, n)); at++)
				found++;
			if (to - from <= sizeof(chunk))
				break;
		}
	}
	if (maps)
		fclose(maps);
	if (mem < 0)
		return -1;
	close(mem);
	return found;
}

/* Neither while it is tried, but for the one page that is locked, nor afterwards. */
static void pins_leave_no_trace(void **state)
{
	static const char pin[] = "tr4ce-of-a-PIN";
	struct card *c = open_remote();
	struct card_token t = token_of(c);
	pid_t pid = worker_pid();
	char path[64];
	int found;

	(void)state;
	assert_int_equal(c->driver->login(c, &t, text(pin)), CARD_PIN_WRONG);
	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	assert_false(file_has(path, pin));
	found = count_in_memory(pid, pin, strlen(pin));
	if (found < 0)
		print_message("its memory cannot be read here\n");
	else
		assert_int_equal(found, 0);
	if (found >= 0)			/* this looks in the right place */
		assert_true(count_in_memory(pid, "Mock reader 00 00", 17) > 0);
	c->driver->close(c);
}

/* Better no login than a PIN that may be swapped out. */
static void without_locked_memory_no_pin_is_used(void **state)
{
	struct rlimit was, none;
	struct card_token t;
	struct card *c;

	(void)state;
#ifdef __SANITIZE_ADDRESS__
	skip();				/* its mlock does nothing */
#endif
	assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &was), 0);
	none = (struct rlimit){ 0, was.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &none), 0);
	c = open_remote();
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &was), 0);
	t = token_of(c);
	assert_int_equal(c->driver->login(c, &t, text("1234")), CARD_PIN_UNUSED);
	assert_non_null(strstr(c->driver->error(c), "RLIMIT_MEMLOCK"));
	assert_int_equal(noted("C_Login"), 0);
	assert_int_equal(c->driver->check(c, &t), 0);	/* and it goes on */
	c->driver->close(c);
}

/* --- watchers --- */

static unsigned watched(struct remote_process *p, struct ipc_hdr *h)
{
	uint8_t body[256];
	struct iovec io[2] = { { h, sizeof(*h) }, { body, 0 } };
	int r = card_wire_peek(p->fd, h, card_wire_clock() + PATIENCE_MS);

	if (r)
		return 0;
	io[1].iov_len = h->len;
	assert_int_equal(card_wire_take(p->fd, io, 2, false), 0);
	return h->type;
}

static void watchers_tell_of_cards(void **state)
{
	struct remote_process p;
	char why[CARD_WHY_MAX], line[32];
	struct ipc_hdr h = { 0 };

	(void)state;
	assert_int_equal(remote_process_begin(&p, worker, "--watch-module", module, why), 0);
	assert_int_equal(watched(&p, &h), CARD_WIRE_READY);
	assert_int_equal(watched(&p, &h), CARD_WIRE_CHANGED);
	for (int card = 2; card < 5; card++) {
		snprintf(line, sizeof(line), "card %d\n", card % 2);
		control(line);
		assert_int_equal(watched(&p, &h), CARD_WIRE_CHANGED);
	}
	remote_process_end(&p, NULL);
}

static void a_module_that_cannot_wait_says_so(void **state)
{
	struct remote_process p;
	char why[CARD_WHY_MAX];
	struct ipc_hdr h = { 0 };
	int status;

	(void)state;
	control("events none\n");
	assert_int_equal(remote_process_begin(&p, worker, "--watch-module", module, why), 0);
	assert_int_equal(watched(&p, &h), CARD_WIRE_READY);
	assert_int_equal(watched(&p, &h), CARD_WIRE_CHANGED);
	assert_int_equal(watched(&p, &h), 0);
	close(p.fd);
	assert_int_equal(waitpid(p.pid, &status, 0), p.pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), CARD_WIRE_EXIT_NO_EVENTS);
}

/* --- what is no request --- */

static void send_raw(int fd, uint16_t type, const void *body, size_t n, uint32_t len)
{
	struct ipc_hdr h = { .type = type, .version = IPC_VERSION, .len = len };
	struct iovec io[2] = { { &h, sizeof(h) }, { (void *)body, n } };

	assert_true(sendmsg(fd, &(struct msghdr){ .msg_iov = io, .msg_iovlen = 2 }, MSG_NOSIGNAL) > 0);
}

static void what_is_no_request_ends_it(void **state)
{
	static uint8_t zero[sizeof(struct card_wire_make) + 4096];
	static const struct {
		uint16_t type;
		size_t n, len;
	} bad[] = {
		{ 0, 0, 0 },
		{ CARD_WIRE_READY, 0, 0 },
		{ CARD_WIRE_TOKENS, 1, 1 },
		{ CARD_WIRE_TOKENS, 0, 1 },
		{ CARD_WIRE_CHECK, sizeof(struct card_token) - 1, sizeof(struct card_token) - 1 },
		{ CARD_WIRE_CHECK, sizeof(struct card_token) + 1, sizeof(struct card_token) + 1 },
		{ CARD_WIRE_LOGIN, sizeof(struct card_token) + 256, sizeof(struct card_token) + 256 },
		{ CARD_WIRE_SIGN, sizeof(struct card_token), sizeof(struct card_token) },
		{ CARD_WIRE_MAKE, sizeof(struct card_wire_make) + 1, sizeof(struct card_wire_make) + 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct remote_process p;
		char why[CARD_WHY_MAX];
		struct ipc_hdr h = { 0 };
		int status;

		assert_int_equal(remote_process_begin(&p, worker, "--module", module, why), 0);
		assert_int_equal(watched(&p, &h), CARD_WIRE_READY);
		send_raw(p.fd, bad[i].type, zero, bad[i].n, (uint32_t)bad[i].len);
		assert_int_equal(watched(&p, &h), 0);
		close(p.fd);
		assert_int_equal(waitpid(p.pid, &status, 0), p.pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 3);
	}
}

static int beside(char *out, const char *exe, const char *name)
{
	char dir[PATH_MAX], path[2 * PATH_MAX];

	snprintf(dir, sizeof(dir), "%s", exe);
	snprintf(path, sizeof(path), "%s/%s", dirname(dir), name);
	if (realpath(path, out))
		return 0;
	perror(path);
	return -1;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_functions_are_the_driver_s, fresh),
		cmocka_unit_test_setup(what_is_no_module_says_so, fresh),
		cmocka_unit_test_setup(hangs_and_crashes_end_the_worker, fresh),
		cmocka_unit_test_setup(a_worker_that_is_killed_is_missed, fresh),
		cmocka_unit_test_setup(lies_are_found_out, fresh),
		cmocka_unit_test_setup(it_gives_up_its_rights, fresh),
		cmocka_unit_test_setup(pins_leave_no_trace, fresh),
		cmocka_unit_test_setup(without_locked_memory_no_pin_is_used, fresh),
		cmocka_unit_test_setup(watchers_tell_of_cards, fresh),
		cmocka_unit_test_setup(a_module_that_cannot_wait_says_so, fresh),
		cmocka_unit_test_setup(what_is_no_request_ends_it, fresh),
	};

	if (argc == 3 && !strcmp(argv[1], "--lie"))
		return lie(argv[2]);
	if (beside(module, argv[0], "../card/mock_p11.so") || beside(worker, argv[0], "../../bin/keyd-card") ||
	    !realpath("/proc/self/exe", liar))
		return 1;
	return cmocka_run_group_tests_name("card_remote", tests, folder_begin, all_end);
}
