// SPDX-License-Identifier: MIT
// Those who watch: whom an event concerns, how far back "since" goes, and that a slow reader costs no memory and is told.
#include "keyd/roles/ctl_watch.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct loop *loop;
static struct client *clients[2];
static int ends[2] = { -1, -1 };	/* what each client's program reads */

static int on_line(char *line, size_t n, void *arg)
{
	(void)line;
	(void)n;
	(void)arg;
	return 0;
}

static void on_end(struct client *c)
{
	for (int i = 0; i < 2; i++)
		if (clients[i] == c)
			clients[i] = NULL;
}

static const struct client_hooks hooks = { on_line, on_end, watch_drained };

static void connect_client(int i)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	clients[i] = client_new(loop, fds[0], &hooks);
	assert_non_null(clients[i]);
	ends[i] = fds[1];
}

static int setup(void **state)
{
	(void)state;
	loop = loop_new();
	assert_non_null(loop);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		if (clients[i])
			client_free(clients[i]);
		if (ends[i] >= 0)
			close(ends[i]);
		ends[i] = -1;
	}
	loop_free(loop);
	return 0;
}

static void happen(enum engine_event_type type, const char *peer, const char *remote, uint64_t ago)
{
	struct engine_event ev = { .type = (uint8_t)type, .at = loop_now() - ago };

	snprintf(ev.peer, sizeof(ev.peer), "%s", peer);
	assert_int_equal(ipsec_addr_parse(&ev.remote, remote), 0);
	watch_event(clients, 2, &ev);
}

/* Everything that has come to client i, as one text. */
static const char *got(int i)
{
	static char buf[1 << 20];
	size_t n = 0;
	ssize_t r;

	while ((r = read(ends[i], buf + n, sizeof(buf) - 1 - n)) > 0)
		n += (size_t)r;
	buf[n] = 0;
	return buf;
}

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

static void whom_it_concerns(void **state)
{
	struct ctl_ask all = { .details = true }, berlin = { .who.peer = "berlin" };
	const char *text;

	(void)state;
	connect_client(0);
	connect_client(1);
	happen(ENGINE_CHILD_UP, "berlin", "192.0.2.2", 0);
	assert_string_equal(got(0), "");	/* nobody watches yet */
	assert_false(watch_details(clients, 2));
	watch_begin(clients[0], &all);
	watch_begin(clients[1], &berlin);
	assert_true(watch_details(clients, 2));
	happen(ENGINE_CHILD_UP, "berlin", "192.0.2.2", 0);
	happen(ENGINE_IKE_STATE, "berlin", "192.0.2.2", 0);
	happen(ENGINE_CHILD_UP, "paris", "192.0.2.3", 0);
	text = got(0);
	assert_int_equal(count(text, "\n"), 3);
	assert_int_equal(count(text, "\"ike-state\""), 1);
	text = got(1);
	assert_int_equal(count(text, "\n"), 1);
	assert_int_equal(count(text, "\"peer\":\"berlin\""), 1);
	client_free(clients[0]);
	assert_false(watch_details(clients, 2));
}

static void tokens(void **state)
{
	struct ctl_ask all = { .details = true }, ask = { .tokens = true };
	struct card_event ev = { .token.label = "gate", .is = TOKEN_LOCKED, .at = loop_now() };

	(void)state;
	connect_client(0);
	connect_client(1);
	watch_begin(clients[0], &all);
	watch_begin(clients[1], &ask);
	watch_token(clients, 2, &ev);
	happen(ENGINE_CHILD_UP, "berlin", "192.0.2.2", 0);
	assert_int_equal(count(got(0), "\"token\""), 0);
	assert_int_equal(count(got(1), "\"label\":\"gate\""), 1);
	happen(ENGINE_CHILD_UP, "berlin", "192.0.2.2", 0);
	assert_string_equal(got(1), "");
}

static void since(void **state)
{
	struct ctl_ask ask = { .since = 60, .who.peer = "192.0.2.9", .details = true };

	(void)state;
	happen(ENGINE_IKE_UP, "rome", "192.0.2.9", 120000000);
	happen(ENGINE_IKE_DOWN, "rome", "192.0.2.9", 30000000);
	happen(ENGINE_IKE_UP, "paris", "192.0.2.3", 20000000);
	connect_client(0);
	watch_begin(clients[0], &ask);
	assert_int_equal(count(got(0), "\"ike-down\""), 1);
	happen(ENGINE_IKE_UP, "rome", "192.0.2.9", 0);
	assert_int_equal(count(got(0), "\"ike-up\""), 1);
}

#define FLOOD 20000u

static struct {
	char text[4 << 20];		/* reads end anywhere, so all of it is counted each time */
	size_t n;
	unsigned events, missed;
} sum;

static void on_readable(void *arg, unsigned int ready)
{
	const char *at;

	(void)arg;
	(void)ready;
	sum.n += (size_t)snprintf(sum.text + sum.n, sizeof(sum.text) - sum.n, "%s", got(0));
	sum.events = count(sum.text, "\"event\":\"ike-up\"");
	at = strstr(sum.text, "\"count\":");
	sum.missed = at && strchr(at, '}') ? (unsigned)strtoul(at + 8, NULL, 10) : 0;
	if (sum.events + sum.missed >= FLOOD)
		loop_stop(loop, 0);
}

static void on_late(void *arg)
{
	(void)arg;
	loop_stop(loop, 1);
}

static void slow_reader(void **state)
{
	struct ctl_ask ask = { .details = true };
	struct loop_timer *late = loop_timer_new(loop, on_late, NULL);
	struct loop_fd *watch;

	(void)state;
	connect_client(0);
	watch_begin(clients[0], &ask);
	for (unsigned i = 0; i < FLOOD; i++)
		happen(ENGINE_IKE_UP, "berlin", "192.0.2.2", 0);
	assert_non_null(clients[0]);
	assert_in_range(client_queued(clients[0]), WATCH_QUEUE_MAX / 2, WATCH_QUEUE_MAX + 4096);
	memset(&sum, 0, sizeof(sum));
	watch = loop_fd_new(loop, ends[0], LOOP_READ, on_readable, NULL);
	loop_timer_set(late, loop_now() + 10000000);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(sum.events + sum.missed, FLOOD);
	assert_true(sum.missed > 0 && sum.events > 1000);
	loop_fd_free(watch);
	loop_timer_free(late);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(whom_it_concerns, setup, teardown),
		cmocka_unit_test_setup_teardown(tokens, setup, teardown),
		cmocka_unit_test_setup_teardown(since, setup, teardown),
		cmocka_unit_test_setup_teardown(slow_reader, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
