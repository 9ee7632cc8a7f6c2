// SPDX-License-Identifier: MIT
// Looks for secrets in the memory of a process: everything that it has mapped and that can be read.
/*
 * usage: memory-search PID <NEEDLES        a line "NAME HEX" for each piece of a secret, 16 bytes at least
 *
 * Prints each NAME of which a piece was found, once, and how many bytes were looked at as the last line. Exit code 1: it could not look.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NEEDLES_MAX 4096
#define PIECE_MIN 16
#define PIECE_MAX 256
#define CHUNK (1 << 20)		/* read at once */

static struct needle {
	char name[64];
	uint8_t piece[PIECE_MAX];
	size_t n;
	bool found;
} needles[NEEDLES_MAX];
static unsigned nneedles;

static void die(const char *why)
{
	fprintf(stderr, "memory-search: %s\n", why);
	exit(1);
}

static size_t from_hex(const char *hex, uint8_t *out)
{
	size_t n = strlen(hex) / 2;

	if (strlen(hex) % 2 || n < PIECE_MIN || n > PIECE_MAX)
		die("a piece is 16 to 256 bytes");
	for (size_t i = 0; i < n; i++)
		if (sscanf(hex + 2 * i, "%2hhx", &out[i]) != 1)
			die("a piece is no hex");
	return n;
}

static void read_needles(void)
{
	char name[64], hex[2 * PIECE_MAX + 1];

	while (scanf("%63s %512s", name, hex) == 2) {
		struct needle *nd = &needles[nneedles++];

		if (nneedles == NEEDLES_MAX)
			die("too many pieces");
		memcpy(nd->name, name, sizeof(name));
		nd->n = from_hex(hex, nd->piece);
	}
	if (!nneedles)
		die("nothing to look for");
}

static void look(const uint8_t *p, size_t n)
{
	for (unsigned i = 0; i < nneedles; i++)
		if (!needles[i].found && memmem(p, n, needles[i].piece, needles[i].n))
			needles[i].found = true;
}

/* From a place in a file to another. What cannot be read (device memory, the kernel's own page) is left out. */
static size_t look_at(int fd, uint64_t from, uint64_t to)
{
	static uint8_t chunk[CHUNK + PIECE_MAX];
	size_t looked = 0, kept = 0;

	while (from < to) {
		size_t want = to - from < CHUNK ? (size_t)(to - from) : CHUNK;
		ssize_t n = pread(fd, chunk + kept, want, (off_t)from);

		if (n <= 0)
			break;
		look(chunk, kept + (size_t)n);
		looked += (size_t)n;
		from += (uint64_t)n;
		/* What begins at the end of this chunk goes on in the next one. */
		n += (ssize_t)kept;
		kept = (size_t)n < PIECE_MAX ? (size_t)n : PIECE_MAX;
		memmove(chunk, chunk + n - kept, kept);
	}
	return looked;
}

/* What is shared may be a file of hundreds of megabytes with holes, which reading would fill: only what is there is looked at. */
static size_t look_at_shared(int fd, uint64_t at, uint64_t end)
{
	size_t looked = 0;
	off_t data, hole;

	while (at < end && (data = lseek(fd, (off_t)at, SEEK_DATA)) >= 0 && (uint64_t)data < end) {
		hole = lseek(fd, data, SEEK_HOLE);
		if (hole < 0)
			break;
		looked += look_at(fd, (uint64_t)data, (uint64_t)hole < end ? (uint64_t)hole : end);
		at = (uint64_t)hole;
	}
	return looked;
}

static size_t look_at_mapping(const char *pid, int mem, const char *line)
{
	unsigned long long from, to, offset;
	char right[5], path[128];
	size_t looked;
	int fd;

	if (sscanf(line, "%llx-%llx %4s %llx", &from, &to, right, &offset) != 4)
		return 0;
	snprintf(path, sizeof(path), "/proc/%s/map_files/%llx-%llx", pid, from, to);
	fd = right[3] == 's' ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return look_at(mem, from, to);
	looked = look_at_shared(fd, offset, offset + (to - from));
	close(fd);
	return looked;
}

int main(int argc, char **argv)
{
	char path[64], line[512];
	size_t looked = 0;
	FILE *maps;
	int mem;

	if (argc != 2)
		die("usage: memory-search PID <NEEDLES");
	read_needles();
	snprintf(path, sizeof(path), "/proc/%s/maps", argv[1]);
	maps = fopen(path, "re");
	snprintf(path, sizeof(path), "/proc/%s/mem", argv[1]);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	if (!maps || mem < 0)
		die("its memory cannot be opened");
	while (fgets(line, sizeof(line), maps))
		looked += look_at_mapping(argv[1], mem, line);
	for (unsigned i = 0; i < nneedles; i++) {
		bool said = !needles[i].found;

		for (unsigned j = 0; j < i; j++)
			said |= needles[j].found && !strcmp(needles[j].name, needles[i].name);
		if (!said)
			puts(needles[i].name);
	}
	printf("%zu\n", looked);
	return looked ? 0 : 1;
}
