// SPDX-License-Identifier: MIT
// The loop's timers, and channels: order, descriptors, rules, full queues, last words.
#include "keyd/util/ipc.h"
#include "keyd/util/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE 10000000u	/* µs until a test that waits has failed */
#define BIG 100000		/* bytes */

enum { T_NUMBER = 1, T_FD, T_BIG, T_CLOSE, T_BAD, T_REPLY };

struct end {
	struct loop *loop;
	struct ipc *ch;
	unsigned int numbers, wanted;	/* the loop stops when so many have come */
	bool out_of_order, ended, replied;
	enum ipc_end why;
	char text[16];
};

static void arrived(struct end *e)
{
	if (++e->numbers == e->wanted)
		loop_stop(e->loop, 0);
}

static int on_number(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct end *e = arg;

	assert_ptr_equal(ch, e->ch);
	e->out_of_order |= m->id != e->numbers;
	arrived(e);
	return 0;
}

static int on_fd(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct end *e = arg;

	(void)ch;
	assert_int_equal(read(m->fd, e->text, sizeof(e->text)), 5);
	arrived(e);
	return 0;		/* not taken: it is closed for us */
}

static int on_close(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct end *e = arg;

	(void)m;
	ipc_close(ch);
	e->ch = NULL;
	loop_stop(e->loop, 0);
	return -1;
}

static int on_bad(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	(void)ch;
	(void)m;
	(void)arg;
	return -1;
}

static int on_reply(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct end *e = arg;

	e->replied = true;
	assert_int_equal(ipc_send(ch, T_NUMBER, 0, m->body.p, m->body.n), 0);
	loop_stop(e->loop, 0);
	return 0;
}

static const struct ipc_rule rules[] = {
	{ T_NUMBER, false, 0, 64, on_number },
	{ T_FD, true, 0, 0, on_fd },
	{ T_BIG, false, BIG, BIG, on_number },
	{ T_CLOSE, false, 0, 0, on_close },
	{ T_BAD, false, 0, 0, on_bad },
	{ T_REPLY, false, 4, 4, on_reply },
	{ 0 },
};
static const struct ipc_table table = { "test", rules };

static void on_end(struct ipc *ch, enum ipc_end why, void *arg)
{
	struct end *e = arg;

	assert_ptr_equal(ch, e->ch);
	assert_true(ipc_is_dead(ch));
	e->ended = true;
	e->why = why;
	loop_stop(e->loop, 0);
}

static void too_late(void *arg)
{
	(void)arg;
	fail_msg("what was waited for did not come");
}

/* Runs a loop of its own until something stops it. */
static void run(struct end *e)
{
	struct loop_timer *t = loop_timer_new(e->loop, too_late, NULL);

	loop_timer_set(t, loop_now() + PATIENCE);
	loop_run(e->loop);
	loop_timer_free(t);
}

static int start(struct end *e)
{
	int fds[2];

	*e = (struct end){ .loop = loop_new() };
	assert_non_null(e->loop);
	assert_int_equal(ipc_pair(fds), 0);
	e->ch = ipc_open(e->loop, fds[0], &table, on_end, e);
	assert_non_null(e->ch);
	return fds[1];
}

static void finish(struct end *e)
{
	ipc_close(e->ch);
	loop_free(e->loop);
}

static void timers_fire_in_order(void **state)
{
	struct loop *l = loop_new();
	struct end e = { .loop = l, .wanted = 1 };
	struct loop_timer *first = loop_timer_new(l, too_late, NULL);
	struct loop_timer *second = loop_timer_new(l, (loop_fn *)arrived, &e);
	uint64_t from = loop_now();

	(void)state;
	loop_timer_set(first, from + 5000);
	loop_timer_set(first, LOOP_NEVER);
	loop_timer_set(second, from + 1000000);
	loop_timer_set(second, from + 20000);
	loop_run(l);
	assert_in_range(loop_now() - from, 20000, 900000);
	loop_timer_free(first);
	loop_timer_free(second);
	loop_free(l);
}

static void messages_come_in_order(void **state)
{
	struct end e;
	struct ipc *out;
	int fd = start(&e);

	(void)state;
	out = ipc_open(e.loop, fd, &table, NULL, NULL);
	e.wanted = 20000;		/* many more than the socket takes at once */
	for (unsigned int i = 0; i < e.wanted; i++)
		assert_int_equal(ipc_send(out, T_NUMBER, i, "0123456789", 10), 0);
	assert_true(ipc_queued(out) > 0);
	run(&e);
	assert_int_equal(e.numbers, e.wanted);
	assert_false(e.out_of_order);
	assert_int_equal(ipc_queued(out), 0);
	ipc_close(out);
	finish(&e);
}

static void descriptors_travel(void **state)
{
	struct end e;
	struct ipc *out;
	int fd = start(&e), data[2];

	(void)state;
	assert_int_equal(pipe(data), 0);
	assert_int_equal(write(data[1], "hello", 5), 5);
	out = ipc_open(e.loop, fd, &table, NULL, NULL);
	e.wanted = 1;
	assert_int_equal(ipc_sendv(out, T_FD, 0, NULL, 0, data[0]), 0);
	run(&e);
	assert_string_equal(e.text, "hello");
	ipc_close(out);
	close(data[0]);
	close(data[1]);
	finish(&e);
}

static void answers_come_back(void **state)
{
	struct end a, b = { 0 };
	struct ipc *other;
	int fd = start(&a);

	(void)state;
	b.loop = a.loop;
	b.wanted = 1;
	other = ipc_open(a.loop, fd, &table, on_end, &b);
	b.ch = other;
	assert_int_equal(ipc_send(other, T_REPLY, 0, "abcd", 4), 0);
	run(&a);
	assert_true(a.replied);
	ipc_close(other);
	finish(&a);
}

/* One message with such a header and body, as a hostile role could write it. */
static void expect_end(const struct ipc_hdr *h, size_t n, enum ipc_end why)
{
	uint8_t raw[sizeof(*h) + 256] = { 0 };
	struct end e;
	int fd = start(&e);

	memcpy(raw, h, sizeof(*h));
	assert_int_equal(send(fd, raw, n, 0), (ssize_t)n);
	run(&e);
	assert_true(e.ended);
	assert_int_equal(e.why, why);
	assert_int_equal(ipc_send(e.ch, T_NUMBER, 0, NULL, 0), -1);
	close(fd);
	finish(&e);
}

static void broken_rules_end_it(void **state)
{
	const size_t n = sizeof(struct ipc_hdr);

	(void)state;
	expect_end(&(struct ipc_hdr){ 99, IPC_VERSION, 0, 0 }, n, IPC_END_BROKEN);		/* no such type */
	expect_end(&(struct ipc_hdr){ T_NUMBER, 7, 0, 0 }, n, IPC_END_BROKEN);			/* version */
	expect_end(&(struct ipc_hdr){ T_NUMBER, IPC_VERSION, 65, 0 }, n + 65, IPC_END_BROKEN);	/* too long */
	expect_end(&(struct ipc_hdr){ T_REPLY, IPC_VERSION, 3, 0 }, n + 3, IPC_END_BROKEN);	/* too short */
	expect_end(&(struct ipc_hdr){ T_NUMBER, IPC_VERSION, 9, 0 }, n + 8, IPC_END_BROKEN);	/* len is a lie */
	expect_end(&(struct ipc_hdr){ T_NUMBER, IPC_VERSION, 0, 0 }, n - 1, IPC_END_BROKEN);	/* no whole header */
	expect_end(&(struct ipc_hdr){ T_FD, IPC_VERSION, 0, 0 }, n, IPC_END_BROKEN);		/* descriptor missing */
	expect_end(&(struct ipc_hdr){ T_BAD, IPC_VERSION, 0, 0 }, n, IPC_END_BROKEN);		/* handler refuses */
}

static void unasked_descriptor_ends_it(void **state)
{
	struct end e;
	struct ipc *out;
	int fd = start(&e);

	(void)state;
	out = ipc_open(e.loop, fd, &table, NULL, NULL);
	assert_int_equal(ipc_sendv(out, T_NUMBER, 0, NULL, 0, STDIN_FILENO), 0);
	run(&e);
	assert_true(e.ended && e.why == IPC_END_BROKEN && e.numbers == 0);
	ipc_close(out);
	finish(&e);
}

static void too_long_to_send(void **state)
{
	struct end e;
	int fd = start(&e);
	uint8_t *body = calloc(1, IPC_BODY_MAX + 1);

	(void)state;
	assert_int_equal(ipc_send(e.ch, T_BIG, 0, body, IPC_BODY_MAX + 1), -1);
	assert_false(ipc_is_dead(e.ch));
	assert_int_equal(ipc_send(e.ch, T_BIG, 0, body, IPC_BODY_MAX), 0);
	free(body);
	close(fd);
	finish(&e);
}

static void nobody_reads(void **state)
{
	struct end e;
	int fd = start(&e), r = 0;
	uint8_t *body = calloc(1, BIG);
	size_t sent = 0;

	(void)state;
	assert_int_equal(ipc_drain(e.ch, 0, 0), 0);
	for (; !r && sent < 2 * (size_t)IPC_QUEUE_MAX; sent += BIG)
		r = ipc_send(e.ch, T_BIG, 0, body, BIG);
	assert_int_equal(r, -1);
	assert_true(sent > IPC_QUEUE_MAX / 2);
	run(&e);
	assert_true(e.ended && e.why == IPC_END_FULL);
	free(body);
	close(fd);
	finish(&e);
}

static void drain_gives_up(void **state)
{
	struct end e;
	int fd = start(&e);
	uint8_t *body = calloc(1, BIG);

	(void)state;
	while (!ipc_queued(e.ch))
		assert_int_equal(ipc_send(e.ch, T_BIG, 0, body, BIG), 0);
	assert_int_equal(ipc_drain(e.ch, 0, 1), -1);
	assert_int_equal(ipc_drain(e.ch, IPC_QUEUE_MAX, 1), 0);
	free(body);
	close(fd);
	finish(&e);
}

static void last_words_are_heard(void **state)
{
	const struct ipc_hdr h = { T_NUMBER, IPC_VERSION, 0, 0 };
	struct end e;
	int fd = start(&e);

	(void)state;
	assert_int_equal(ipc_send(e.ch, T_NUMBER, 0, NULL, 0), 0);	/* never read: the close resets the channel */
	assert_int_equal(send(fd, &h, sizeof(h), 0), (ssize_t)sizeof(h));
	close(fd);
	assert_int_equal(ipc_send(e.ch, T_NUMBER, 0, NULL, 0), -1);
	run(&e);
	assert_true(e.ended && e.why == IPC_END_PEER);
	assert_int_equal(e.numbers, 1);
	finish(&e);
}

static void a_handler_may_close(void **state)
{
	const struct ipc_hdr h = { T_CLOSE, IPC_VERSION, 0, 0 };
	struct end e;
	int fd = start(&e);

	(void)state;
	assert_int_equal(send(fd, &h, sizeof(h), 0), (ssize_t)sizeof(h));
	assert_int_equal(send(fd, &h, sizeof(h), 0), (ssize_t)sizeof(h));
	run(&e);
	assert_false(e.ended);
	close(fd);
	finish(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_fire_in_order),
		cmocka_unit_test(messages_come_in_order),
		cmocka_unit_test(descriptors_travel),
		cmocka_unit_test(answers_come_back),
		cmocka_unit_test(broken_rules_end_it),
		cmocka_unit_test(unasked_descriptor_ends_it),
		cmocka_unit_test(too_long_to_send),
		cmocka_unit_test(nobody_reads),
		cmocka_unit_test(drain_gives_up),
		cmocka_unit_test(last_words_are_heard),
		cmocka_unit_test(a_handler_may_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
