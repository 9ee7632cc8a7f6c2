// SPDX-License-Identifier: MIT
// The readers that pcscd knows, and waiting for what changes there.
#include "keyd/card/pcsc.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#define SOCKET_DEFAULT "/run/pcscd/pcscd.comm"	/* pcsc-lite's own; it has no function that tells it */
#define PLUG "\\\\?PnP?\\Notification"		/* the reader whose state changes when readers come and go */
/* What pcscd is told that we know; a change of the rest (who is connected, whether it has power) is none of our business. */
#define SEEN (SCARD_STATE_EMPTY | SCARD_STATE_PRESENT | SCARD_STATE_UNAVAILABLE | SCARD_STATE_MUTE | 0xffff0000)
#define SLOW_MS 60000		/* there are readers that lose events, and a moment between two calls in which one can be lost */
#define STARTING_MS 50		/* between tries to reach a pcscd that has just made its socket … */
#define STARTING_TRIES 40	/* … and how many */
#define PAUSE_MS 200		/* after an error, lest one that stays keeps a processor busy */
#define PATH_LEN 256

struct pcsc_watch {
	SCARDCONTEXT context;
	bool has_context;
	bool failed;			/* since we waited last */
	unsigned n;			/* readers */
	char names[PCSC_READERS_MAX][PCSC_NAME_MAX];
	SCARD_READERSTATE states[PCSC_READERS_MAX + 1];	/* the last is PLUG */
	char why[CARD_WHY_MAX];
};

int pcsc_watch_open(struct pcsc_watch **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : CARD_FAILED;
}

static void leave(struct pcsc_watch *w)
{
	if (w->has_context)
		SCardReleaseContext(w->context);
	w->has_context = false;
	w->n = 0;
}

void pcsc_watch_close(struct pcsc_watch *w)
{
	leave(w);
	free(w);
}

const char *pcsc_watch_error(const struct pcsc_watch *w)
{
	return w->why;
}

static int enter(struct pcsc_watch *w)
{
	LONG rv = w->has_context ? SCARD_S_SUCCESS : SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &w->context);

	w->has_context = rv == SCARD_S_SUCCESS;
	pcsc_error(w->why, "SCardEstablishContext", rv);
	return w->has_context ? 0 : CARD_GONE;
}

/* What a function said that failed. */
static int failed(struct pcsc_watch *w, const char *function, LONG rv)
{
	pcsc_error(w->why, function, rv);
	leave(w);
	w->failed = true;
	return rv == SCARD_E_NO_SERVICE || rv == SCARD_F_COMM_ERROR || rv == SCARD_E_SERVICE_STOPPED || rv == SCARD_E_INVALID_HANDLE ?
		       CARD_GONE : CARD_BROKEN;
}

/* Names one after the other, each with NUL, and one NUL more. *n is their number. */
static int list(struct pcsc_watch *w, char names[PCSC_READERS_MAX][PCSC_NAME_MAX], unsigned *n)
{
	char text[PCSC_READERS_MAX * PCSC_NAME_MAX + 1];
	DWORD len = sizeof(text) - 1;
	LONG rv = SCardListReaders(w->context, NULL, text, &len);

	*n = 0;
	if (rv == SCARD_E_NO_READERS_AVAILABLE)
		return 0;
	if (rv)
		return failed(w, "SCardListReaders", rv);
	text[len < sizeof(text) ? len : sizeof(text) - 1] = 0;
	for (const char *p = text; p < text + len && *p && *n < PCSC_READERS_MAX; p += strlen(p) + 1)
		if (strlen(p) < PCSC_NAME_MAX)
			strcpy(names[(*n)++], p);
	return 0;
}

static void tell(const struct pcsc_watch *w, struct pcsc_reader *out)
{
	for (unsigned i = 0; i < w->n; i++) {
		DWORD state = w->states[i].dwCurrentState;

		out[i] = (struct pcsc_reader){ .present = state & SCARD_STATE_PRESENT, .events = (uint16_t)(state >> 16) };
		strcpy(out[i].name, w->names[i]);
	}
}

int pcsc_watch_readers(struct pcsc_watch *w, struct pcsc_reader *out, unsigned *n)
{
	unsigned room = *n;
	LONG rv = SCARD_S_SUCCESS;
	int r = enter(w);

	*n = 0;
	if (!r)
		r = list(w, w->names, &w->n);
	if (r)
		return r;
	if (w->n > room)
		w->n = room;
	for (unsigned i = 0; i < w->n; i++)
		w->states[i] = (SCARD_READERSTATE){ .szReader = w->names[i], .dwCurrentState = SCARD_STATE_UNAWARE };
	if (w->n)
		rv = SCardGetStatusChange(w->context, 0, w->states, w->n);
	/* One has gone meanwhile: the rest is true, and waiting will tell. */
	if (rv && rv != SCARD_E_TIMEOUT && rv != SCARD_E_UNKNOWN_READER)
		return failed(w, "SCardGetStatusChange", rv);
	for (unsigned i = 0; i < w->n; i++)
		w->states[i].dwCurrentState = w->states[i].dwEventState & SEEN;
	tell(w, out);
	*n = w->n;
	return 0;
}

static bool same_readers(struct pcsc_watch *w)
{
	char names[PCSC_READERS_MAX][PCSC_NAME_MAX];
	unsigned n, same = 0;

	if (list(w, names, &n) || n != w->n)
		return false;
	for (unsigned i = 0; i < n; i++)
		same += !strcmp(names[i], w->names[i]);
	return same == n;
}

/* A card or a reader has changed. 1, 0 after ms, or, pcscd being gone, 1. */
static int wait_readers(struct pcsc_watch *w, DWORD ms)
{
	LONG rv;

	if (!same_readers(w))
		return 1;
	w->states[w->n] = (SCARD_READERSTATE){ .szReader = PLUG, .dwCurrentState = SCARD_STATE_UNAWARE };
	rv = SCardGetStatusChange(w->context, ms, w->states, w->n + 1);
	if (rv == SCARD_E_TIMEOUT)
		return 0;
	if (rv)
		failed(w, "SCardGetStatusChange", rv);
	return 1;
}

static const char *socket_path(void)
{
	const char *set = getenv("PCSCLITE_CSOCK_NAME");

	return set ? set : SOCKET_DEFAULT;
}

/* The folder of pcscd's socket, or the nearest above it that there is. */
static void folder_of_socket(char path[PATH_LEN])
{
	char *slash;

	snprintf(path, PATH_LEN, "%s", socket_path());
	do {
		slash = strrchr(path, '/');
		if (slash)
			*slash = 0;
	} while (slash && slash != path && access(path, F_OK));
	if (!path[0])
		strcpy(path, "/");
}

static int watch_folder(void)
{
	char path[PATH_LEN];
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	folder_of_socket(path);
	if (fd >= 0 && inotify_add_watch(fd, path, IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Between making its socket and listening there is a moment; nothing would tell when that is over. */
static bool has_started(struct pcsc_watch *w)
{
	for (unsigned i = 0; i < STARTING_TRIES; i++) {
		if (!enter(w))
			return true;
		poll(NULL, 0, STARTING_MS);
	}
	return false;
}

/* pcscd can be reached. 1, or 0 after ms. */
static int wait_service(struct pcsc_watch *w, int ms)
{
	/* It is watched from before we look, so nothing is missed; without inotify we look now and then. */
	int fd = watch_folder(), r;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (!enter(w)) {
		r = 1;
	} else {
		r = poll(&p, 1, ms) > 0 && !access(socket_path(), F_OK) ? has_started(w) : !enter(w);
	}
	if (fd >= 0)
		close(fd);
	return r;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int pcsc_watch_wait(struct pcsc_watch *w, int timeout)
{
	int64_t end = now_ms() + timeout, left = SLOW_MS;

	if (w->failed)
		poll(NULL, 0, timeout >= 0 && timeout < PAUSE_MS ? timeout : PAUSE_MS);
	w->failed = false;
	for (;;) {
		if (timeout >= 0) {
			left = end - now_ms();
			left = left < 0 ? 0 : left < SLOW_MS ? left : SLOW_MS;
		}
		if (w->has_context ? wait_readers(w, (DWORD)left) : wait_service(w, (int)left))
			return 1;
		if (timeout >= 0 && now_ms() >= end)
			return 0;
	}
}
