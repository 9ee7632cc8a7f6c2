// SPDX-License-Identifier: MIT
// Follows files through the folders that they are in, where links and successors of them appear: inotify needs no path afterwards.
#include "keyd/fetch/follow.h"

#include "keyd/util/log.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define EVENTS (IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE)
#define READS_MAX 16			/* at once */

static const char *const files[] = { "/etc/resolv.conf", "/etc/hosts" };
#define FILES (sizeof(files) / sizeof(*files))

struct follow {
	int fd;
	struct loop_fd *watch;
	loop_fn *changed;
	void *arg;
	unsigned n;
	struct {
		int folder;		/* inotify's number of it */
		char name[NAME_MAX + 1];
	} names[2 * FILES];		/* each by its own name, and by that of what it is a link to */
};

static void add(struct follow *f, const char *path)
{
	char folder[PATH_MAX];
	const char *name = strrchr(path, '/') + 1;

	snprintf(folder, sizeof(folder), "%.*s", (int)(name - path), path);
	f->names[f->n].folder = inotify_add_watch(f->fd, folder, EVENTS | IN_ONLYDIR);
	if (f->names[f->n].folder < 0)
		return;
	snprintf(f->names[f->n].name, sizeof(f->names[f->n].name), "%s", name);
	f->n++;
}

static bool is_ours(const struct follow *f, const struct inotify_event *e)
{
	if (e->mask & IN_Q_OVERFLOW)
		return true;
	for (unsigned i = 0; i < f->n; i++)
		if (e->len && e->wd == f->names[i].folder && !strcmp(e->name, f->names[i].name))
			return true;
	return false;
}

static void on_event(void *arg, unsigned int ready)
{
	struct follow *f = arg;
	_Alignas(struct inotify_event) char buf[4096];
	bool ours = false;
	ssize_t n = 1;

	(void)ready;
	for (unsigned i = 0; i < READS_MAX && n > 0; i++) {
		n = read(f->fd, buf, sizeof(buf));
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *e = (const struct inotify_event *)(const void *)(buf + at);

			ours = ours || is_ours(f, e);
			at += (ssize_t)(sizeof(*e) + e->len);
		}
	}
	if (ours)
		f->changed(f->arg);
}

struct follow *follow_new(struct loop *l, loop_fn *changed, void *arg)
{
	struct follow *f = calloc(1, sizeof(*f));
	char target[PATH_MAX];

	if (!f)
		return NULL;
	f->changed = changed;
	f->arg = arg;
	f->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	f->watch = f->fd >= 0 ? loop_fd_new(l, f->fd, LOOP_READ, on_event, f) : NULL;
	for (size_t i = 0; f->watch && i < FILES; i++) {
		add(f, files[i]);
		if (realpath(files[i], target) && strcmp(target, files[i]) != 0)
			add(f, target);
	}
	if (f->n)
		return f;
	log_info("changes of name servers are not noticed: error=\"%s\"", strerror(errno));
	follow_free(f);
	return NULL;
}

void follow_free(struct follow *f)
{
	if (!f)
		return;
	loop_fd_free(f->watch);
	if (f->fd >= 0)
		close(f->fd);
	free(f);
}
