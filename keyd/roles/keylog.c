// SPDX-License-Identifier: MIT
// The key log: files for Wireshark, opened by the parent, written by the ike role; off unless it is switched on.
#include "keyd/ctl/request.h"
#include "keyd/roles/parent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const names[ENGINE_KEY_TABLES] = {
	[ENGINE_KEYS_IKE] = "ikev2_decryption_table",
	[ENGINE_KEYS_ESP] = "esp_sa",
	[ENGINE_KEYS_IKEV1] = "ikev1_decryption_table",
};

/* Nobody but root may have a hand in it. Made if it is not there; its parent must be. A descriptor or -errno. */
static int open_dir(const char *path, char *why, size_t n)
{
	int fd, error = 0;
	struct stat st;

	if (mkdir(path, 0700) && errno != EEXIST)
		error = errno;
	fd = error ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st)) {
		error = error ? error : errno;
		snprintf(why, n, "the key log's directory %s cannot be opened: %s", path, strerror(error));
	} else if (st.st_uid != 0 || st.st_mode & 022) {
		error = EPERM;
		snprintf(why, n, "the key log's directory is not root's alone to write (chown root, chmod 700): "
				"%s", path);
	}
	if (!error)
		return fd;
	if (fd >= 0)
		close(fd);
	return -error;
}

/* One table, to append to. A descriptor or -errno. */
static int open_table(int dir, const char *path, const char *name, char *why, size_t n)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
	int error = fd < 0 ? errno : 0;
	struct stat st;

	if (!error && fstat(fd, &st))
		error = errno;
	if (error) {
		snprintf(why, n, "the key log %s/%s cannot be opened: %s", path, name, strerror(error));
	} else if (!S_ISREG(st.st_mode) || st.st_uid != 0 || st.st_nlink != 1 || st.st_mode & 077) {
		error = EPERM;
		snprintf(why, n, "the key log %s/%s is there already and others than root can get at it: remove "
				"it", path, name);
	}
	if (!error)
		return fd;
	if (fd >= 0)
		close(fd);
	return -error;
}

/* Opens all of them. 0 or -errno; then none is open. */
static int open_all(const char *path, int fds[ENGINE_KEY_TABLES], char *why, size_t n)
{
	int dir = open_dir(path, why, n), r = dir < 0 ? dir : 0;

	for (unsigned int i = 0; i < ENGINE_KEY_TABLES; i++) {
		fds[i] = r ? -1 : open_table(dir, path, names[i], why, n);
		r = fds[i] < 0 && !r ? fds[i] : r;
	}
	if (dir >= 0)
		close(dir);
	for (unsigned int i = 0; r && i < ENGINE_KEY_TABLES; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return r;
}

static int give(struct parent *p, char *why, size_t n)
{
	struct ipc *ike = p->children[ROLE_IKE].ch;
	int fds[ENGINE_KEY_TABLES];
	int r = *p->keylog ? open_all(p->keylog, fds, why, n) : 0;

	if (r || !*p->keylog) {
		ipc_send(ike, M_KEYLOG_OFF, 0, NULL, 0);
		return r;
	}
	for (unsigned int i = 0; i < ENGINE_KEY_TABLES; i++) {
		ipc_sendv(ike, M_KEYLOG, i, NULL, 0, fds[i]);
		close(fds[i]);
	}
	log_warning("KEYS ARE WRITTEN to %s/%s, %s and %s: whoever reads these files can read all traffic; \"keydctl keylog off\" "
		    "ends it", p->keylog, names[ENGINE_KEYS_IKE], names[ENGINE_KEYS_IKEV1], names[ENGINE_KEYS_ESP]);
	return 0;
}

void handover_keylog(struct parent *p)
{
	char why[512];

	if (give(p, why, sizeof(why)))
		log_error("%s", why);
}

/* Changes the directory, if it can be used. 0 or -errno. */
static int change(struct parent *p, const char *path, struct message_result *r)
{
	char before[CONF_PATH_MAX];

	memcpy(before, p->keylog, sizeof(before));
	snprintf(p->keylog, sizeof(p->keylog), "%s", path);
	r->error = give(p, r->text, sizeof(r->text));
	if (r->error) {
		memcpy(p->keylog, before, sizeof(before));
		log_error("%s", r->text);
	} else if (*before && !*p->keylog) {
		log_notice("keys are not written any more; those in %s stay until you remove them", before);
	}
	return r->error;
}

int keylog_configure(struct parent *p, const char *before, struct message_result *r)
{
	/* What keydctl switched stays as it is, until the file says something else. */
	if (!strcmp(before, p->conf.keylog))
		return 0;
	return change(p, p->conf.keylog, r);
}

void keylog_switch(struct parent *p, bool on, struct message_result *r)
{
	char path[CONF_PATH_MAX] = "";

	if (on && *p->conf.keylog)
		memcpy(path, p->conf.keylog, sizeof(path));
	else if (on)
		snprintf(path, sizeof(path), "%.*s/keylog", (int)sizeof(path) - 16, p->options->run_dir);
	if (change(p, path, r))
		return;
	if (on)
		snprintf(r->text, sizeof(r->text), "keys are written to %s from now on: whoever reads it can read all "
				"traffic", path);
	else
		snprintf(r->text, sizeof(r->text), "off; the files that were written stay until you remove them");
}
