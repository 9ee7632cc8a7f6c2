// SPDX-License-Identifier: MIT
// What was fetched, on disk and back: bounds, garbage, a folder that cannot be written to.
#include "keyd/roles/cache.h"
#include "keyd/util/log.h"
#include "tests/unit/with_crypto.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];
static struct cache cache;

static int setup(void **state)
{
	char command[100];

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/test-cache-%d", (int)getpid());
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	cache = (struct cache){ .dir = dir };
	return system(command) != 0;
}

static int teardown(void **state)
{
	return setup(state);
}

static struct view text(const char *s)
{
	return (struct view){ (const uint8_t *)s, strlen(s) };
}

static int memory(const void *bytes, size_t n, int seals)
{
	int fd = memfd_create("x", MFD_ALLOW_SEALING);

	assert_int_equal(write(fd, bytes, n), n);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static void store(const char *url, const char *bytes)
{
	int fd = memory(bytes, strlen(bytes), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);

	cache_store(&cache, text(url), fd);
	close(fd);
}

struct found {
	unsigned int n;
	uint64_t bytes;
	char all[512];
};

static void on_file(void *arg, struct view url, int fd)
{
	struct found *f = arg;
	char buf[64] = "", line[128];
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	assert_true(read(fd, buf, sizeof(buf) - 1) > 0);
	assert_int_equal(write(fd, "x", 1), -1);		/* it is sealed */
	f->n++;
	f->bytes += (uint64_t)st.st_size;
	snprintf(line, sizeof(line), "%.*s=%.20s ", (int)url.n, (const char *)url.p, buf);
	if (f->n < 5)
		strcat(f->all, line);
}

static struct found found(void)
{
	struct found f = { 0 };

	cache_each(&cache, on_file, &f);
	return f;
}

static void what_is_stored_comes_back(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(found().n, 0);
	assert_int_equal(access(dir, F_OK), -1);		/* no folder before there is need of one */
	store("http://a/1", "one");
	assert_string_equal(found().all, "http://a/1=one ");
	store("http://a/1", "another");
	assert_string_equal(found().all, "http://a/1=another ");
	store("http://b/2", "two");
	assert_int_equal(found().n, 2);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_false(cache.complained);
}

static void only_sealed_memory_is_taken(void **state)
{
	int fd = memory("x", 1, F_SEAL_SHRINK), pipes[2];

	(void)state;
	store("http://a/1", "one");
	cache_store(&cache, text("http://b/"), fd);
	close(fd);
	assert_int_equal(pipe(pipes), 0);
	cache_store(&cache, text("http://b/"), pipes[0]);
	cache_store(&cache, text("http://b/"), -1);
	store("http://b/", "");
	store("", "x");
	store("http://b/\nX", "x");
	store("http://b/ 1", "x");
	assert_string_equal(found().all, "http://a/1=one ");
	assert_false(cache.complained);
	close(pipes[0]);
	close(pipes[1]);
}

static char *only_file(void)
{
	static char path[200];
	char command[100];
	FILE *p;

	snprintf(command, sizeof(command), "ls %s/*", dir);
	p = popen(command, "r");
	assert_non_null(fgets(path, sizeof(path), p));
	pclose(p);
	path[strcspn(path, "\n")] = 0;
	return path;
}

static void damage(const char *how)
{
	char command[600];

	store("http://a/1", "some bytes");
	snprintf(command, sizeof(command), "f=%s; %s", only_file(), how);
	assert_int_equal(system(command), 0);
	assert_int_equal(found().n, 0);
	assert_int_equal(found().n, 0);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	assert_int_equal(system(command), 0);
}

static void garbage_does_no_harm(void **state)
{
	(void)state;
	damage("truncate -s -1 $f");
	damage("echo >>$f");
	damage(": >$f");
	damage("rm $f; ln -s /etc/passwd $f");
	damage("rm $f; mkfifo $f");
	damage("rm $f; mkdir $f");
	damage("head -c 100000 /dev/urandom >$f");
	damage("sed -i s/a.1/a.2/ $f");			/* it is not the file of that URL */
	damage("sed -i 's/ 10 / 99999999999999999999 /' $f");
	damage("sed -i 's/ 10 / -10 /' $f");
	damage("sed -i 1s/cache/cachf/ $f");
	damage("mv $f $(dirname $f)/README");
}

static void a_folder_that_others_write_to_is_not_used(void **state)
{
	(void)state;
	store("http://a/1", "one");
	chmod(dir, 0777);
	assert_int_equal(found().n, 0);
	assert_true(cache.complained);
	store("http://a/2", "two");
	chmod(dir, 0700);
	assert_int_equal(found().n, 1);
	store("http://a/2", "two");
	assert_false(cache.complained);
	assert_int_equal(found().n, 2);
}

static void no_folder_is_no_harm(void **state)
{
	struct cache c = { .dir = "/proc/no/such/folder" };
	int fd = memory("x", 1, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	struct found f = { 0 };

	(void)state;
	cache_store(&c, text("http://a/"), fd);
	cache_store(&c, text("http://a/"), fd);
	assert_true(c.complained);
	cache_each(&c, on_file, &f);
	assert_int_equal(f.n, 0);
	close(fd);
}

static void numbers_and_sizes_are_bounded(void **state)
{
	static char big[20 << 20];
	struct found f;
	char url[64];
	int fd;

	(void)state;
	for (unsigned int i = 0; i < CACHE_FILES_MAX + 20; i++) {
		snprintf(url, sizeof(url), "http://a/%u", i);
		store(url, url);
	}
	f = found();
	assert_int_equal(f.n, CACHE_FILES_MAX);
	assert_string_not_equal(f.all, "");
	memset(big, 'b', sizeof(big));
	for (unsigned int i = 0; i < 5; i++) {
		fd = memory(big, sizeof(big), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
		snprintf(url, sizeof(url), "http://big/%u", i);
		cache_store(&cache, text(url), fd);
		close(fd);
	}
	f = found();
	assert_int_equal(f.n, 3);				/* the newest three: older ones, small ones too, had to go */
	assert_non_null(strstr(f.all, "http://big/4"));
	assert_null(strstr(f.all, "http://big/0"));
	assert_true(f.bytes <= CACHE_BYTES_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_stored_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(only_sealed_memory_is_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(garbage_does_no_harm, setup, teardown),
		cmocka_unit_test_setup_teardown(a_folder_that_others_write_to_is_not_used, setup, teardown),
		cmocka_unit_test_setup_teardown(no_folder_is_no_harm, setup, teardown),
		cmocka_unit_test_setup_teardown(numbers_and_sizes_are_bounded, setup, teardown),
	};

	log_open("test", LOG_TARGET_STDERR, LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
