// SPDX-License-Identifier: MIT
/*
 * Feeds files to a fuzz target without libFuzzer: each argument is a file, or a directory whose files are taken in the
 * order of their names. One process and one TAP line for each, so a crash names its file and the others still run.
 * Built with GAPLESS_LIBFUZZER this file is empty: libFuzzer brings its own main.
 */
#ifndef GAPLESS_LIBFUZZER

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECONDS_PER_FILE 60
#define FILE_MAX (16u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned files, failed;

/* A buffer of exactly the file's size: the sanitizer then sees a read one byte too far. NULL and errno on failure. */
static uint8_t *load(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	uint8_t *data = NULL;

	if (!f)
		return NULL;
	if (fstat(fileno(f), &st))
		goto out;
	if (st.st_size > FILE_MAX) {
		errno = EFBIG;
		goto out;
	}
	*size = (size_t)st.st_size;
	data = malloc(*size ? *size : 1);
	if (data && fread(data, 1, *size, f) != *size) {
		free(data);
		data = NULL;
		errno = EIO;
	}
out:
	fclose(f);
	return data;
}

static void run(const char *path)
{
	size_t size;
	uint8_t *data = load(path, &size);

	if (!data) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
	alarm(SECONDS_PER_FILE);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	exit(0);
}

static void replay_file(const char *path)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		run(path);
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		perror("replay");
		exit(2);
	}
	files++;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		printf("ok %u %s\n", files, path);
		return;
	}
	failed++;
	printf("not ok %u %s # %s %d\n", files, path, WIFSIGNALED(status) ? "signal" : "exit code",
	       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static int is_visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static void replay_dir(const char *dir)
{
	struct dirent **entries;
	int n = scandir(dir, &entries, is_visible, alphasort);

	if (n < 0) {
		perror(dir);
		exit(2);
	}
	for (int i = 0; i < n; i++) {
		char *path;

		if (asprintf(&path, "%s/%s", dir, entries[i]->d_name) < 0)
			exit(2);
		replay_file(path);
		free(path);
		free(entries[i]);
	}
	free(entries);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct stat st;

		if (!stat(argv[i], &st) && S_ISDIR(st.st_mode))
			replay_dir(argv[i]);
		else
			replay_file(argv[i]);
	}
	printf("1..%u\n", files);
	if (!files) {
		fprintf(stderr, "%s: no files: %s FILE|DIRECTORY...\n", argv[0], argv[0]);
		return 2;
	}
	return failed ? 1 : 0;
}

#endif
