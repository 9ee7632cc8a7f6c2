// SPDX-License-Identifier: MIT
// Memory that outlives its writers: whole after a kill at any moment, and never trusted.
#include "keyd/roles/state.h"
#include "tests/unit/with_crypto.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int fd = -1;

static int fresh(void **state)
{
	(void)state;
	fd = memfd_create("state", MFD_CLOEXEC);
	return fd < 0 || state_format(fd);
}

static int over(void **state)
{
	(void)state;
	return close(fd);
}

static struct state *opened(void)
{
	const char *why;
	struct state *s = state_open(fd, &why);

	if (!s)
		fail_msg("%s", why);
	return s;
}

static struct seen {
	unsigned n;
	uint64_t id[64];
	size_t size[64];
	uint8_t first[64], last[64];
} seen;

static void see(void *arg, uint64_t id, const void *record, size_t n)
{
	const uint8_t *p = record;

	(void)arg;
	assert_true(n);
	if (seen.n < 64) {
		seen.id[seen.n] = id;
		seen.size[seen.n] = n;
		seen.first[seen.n] = p[0];
		seen.last[seen.n] = p[n - 1];
	}
	seen.n++;
}

static void look(struct state *s)
{
	seen.n = 0;
	state_each(s, see, NULL);
	assert_int_equal(seen.n, state_records(s));
}

static void put(struct state *s, uint64_t id, size_t n, uint8_t with)
{
	uint8_t *p = malloc(n + 1);

	assert_non_null(p);
	memset(p, with, n + 1);
	assert_int_equal(state_keep(s, id, p, n), 0);
	free(p);
}

static void test_sizes(void **state)
{
	static const size_t sizes[] = { 1, 467, 468, 469, 936, 937, 5000, 500000 };
	struct state *s = opened();

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		put(s, i + 1, sizes[i], (uint8_t)(i + 1));
	state_commit(s);
	state_close(s);
	s = opened();
	look(s);
	assert_int_equal(seen.n, 8);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(seen.size[i], sizes[seen.id[i] - 1]);
		assert_int_equal(seen.first[i], seen.id[i]);
		assert_int_equal(seen.last[i], seen.id[i]);
	}
	state_close(s);
}

static void test_counts_from_commit(void **state)
{
	struct state *s = opened();

	(void)state;
	put(s, 1, 700, 1);
	state_commit(s);
	put(s, 1, 700, 2);
	put(s, 2, 700, 2);
	state_close(s);
	s = opened();
	look(s);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.first[0], 1);
	put(s, 1, 0, 0);
	put(s, 2, 10, 3);
	put(s, 2, 10, 4);
	state_commit(s);
	state_close(s);
	s = opened();
	look(s);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.id[0], 2);
	assert_int_equal(seen.first[0], 4);
	state_clear(s);
	state_close(s);
	s = opened();
	assert_int_equal(state_records(s), 0);
	state_close(s);
}

/* Records 1 to 4 always have the same byte and belong to one transaction; others come and go. */
static void write_for_ever(void)
{
	struct state *s = opened();

	for (unsigned k = 1;; k++) {
		uint8_t with = (uint8_t)(k % 251);

		for (uint64_t id = 1; id <= 4; id++)
			put(s, id, 100 * id * id, with);
		put(s, 10 + k % 7, k % 3 ? 900 : 0, with);
		state_commit(s);
	}
}

/* A process that writes is killed at any instruction: what is there is of one transaction, and whole. */
static void test_killed(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		uint8_t with = 0;
		struct state *s;
		pid_t pid = fork();

		if (!pid)
			write_for_ever();
		usleep(300 + i * 37 % 2000);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		s = opened();
		look(s);
		for (unsigned k = 0; k < seen.n && k < 64; k++) {
			assert_int_equal(seen.first[k], seen.last[k]);
			if (seen.id[k] > 4)
				continue;
			with = with ? with : seen.first[k];
			assert_int_equal(seen.size[k], 100 * seen.id[k] * seen.id[k]);
			assert_int_equal(seen.first[k], with);
		}
		assert_true(seen.n <= 4 + 7);
		state_close(s);
	}
}

/* Any byte of it may be another one: nothing is read that was not written, nothing crashes, and it goes on. */
static void test_damaged(void **state)
{
	struct state *s = opened();
	const size_t used = 4096 + 40 * 512;
	uint8_t *map;

	(void)state;
	for (uint64_t id = 1; id <= 8; id++)
		put(s, id, 300 * id, (uint8_t)id);
	state_commit(s);
	state_close(s);
	map = mmap(NULL, used, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(map != MAP_FAILED);
	srandom(7);
	for (unsigned i = 0; i < 3000; i++) {
		size_t at = (size_t)random() % used;
		const char *why;

		map[at] ^= (uint8_t)(1 + random() % 255);
		if (i % 3 == 0)
			memset(map + at / 512 * 512, (int)random(), 40);
		s = state_open(fd, &why);
		if (!s) {
			assert_non_null(why);
			assert_int_equal(state_format(fd), 0);
			continue;
		}
		look(s);
		for (unsigned k = 0; k < seen.n && k < 64; k++)
			assert_int_equal(seen.first[k], seen.id[k]);
		for (uint64_t id = 1; id <= 8; id++)
			put(s, id, 300 * id, (uint8_t)id);
		state_commit(s);
		state_close(s);
	}
	munmap(map, used);
}

static void test_other_files(void **state)
{
	const char *why;
	int other = memfd_create("other", MFD_CLOEXEC);

	(void)state;
	assert_null(state_open(other, &why));
	assert_string_equal(why, "it has not the size that it must have");
	assert_int_equal(ftruncate(other, STATE_SIZE), 0);
	assert_null(state_open(other, &why));
	assert_string_equal(why, "another version wrote it");
	close(other);
}

static void test_poison(void **state)
{
	const struct view bad = { (const uint8_t *)"ping of death", 13 }, good = { (const uint8_t *)"ping", 4 };
	struct state *s = opened();

	(void)state;
	assert_false(state_poisonous(s, bad));
	for (unsigned deaths = 1; deaths <= 2; deaths++) {
		state_work(s, good);
		state_worked(s);
		state_work(s, bad);
		state_close(s);
		s = opened();
		assert_true(state_died(s));
		assert_int_equal(state_poisonous(s, bad), deaths == 2);
		assert_false(state_poisonous(s, good));
	}
	state_close(s);
	s = opened();
	assert_false(state_died(s));
	assert_true(state_poisonous(s, bad));
	assert_int_equal(state_tries(s), 4);
	state_fine(s);
	assert_int_equal(state_tries(s), 0);
	state_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sizes, fresh, over),
		cmocka_unit_test_setup_teardown(test_counts_from_commit, fresh, over),
		cmocka_unit_test_setup_teardown(test_killed, fresh, over),
		cmocka_unit_test_setup_teardown(test_damaged, fresh, over),
		cmocka_unit_test_setup_teardown(test_other_files, fresh, over),
		cmocka_unit_test_setup_teardown(test_poison, fresh, over),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
